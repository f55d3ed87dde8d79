//! Measures the walkers: `cargo run --release -p otlp --example walk_speed`. Prints nanoseconds per record.
//!
//! The requests look like real ones: 12-attribute spans of one service, 500 in a request; 8-attribute log lines; sums with 6
//! attributes. A sink that touches every attribute keeps the compiler from dropping the work.

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otlp::view::*;
use otlp::{DecodeError, LogSink, MetricSink, SpanSink};
use prost::Message;
use protowire::Writer;

const RECORDS: u64 = 500;
const ROUNDS: u32 = 4_000;

fn text(out: &mut Writer, field: u32, key: &str, value: &str) {
    out.message(field, |pair| {
        pair.str(1, key).message(2, |any| {
            any.str(1, value);
        });
    });
}

fn int(out: &mut Writer, field: u32, key: &str, value: u64) {
    out.message(field, |pair| {
        pair.str(1, key).message(2, |any| {
            any.varint(3, value);
        });
    });
}

/// Ends a chain of calls on a [`Writer`].
fn done(_: &mut Writer) {}

fn envelope(record: impl Fn(&mut Writer, u64)) -> Vec<u8> {
    let mut out = Writer::new();
    out.message(1, |resource_spans| {
        resource_spans.message(1, |resource| {
            text(resource, 1, "service.name", "llm-orchestrator");
            text(resource, 1, "deployment.environment.name", "production");
        });
        resource_spans.message(2, |scope_spans| {
            scope_spans
                .message(1, |scope| done(scope.str(1, "opentelemetry.instrumentation.fastapi").str(2, "0.42b0")));
            for number in 0..RECORDS {
                scope_spans.message(2, |out| record(out, number));
            }
        });
    });
    out.into_bytes()
}

fn attributes(out: &mut Writer, field: u32, number: u64) {
    text(out, field, "http.request.method", if number.is_multiple_of(3) { "POST" } else { "GET" });
    text(out, field, "url.scheme", "http");
    text(out, field, "http.route", "/api/v1/conversations/{conversation_id}/messages");
    text(out, field, "url.path", &format!("/api/v1/conversations/{}/messages", number * 7919));
    text(out, field, "server.address", "10.0.4.17");
    text(out, field, "network.protocol.version", "1.1");
}

fn more_attributes(out: &mut Writer, field: u32, number: u64) {
    text(out, field, "user_agent.original", "python-httpx/0.27.0");
    text(out, field, "client.address", &format!("10.1.{}.{}", number % 5, number % 251));
    text(out, field, "enduser.id", &format!("user-{:06}", number * 31 % 5000));
    int(out, field, "server.port", 8001);
    int(out, field, "http.response.status_code", if number.is_multiple_of(20) { 500 } else { 200 });
    int(out, field, "http.response.body.size", number * 37 % 9000);
}

fn span(out: &mut Writer, number: u64) {
    out.bytes(1, &(u128::from(number) * 0x9e37_79b9_7f4a_7c15_f39c_c060).to_le_bytes());
    out.bytes(2, &(number * 0x9e37_79b9_7f4a_7c15).to_le_bytes()).bytes(4, &(number * 0x0079_b97f_4a7c).to_le_bytes());
    out.str(5, "POST /api/v1/conversations/{conversation_id}/messages").varint(6, 2);
    out.fixed64(7, 1_700_000_000_000_000_000 + number).fixed64(8, 1_700_000_000_100_000_000 + number);
    attributes(out, 9, number);
    more_attributes(out, 9, number);
    out.message(15, |status| done(status.varint(3, 1))).fixed32(16, 0x101);
}

fn log(out: &mut Writer, number: u64) {
    out.fixed64(1, 1_700_000_000_000_000_000 + number).varint(2, 9).str(3, "INFO");
    out.message(5, |body| {
        done(body.str(1, &format!("request {number} handled for conversation {} in 37 ms", number * 7)))
    });
    attributes(out, 6, number);
    text(out, 6, "logger.name", "uvicorn.access");
    int(out, 6, "code.line.number", 117);
    out.bytes(9, &[7; 16]).bytes(10, &[8; 8]).fixed64(11, 1_700_000_000_000_000_000 + number);
}

