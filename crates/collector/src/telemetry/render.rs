//! Prometheus text format 0.0.4.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use store_api::SignalStatus;

use super::histogram::Histogram;
use super::names::{self, Kind, Metric};
use super::{Telemetry, process};
use crate::pipeline::{Signal, Source};

/// Label values of the way into the store: the collector component that it stands for.
const EXPORTER: &str = "exporter=\"quartet_store\"";
/// Requests are handed on as they come; the label is what dashboards ask for.
const PROCESSOR: &str = "processor=\"batch\"";

/// One line: labels without braces, and the value.
type Line = (String, f64);

/// Takes one number out of a signal's state; `None` leaves the line out.
type Pick = fn(&SignalStatus) -> Option<f64>;

pub(super) fn render(telemetry: &Telemetry) -> String {
    let mut out = String::with_capacity(16 * 1024);
    write_target(&mut out, telemetry);
    write_intake(&mut out, telemetry);
    write_pipeline(&mut out, telemetry);
    write_outlet(&mut out, telemetry);
    write_process(&mut out, telemetry);
    write_store(&mut out, telemetry);
    out
}

fn write_target(out: &mut String, telemetry: &Telemetry) {
    let version = telemetry.version;
    let labels = format!(
        "service_name=\"quartet\",service_version=\"{version}\",service_instance_id=\"quartet-{}\"",
        std::process::id()
    );
    family(out, &names::TARGET_INFO, names::TARGET_INFO.name, &[(labels, 1.0)]);
}

fn write_intake(out: &mut String, telemetry: &Telemetry) {
    let counters = |source: Source, signal: Signal| &telemetry.intake[source.index()][signal.index()];
    for signal in Signal::ALL {
        let sources = || Source::ALL.into_iter().filter(|source| source.signals().contains(&signal));
        let accepted: Vec<Line> =
            sources().map(|source| (door(source), read(&counters(source, signal).accepted))).collect();
        let refused: Vec<Line> =
            sources().map(|source| (door(source), read(&counters(source, signal).refused))).collect();
        family(out, &names::RECEIVER_ACCEPTED, &named(&names::RECEIVER_ACCEPTED, signal), &accepted);
        family(out, &names::RECEIVER_REFUSED, &named(&names::RECEIVER_REFUSED, signal), &refused);
    }
    let mut requests = Vec::new();
    for source in Source::ALL {
        let sum = |pick: fn(&super::Intake) -> &AtomicU64| -> f64 {
            telemetry.intake[source.index()].iter().map(|intake| read(pick(intake))).sum()
        };
        requests.push((format!("{},outcome=\"success\"", door(source)), sum(|intake| &intake.requests_ok)));
        requests.push((format!("{},outcome=\"refused\"", door(source)), sum(|intake| &intake.requests_refused)));
    }
    family(out, &names::RECEIVER_REQUESTS, names::RECEIVER_REQUESTS.name, &requests);
}

fn write_pipeline(out: &mut String, telemetry: &Telemetry) {
    let mut incoming = Vec::new();
    let mut outgoing = Vec::new();
    for signal in Signal::ALL {
        let labels = format!("{PROCESSOR},otel_signal=\"{}\"", signal.name());
        let sent = read(&telemetry.outlet[signal.index()].sent);
        let refused: f64 = telemetry.intake.iter().map(|source| read(&source[signal.index()].refused)).sum();
        incoming.push((labels.clone(), sent + refused));
        outgoing.push((labels, sent));
    }
    family(out, &names::PROCESSOR_INCOMING, names::PROCESSOR_INCOMING.name, &incoming);
    family(out, &names::PROCESSOR_OUTGOING, names::PROCESSOR_OUTGOING.name, &outgoing);
    write_redacted(out, telemetry);
    histogram(out, &names::BATCH_SIZE, &telemetry.batch_records);
    histogram(out, &names::BATCH_BYTES, &telemetry.batch_bytes);
}

fn write_redacted(out: &mut String, telemetry: &Telemetry) {
    let mut lines = Vec::new();
    for signal in Signal::ALL {
        for kind in redact::Kind::ALL {
            let labels = format!("otel_signal=\"{}\",kind=\"{}\"", signal.name(), kind.name());
            lines.push((labels, read(&telemetry.redacted[signal.index()][kind.index()])));
        }
    }
    family(out, &names::REDACTED, names::REDACTED.name, &lines);
}

