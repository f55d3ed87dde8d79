//! Records to OTLP requests: grouped by scope, masked, encoded, compressed, and split before they are too large for a collector.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry::InstrumentationScope;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope as Scope;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use serde::Serialize;

use super::redaction::Masks;
use super::transport::Encoded;
use super::worker::Encode;
use crate::config::{ExporterConfig, Protocol};

/// gRPC servers refuse messages over 4 MiB unless told otherwise; a quarter is left for the envelope and for JSON's variance.
const MESSAGE_MAX: usize = 3 << 20;

/// How bodies are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    json: bool,
    gzip: bool,
}

impl Format {
    pub(crate) fn new(config: &ExporterConfig) -> Self {
        // gRPC compresses by itself, per message.
        let gzip = config.gzip && config.protocol != Protocol::Grpc;
        Self { json: config.protocol == Protocol::HttpJson, gzip }
    }

    fn body<M: Message + Serialize>(self, request: &M) -> Vec<u8> {
        if self.json {
            serde_json::to_vec(request).expect("OTLP messages have no map with keys that are no strings")
        } else {
            request.encode_to_vec()
        }
    }

    fn finished(self, body: Vec<u8>, records: u64) -> Encoded {
        if !self.gzip {
            return Encoded { body: Bytes::from(body), records };
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(&body).and_then(|()| encoder.finish());
        Encoded { body: Bytes::from(written.expect("writing into memory cannot fail")), records }
    }
}

/// A log record with the scope that it belongs to: `tracing`'s target, or the scope of an OpenTelemetry logger.
#[derive(Clone, Debug)]
pub(crate) struct ScopedLog {
    pub(crate) scope: std::borrow::Cow<'static, str>,
    pub(crate) record: LogRecord,
}

/// What all requests of a pipeline share.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) resource: Resource,
    pub(crate) masks: Masks,
    pub(crate) format: Format,
}

/// Spans.
pub(crate) struct EncodeSpans(pub(crate) Envelope);

impl Encode<SpanData> for EncodeSpans {
    fn encode(&mut self, records: &mut Vec<SpanData>) -> Vec<Encoded> {
        let mut spans: Vec<(InstrumentationScope, Span)> = records
            .drain(..)
            .map(|data| {
                let scope = data.instrumentation_scope.clone();
                let mut span = Span::from(data);
                self.0.masks.span(&mut span);
                (scope, span)
            })
            .collect();
        let mut out = Vec::new();
        split(&mut spans, |(_, span)| span.encoded_len(), &mut |part| {
            let count = part.len() as u64;
            let body = self.0.format.body(&self.spans(part));
            out.push(self.0.format.finished(body, count));
        });
        out
    }
}

impl EncodeSpans {
    fn spans(&self, spans: Vec<(InstrumentationScope, Span)>) -> ExportTraceServiceRequest {
        let mut scopes: Vec<(InstrumentationScope, Vec<Span>)> = Vec::new();
        for (scope, span) in spans {
            match scopes.iter_mut().find(|(known, _)| *known == scope) {
                Some((_, group)) => group.push(span),
                None => scopes.push((scope, vec![span])),
            }
        }
        let scope_spans = scopes.into_iter().map(|(scope, spans)| {
            let schema_url = scope.schema_url().unwrap_or_default().to_owned();
            ScopeSpans { scope: Some((scope, None).into()), spans, schema_url }
        });
        let resource = Some(self.0.resource.clone());
        let scope_spans = scope_spans.collect();
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url: String::new() }],
        }
    }
}

/// Log records.
pub(crate) struct EncodeLogs(pub(crate) Envelope);

impl Encode<ScopedLog> for EncodeLogs {
    fn encode(&mut self, records: &mut Vec<ScopedLog>) -> Vec<Encoded> {
        for log in records.iter_mut() {
            self.0.masks.log(&mut log.record);
        }
        let mut out = Vec::new();
        split(records, |log| log.record.encoded_len(), &mut |part| {
            let count = part.len() as u64;
            let body = self.0.format.body(&self.logs(part));
            out.push(self.0.format.finished(body, count));
        });
        out
    }
}

impl EncodeLogs {
    fn logs(&self, logs: Vec<ScopedLog>) -> ExportLogsServiceRequest {
        let mut scope_logs: Vec<ScopeLogs> = Vec::new();
        for log in logs {
            let known =
                scope_logs.iter_mut().find(|group| group.scope.as_ref().is_some_and(|scope| scope.name == log.scope));
            match known {
                Some(group) => group.log_records.push(log.record),
                None => {
                    let scope = Some(Scope { name: log.scope.into_owned(), ..Scope::default() });
                    scope_logs.push(ScopeLogs { scope, log_records: vec![log.record], schema_url: String::new() });
                }
            }
        }
        let resource = Some(self.0.resource.clone());
        ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs { resource, scope_logs, schema_url: String::new() }],
        }
    }
}

/// The request of one collection of metrics; its records are data points.
pub(crate) fn metrics(mut request: ExportMetricsServiceRequest, masks: &Masks, format: Format) -> Encoded {
    masks.metrics(&mut request);
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let points = scopes.flat_map(|scope| &scope.metrics).map(|metric| match &metric.data {
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
        None => 0,
    });
    let points = points.sum::<usize>() as u64;
    format.finished(format.body(&request), points)
}

/// Gives `records` to `emit` in runs whose sizes add up to at most [`MESSAGE_MAX`]; a record that is larger alone goes alone.
fn split<R>(records: &mut Vec<R>, size: impl Fn(&R) -> usize, emit: &mut dyn FnMut(Vec<R>)) {
    let mut run = Vec::with_capacity(records.len());
    let mut bytes = 0;
    for record in records.drain(..) {
        let next = size(&record);
        if bytes + next > MESSAGE_MAX && !run.is_empty() {
            emit(std::mem::take(&mut run));
            bytes = 0;
        }
        bytes += next;
        run.push(record);
    }
    if !run.is_empty() {
        emit(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_stay_below_the_limit() {
        let mut records = vec![1 << 20, 2 << 20, 1, 5 << 20, 1];
        let mut runs = Vec::new();
        split(&mut records, |size| *size, &mut |run| runs.push(run));
        assert_eq!(runs, [vec![1 << 20, 2 << 20], vec![1], vec![5 << 20], vec![1]]);
    }
}