fn sum(out: &mut Writer, number: u64) {
    out.str(1, "http.server.requests").str(3, "{request}").message(7, |sum| {
        for point in 0..10 {
            sum.message(1, |out| {
                attributes(out, 7, number * 10 + point);
                out.fixed64(2, 1_700_000_000_000_000_000).fixed64(3, 1_700_000_060_000_000_000).fixed64(6, number);
            });
        }
        sum.varint(2, 2).varint(3, 1);
    });
}

#[derive(Default)]
struct Count {
    records: u64,
    bytes: usize,
}

impl Count {
    fn take(&mut self, attributes: &[KeyValueView<'_>]) {
        self.records += 1;
        for pair in attributes {
            self.bytes += pair.key.len() + if let AnyValueView::Str(text) = pair.value { text.len() } else { 8 };
        }
    }
}

impl SpanSink for Count {
    fn resource(&mut self, _: &ResourceView<'_, '_>) {}
    fn scope(&mut self, _: &ScopeView<'_, '_>) {}
    fn span(&mut self, span: &SpanView<'_, '_>) {
        self.take(span.attributes);
    }
    fn malformed(&mut self, error: DecodeError) {
        panic!("{error}");
    }
}

impl LogSink for Count {
    fn resource(&mut self, _: &ResourceView<'_, '_>) {}
    fn scope(&mut self, _: &ScopeView<'_, '_>) {}
    fn log(&mut self, log: &LogView<'_, '_>) {
        self.take(log.attributes);
    }
    fn malformed(&mut self, error: DecodeError) {
        panic!("{error}");
    }
}

impl MetricSink for Count {
    fn resource(&mut self, _: &ResourceView<'_, '_>) {}
    fn scope(&mut self, _: &ScopeView<'_, '_>) {}
    fn metric(&mut self, _: &MetricView<'_>) {}
    fn number(&mut self, point: &PointView<'_, '_>, _: NumberView) {
        self.bytes ^= point.attributes_hash as usize & 1;
        self.take(point.attributes);
    }
    fn histogram(&mut self, _: &PointView<'_, '_>, _: &HistogramView<'_>) {}
    fn exponential_histogram(&mut self, _: &PointView<'_, '_>, _: &ExponentialHistogramView<'_>) {}
    fn summary(&mut self, _: &PointView<'_, '_>, _: &SummaryView<'_>) {}
    fn malformed(&mut self, _: u64, error: DecodeError) {
        panic!("{error}");
    }
}

/// The best of 10 runs: the machine is shared, and the fastest run is the one that nobody disturbed.
fn measure(what: &str, request: &[u8], decode: impl Fn(&[u8], &mut Count) -> Result<(), DecodeError>) {
    let mut best = f64::MAX;
    for _ in 0..10 {
        let mut count = Count::default();
        let start = Instant::now();
        for _ in 0..ROUNDS / 10 {
            decode(black_box(request), &mut count).expect("well formed");
        }
        best = best.min(start.elapsed().as_nanos() as f64 / count.records as f64);
        black_box(count.bytes);
    }
    let each = request.len() as u64 / RECORDS;
    writeln!(std::io::stdout(), "{what}: {best:.0} ns each, {each} bytes a message").expect("stdout");
}

fn main() {
    // For scale: the generated types on the same machine in the same run.
    measure("prost, the same span", &envelope(span), |bytes, sink| {
        black_box(ExportTraceServiceRequest::decode(bytes).expect("well formed"));
        sink.records += RECORDS;
        Ok(())
    });
    measure("span with 12 attributes", &envelope(span), otlp::decode_traces);
    measure("log record with 8 attributes", &envelope(log), otlp::decode_logs);
    measure("data point with 6 attributes (10 a message)", &envelope(sum), |bytes, sink| {
        otlp::decode_metrics(bytes, sink)
    });
}
