//! The exporter against a real collector on loopback, by each protocol, with and without TLS.

use std::process::Command;
use std::sync::Mutex;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry::trace::{Tracer, TracerProvider as _};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_sdk::trace::SdkTracerProvider;
use prost::Message as _;
use redact::Redactor;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Certificate, Identity as TlsIdentity, Server, ServerTlsConfig};

use super::*;
use crate::spans::SpanSink;

/// Requests that arrived, with the value of `x-test`.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, ExportTraceServiceRequest)>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let header = request.metadata().get("x-test").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let header = header.to_owned();
        self.0.lock().unwrap().push((header, request.into_inner()));
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn by_http(State(collector): State<Collector>, headers: HeaderMap, body: axum::body::Bytes) -> &'static str {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
    let body = match text("content-encoding") {
        "gzip" => {
            let mut plain = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&body[..]), &mut plain).unwrap();
            plain
        }
        _ => body.to_vec(),
    };
    let is_json = text("content-type") == "application/json";
    let request = if is_json {
        serde_json::from_slice(&body).unwrap()
    } else {
        ExportTraceServiceRequest::decode(&body[..]).unwrap()
    };
    collector.0.lock().unwrap().push((text("x-test").to_owned(), request));
    if is_json { "{}" } else { "" }
}

/// Certificates of an authority, of the server and of a client, made by the machine's openssl; `None`, loudly, without one.
struct Pems {
    folder: tempfile::TempDir,
}

impl Pems {
    fn make() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"set -e; cd "$0"
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-authority -keyout ca.key -out ca.pem
            for name in server client; do
                openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr
                printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > $name.ext
                openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $name.ext -out $name.pem
            done"#;
        let made = Command::new("sh").args(["-c", script]).arg(folder.path()).output();
        if made.is_ok_and(|made| made.status.success()) {
            return Some(Self { folder });
        }
        crate::stderr::line("SKIPPED: TLS: no openssl on this machine");
        None
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
}

/// Serves gRPC and HTTP on one port, in a runtime that is dropped with the value.
struct Served {
    collector: Collector,
    address: String,
    _runtime: tokio::runtime::Runtime,
}

fn serve(pems: Option<&Pems>) -> Served {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let collector = Collector::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let address = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().route("/v1/traces", post(by_http)).with_state(collector.clone());
        let service = TraceServiceServer::new(collector.clone()).accept_compressed(CompressionEncoding::Gzip);
        let routes = tonic::service::Routes::from(router).add_service(service);
        let mut server = Server::builder().accept_http1(true);
        if let Some(pems) = pems {
            let tls = ServerTlsConfig::new()
                .identity(TlsIdentity::from_pem(pems.read("server.pem"), pems.read("server.key")))
                .client_ca_root(Certificate::from_pem(pems.read("ca.pem")));
            server = server.tls_config(tls).unwrap();
        }
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        tokio::spawn(server.add_routes(routes).serve_with_incoming(incoming));
        address
    });
    let scheme = if pems.is_some() { "https" } else { "http" };
    Served { collector, address: format!("{scheme}://localhost:{}", address.port()), _runtime: runtime }
}

/// Exports two spans as these variables say; returns how the exporter fared.
fn export(served: &Served, variables: &[(&str, &str)]) -> LossReport {
    let config = TelemetryConfig::from_lookup(&|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(served.address.clone()),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("x-test=a%20b".to_owned()),
        "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => Some("none".to_owned()),
        _ => variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
    })
    .unwrap();
    let masks = Masks::new(Redactor::new(redact::Options::default()), None);
    let exporter = Exporter::start(&config, Identity { resource: Resource::default(), masks }).unwrap();
    let sink = SpanSink::Queue(Arc::clone(exporter.spans.as_ref().unwrap()));
    let provider = SdkTracerProvider::builder().with_span_processor(sink).build();
    drop(provider.tracer("one").start("first"));
    drop(provider.tracer("two").start("second"));
    exporter.stop_queues(Instant::now() + Duration::from_secs(10));
    exporter.join();
    exporter.write_off();
    exporter.tallies()
}

fn check(served: &Served, variables: &[(&str, &str)]) {
    let tallies = export(served, variables);
    assert_eq!((tallies.spans.exported, tallies.spans.lost()), (2, 0), "{variables:?}");
    let (header, request) = served.collector.0.lock().unwrap().pop().unwrap();
    assert_eq!(header, "a b", "{variables:?}");
    let scopes = &request.resource_spans[0].scope_spans;
    assert_eq!((scopes[0].spans[0].name.as_str(), scopes[1].spans[0].name.as_str()), ("first", "second"));
    assert_eq!(scopes[0].spans[0].trace_id.len(), 16, "{variables:?}");
}

#[test]
fn each_protocol_with_and_without_compression() {
    let served = serve(None);
    for protocol in ["grpc", "http/protobuf", "http/json"] {
        for compression in ["none", "gzip"] {
            check(
                &served,
                &[("OTEL_EXPORTER_OTLP_PROTOCOL", protocol), ("OTEL_EXPORTER_OTLP_COMPRESSION", compression)],
            );
        }
    }
}

#[test]
fn mutual_tls() {
    let Some(pems) = Pems::make() else { return };
    let served = serve(Some(&pems));
    let [authority, certificate, key] = ["ca.pem", "client.pem", "client.key"].map(|name| pems.path(name));
    for protocol in ["grpc", "http/protobuf"] {
        let trusted =
            [("OTEL_EXPORTER_OTLP_PROTOCOL", protocol), ("OTEL_EXPORTER_OTLP_CERTIFICATE", authority.as_str())];
        let known = [
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certificate.as_str()),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", key.as_str()),
        ];
        check(&served, &[trusted, known].concat());
    }
}
