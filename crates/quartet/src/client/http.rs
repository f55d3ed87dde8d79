//! One request over HTTP/1.1, without TLS: the faces listen on loopback, and a proxy in front of others can be asked with curl.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::ClientError;

/// How long one request may take. Longer than the servers' own deadline, so that theirs is seen.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Largest answer that is read.
const BODY_BYTES_MAX: usize = 256 << 20;

/// Status, headers and body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What is asked besides the URL.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// Names and values.
    pub(crate) headers: Vec<(&'a str, String)>,
    /// Sent as JSON when not empty.
    pub(crate) body: Bytes,
    /// How long the whole exchange may take.
    pub(crate) timeout: Duration,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self { method: Method::GET, headers: Vec::new(), body: Bytes::new(), timeout: TIMEOUT }
    }
}

impl Answer {
    /// The body as JSON of a 200; anything else is a failure with the server's own words.
    pub(crate) fn json(&self, url: &str) -> Result<serde_json::Value, ClientError> {
        if self.status != StatusCode::OK {
            let text = String::from_utf8_lossy(&self.body);
            let words = serde_json::from_slice::<serde_json::Value>(&self.body).ok();
            let words = words.and_then(|body| body["error"].as_str().map(str::to_owned));
            let words = words.unwrap_or_else(|| super::printable(text.trim()));
            return Err(ClientError::failed(format!("{url} answered {}: {words}", self.status)));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| ClientError::failed(format!("{url} answered what is no JSON: {error}")))
    }
}

/// GET `base` + `path_and_query`.
pub(super) async fn get(base: &str, path_and_query: &str, tenant: Option<&str>) -> Result<Answer, ClientError> {
    let headers = tenant.map(|tenant| ("X-Scope-OrgID", tenant.to_owned())).into_iter().collect();
    send(base, path_and_query, &Ask { headers, ..Ask::default() }).await
}

/// Sends `ask` to `base` + `path_and_query`.
pub(crate) async fn send(base: &str, path_and_query: &str, ask: &Ask<'_>) -> Result<Answer, ClientError> {
    let target = Target::parse(base, path_and_query)?;
    tokio::time::timeout(ask.timeout, exchange(&target, ask)).await.map_err(|_| {
        ClientError::failed(format!("{} did not answer within {} s", target.authority, ask.timeout.as_secs_f64()))
    })?
}

async fn exchange(target: &Target, ask: &Ask<'_>) -> Result<Answer, ClientError> {
    let failed = |what: &str, error: &dyn std::error::Error| {
        ClientError::failed(format!("{what} {} failed: {error}", target.authority))
    };
    let stream = TcpStream::connect(&target.address).await.map_err(|error| failed("connecting to", &error))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| failed("speaking HTTP with", &error))?;
    let driver = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(&ask.method)
        .uri(&target.path_and_query)
        .header(header::HOST, &target.authority)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, concat!("quartet/", env!("CARGO_PKG_VERSION")));
    if !ask.body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in &ask.headers {
        request = request.header(*name, value);
    }
    let request = request
        .body(Full::new(ask.body.clone()))
        .map_err(|error| ClientError::usage(format!("not a valid request: {error}")))?;
    let response = sender.send_request(request).await.map_err(|error| failed("asking", &error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|error| failed("reading from", error.as_ref()))?.to_bytes();
    // The connection served its one request; a closing error of the peer's would change nothing.
    driver.abort();
    Ok(Answer { status, headers, body })
}

/// Where to connect and what to ask.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    /// `host:port`
    address: String,
    /// As in the Host header.
    authority: String,
    path_and_query: String,
}

impl Target {
    fn parse(base: &str, path_and_query: &str) -> Result<Self, ClientError> {
        let bad = |reason: &str| ClientError::usage(format!("not a URL to ask: {base:?}: {reason}"));
        let uri: Uri = base.trim_end_matches('/').parse().map_err(|_| bad("it does not parse"))?;
        if uri.scheme_str() != Some("http") {
            return Err(bad("it must begin with http://"));
        }
        let authority = uri.authority().ok_or_else(|| bad("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("passwords in URLs are not supported"));
        }
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        let prefix = uri.path().trim_end_matches('/');
        Ok(Self { address, authority: authority.to_string(), path_and_query: format!("{prefix}{path_and_query}") })
    }
}

/// Builds `?a=b&c=d`; pairs without a value are left out.
pub(crate) fn query_string(pairs: &[(&str, Option<&str>)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if let Some(value) = value {
            out.push(if out.is_empty() { '?' } else { '&' });
            out.push_str(name);
            out.push('=');
            encode_into(&mut out, value);
        }
    }
    out
}

fn encode_into(out: &mut String, text: &str) {
    use std::fmt::Write;
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            other => write!(out, "%{other:02X}").expect("writing to a String cannot fail"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let target = Target::parse("http://localhost:9009/prometheus/", "/api/v1/query?query=up").expect("valid");
        assert_eq!((target.address.as_str(), target.authority.as_str()), ("localhost:9009", "localhost:9009"));
        assert_eq!(target.path_and_query, "/prometheus/api/v1/query?query=up");
        assert_eq!(Target::parse("http://[::1]", "/x").expect("valid").address, "[::1]:80");
        for bad in ["https://localhost", "localhost:3200", "http://", "http://u:p@host", "ftp://x", ""] {
            assert!(matches!(Target::parse(bad, "/"), Err(ClientError::Usage(_))), "{bad}");
        }
    }

    #[test]
    fn queries_are_escaped() {
        let query = query_string(&[("query", Some("{a=\"é b\"}")), ("start", None), ("limit", Some("5"))]);
        assert_eq!(query, "?query=%7Ba%3D%22%C3%A9%20b%22%7D&limit=5");
    }
}
