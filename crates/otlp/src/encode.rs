//! Spans as protobuf: grouped by resource and scope into a `TracesData` message.

use model::{Resource, Scope, Span, SpanEvent, SpanLink};
use protowire::Writer;

use crate::value::write_pairs;

/// The spans of one resource.
#[derive(Clone, Debug)]
pub struct ResourceGroup<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// Its scopes in order of first appearance.
    pub scopes: Vec<ScopeGroup<'a>>,
}

/// The spans of one scope.
#[derive(Clone, Debug)]
pub struct ScopeGroup<'a> {
    /// The scope.
    pub scope: &'a Scope,
    /// Its spans in their order.
    pub spans: Vec<&'a Span>,
}

/// Groups spans by equal resource and scope, in order of first appearance.
pub fn group<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<ResourceGroup<'a>> {
    // Senders and the store share one resource among many spans, so most comparisons end at the address.
    fn same<T: PartialEq>(a: &T, b: &T) -> bool {
        std::ptr::eq(a, b) || a == b
    }
    let mut groups: Vec<ResourceGroup<'a>> = Vec::new();
    for span in spans {
        let (resource, scope) = (span.resource.as_ref(), span.scope.as_ref());
        let at = groups.iter().position(|group| same(group.resource, resource)).unwrap_or_else(|| {
            groups.push(ResourceGroup { resource, scopes: Vec::new() });
            groups.len() - 1
        });
        let scopes = &mut groups[at].scopes;
        let at = scopes.iter().position(|group| same(group.scope, scope)).unwrap_or_else(|| {
            scopes.push(ScopeGroup { scope, spans: Vec::new() });
            scopes.len() - 1
        });
        scopes[at].spans.push(span);
    }
    groups
}

/// `TracesData` (the same on the wire as `ExportTraceServiceRequest` and Tempo's `Trace`) of `spans`.
pub fn traces_data<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<u8> {
    let mut out = Writer::new();
    write_traces_data(&group(spans), &mut out);
    out.into_bytes()
}

/// Writes the fields of a `TracesData` message.
pub fn write_traces_data(groups: &[ResourceGroup<'_>], out: &mut Writer) {
    for group in groups {
        out.message(1, |resource_spans| {
            resource_spans.message(1, |resource| {
                write_pairs(&group.resource.attributes, 1, resource);
                number(resource, 2, group.resource.dropped_attributes_count);
            });
            for scope in &group.scopes {
                resource_spans.message(2, |scope_spans| write_scope_spans(scope, scope_spans));
            }
            text(resource_spans, 3, &group.resource.schema_url);
        });
    }
}

fn write_scope_spans(group: &ScopeGroup<'_>, out: &mut Writer) {
    out.message(1, |scope| {
        text(scope, 1, &group.scope.name);
        text(scope, 2, &group.scope.version);
        write_pairs(&group.scope.attributes, 3, scope);
        number(scope, 4, group.scope.dropped_attributes_count);
    });
    for span in &group.spans {
        out.message(2, |message| write_span(span, message));
    }
    text(out, 3, &group.scope.schema_url);
}

fn write_span(span: &Span, out: &mut Writer) {
    out.bytes(1, &span.trace_id.0).bytes(2, &span.span_id.0);
    text(out, 3, &span.trace_state);
    if !span.parent_span_id.is_zero() {
        out.bytes(4, &span.parent_span_id.0);
    }
    text(out, 5, &span.name);
    number(out, 6, u32::from(span.kind.0));
    out.fixed64(7, span.start.0).fixed64(8, span.end.0);
    write_pairs(&span.attributes, 9, out);
    number(out, 10, span.dropped_attributes_count);
    for event in &span.events {
        out.message(11, |message| write_event(event, message));
    }
    number(out, 12, span.dropped_events_count);
    for link in &span.links {
        out.message(13, |message| write_link(link, message));
    }
    number(out, 14, span.dropped_links_count);
    if span.status_code.0 != 0 || !span.status_message.is_empty() {
        out.message(15, |status| {
            text(status, 2, &span.status_message);
            number(status, 3, u32::from(span.status_code.0));
        });
    }
    if span.flags != 0 {
        out.fixed32(16, span.flags);
    }
}

fn write_event(event: &SpanEvent, out: &mut Writer) {
    out.fixed64(1, event.time.0);
    text(out, 2, &event.name);
    write_pairs(&event.attributes, 3, out);
    number(out, 4, event.dropped_attributes_count);
}

fn write_link(link: &SpanLink, out: &mut Writer) {
    out.bytes(1, &link.trace_id.0).bytes(2, &link.span_id.0);
    text(out, 3, &link.trace_state);
    write_pairs(&link.attributes, 4, out);
    number(out, 5, link.dropped_attributes_count);
    if link.flags != 0 {
        out.fixed32(6, link.flags);
    }
}

/// Writes a text that is not empty, as proto3 does.
fn text(out: &mut Writer, field: u32, text: &str) {
    if !text.is_empty() {
        out.str(field, text);
    }
}

/// Writes a number that is not 0, as proto3 does.
fn number(out: &mut Writer, field: u32, number: u32) {
    if number != 0 {
        out.varint(field, u64::from(number));
    }
}
