//! Variables of the server itself.

use std::time::Duration;

use crate::config::{Environment, Error, Secret};
use crate::service::Service;

/// A request that takes longer is answered 504.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// For each step of the shutdown; Kubernetes kills after 30 s by default, and there are two steps and a flush of 5 s.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// For each check behind `/ready`; load balancers ask every 5 to 10 s.
const READY_TIMEOUT: Duration = Duration::from_secs(2);
/// Batches of records and long chats stay far below.
const REQUEST_BYTES_MAX: usize = 8 << 20;
/// Requests at a time; more are answered 503. What a request holds is bounded by the body limit.
const REQUESTS_MAX: usize = 1024;

/// What HOST, PORT and their siblings say.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// HOST, 127.0.0.1: nothing is open to the network unless asked for.
    pub(super) host: String,
    /// PORT; 0 lets the system choose.
    pub(super) port: u16,
    /// SERVICE_TOKEN: without it every caller is welcome.
    pub(super) token: Option<Secret>,
    /// REQUEST_TIMEOUT, seconds.
    pub(super) request_timeout: Duration,
    /// SHUTDOWN_TIMEOUT, seconds.
    pub(super) shutdown_timeout: Duration,
    /// READY_TIMEOUT, seconds.
    pub(super) ready_timeout: Duration,
    /// MAX_REQUEST_BYTES.
    pub(super) request_bytes_max: usize,
    /// MAX_REQUESTS.
    pub(super) requests_max: usize,
}

impl Settings {
    pub(super) fn read(environment: &Environment, service: &Service) -> Result<Self, Error> {
        let host = environment.text("HOST")?.unwrap_or_else(|| "127.0.0.1".to_owned());
        // IPv6 addresses stand in brackets before a port.
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        Ok(Self {
            host,
            port: environment.get("PORT", service.port)?,
            token: environment.secret("SERVICE_TOKEN")?,
            request_timeout: environment.seconds("REQUEST_TIMEOUT", REQUEST_TIMEOUT)?,
            shutdown_timeout: environment.seconds("SHUTDOWN_TIMEOUT", SHUTDOWN_TIMEOUT)?,
            ready_timeout: environment.seconds("READY_TIMEOUT", READY_TIMEOUT)?,
            request_bytes_max: environment.within("MAX_REQUEST_BYTES", REQUEST_BYTES_MAX, 1..=1 << 32)?,
            requests_max: environment.within("MAX_REQUESTS", REQUESTS_MAX, 1..=1 << 20)?,
        })
    }
}