fn write_outlet(out: &mut String, telemetry: &Telemetry) {
    for signal in Signal::ALL {
        let outlet = &telemetry.outlet[signal.index()];
        for (metric, counter) in [
            (&names::EXPORTER_SENT, &outlet.sent),
            (&names::EXPORTER_SEND_FAILED, &outlet.send_failed),
            (&names::EXPORTER_ENQUEUE_FAILED, &outlet.enqueue_failed),
        ] {
            family(out, metric, &named(metric, signal), &[(EXPORTER.to_owned(), read(counter))]);
        }
    }
    let in_flight: Vec<Line> = Signal::ALL
        .iter()
        .map(|signal| {
            let labels = format!("{EXPORTER},data_type=\"{}\"", signal.name());
            (labels, read(&telemetry.outlet[signal.index()].in_flight))
        })
        .collect();
    family(out, &names::EXPORTER_IN_FLIGHT, names::EXPORTER_IN_FLIGHT.name, &in_flight);
    family(out, &names::EXPORTER_QUEUE_SIZE, names::EXPORTER_QUEUE_SIZE.name, &in_flight);
    if let Some(pool) = telemetry.in_flight.get() {
        let capacity = [(EXPORTER.to_owned(), pool.bytes_max() as f64)];
        family(out, &names::EXPORTER_QUEUE_CAPACITY, names::EXPORTER_QUEUE_CAPACITY.name, &capacity);
        plain(out, &names::IN_FLIGHT_BYTES, pool.bytes_used() as f64);
    }
}

fn write_process(out: &mut String, telemetry: &Telemetry) {
    plain(out, &names::PROCESS_UPTIME, telemetry.started.elapsed().as_secs_f64());
    if let Some(process) = process::read() {
        plain(out, &names::PROCESS_CPU, process.cpu_secs);
        plain(out, &names::PROCESS_RSS, process.rss_bytes as f64);
        plain(out, &names::PROCESS_RSS_PEAK, process.rss_peak_bytes as f64);
        plain(out, &names::PROCESS_THREADS, process.threads as f64);
    }
}

fn write_store(out: &mut String, telemetry: &Telemetry) {
    let Some(store) = telemetry.store.get() else { return };
    let status = store.status();
    let columns: [(&Metric, Pick); 11] = [
        (&names::STORE_HEAD_ROWS, |signal| Some(signal.head_rows as f64)),
        (&names::STORE_HEAD_BYTES, |signal| Some(signal.head_bytes as f64)),
        (&names::STORE_BLOCK_ROWS, |signal| Some(signal.block_rows as f64)),
        (&names::STORE_BLOCKS, |signal| Some(signal.blocks as f64)),
        (&names::STORE_BLOCK_BYTES, |signal| Some(signal.block_bytes as f64)),
        (&names::STORE_WAL_BYTES, |signal| Some(signal.wal_bytes as f64)),
        (&names::STORE_OLDEST, |signal| signal.oldest.map(|oldest| oldest.0 as f64 / 1e9)),
        (&names::STORE_FLUSHES, |signal| Some(signal.flushes as f64)),
        (&names::STORE_COMPACTIONS, |signal| Some(signal.compactions as f64)),
        (&names::STORE_LATE, |signal| Some(signal.late as f64)),
        (&names::STORE_RETIRED, |signal| Some(signal.retention_deleted_blocks as f64)),
    ];
    for (metric, pick) in columns {
        let line = |signal: &SignalStatus| Some((format!("signal=\"{}\"", signal.signal), pick(signal)?));
        let lines: Vec<Line> = status.signals.iter().filter_map(line).collect();
        family(out, metric, metric.name, &lines);
    }
    plain(out, &names::STORE_BACKGROUND, status.background_tasks as f64);
    plain(out, &names::STORE_REFUSING, f64::from(u8::from(status.refusing)));
}

fn door(source: Source) -> String {
    format!("receiver=\"{}\",transport=\"{}\"", source.receiver(), source.transport())
}

fn named(metric: &Metric, signal: Signal) -> String {
    metric.name.replace("{records}", signal.records())
}

