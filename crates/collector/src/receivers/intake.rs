//! What all receivers do with a request before they look at its protocol: tenant, size, compression, memory.

use axum::body::Body;
use http::{HeaderMap, header, request};
use model::{TenantId, UnixNanos};
use store_api::{Appended, Payload, WireFormat};

use crate::body::{self, ContentEncoding, Plain};
use crate::error::ReceiveError;
use crate::in_flight::{InFlight, Reservation};
use crate::offload;
use crate::pipeline::{Pipeline, Signal, Source};
use crate::redaction::{Redaction, RedactionSettings};

/// Larger JSON bodies are transcoded off the runtime: about 500 µs of work.
pub const JSON_HERE_BYTES_MAX: usize = 128 * 1024;

/// Larger bodies are searched for secrets off the runtime: about 500 µs of work.
const SEARCH_HERE_BYTES_MAX: usize = 512 * 1024;

/// Limits of the receivers, and what they mask.
#[derive(Clone, Debug)]
pub struct ReceiverSettings {
    /// Largest request body in bytes, as received and once decompressed.
    pub message_bytes_max: usize,
    /// Bytes that requests under way may hold together.
    pub in_flight_bytes_max: usize,
    /// Origins of web pages that may send OTLP; `*` at most once each stands for any text.
    pub cors_origins: Vec<String>,
    /// What is masked before anything is kept.
    pub redaction: RedactionSettings,
}

impl Default for ReceiverSettings {
    fn default() -> Self {
        Self {
            // OTLP recommends a limit; batches of SDKs and collectors stay below 4 MiB, the default limit of gRPC.
            message_bytes_max: 16 << 20,
            // Four of the largest requests, or some hundred usual ones.
            in_flight_bytes_max: 64 << 20,
            cors_origins: ["http://localhost:*", "https://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]
                .map(str::to_owned)
                .to_vec(),
            redaction: RedactionSettings::default(),
        }
    }
}

/// The part of a receiver that is the same for all; cheap to clone.
#[derive(Clone)]
pub struct Intake {
    pipeline: Pipeline,
    in_flight: InFlight,
    message_bytes_max: usize,
    redaction: Redaction,
}

/// A body read and decompressed. The share of memory is given back when this is dropped: keep it until the answer.
pub struct Received {
    /// The bytes.
    pub plain: Plain,
    /// When the request began to be read.
    pub at: UnixNanos,
    /// The memory that it holds.
    pub share: Reservation,
}

impl Intake {
    /// An intake into `pipeline` with the limits of `settings`.
    pub fn new(pipeline: Pipeline, settings: &ReceiverSettings) -> Self {
        let in_flight = InFlight::new(settings.in_flight_bytes_max);
        pipeline.telemetry().watch_in_flight(in_flight.clone());
        let redaction = Redaction::new(settings.redaction);
        Self { pipeline, in_flight, message_bytes_max: settings.message_bytes_max, redaction }
    }

    /// The way on.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Largest body in bytes.
    pub fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// An empty share of memory.
    pub fn reservation(&self) -> Reservation {
        self.in_flight.reservation()
    }

    /// Reads and decompresses the body of an HTTP request. `if_absent` is what a missing `Content-Encoding` means.
    pub async fn read(
        &self,
        head: &request::Parts,
        body: Body,
        if_absent: ContentEncoding,
    ) -> Result<Received, ReceiveError> {
        let encoding = match text(&head.headers, header::CONTENT_ENCODING) {
            "" => if_absent,
            named => ContentEncoding::parse(named)?,
        };
        let at = UnixNanos::now();
        let length = text(&head.headers, header::CONTENT_LENGTH).parse().ok();
        let mut share = self.reservation();
        let received = body::read(body, length, self.message_bytes_max, &mut share).await?;
        let plain = body::decompress(received, encoding, self.message_bytes_max, &mut share).await?;
        Ok(Received { plain, at, share })
    }

    /// Stores what was read, without its secrets.
    pub async fn append(
        &self,
        source: Source,
        tenant: &TenantId,
        format: WireFormat,
        received: Received,
    ) -> Result<Appended, ReceiveError> {
        let Received { plain, at, share } = self.redact(format, received).await?;
        let payload = Payload { format, body: plain.body, encoded: plain.encoded, received: at };
        let outcome = self.pipeline.append(source, tenant, payload).await;
        drop(share);
        outcome
    }

    /// Masks secrets. Where there were some, the bytes as received are of no use to the store.
    async fn redact(&self, format: WireFormat, mut received: Received) -> Result<Received, ReceiveError> {
        let (redaction, body) = (self.redaction, received.plain.body.clone());
        let short = body.len() <= SEARCH_HERE_BYTES_MAX;
        if short && !redaction.suspects(&body) {
            return Ok(received);
        }
        received.share.grow_to(body.len() * 2).await?;
        if let Some((body, masked)) = offload::run(short, move || redaction.mask(format, &body)).await {
            self.pipeline.telemetry().redacted(Signal::of(format), &masked);
            received.plain = Plain { body, encoded: None };
        }
        Ok(received)
    }
}

/// The tenant of a request: `X-Scope-OrgID`, or the default one. Writes name one tenant, so `a|b` is refused.
pub fn tenant(headers: &HeaderMap) -> Result<TenantId, ReceiveError> {
    match headers.get("x-scope-orgid") {
        None => Ok(TenantId::default()),
        Some(value) => Ok(TenantId::new(&String::from_utf8_lossy(value.as_bytes()))?),
    }
}

/// A header's text, empty when it is absent or not text.
pub fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").trim()
}

/// Splits `application/json; charset=utf-8` into its type, in lower case, and its parameters.
pub fn media_type(headers: &HeaderMap) -> (String, &str) {
    let (media, parameters) = {
        let text = text(headers, header::CONTENT_TYPE);
        text.split_once(';').unwrap_or((text, ""))
    };
    (media.trim().to_ascii_lowercase(), parameters)
}

/// Seconds for `Retry-After`: whole ones, at least one.
pub fn retry_after_secs(error: &ReceiveError) -> Option<u64> {
    let wait = error.retry_after()?;
    Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn tenants_come_from_one_header_and_writes_name_one() {
        let mut headers = HeaderMap::new();
        assert_eq!(tenant(&headers).expect("default").as_str(), "anonymous");
        headers.insert("x-scope-orgid", HeaderValue::from_static("team-a"));
        assert_eq!(tenant(&headers).expect("valid").as_str(), "team-a");
        headers.insert("x-scope-orgid", HeaderValue::from_static("a|b"));
        assert!(matches!(tenant(&headers), Err(ReceiveError::Tenant(_))));
    }

    #[test]
    fn media_types_lose_case_and_parameters() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("Application/JSON ; charset=utf-8"));
        assert_eq!(media_type(&headers), ("application/json".to_owned(), " charset=utf-8"));
    }
}
