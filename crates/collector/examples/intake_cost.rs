//! What receiving alone costs: CPU of this process per span, in front of a store that throws everything away.
//!
//! `cargo run --release -p collector --example intake_cost -- [grpc|http] [requests] [spans a request]`. Sender and receiver are one
//! process, so the figure is an upper bound: it holds the client's half of the socket too.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use collector::receivers::{Intake, otlp};
use collector::serve::serve;
use collector::telemetry::{Telemetry, process};
use collector::{Pipeline, ReceiverSettings};
use model::TenantId;
use store_api::append::AppendFuture;
use store_api::{Appended, Appender, Payload};
use testkit::grpc::{BlockingGrpc, TRACES, frame};
use testkit::http::HttpClient;
use testkit::otlp::{Span, attributes, traces};
use tokio_util::sync::CancellationToken;

struct Nowhere;

impl Appender for Nowhere {
    fn append<'a>(&'a self, _tenant: &'a TenantId, _payload: Payload) -> AppendFuture<'a> {
        Box::pin(async { Ok(Appended { accepted: 1, ..Appended::default() }) })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |at: usize, default: usize| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (requests, spans) = (number(2, 2000), number(3, 1000));
    let over_http = arguments.get(1).is_some_and(|transport| transport == "http");

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let telemetry = Arc::new(Telemetry::new("0"));
    let settings = ReceiverSettings::default();
    let intake = Intake::new(Pipeline::new(Arc::new(Nowhere), telemetry), &settings);
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    runtime.spawn(serve(listener, otlp::router(intake, "otlp-grpc", &[]), CancellationToken::new()));

    let texts = ["http.request.method", "url.path", "server.address", "user.id", "tenant.id", "cost.center"];
    let span = |i: usize| Span {
        span_id: (i as u64 + 1).to_be_bytes(),
        trace_id: [7; 16],
        name: format!("GET /items/{i}"),
        attributes: texts
            .iter()
            .map(|name| ((*name).to_owned(), format!("value of {name} {}", i % 50).as_str().into()))
            .collect(),
        ..Span::default()
    };
    let message = traces(&attributes([("service.name", "checkout".into())]), &(0..spans).map(span).collect::<Vec<_>>());
    let framed = frame(&message);

    let before = process::read().unwrap_or_default().cpu_secs;
    let started = Instant::now();
    if over_http {
        let mut client = HttpClient::new(address);
        for _ in 0..requests {
            client.post("/v1/traces", "application/x-protobuf", &message)?.ok()?;
        }
    } else {
        let client = BlockingGrpc::connect(address)?;
        for _ in 0..requests {
            client.call_framed(TRACES, framed.clone(), &[])?;
        }
    }
    let cpu = process::read().unwrap_or_default().cpu_secs - before;
    let total = (requests * spans) as f64;
    writeln!(
        std::io::stdout(),
        "{} B a span; {:.3} CPU-µs a span, {:.0} spans/s",
        message.len() / spans,
        cpu * 1e6 / total,
        total / started.elapsed().as_secs_f64()
    )?;
    Ok(())
}
