//! The Rust OTel SDK over gRPC and HTTP: what it exported is found, attributes and types equal to what it recorded in memory.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use bytes::Bytes;
use opentelemetry::logs::{AnyValue, LogRecord as _, LoggerProvider as _, Severity};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use quartet_tests::faces;
use quartet_tests::fixture::{Fixture, now_nanos};
use testkit::otlp::{Any, Attributes, Span};

/// What the exporters of one protocol are made of.
struct Exporters {
    spans: SpanExporter,
    logs: LogExporter,
    metrics: MetricExporter,
}

/// The SDK's HTTP exporter takes any client; ours needs no further dependency.
#[derive(Debug)]
struct PlainHttp {
    address: SocketAddr,
}

impl HttpClient for PlainHttp {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let mut client = testkit::http::HttpClient::new(self.address);
            let headers: Vec<(&str, &str)> = request
                .headers()
                .iter()
                .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
                .collect();
            let reply = client.send("POST", request.uri().path(), &headers, request.body())?;
            Ok(http::Response::builder().status(reply.status).body(Bytes::from(reply.body))?)
        })
    }
}

#[test]
fn the_rust_sdk_over_grpc() -> Result<()> {
    let fixture = Fixture::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _inside = runtime.enter();
    let endpoint = format!("http://{}", fixture.server.address("otlp-grpc")?);
    let exporters = Exporters {
        spans: SpanExporter::builder().with_tonic().with_endpoint(endpoint.clone()).build()?,
        logs: LogExporter::builder().with_tonic().with_endpoint(endpoint.clone()).build()?,
        metrics: MetricExporter::builder().with_tonic().with_endpoint(endpoint).build()?,
    };
    round_trip(&fixture, exporters)
}

#[test]
fn the_rust_sdk_over_http() -> Result<()> {
    let fixture = Fixture::start()?;
    let address = fixture.server.address("otlp-http")?;
    let endpoint = |path: &str| format!("http://{address}/v1/{path}");
    let client = || PlainHttp { address };
    let exporters = Exporters {
        spans: SpanExporter::builder()
            .with_http()
            .with_http_client(client())
            .with_endpoint(endpoint("traces"))
            .build()?,
        logs: LogExporter::builder().with_http().with_http_client(client()).with_endpoint(endpoint("logs")).build()?,
        metrics: MetricExporter::builder()
            .with_http()
            .with_http_client(client())
            .with_endpoint(endpoint("metrics"))
            .build()?,
    };
    round_trip(&fixture, exporters)
}

fn round_trip(fixture: &Fixture, exporters: Exporters) -> Result<()> {
    let pairs = [
        KeyValue::new("service.name", "rust"),
        KeyValue::new("service.instance.id", "r1"),
        KeyValue::new("port", 8003),
    ];
    let resource = Resource::builder_empty().with_attributes(pairs.clone()).build();
    let scope = InstrumentationScope::builder("testkit").with_version("1.0").build();
    let recorded = InMemorySpanExporter::default();
    let tracers = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(exporters.spans)
        .with_simple_exporter(recorded.clone())
        .build();
    let loggers =
        SdkLoggerProvider::builder().with_resource(resource.clone()).with_batch_exporter(exporters.logs).build();
    let meters = SdkMeterProvider::builder().with_resource(resource).with_periodic_exporter(exporters.metrics).build();

    let before = now_nanos();
    let context = trace_something(&tracers.tracer_with_scope(scope.clone()));
    log_something(&loggers.logger_with_scope(scope.clone()), &context);
    let meter = meters.meter_with_scope(scope);
    meter.u64_counter("rust.calls").with_unit("{call}").build().add(3, &[KeyValue::new("ok", true)]);
    meter.f64_histogram("rust.latency").with_unit("s").with_boundaries(vec![0.1, 1.0]).build().record(0.5, &[]);
    tracers.force_flush()?;
    loggers.force_flush()?;
    meters.force_flush()?;

    check_spans(fixture, &pairs, &recorded.get_finished_spans()?)?;
    check_log(fixture, &context, before)?;
    check_metrics(fixture)?;
    tracers.shutdown()?;
    loggers.shutdown()?;
    Ok(meters.shutdown()?)
}

fn trace_something(tracer: &impl opentelemetry::trace::Tracer<Span: Send + Sync + 'static>) -> SpanContext {
    let root = tracer.span_builder("root").with_kind(SpanKind::Server).start(tracer);
    let root_context = root.span_context().clone();
    let context = Context::current_with_span(root);
    let list = Value::Array(Array::String(vec![StringValue::from("a"), StringValue::from("b")]));
    let mut child = tracer
        .span_builder("child")
        .with_kind(SpanKind::Client)
        .with_links(vec![Link::new(root_context.clone(), vec![KeyValue::new("why", "follows")], 0)])
        .with_attributes([
            KeyValue::new("text", "täxt"),
            KeyValue::new("int", -7),
            KeyValue::new("double", 0.25),
            KeyValue::new("truth", true),
            KeyValue::new("list", list),
            KeyValue::new("ints", Value::Array(Array::I64(vec![1, 2]))),
        ])
        .start_with_context(tracer, &context);
    child.add_event("first token", vec![KeyValue::new("after_ms", 12.5)]);
    child.set_status(Status::error("broken"));
    child.end();
    context.span().end();
    root_context
}

