//! A collector in this process, by gRPC and by HTTP, which remembers what it acknowledged and misbehaves on request.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use tonic::{Request, Response, Status};

/// The header (`OTEL_EXPORTER_OTLP_HEADERS`) that chooses the behaviour.
pub(crate) const MODE: &str = "x-mode";

/// What arrived, by service name.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    spans: Arc<Mutex<HashMap<String, HashSet<i64>>>>,
}

#[derive(Debug)]
enum Fault {
    Unavailable,
    Refused,
}

impl Collector {
    /// Starts both servers on the current runtime; returns the addresses for gRPC and HTTP.
    pub(crate) async fn start(&self) -> anyhow::Result<(SocketAddr, SocketAddr)> {
        let grpc = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let http = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let addresses = (grpc.local_addr()?, http.local_addr()?);
        let incoming = tonic::transport::server::TcpIncoming::from(grpc);
        let service = TraceServiceServer::new(self.clone());
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        let router = axum::Router::new().route("/v1/traces", post(by_http)).with_state(self.clone());
        tokio::spawn(axum::serve(http, router).into_future());
        Ok(addresses)
    }

    /// Numbers (attribute `n`) of the spans of `service`, which are forgotten here.
    pub(crate) fn take(&self, service: &str) -> HashSet<i64> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).remove(service).unwrap_or_default()
    }

    async fn export(
        &self,
        mode: &str,
        request: ExportTraceServiceRequest,
    ) -> Result<ExportTraceServiceResponse, Fault> {
        match mode {
            "slow" => tokio::time::sleep(Duration::from_millis(rand::random_range(1..40))).await,
            "flaky" if rand::random_bool(0.5) => return Err(Fault::Unavailable),
            "broken" => return Err(Fault::Unavailable),
            "refusing" => return Err(Fault::Refused),
            _ => {}
        }
        let mut rejected = 0;
        for resource in request.resource_spans {
            let service = resource.resource.map(|resource| text(&resource.attributes)).unwrap_or_default();
            let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
            let known = spans.entry(service).or_default();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                if mode == "choosy" && rand::random_bool(0.1) {
                    rejected += 1;
                } else {
                    known.extend(integer(&span.attributes));
                }
            }
        }
        let error_message = "not my taste".to_owned();
        let partial_success =
            (rejected > 0).then_some(ExportTracePartialSuccess { rejected_spans: rejected, error_message });
        Ok(ExportTraceServiceResponse { partial_success })
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mode = request.metadata().get(MODE).and_then(|mode| mode.to_str().ok()).unwrap_or_default().to_owned();
        match Self::export(self, &mode, request.into_inner()).await {
            Ok(response) => Ok(Response::new(response)),
            Err(Fault::Unavailable) => Err(Status::unavailable("as told")),
            Err(Fault::Refused) => Err(Status::invalid_argument("as told")),
        }
    }
}

async fn by_http(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let mode = headers.get(MODE).and_then(|mode| mode.to_str().ok()).unwrap_or_default();
    let request = ExportTraceServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    match collector.export(mode, request).await {
        Ok(response) => Ok(response.encode_to_vec()),
        Err(Fault::Unavailable) => Err(StatusCode::SERVICE_UNAVAILABLE),
        Err(Fault::Refused) => Err(StatusCode::BAD_REQUEST),
    }
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

/// The service's name.
fn text(attributes: &[KeyValue]) -> String {
    match value(attributes, "service.name") {
        Some(Value::StringValue(text)) => text.clone(),
        _ => String::new(),
    }
}

fn integer(attributes: &[KeyValue]) -> Option<i64> {
    match value(attributes, "n") {
        Some(Value::IntValue(number)) => Some(*number),
        _ => None,
    }
}