fn read(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

fn plain(out: &mut String, metric: &Metric, value: f64) {
    family(out, metric, metric.name, &[(String::new(), value)]);
}

/// Writes a counter under both spellings, a gauge under its name.
fn family(out: &mut String, metric: &Metric, name: &str, lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    let (kind, spellings): (_, &[&str]) = match metric.kind {
        Kind::Counter => ("counter", &["", "_total"]),
        Kind::Gauge | Kind::Histogram => ("gauge", &[""]),
    };
    for spelling in spellings {
        put(out, format_args!("# HELP {name}{spelling} {}\n# TYPE {name}{spelling} {kind}\n", metric.help));
        for (labels, value) in lines {
            let (open, close) = if labels.is_empty() { ("", "") } else { ("{", "}") };
            put(out, format_args!("{name}{spelling}{open}{labels}{close} {value}\n"));
        }
    }
}

fn histogram(out: &mut String, metric: &Metric, histogram: &Histogram) {
    let name = metric.name;
    let snapshot = histogram.snapshot();
    put(out, format_args!("# HELP {name} {}\n# TYPE {name} histogram\n", metric.help));
    for (bound, count) in &snapshot.cumulative {
        let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
        put(out, format_args!("{name}_bucket{{{PROCESSOR},le=\"{bound}\"}} {count}\n"));
    }
    put(out, format_args!("{name}_sum{{{PROCESSOR}}} {}\n", snapshot.sum));
    put(out, format_args!("{name}_count{{{PROCESSOR}}} {}\n", snapshot.count()));
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use store_api::{Appended, StoreError};

    use super::*;
    use crate::ReceiveError;
    use crate::in_flight::InFlight;

    #[test]
    fn numbers_are_those_that_were_counted_and_counters_have_both_spellings() {
        let telemetry = Telemetry::new("1.2.3");
        telemetry.watch_in_flight(InFlight::new(1 << 20));
        let appended = Appended { accepted: 90, rejected: 10, reason: Some("bad id".into()), ..Appended::default() };
        telemetry.appended(Source::OtlpGrpc, Signal::Traces, 5_000, &appended);
        let error =
            ReceiveError::Store(StoreError::Unavailable { reason: "disk".into(), retry_after: Default::default() });
        telemetry.append_failed(Source::RemoteWrite, Signal::Metrics, 7, &error);
        telemetry.refused(Source::RemoteWrite, Some(Signal::Metrics), "mimir", &error);
        let text = render(&telemetry);
        for line in [
            "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 90",
            "otelcol_receiver_accepted_spans_total{receiver=\"otlp\",transport=\"grpc\"} 90",
            "otelcol_receiver_refused_spans_total{receiver=\"otlp\",transport=\"grpc\"} 10",
            "otelcol_receiver_accepted_spans_total{receiver=\"otlp\",transport=\"http\"} 0",
            "otelcol_receiver_refused_metric_points{receiver=\"prometheusremotewrite\",transport=\"http\"} 7",
            "otelcol_receiver_requests{receiver=\"prometheusremotewrite\",transport=\"http\",outcome=\"refused\"} 1",
            "otelcol_exporter_sent_spans_total{exporter=\"quartet_store\"} 90",
            "otelcol_exporter_send_failed_metric_points{exporter=\"quartet_store\"} 7",
            "otelcol_processor_batch_batch_send_size_sum{processor=\"batch\"} 100",
            "otelcol_processor_batch_batch_send_size_bucket{processor=\"batch\",le=\"100\"} 1",
            "otelcol_processor_batch_batch_send_size_bytes_count{processor=\"batch\"} 1",
            "otelcol_exporter_queue_capacity{exporter=\"quartet_store\"} 1048576",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} is missing in\n{text}");
        }
        let refusals = telemetry.snapshot().refusals;
        assert_eq!(refusals.iter().map(|refusal| refusal.reason.as_str()).collect::<Vec<_>>(), ["disk", "bad id"]);
    }

    #[test]
    fn every_family_has_one_type_line() {
        let text = render(&Telemetry::new("1"));
        let mut types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let all = types.len();
        types.sort_unstable();
        types.dedup();
        assert_eq!(types.len(), all);
    }
}
