//! The plain crates, as their documentation sets them up: SDK with batch processor and periodic reader, OTLP over HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

fn endpoint(path: &str) -> Result<String> {
    let base = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").context("OTEL_EXPORTER_OTLP_ENDPOINT is not set")?;
    Ok(format!("{base}{path}"))
}

fn resource() -> Resource {
    Resource::builder().with_service_name("plain").build()
}

/// The batch processor reads `OTEL_BSP_*` itself.
pub(crate) fn tracers() -> Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Socket::default())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint("/v1/traces")?)
        .build()?;
    Ok(SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build())
}

/// The periodic reader reads `OTEL_METRIC_EXPORT_INTERVAL` itself.
#[cfg_attr(not(feature = "contrib"), expect(dead_code, reason = "only the official layer has metrics"))]
pub(crate) fn meters() -> Result<SdkMeterProvider> {
    let exporter = MetricExporter::builder()
        .with_http()
        .with_http_client(Socket::default())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint("/v1/metrics")?)
        .build()?;
    Ok(SdkMeterProvider::builder().with_resource(resource()).with_periodic_exporter(exporter).build())
}

/// `tracing` with the bridge. INFO and above, as programs set it: the exporter's own spans must not be traced.
pub(crate) fn bridge(tracers: &SdkTracerProvider) -> Result<()> {
    let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer("bench"));
    let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(layer);
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}

/// The least that can send a request: cheaper than what programs use, and no further dependency.
#[derive(Debug, Default)]
struct Socket(Mutex<Option<BufReader<TcpStream>>>);

impl Socket {
    fn send(&self, request: &http::Request<Bytes>) -> Result<http::Response<Bytes>> {
        let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if socket.is_none() {
            let authority = request.uri().authority().context("no host in the endpoint")?;
            let opened = TcpStream::connect(authority.as_str())?;
            opened.set_nodelay(true)?;
            *socket = Some(BufReader::new(opened));
        }
        let reply = socket.as_mut().map(|socket| exchange(socket, request)).context("has just been opened")?;
        if reply.is_err() {
            *socket = None;
        }
        reply
    }
}

fn exchange(socket: &mut BufReader<TcpStream>, request: &http::Request<Bytes>) -> Result<http::Response<Bytes>> {
    let mut out = format!("POST {} HTTP/1.1\r\nhost: collector\r\n", request.uri().path()).into_bytes();
    for (name, value) in request.headers() {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("content-length: {}\r\n\r\n", request.body().len()).as_bytes());
    out.extend_from_slice(request.body());
    socket.get_mut().write_all(&out)?;
    let mut line = String::new();
    socket.read_line(&mut line)?;
    let status: u16 = line.split(' ').nth(1).context("no status")?.parse()?;
    let mut length = 0;
    while line.trim_end() != "" {
        line.clear();
        socket.read_line(&mut line)?;
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body)?;
    Ok(http::Response::builder().status(status).body(Bytes::from(body))?)
}

impl HttpClient for Socket {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move { Ok(self.send(&request)?) })
    }
}
