//! The health page (port 13133), shaped like the collector's `health_check` extension: any method, `/` and `/health`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{StatusCode, header};
use model::UnixNanos;

/// Whether we serve, and since when.
#[derive(Debug)]
pub struct Health {
    available: AtomicBool,
    up_since: UnixNanos,
    started: Instant,
}

impl Default for Health {
    /// Not available yet.
    fn default() -> Self {
        Self { available: AtomicBool::new(false), up_since: UnixNanos::now(), started: Instant::now() }
    }
}

impl Health {
    /// Says from now on whether we serve.
    pub fn set_available(&self, available: bool) {
        self.available.store(available, Ordering::Release);
    }

    /// True while we serve.
    pub fn available(&self) -> bool {
        self.available.load(Ordering::Acquire)
    }

    fn answer(&self) -> Response {
        let (status, body) = if self.available() {
            let since = self.up_since.rfc3339();
            let uptime = go_duration(self.started.elapsed());
            let body = format!(r#"{{"status":"Server available","upSince":"{since}","uptime":"{uptime}"}}"#);
            (StatusCode::OK, body)
        } else {
            let body = r#"{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}"#;
            (StatusCode::SERVICE_UNAVAILABLE, body.to_owned())
        };
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// Serves `/` and `/health`.
pub fn router(health: Arc<Health>) -> Router {
    let answer = move || {
        let answer = health.answer();
        async move { answer }
    };
    Router::new().route("/", any(answer.clone())).route("/health", any(answer))
}

/// `1h2m3.4s` as Go writes a duration; below a second in full seconds with a fraction.
fn go_duration(duration: Duration) -> String {
    let secs = duration.as_secs();
    let (hours, minutes) = (secs / 3600, secs / 60 % 60);
    let seconds = (secs % 60) as f64 + f64::from(duration.subsec_millis()) / 1000.0;
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_gos() {
        assert_eq!(go_duration(Duration::from_millis(3_723_400)), "1h2m3.4s");
        assert_eq!(go_duration(Duration::from_millis(62_000)), "1m2s");
        assert_eq!(go_duration(Duration::from_millis(250)), "0.25s");
    }

    #[test]
    fn availability_decides_the_status() {
        let health = Health::default();
        assert_eq!(health.answer().status(), 503);
        health.set_available(true);
        assert_eq!(health.answer().status(), 200);
    }
}
