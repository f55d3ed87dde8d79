//! OTLP/HTTP with protobuf or JSON bodies.

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Identity, Response};

use super::{Encoded, Outcome, USER_AGENT, build_error, partial_success, with_causes};
use crate::Error;
use crate::config::{ExporterConfig, Protocol, Signal};

/// As in gRPC's transport: a collector that is not there must not hold an attempt for the whole time-out.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(crate) struct HttpTransport {
    client: Client,
    url: String,
    headers: HeaderMap,
    is_json: bool,
}

impl HttpTransport {
    pub(super) fn new(signal: Signal, config: &ExporterConfig) -> Result<Self, Error> {
        let fail = |error: &dyn std::error::Error| build_error(signal, with_causes(error));
        let is_json = config.protocol == Protocol::HttpJson;
        let mut headers = HeaderMap::new();
        let kind = if is_json { "application/json" } else { "application/x-protobuf" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if config.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, value) in &config.headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|error| fail(&error))?;
            let mut value = HeaderValue::try_from(value.as_str()).map_err(|error| fail(&error))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        // Proxies of the environment are not for telemetry of the machine, and redirects would leak the headers.
        let mut client = Client::builder()
            .user_agent(USER_AGENT)
            .timeout(config.timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(pem) = &config.tls.authority {
            client = client.tls_certs_only(Certificate::from_pem_bundle(pem).map_err(|error| fail(&error))?);
        }
        if let Some((certificate, key)) = &config.tls.identity {
            let pem = [key.as_slice(), b"\n", certificate].concat();
            client = client.identity(Identity::from_pem(&pem).map_err(|error| fail(&error))?);
        }
        let client = client.build().map_err(|error| fail(&error))?;
        Ok(Self { client, url: config.endpoint.clone(), headers, is_json })
    }

    pub(super) async fn send(&mut self, message: &Encoded) -> Outcome {
        let request = self.client.post(&self.url).headers(self.headers.clone()).body(message.body.clone());
        match request.send().await {
            Ok(response) => self.outcome(response).await,
            // The address may hold credentials.
            Err(error) => Outcome::retry(with_causes(&error.without_url())),
        }
    }

    /// The table of the OTLP specification (section "OTLP/HTTP Response").
    async fn outcome(&self, response: Response) -> Outcome {
        let status = response.status();
        if status.is_success() {
            let body = response.bytes().await.unwrap_or_default();
            return if self.is_json { partial_success_json(&body) } else { partial_success(&body) };
        }
        let reason = format!("HTTP {status}");
        match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Outcome::Retry { after: after.map(Duration::from_secs), reason }
            }
            _ => Outcome::Refused { reason },
        }
    }
}

/// `rejectedSpans`, `rejectedDataPoints` or `rejectedLogRecords`, as a number or, by protobuf's JSON rule, a string.
fn partial_success_json(body: &[u8]) -> Outcome {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let partial = &body["partialSuccess"];
    let rejected = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"].iter().find_map(|name| {
        let value = &partial[name];
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    });
    let reason = partial["errorMessage"].as_str().unwrap_or_default().to_owned();
    Outcome::Delivered { rejected: rejected.unwrap_or(0), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_success_in_json() {
        assert_eq!(partial_success_json(b"{}"), Outcome::delivered());
        let body = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"old"}}"#;
        assert_eq!(partial_success_json(body), Outcome::Delivered { rejected: 3, reason: "old".to_owned() });
    }
}
