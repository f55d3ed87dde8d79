//! Where a signal goes and how: endpoint, protocol, headers, TLS.
//!
//! Precedence is OpenTelemetry's: the signal's variable, then the generic one, then the default. Three habits of real deployments are
//! met: a signal endpoint on port 4318 is HTTP even beside a generic `grpc`, an HTTP endpoint without a path gets the signal's path,
//! and a loopback host without a scheme is not asked for TLS.

use std::time::Duration;

use super::read::{Variables, invalid, masked_url, pairs};
use crate::Error;

/// The default of OpenTelemetry's exporter specification.
const TIMEOUT: Duration = Duration::from_secs(10);
const ENDPOINT: &str = "http://localhost:4317";
const HTTP_PORT: u16 = 4318;
const HOUR_MS: u64 = 3_600_000;

/// One of the three signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metric points.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// `traces`, `metrics` or `logs`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }
}

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// HTTP with protobuf bodies.
    HttpProtobuf,
    /// HTTP with JSON bodies.
    HttpJson,
}

const PROTOCOLS: &[(&str, Protocol)] =
    &[("grpc", Protocol::Grpc), ("http/protobuf", Protocol::HttpProtobuf), ("http/json", Protocol::HttpJson)];

/// PEM files, read at start so that a missing one is a start-up error.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Certificates to trust instead of the system's.
    pub authority: Option<Vec<u8>>,
    /// This client's certificate and private key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for TlsConfig {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (authority, identity) = (self.authority.is_some(), self.identity.is_some());
        out.debug_struct("TlsConfig").field("authority", &authority).field("identity", &identity).finish()
    }
}

/// The exporter of one signal.
#[derive(Clone, PartialEq, Eq)]
pub struct ExporterConfig {
    /// The full address: for HTTP with its path, for gRPC scheme, host and port.
    pub endpoint: String,
    /// How OTLP is spoken there.
    pub protocol: Protocol,
    /// Headers (gRPC: metadata) of each request, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Whether bodies are compressed by gzip.
    pub gzip: bool,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Certificates.
    pub tls: TlsConfig,
}

impl std::fmt::Debug for ExporterConfig {
    /// Without the headers' values: they are credentials.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        out.debug_struct("ExporterConfig")
            .field("endpoint", &masked_url(&self.endpoint))
            .field("protocol", &self.protocol)
            .field("headers", &headers)
            .field("gzip", &self.gzip)
            .field("timeout", &self.timeout)
            .field("tls", &self.tls)
            .finish()
    }
}

