//! For tests: spans as requests, blocks in temporary folders.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use model::{KeyValue, Span, UnixNanos};
use protowire::Writer;
use store_api::{Payload, StoreError, WireFormat};

use super::open::OpenedSpans;
use crate::attributes::value::encode_value;
use crate::engine::block::ReadAt;

/// A request with one `ResourceSpans` and one `ScopeSpans` a span.
pub(crate) fn request(spans: &[Span]) -> Payload {
    let mut out = Writer::new();
    for span in spans {
        out.message(1, |envelope| {
            envelope.message(1, |resource| {
                pairs(resource, 1, &span.resource.attributes);
                resource.varint(2, span.resource.dropped_attributes_count.into());
            });
            envelope.message(2, |scoped| {
                scoped.message(1, |scope| {
                    scope.str(1, &span.scope.name).str(2, &span.scope.version);
                    pairs(scope, 3, &span.scope.attributes);
                    scope.varint(4, span.scope.dropped_attributes_count.into());
                });
                scoped.message(2, |message| write_span(message, span));
                scoped.str(3, &span.scope.schema_url);
            });
            envelope.str(3, &span.resource.schema_url);
        });
    }
    payload(out.into_bytes())
}

/// A request of these bytes.
pub(crate) fn payload(bytes: Vec<u8>) -> Payload {
    Payload { format: WireFormat::OtlpTraces, body: bytes.into(), encoded: None, received: UnixNanos(1) }
}

fn pairs(out: &mut Writer, field: u32, attributes: &[KeyValue]) {
    for pair in attributes {
        out.message(field, |message| {
            message.str(1, &pair.key).message(2, |value| encode_value(&pair.value, value));
        });
    }
}

fn write_span(out: &mut Writer, span: &Span) {
    out.bytes(1, &span.trace_id.0).bytes(2, &span.span_id.0).str(3, &span.trace_state);
    if !span.parent_span_id.is_zero() {
        out.bytes(4, &span.parent_span_id.0);
    }
    out.str(5, &span.name).varint(6, span.kind.0.into());
    out.fixed64(7, span.start.0).fixed64(8, span.end.0);
    pairs(out, 9, &span.attributes);
    out.varint(10, span.dropped_attributes_count.into());
    for event in &span.events {
        out.message(11, |message| {
            message.fixed64(1, event.time.0).str(2, &event.name);
            pairs(message, 3, &event.attributes);
            message.varint(4, event.dropped_attributes_count.into());
        });
    }
    out.varint(12, span.dropped_events_count.into());
    for link in &span.links {
        out.message(13, |message| {
            message.bytes(1, &link.trace_id.0).bytes(2, &link.span_id.0).str(3, &link.trace_state);
            pairs(message, 4, &link.attributes);
            message.varint(5, link.dropped_attributes_count.into()).fixed32(6, link.flags);
        });
    }
    out.varint(14, span.dropped_links_count.into());
    out.message(15, |status| {
        status.str(2, &span.status_message).varint(3, span.status_code.0.into());
    });
    out.fixed32(16, span.flags);
}

/// Spans in an order and form that can be compared: attributes by key.
pub(crate) fn comparable(mut spans: Vec<Span>) -> Vec<Span> {
    let sort = |pairs: &mut Vec<KeyValue>| pairs.sort_by(|a, b| a.key.cmp(&b.key));
    for span in &mut spans {
        sort(&mut span.attributes);
        span.events.iter_mut().for_each(|event| sort(&mut event.attributes));
        span.links.iter_mut().for_each(|link| sort(&mut link.attributes));
    }
    spans.sort_by_cached_key(|span| (span.trace_id, span.start, format!("{span:?}")));
    spans
}

/// Opens the block in `folder`.
pub(crate) fn open(folder: &Path) -> Arc<OpenedSpans> {
    let opened = OpenedSpans::open(|name| {
        let path = folder.join(name);
        let file =
            path.exists().then(|| Arc::new(LocalFile(File::open(&path).expect("open"), path)) as Arc<dyn ReadAt>);
        Ok(file)
    });
    Arc::new(opened.expect("a block that was just written opens"))
}

struct LocalFile(File, PathBuf);

impl ReadAt for LocalFile {
    fn size(&self) -> u64 {
        self.0.metadata().expect("size").len()
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, offset).unwrap_or_else(|error| panic!("{}: {error}", self.1.display()));
        Ok(bytes.into())
    }
}

/// All spans of a block.
pub(crate) fn all_spans(opened: &OpenedSpans) -> Vec<Span> {
    let groups = 0..opened.spans.table.row_groups();
    let batches = groups.map(|group| {
        let rows = opened.spans.table.row_group_rows(group);
        opened.batch(group, 0..rows).expect("a row group reads")
    });
    batches.flat_map(|batch| (0..batch.len() as u32).map(|row| batch.span(row)).collect::<Vec<_>>()).collect()
}
