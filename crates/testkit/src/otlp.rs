//! OTLP requests from plain Rust values, written field by field.
//!
//! Field numbers are those of opentelemetry-proto 1.x (`trace.proto`, `logs.proto`, `metrics.proto`, `common.proto`).

use protowire::Writer;

/// An attribute value.
#[derive(Clone, Debug, PartialEq)]
pub enum Any {
    /// Text.
    Str(String),
    /// Truth.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Floating point.
    Double(f64),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Any>),
    /// A map, in order.
    Map(Vec<(String, Any)>),
}

impl From<&str> for Any {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<i64> for Any {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// Attributes, in order.
pub type Attributes = Vec<(String, Any)>;

/// Attributes from pairs.
pub fn attributes<const N: usize>(pairs: [(&str, Any); N]) -> Attributes {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A span.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Trace id.
    pub trace_id: [u8; 16],
    /// Span id.
    pub span_id: [u8; 8],
    /// Parent's span id, if any.
    pub parent: Option<[u8; 8]>,
    /// Name.
    pub name: String,
    /// Kind, 1 internal to 5 consumer.
    pub kind: u64,
    /// Start in Unix nanoseconds.
    pub start: u64,
    /// End in Unix nanoseconds.
    pub end: u64,
    /// Attributes.
    pub attributes: Attributes,
    /// Events: time, name, attributes.
    pub events: Vec<(u64, String, Attributes)>,
    /// Links: trace id, span id, attributes.
    pub links: Vec<([u8; 16], [u8; 8], Attributes)>,
    /// Status code and message.
    pub status: Option<(u64, String)>,
    /// W3C trace state.
    pub trace_state: String,
}

/// A log record.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Time in Unix nanoseconds.
    pub time: u64,
    /// Severity number, 1 to 24.
    pub severity: u64,
    /// Severity text.
    pub severity_text: String,
    /// Body.
    pub body: Option<Any>,
    /// Attributes.
    pub attributes: Attributes,
    /// Trace and span id, if any.
    pub context: Option<([u8; 16], [u8; 8])>,
}

/// A series of a remote-write request.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Labels, sorted by name, `__name__` among them.
    pub labels: &'a [(&'a str, &'a str)],
    /// Unix milliseconds and value.
    pub samples: &'a [(i64, f64)],
}

/// `ExportTraceServiceRequest` with one resource and one scope.
pub fn traces(resource: &Attributes, spans: &[Span]) -> Vec<u8> {
    let mut out = Writer::new();
    out.message(1, |envelope| {
        write_resource(envelope, resource);
        envelope.message(2, |scope| {
            write_scope(scope);
            for span in spans {
                scope.message(2, |message| write_span(message, span));
            }
        });
    });
    out.into_bytes()
}

/// `ExportLogsServiceRequest` with one resource and one scope.
pub fn logs(resource: &Attributes, records: &[Record]) -> Vec<u8> {
    let mut out = Writer::new();
    out.message(1, |envelope| {
        write_resource(envelope, resource);
        envelope.message(2, |scope| {
            write_scope(scope);
            for record in records {
                scope.message(2, |message| write_record(message, record));
            }
        });
    });
    out.into_bytes()
}

/// `ExportMetricsServiceRequest` with one gauge: each point is its attributes, its time in Unix nanoseconds and its value.
pub fn gauge(resource: &Attributes, name: &str, points: &[(Attributes, u64, f64)]) -> Vec<u8> {
    let mut out = Writer::new();
    out.message(1, |envelope| {
        write_resource(envelope, resource);
        envelope.message(2, |scope| {
            write_scope(scope);
            scope.message(2, |metric| {
                metric.str(1, name);
                metric.message(5, |gauge| {
                    for (attributes, time, value) in points {
                        gauge.message(1, |point| {
                            write_attributes(point, 7, attributes);
                            point.fixed64(3, *time).double(4, *value);
                        });
                    }
                });
            });
        });
    });
    out.into_bytes()
}

/// Prometheus remote write 1.0: not yet compressed.
pub fn remote_write(series: &[Series<'_>]) -> Vec<u8> {
    let mut out = Writer::new();
    for Series { labels, samples } in series {
        out.message(1, |message| {
            for (name, value) in *labels {
                message.message(1, |label| {
                    label.str(1, name).str(2, value);
                });
            }
            for (time, value) in *samples {
                message.message(2, |sample| {
                    sample.double(1, *value).varint(2, *time as u64);
                });
            }
        });
    }
    out.into_bytes()
}

/// Writes each attribute as a `KeyValue` in `field`.
pub fn write_attributes(out: &mut Writer, field: u32, attributes: &Attributes) {
    for (key, value) in attributes {
        out.message(field, |pair| {
            pair.str(1, key);
            pair.message(2, |any| write_any(any, value));
        });
    }
}

/// Writes the fields of an `AnyValue`.
pub fn write_any(out: &mut Writer, value: &Any) {
    match value {
        Any::Str(text) => out.str(1, text),
        Any::Bool(truth) => out.varint(2, u64::from(*truth)),
        Any::Int(number) => out.varint(3, *number as u64),
        Any::Double(number) => out.double(4, *number),
        Any::List(items) => out.message(5, |list| {
            for item in items {
                list.message(1, |any| write_any(any, item));
            }
        }),
        Any::Map(fields) => out.message(6, |map| write_attributes(map, 1, fields)),
        Any::Bytes(bytes) => out.bytes(7, bytes),
    };
}

fn write_resource(envelope: &mut Writer, attributes: &Attributes) {
    envelope.message(1, |resource| write_attributes(resource, 1, attributes));
}

fn write_scope(scope: &mut Writer) {
    scope.message(1, |message| {
        message.str(1, "testkit").str(2, "1.0");
    });
}

fn write_span(out: &mut Writer, span: &Span) {
    out.bytes(1, &span.trace_id).bytes(2, &span.span_id);
    if !span.trace_state.is_empty() {
        out.str(3, &span.trace_state);
    }
    if let Some(parent) = &span.parent {
        out.bytes(4, parent);
    }
    out.str(5, &span.name).varint(6, span.kind).fixed64(7, span.start).fixed64(8, span.end);
    write_attributes(out, 9, &span.attributes);
    for (time, name, attributes) in &span.events {
        out.message(11, |event| {
            event.fixed64(1, *time).str(2, name);
            write_attributes(event, 3, attributes);
        });
    }
    for (trace_id, span_id, attributes) in &span.links {
        out.message(13, |link| {
            link.bytes(1, trace_id).bytes(2, span_id);
            write_attributes(link, 4, attributes);
        });
    }
    if let Some((code, message)) = &span.status {
        out.message(15, |status| {
            if !message.is_empty() {
                status.str(2, message);
            }
            status.varint(3, *code);
        });
    }
}

fn write_record(out: &mut Writer, record: &Record) {
    out.fixed64(1, record.time);
    if record.severity > 0 {
        out.varint(2, record.severity);
    }
    if !record.severity_text.is_empty() {
        out.str(3, &record.severity_text);
    }
    if let Some(body) = &record.body {
        out.message(5, |any| write_any(any, body));
    }
    write_attributes(out, 6, &record.attributes);
    if let Some((trace_id, span_id)) = &record.context {
        out.bytes(9, trace_id).bytes(10, span_id);
    }
}
