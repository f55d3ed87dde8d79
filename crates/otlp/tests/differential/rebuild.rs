//! Sinks that build prost's types from what our walkers hand out, and prost's types without what we leave out on purpose. Also used by
//! the fuzz targets.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1 as pm;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use otlp::view::*;
use otlp::{DecodeError, LogSink, MetricSink, SpanSink};
use prost::Message;

/// What a walk gave.
#[derive(Debug, Default)]
pub struct Rebuilt<R> {
    /// The request as far as it could be read.
    pub request: R,
    /// Why records were left out.
    pub malformed: Vec<DecodeError>,
}

/// One signal's request: how we and prost read it.
pub trait Request: Message + Default + Clone + std::fmt::Debug {
    /// Our walk.
    fn walk(bytes: &[u8], rebuilt: &mut Rebuilt<Self>) -> Result<(), DecodeError>;
    /// Takes out what our views do not carry.
    fn normalise(&mut self);
}

/// Errors for bytes that prost accepts: the documented ones.
fn is_documented(error: &DecodeError) -> bool {
    matches!(error, DecodeError::TooDeep | DecodeError::TooMany { .. } | DecodeError::Twice)
}

/// Reads `bytes` both ways. Panics where the two disagree without a documented reason.
pub fn compare<R: Request>(bytes: &[u8]) {
    let mut ours = Rebuilt::<R>::default();
    let result = R::walk(bytes, &mut ours);
    let Ok(mut theirs) = R::decode(bytes) else { return };
    if let Err(error) = &result {
        assert!(is_documented(error), "prost accepts, we say: {error}");
        return;
    }
    for error in &ours.malformed {
        assert!(is_documented(error), "prost accepts, we leave out a record: {error}");
    }
    if ours.malformed.is_empty() {
        theirs.normalise();
        // By bytes: a NaN does not equal itself.
        if ours.request.encode_to_vec() != theirs.encode_to_vec() {
            panic!("different requests\nours: {:#?}\ntheirs: {theirs:#?}", ours.request);
        }
    }
}

fn any(view: AnyValueView<'_>) -> AnyValue {
    AnyValue::decode(otlp::value::encode(&otlp::value::to_value(view)).as_slice()).expect("own bytes")
}

fn pairs(views: &[KeyValueView<'_>]) -> Vec<KeyValue> {
    let pair =
        |view: &KeyValueView<'_>| KeyValue { key: view.key.into(), value: Some(any(view.value)), key_strindex: 0 };
    views.iter().map(pair).collect()
}

fn range<'v, 'a>(views: &'v [KeyValueView<'a>], (from, to): (u32, u32)) -> &'v [KeyValueView<'a>] {
    &views[from as usize..to as usize]
}

fn resource(view: &ResourceView<'_, '_>) -> Option<Resource> {
    Some(Resource {
        attributes: pairs(view.attributes),
        dropped_attributes_count: view.dropped_attributes_count,
        entity_refs: Vec::new(),
    })
}

fn scope(view: &ScopeView<'_, '_>) -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: view.name.into(),
        version: view.version.into(),
        attributes: pairs(view.attributes),
        dropped_attributes_count: view.dropped_attributes_count,
    })
}

fn normalise_any(value: &mut AnyValue) {
    match &mut value.value {
        Some(any_value::Value::StringValueStrindex(_)) => value.value = None,
        Some(any_value::Value::ArrayValue(array)) => array.values.iter_mut().for_each(normalise_any),
        Some(any_value::Value::KvlistValue(list)) => normalise_pairs(&mut list.values),
        _ => {}
    }
}

fn normalise_pairs(pairs: &mut [KeyValue]) {
    for pair in pairs {
        pair.key_strindex = 0;
        normalise_any(pair.value.get_or_insert_default());
    }
}

fn normalise_resource(resource: &mut Option<Resource>) {
    let resource = resource.get_or_insert_default();
    resource.entity_refs.clear();
    normalise_pairs(&mut resource.attributes);
}

fn normalise_scope(scope: &mut Option<InstrumentationScope>) {
    normalise_pairs(&mut scope.get_or_insert_default().attributes);
}

fn small(number: i32) -> i32 {
    u8::try_from(number).unwrap_or(0).into()
}

