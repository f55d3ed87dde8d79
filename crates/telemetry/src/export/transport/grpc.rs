//! OTLP/gRPC: a unary call whose body is encoded once, so that a retry copies a pointer.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};

use super::{Encoded, Outcome, USER_AGENT, build_error, partial_success, with_causes};
use crate::Error;
use crate::config::{ExporterConfig, Signal};

/// A collector that is not there must not hold an attempt for the whole time-out: the next one may find it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(crate) struct GrpcTransport {
    client: Grpc<Channel>,
    path: PathAndQuery,
    headers: Vec<(AsciiMetadataKey, AsciiMetadataValue)>,
    timeout: Duration,
}

impl GrpcTransport {
    pub(super) fn new(signal: Signal, config: &ExporterConfig) -> Result<Self, Error> {
        let fail = |error: &dyn std::error::Error| build_error(signal, with_causes(error));
        let mut endpoint = Endpoint::from_shared(config.endpoint.clone())
            .and_then(|endpoint| endpoint.user_agent(USER_AGENT))
            .map_err(|error| fail(&error))?
            .connect_timeout(CONNECT_TIMEOUT);
        if config.endpoint.starts_with("https:") {
            let mut tls = ClientTlsConfig::new();
            tls = match &config.tls.authority {
                Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
                None => tls.with_native_roots(),
            };
            if let Some((certificate, key)) = &config.tls.identity {
                tls = tls.identity(Identity::from_pem(certificate, key));
            }
            endpoint = endpoint.tls_config(tls).map_err(|error| fail(&error))?;
        }
        let mut client = Grpc::new(endpoint.connect_lazy());
        if config.gzip {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        let headers = config.headers.iter().map(|(name, value)| {
            let name = AsciiMetadataKey::from_bytes(name.as_bytes()).map_err(|error| fail(&error))?;
            let mut value = AsciiMetadataValue::try_from(value.as_str()).map_err(|error| fail(&error))?;
            value.set_sensitive(true);
            Ok((name, value))
        });
        let headers = headers.collect::<Result<_, Error>>()?;
        let path = PathAndQuery::from_static(match signal {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        });
        Ok(Self { client, path, headers, timeout: config.timeout })
    }

    pub(super) async fn send(&mut self, message: &Encoded) -> Outcome {
        match tokio::time::timeout(self.timeout, self.call(message)).await {
            Ok(Ok(body)) => partial_success(&body),
            Ok(Err(status)) => outcome(&status),
            Err(_) => Outcome::retry("time-out"),
        }
    }

    async fn call(&mut self, message: &Encoded) -> Result<Bytes, Status> {
        let not_ready = |error: tonic::transport::Error| Status::unavailable(with_causes(&error));
        self.client.ready().await.map_err(not_ready)?;
        let mut request = Request::new(message.body.clone());
        for (name, value) in &self.headers {
            request.metadata_mut().insert(name.clone(), value.clone());
        }
        let response = self.client.unary(request, self.path.clone(), RawCodec).await?;
        Ok(response.into_inner())
    }
}

/// The table of the OTLP specification (section "OTLP/gRPC Failures"), and transport errors, which tonic calls UNKNOWN.
fn outcome(status: &Status) -> Outcome {
    let source = std::error::Error::source(status);
    let reason = match source {
        Some(source) => format!("{:?}: {}: {}", status.code(), status.message(), with_causes(source)),
        None => format!("{:?}: {}", status.code(), status.message()),
    };
    let after = retry_delay(status.details());
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Outcome::Retry { after, reason },
        Code::ResourceExhausted if after.is_some() => Outcome::Retry { after, reason },
        Code::Unknown if source.is_some() => Outcome::Retry { after, reason },
        _ => Outcome::Refused { reason },
    }
}

/// `google.rpc.Status` with its details, as far as a delay to retry needs them.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<RpcDetail>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, Message)]
struct RpcDetail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<RpcDuration>,
}

/// `google.protobuf.Duration`
#[derive(Clone, Copy, PartialEq, Message)]
struct RpcDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn retry_delay(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let detail = status.details.iter().find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(detail.value.as_slice()).ok()?.delay?;
    Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?.min(999_999_999)))
}

/// Passes bytes through.
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_by_the_table() {
        assert!(matches!(outcome(&Status::unavailable("x")), Outcome::Retry { after: None, .. }));
        assert!(matches!(outcome(&Status::invalid_argument("x")), Outcome::Refused { .. }));
        assert!(matches!(outcome(&Status::resource_exhausted("x")), Outcome::Refused { .. }));
        let info = RetryInfo { delay: Some(RpcDuration { seconds: 1, nanos: 500_000_000 }) };
        let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
        let details = RpcStatus { details: vec![RpcDetail { type_url, value: info.encode_to_vec() }] };
        let status = Status::with_details(Code::ResourceExhausted, "full", details.encode_to_vec().into());
        let after = Some(Duration::from_millis(1500));
        assert_eq!(outcome(&status), Outcome::Retry { after, reason: "ResourceExhausted: full".to_owned() });
    }
}