fn log_something(logger: &impl opentelemetry::logs::Logger, context: &SpanContext) {
    let mut record = logger.create_log_record();
    record.set_timestamp(SystemTime::now());
    record.set_severity_number(Severity::Warn);
    record.set_severity_text("WARN");
    record.set_body(AnyValue::from("slow call"));
    record.add_attribute("attempt", 2);
    record.add_attribute("final", false);
    record.set_trace_context(context.trace_id(), context.span_id(), Some(context.trace_flags()));
    logger.emit(record);
}

fn check_spans(fixture: &Fixture, resource: &[KeyValue], recorded: &[SpanData]) -> Result<()> {
    ensure!(recorded.len() == 2, "{} spans were recorded", recorded.len());
    let sent: Vec<Span> = recorded.iter().map(sent_span).collect();
    let found = faces::trace(&mut fixture.server.http("tempo")?, &sent[0].trace_id)?;
    assert_eq!(found, faces::sent_spans(&attributes(resource), &sent));
    Ok(())
}

fn check_log(fixture: &Fixture, context: &SpanContext, start: u64) -> Result<()> {
    let found = faces::lines(&mut fixture.server.http("loki")?, "{service_name=\"rust\"}", start, now_nanos() + 1)?;
    ensure!(found.len() == 1 && found[0].1 == "slow call", "{found:?}");
    let labels = &found[0].2;
    let trace_id = context.trace_id().to_string();
    for (name, value) in [
        ("attempt", "2"),
        ("final", "false"),
        ("severity_text", "WARN"),
        ("severity_number", "13"),
        ("trace_id", trace_id.as_str()),
        ("service_instance_id", "r1"),
        ("port", "8003"),
    ] {
        assert_eq!(labels[name], value, "{name} in {labels}");
    }
    Ok(())
}

fn check_metrics(fixture: &Fixture) -> Result<()> {
    let mut mimir = fixture.server.http("mimir")?;
    let now = now_nanos() / 1_000_000_000 + 1;
    for (query, value) in [
        ("rust_calls_total{job=\"rust\",instance=\"r1\",ok=\"true\"}", "3"),
        ("rust_latency_seconds_count{job=\"rust\"}", "1"),
        ("rust_latency_seconds_sum{job=\"rust\"}", "0.5"),
        ("rust_latency_seconds_bucket{le=\"0.1\"}", "0"),
        ("rust_latency_seconds_bucket{le=\"1\"}", "1"),
        ("rust_latency_seconds_bucket{le=\"+Inf\"}", "1"),
    ] {
        let found = faces::instant(&mut mimir, query, now)?;
        ensure!(found.len() == 1 && found[0].1 == value, "{query}: {found:?}");
    }
    Ok(())
}

fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).expect("the SDK's clock is past 1970").as_nanos() as u64
}

fn sent_span(span: &SpanData) -> Span {
    let parent = span.parent_span_id.to_bytes();
    let kind = match span.span_kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    };
    let events =
        span.events.iter().map(|event| (nanos(event.timestamp), event.name.to_string(), attributes(&event.attributes)));
    let links = span.links.iter().map(|link| {
        (link.span_context.trace_id().to_bytes(), link.span_context.span_id().to_bytes(), attributes(&link.attributes))
    });
    Span {
        trace_id: span.span_context.trace_id().to_bytes(),
        span_id: span.span_context.span_id().to_bytes(),
        parent: (parent != [0; 8]).then_some(parent),
        name: span.name.to_string(),
        kind,
        start: nanos(span.start_time),
        end: nanos(span.end_time),
        attributes: attributes(&span.attributes),
        events: events.collect(),
        links: links.collect(),
        status: match &span.status {
            Status::Unset => None,
            Status::Ok => Some((1, String::new())),
            Status::Error { description } => Some((2, description.to_string())),
        },
        trace_state: span.span_context.trace_state().header(),
    }
}

fn attributes(pairs: &[KeyValue]) -> Attributes {
    pairs.iter().map(|pair| (pair.key.to_string(), any(&pair.value))).collect()
}

fn any(value: &Value) -> Any {
    match value {
        Value::Bool(truth) => Any::Bool(*truth),
        Value::I64(number) => Any::Int(*number),
        Value::F64(number) => Any::Double(*number),
        Value::String(text) => Any::Str(text.to_string()),
        Value::Array(Array::Bool(items)) => Any::List(items.iter().copied().map(Any::Bool).collect()),
        Value::Array(Array::I64(items)) => Any::List(items.iter().copied().map(Any::Int).collect()),
        Value::Array(Array::F64(items)) => Any::List(items.iter().copied().map(Any::Double).collect()),
        Value::Array(Array::String(items)) => Any::List(items.iter().map(|text| Any::Str(text.to_string())).collect()),
        other => Any::Str(format!("{other:?}")),
    }
}
