//! Every metric of ours, declared once.
//!
//! The `otelcol_*` names and labels are those of the OpenTelemetry Collector (`docs/internal telemetry`), whose Prometheus
//! reader writes counters without `_total`; dashboards made for older versions ask for `_total`, so both are served.

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises; rendered under its name and under its name with `_total`.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Buckets, sum and count.
    Histogram,
}

/// One metric family, or three when `name` holds `{records}`: one for spans, one for metric points, one for log records.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name; `{records}` stands for `spans`, `metric_points` or `log_records`.
    pub name: &'static str,
    /// Behaviour.
    pub kind: Kind,
    /// What it counts, with its unit.
    pub help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help }
}

const fn histogram(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, help }
}

/// Labels `receiver`, `transport`.
pub const RECEIVER_ACCEPTED: Metric =
    counter("otelcol_receiver_accepted_{records}", "Records taken in and made durable.");
/// Labels `receiver`, `transport`.
pub const RECEIVER_REFUSED: Metric =
    counter("otelcol_receiver_refused_{records}", "Records refused, alone or with their whole request.");
/// Labels `receiver`, `transport`, `outcome`.
pub const RECEIVER_REQUESTS: Metric = counter("otelcol_receiver_requests", "Requests by outcome.");
/// Labels `processor`, `otel_signal`.
pub const PROCESSOR_INCOMING: Metric = counter("otelcol_processor_incoming_items", "Records handed to the pipeline.");
/// Labels `processor`, `otel_signal`.
pub const PROCESSOR_OUTGOING: Metric = counter("otelcol_processor_outgoing_items", "Records that left the pipeline.");
/// Labels `otel_signal`, `kind`.
pub const REDACTED: Metric = counter("quartet_redacted_values", "Secrets masked before they were stored.");
/// Label `processor`.
pub const BATCH_SIZE: Metric =
    histogram("otelcol_processor_batch_batch_send_size", "Records of a request handed to the store.");
/// Label `processor`.
pub const BATCH_BYTES: Metric =
    histogram("otelcol_processor_batch_batch_send_size_bytes", "Bytes of a request handed to the store.");
/// Label `exporter`.
pub const EXPORTER_SENT: Metric = counter("otelcol_exporter_sent_{records}", "Records appended to the store.");
/// Label `exporter`.
pub const EXPORTER_SEND_FAILED: Metric =
    counter("otelcol_exporter_send_failed_{records}", "Records that the store failed to append.");
/// Label `exporter`.
pub const EXPORTER_ENQUEUE_FAILED: Metric =
    counter("otelcol_exporter_enqueue_failed_{records}", "Records that the store refused for lack of room.");
/// Labels `exporter`, `data_type`.
pub const EXPORTER_IN_FLIGHT: Metric =
    gauge("otelcol_exporter_in_flight_requests", "Requests that the store is appending now.");
/// Labels `exporter`, `data_type`.
pub const EXPORTER_QUEUE_SIZE: Metric =
    gauge("otelcol_exporter_queue_size", "Requests that wait for the store now: those being appended.");
/// Labels `exporter`.
pub const EXPORTER_QUEUE_CAPACITY: Metric =
    gauge("otelcol_exporter_queue_capacity", "Bytes that requests under way may hold.");
/// No labels.
pub const IN_FLIGHT_BYTES: Metric = gauge("quartet_receiver_in_flight_bytes", "Bytes that requests under way hold.");
/// No labels.
pub const PROCESS_UPTIME: Metric = counter("otelcol_process_uptime", "Seconds since start.");
/// No labels.
pub const PROCESS_CPU: Metric = counter("otelcol_process_cpu_seconds", "CPU seconds, user and system.");
/// No labels.
pub const PROCESS_RSS: Metric = gauge("otelcol_process_memory_rss", "Resident memory in bytes.");
/// No labels.
pub const PROCESS_RSS_PEAK: Metric = gauge("quartet_process_memory_rss_peak", "Highest resident memory in bytes.");
/// No labels.
pub const PROCESS_THREADS: Metric = gauge("quartet_process_threads", "Threads.");
/// Labels of the resource.
pub const TARGET_INFO: Metric = gauge("target_info", "Who this is.");
/// Label `signal`.
pub const STORE_HEAD_ROWS: Metric = gauge("quartet_store_head_rows", "Rows not yet in a block.");
/// Label `signal`.
pub const STORE_HEAD_BYTES: Metric = gauge("quartet_store_head_bytes", "Memory of rows not yet in a block.");
/// Label `signal`.
pub const STORE_BLOCK_ROWS: Metric = gauge("quartet_store_block_rows", "Rows in blocks.");
/// Label `signal`.
pub const STORE_BLOCKS: Metric = gauge("quartet_store_blocks", "Blocks.");
/// Label `signal`.
pub const STORE_BLOCK_BYTES: Metric = gauge("quartet_store_block_bytes", "Bytes of blocks.");
/// Label `signal`.
pub const STORE_WAL_BYTES: Metric = gauge("quartet_store_wal_bytes", "Bytes of the write-ahead log.");
/// Label `signal`.
pub const STORE_OLDEST: Metric =
    gauge("quartet_store_oldest_timestamp_seconds", "Time of the oldest row; absent without rows.");
/// Label `signal`.
pub const STORE_FLUSHES: Metric = counter("quartet_store_flushes", "Flushes done.");
/// Label `signal`.
pub const STORE_COMPACTIONS: Metric = counter("quartet_store_compactions", "Compactions done.");
/// Label `signal`.
pub const STORE_LATE: Metric =
    counter("quartet_store_late_points", "Delta points dropped because a newer one of their series was there.");
/// Label `signal`.
pub const STORE_RETIRED: Metric = counter("quartet_store_retired_blocks", "Blocks that retention deleted.");
/// No labels.
pub const STORE_BACKGROUND: Metric =
    gauge("quartet_store_background_tasks", "Flushes and compactions under way or due; 0 when the store is quiet.");
/// No labels.
pub const STORE_REFUSING: Metric = gauge("quartet_store_refusing", "1 while writes are refused for lack of room.");