impl SpanSink for Rebuilt<ExportTraceServiceRequest> {
    fn resource(&mut self, view: &ResourceView<'_, '_>) {
        let schema_url = view.schema_url.into();
        self.request.resource_spans.push(ResourceSpans {
            resource: resource(view),
            scope_spans: Vec::new(),
            schema_url,
        });
    }
    fn scope(&mut self, view: &ScopeView<'_, '_>) {
        let spans = ScopeSpans { scope: scope(view), spans: Vec::new(), schema_url: view.schema_url.into() };
        self.request.resource_spans.last_mut().expect("resource first").scope_spans.push(spans);
    }
    fn span(&mut self, view: &SpanView<'_, '_>) {
        let event = |event: &EventView<'_>| span::Event {
            time_unix_nano: event.time,
            name: event.name.into(),
            attributes: pairs(range(view.event_attributes, event.attributes)),
            dropped_attributes_count: event.dropped_attributes_count,
        };
        let link = |link: &LinkView<'_>| span::Link {
            trace_id: link.trace_id.into(),
            span_id: link.span_id.into(),
            trace_state: link.trace_state.into(),
            attributes: pairs(range(view.link_attributes, link.attributes)),
            dropped_attributes_count: link.dropped_attributes_count,
            flags: link.flags,
        };
        let span = Span {
            trace_id: view.trace_id.into(),
            span_id: view.span_id.into(),
            trace_state: view.trace_state.into(),
            parent_span_id: view.parent_span_id.into(),
            flags: view.flags,
            name: view.name.into(),
            kind: view.kind.into(),
            start_time_unix_nano: view.start,
            end_time_unix_nano: view.end,
            attributes: pairs(view.attributes),
            dropped_attributes_count: view.dropped_attributes_count,
            events: view.events.iter().map(event).collect(),
            dropped_events_count: view.dropped_events_count,
            links: view.links.iter().map(link).collect(),
            dropped_links_count: view.dropped_links_count,
            status: Some(Status { message: view.status_message.into(), code: view.status_code.into() }),
        };
        let scope = self.request.resource_spans.last_mut().expect("resource first").scope_spans.last_mut();
        scope.expect("scope first").spans.push(span);
    }
    fn malformed(&mut self, error: DecodeError) {
        self.malformed.push(error);
    }
}

impl Request for ExportTraceServiceRequest {
    fn walk(bytes: &[u8], rebuilt: &mut Rebuilt<Self>) -> Result<(), DecodeError> {
        otlp::decode_traces(bytes, rebuilt)
    }
    fn normalise(&mut self) {
        for resource in &mut self.resource_spans {
            normalise_resource(&mut resource.resource);
            for scope in &mut resource.scope_spans {
                normalise_scope(&mut scope.scope);
                for span in &mut scope.spans {
                    span.kind = small(span.kind);
                    let status = span.status.get_or_insert_default();
                    status.code = small(status.code);
                    normalise_pairs(&mut span.attributes);
                    span.events.iter_mut().for_each(|event| normalise_pairs(&mut event.attributes));
                    span.links.iter_mut().for_each(|link| normalise_pairs(&mut link.attributes));
                }
            }
        }
    }
}

impl LogSink for Rebuilt<ExportLogsServiceRequest> {
    fn resource(&mut self, view: &ResourceView<'_, '_>) {
        let schema_url = view.schema_url.into();
        self.request.resource_logs.push(ResourceLogs { resource: resource(view), scope_logs: Vec::new(), schema_url });
    }
    fn scope(&mut self, view: &ScopeView<'_, '_>) {
        let logs = ScopeLogs { scope: scope(view), log_records: Vec::new(), schema_url: view.schema_url.into() };
        self.request.resource_logs.last_mut().expect("resource first").scope_logs.push(logs);
    }
    fn log(&mut self, view: &LogView<'_, '_>) {
        let record = LogRecord {
            time_unix_nano: view.time,
            observed_time_unix_nano: view.observed_time,
            severity_number: view.severity_number,
            severity_text: view.severity_text.into(),
            body: Some(any(view.body)),
            attributes: pairs(view.attributes),
            dropped_attributes_count: view.dropped_attributes_count,
            flags: view.flags,
            trace_id: view.trace_id.into(),
            span_id: view.span_id.into(),
            event_name: view.event_name.into(),
        };
        let scope = self.request.resource_logs.last_mut().expect("resource first").scope_logs.last_mut();
        scope.expect("scope first").log_records.push(record);
    }
    fn malformed(&mut self, error: DecodeError) {
        self.malformed.push(error);
    }
}

impl Request for ExportLogsServiceRequest {
    fn walk(bytes: &[u8], rebuilt: &mut Rebuilt<Self>) -> Result<(), DecodeError> {
        otlp::decode_logs(bytes, rebuilt)
    }
    fn normalise(&mut self) {
        for resource in &mut self.resource_logs {
            normalise_resource(&mut resource.resource);
            for scope in &mut resource.scope_logs {
                normalise_scope(&mut scope.scope);
                for record in &mut scope.log_records {
                    normalise_any(record.body.get_or_insert_default());
                    normalise_pairs(&mut record.attributes);
                }
            }
        }
    }
}

#[path = "rebuild_metrics.rs"]
mod metrics;
use metrics::normalise_metric;

impl Request for ExportMetricsServiceRequest {
    fn walk(bytes: &[u8], rebuilt: &mut Rebuilt<Self>) -> Result<(), DecodeError> {
        otlp::decode_metrics(bytes, rebuilt)
    }
    fn normalise(&mut self) {
        for resource in &mut self.resource_metrics {
            normalise_resource(&mut resource.resource);
            for scope in &mut resource.scope_metrics {
                normalise_scope(&mut scope.scope);
                scope.metrics.iter_mut().for_each(normalise_metric);
            }
        }
    }
}