/// Reads the exporter of `signal`; `None` when `OTEL_*_EXPORTER=none`.
pub(super) fn read(variables: &Variables<'_>, signal: Signal) -> Result<Option<ExporterConfig>, Error> {
    let upper = signal.name().to_ascii_uppercase();
    let switch = format!("OTEL_{upper}_EXPORTER");
    if variables.word(&switch, &[("otlp", false), ("none", true)])? == Some(true) {
        return Ok(None);
    }
    let names = |what: &str| [format!("OTEL_EXPORTER_OTLP_{upper}_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
    let either = |what: &str| {
        let [own, generic] = names(what);
        variables.first(&[&own, &generic]).map(|(name, value)| (name.to_owned(), value))
    };
    let protocols = [own_protocol(variables, &names("PROTOCOL")[0])?, own_protocol(variables, &names("PROTOCOL")[1])?];
    let insecure = match variables.flag(&names("INSECURE")[0])? {
        Some(own) => Some(own),
        None => variables.flag(&names("INSECURE")[1])?,
    };
    let (endpoint, protocol) = endpoint(variables, &names("ENDPOINT"), protocols, insecure, signal)?;
    let headers = either("HEADERS").map(|(name, value)| headers(&name, &value)).transpose()?.unwrap_or_default();
    let gzip = match either("COMPRESSION") {
        Some((name, _)) => {
            variables.word(&name, &[("gzip", true), ("none", false)])?.expect("the variable has just been read")
        }
        None => false,
    };
    let timeout = match either("TIMEOUT") {
        Some((name, _)) => variables.millis(&name, 1..=HOUR_MS)?.expect("the variable has just been read"),
        None => TIMEOUT,
    };
    let file = |what: &str| either(what).map(|(name, path)| Ok((name.clone(), file(&name, &path)?))).transpose();
    let tls = tls(file("CERTIFICATE")?, file("CLIENT_CERTIFICATE")?, file("CLIENT_KEY")?)?;
    Ok(Some(ExporterConfig { endpoint, protocol, headers, gzip, timeout, tls }))
}

fn own_protocol(variables: &Variables<'_>, name: &str) -> Result<Option<Protocol>, Error> {
    variables.word(name, PROTOCOLS)
}

fn endpoint(
    variables: &Variables<'_>,
    names: &[String; 2],
    [own_protocol, generic_protocol]: [Option<Protocol>; 2],
    insecure: Option<bool>,
    signal: Signal,
) -> Result<(String, Protocol), Error> {
    let own = variables.text(&names[0]);
    let is_own = own.is_some();
    let (name, value) = match own {
        Some(value) => (&names[0], value),
        None => (&names[1], variables.text(&names[1]).unwrap_or_else(|| ENDPOINT.to_owned())),
    };
    let mut url = parse(name, &value, insecure)?;
    let path = url.path().trim_end_matches('/').to_owned();
    let looks_http = url.port() == Some(HTTP_PORT) || path.ends_with(signal.path());
    let protocol = match (own_protocol, generic_protocol) {
        (Some(own), _) => own,
        (None, Some(Protocol::Grpc)) if is_own && looks_http => Protocol::HttpProtobuf,
        (None, Some(generic)) => generic,
        (None, None) if looks_http => Protocol::HttpProtobuf,
        (None, None) => Protocol::Grpc,
    };
    if protocol == Protocol::Grpc {
        url.set_path("");
    } else if !is_own || path.is_empty() {
        url.set_path(&format!("{path}{}", signal.path()));
    }
    Ok((url.to_string().trim_end_matches('/').to_owned(), protocol))
}

/// An address with a scheme; `host:port` gets one by the INSECURE variable, and on loopback http.
fn parse(name: &str, value: &str, insecure: Option<bool>) -> Result<url::Url, Error> {
    let bad = || invalid(name, &masked_url(value), "an address such as http://localhost:4317");
    if value.contains("://") {
        let url = url::Url::parse(value).map_err(|_| bad())?;
        return (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url).ok_or_else(bad);
    }
    let url = url::Url::parse(&format!("https://{value}")).map_err(|_| bad())?;
    let loopback = match url.host() {
        Some(url::Host::Domain(host)) => host == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(bad()),
    };
    if insecure.unwrap_or(loopback) { url::Url::parse(&format!("http://{value}")).map_err(|_| bad()) } else { Ok(url) }
}

fn headers(name: &str, text: &str) -> Result<Vec<(String, String)>, Error> {
    let mut headers = pairs(name, text, true)?;
    for (key, value) in &mut headers {
        key.make_ascii_lowercase();
        let good =
            http::HeaderName::try_from(key.as_str()).is_ok() && http::HeaderValue::try_from(value.as_str()).is_ok();
        if !good {
            return Err(invalid(name, &format!("{key}=…"), "names and values of HTTP headers"));
        }
    }
    Ok(headers)
}

fn file(name: &str, path: &str) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File { name: name.to_owned(), path: path.to_owned(), source })
}

type NamedFile = Option<(String, Vec<u8>)>;

fn tls(authority: NamedFile, certificate: NamedFile, key: NamedFile) -> Result<TlsConfig, Error> {
    let identity = match (certificate, key) {
        (Some((_, certificate)), Some((_, key))) => Some((certificate, key)),
        (None, None) => None,
        (Some((name, _)), None) => return Err(invalid(&name, "a certificate", "a client key beside it")),
        (None, Some((name, _))) => return Err(invalid(&name, "a key", "a client certificate beside it")),
    };
    Ok(TlsConfig { authority: authority.map(|(_, pem)| pem), identity })
}
