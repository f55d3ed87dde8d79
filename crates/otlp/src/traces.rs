//! Walks over `ExportTraceServiceRequest`.

use protowire::cursor::{BYTES, Cursor, FIXED32, FIXED64, VARINT};

use crate::attributes::{Attributes, push_part};
use crate::envelope::{Records, walk};
use crate::error::DecodeError;
use crate::sink::SpanSink;
use crate::view::{EventView, LinkView, ResourceView, ScopeView, SpanView};

/// Walks an `ExportTraceServiceRequest` (or `TracesData`, which is the same on the wire). An error means that the message's outer
/// structure is broken; the sink may already have been given records, which the caller then throws away.
pub fn decode_traces(request: &[u8], sink: &mut impl SpanSink) -> Result<(), DecodeError> {
    walk(request, &mut Spans { sink, parts: Parts::default() })
}

/// Events, links and attributes of the span that is being read; the memory is used again for the next one.
#[derive(Debug, Default)]
struct Parts<'a> {
    attributes: Attributes<'a>,
    events: Vec<EventView<'a>>,
    event_attributes: Attributes<'a>,
    links: Vec<LinkView<'a>>,
    link_attributes: Attributes<'a>,
}

struct Spans<'s, 'a, S> {
    sink: &'s mut S,
    parts: Parts<'a>,
}

impl<'a, S: SpanSink> Records<'a> for Spans<'_, 'a, S> {
    fn resource(&mut self, resource: &ResourceView<'_, 'a>) {
        self.sink.resource(resource);
    }

    fn scope(&mut self, scope: &ScopeView<'_, 'a>) {
        self.sink.scope(scope);
    }

    #[inline]
    fn record(&mut self, record: &'a [u8]) {
        let mut span = SpanView::default();
        match read_span(record, &mut span, &mut self.parts) {
            Ok(()) => self.sink.span(&SpanView {
                attributes: self.parts.attributes.as_slice(),
                events: &self.parts.events,
                event_attributes: self.parts.event_attributes.as_slice(),
                links: &self.parts.links,
                link_attributes: self.parts.link_attributes.as_slice(),
                ..span
            }),
            Err(error) => self.sink.malformed(error),
        }
    }
}

fn read_span<'a>(message: &'a [u8], span: &mut SpanView<'_, 'a>, parts: &mut Parts<'a>) -> Result<(), DecodeError> {
    parts.attributes.clear();
    parts.events.clear();
    parts.event_attributes.clear();
    parts.links.clear();
    parts.link_attributes.clear();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (9, BYTES) => drop(parts.attributes.push(cursor.bytes()?)?),
            (1, BYTES) => span.trace_id = cursor.bytes()?,
            (2, BYTES) => span.span_id = cursor.bytes()?,
            (3, BYTES) => span.trace_state = cursor.str(3)?,
            (4, BYTES) => span.parent_span_id = cursor.bytes()?,
            (5, BYTES) => span.name = cursor.str(5)?,
            (6, VARINT) => span.kind = enum_number(cursor.varint()?),
            (7, FIXED64) => span.start = cursor.fixed64()?,
            (8, FIXED64) => span.end = cursor.fixed64()?,
            (10, VARINT) => span.dropped_attributes_count = cursor.varint()? as u32,
            (11, BYTES) => read_event(cursor.bytes()?, parts)?,
            (12, VARINT) => span.dropped_events_count = cursor.varint()? as u32,
            (13, BYTES) => read_link(cursor.bytes()?, parts)?,
            (14, VARINT) => span.dropped_links_count = cursor.varint()? as u32,
            (15, BYTES) => read_status(cursor.bytes()?, span)?,
            (16, FIXED32) => span.flags = cursor.fixed32()?,
            other => cursor.skip(other, 0b1_1111_1111_1111_1110)?,
        }
    }
    Ok(())
}

/// An enum's number in a byte; numbers that do not fit mean nothing to anybody and read as 0.
fn enum_number(number: u64) -> u8 {
    // An int32: the upper half of the varint does not count.
    u8::try_from(number as i32).unwrap_or(0)
}

fn read_status<'a>(message: &'a [u8], span: &mut SpanView<'_, 'a>) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (2, BYTES) => span.status_message = cursor.str(2)?,
            (3, VARINT) => span.status_code = enum_number(cursor.varint()?),
            other => cursor.skip(other, 0b1100)?,
        }
    }
    Ok(())
}

fn read_event<'a>(message: &'a [u8], parts: &mut Parts<'a>) -> Result<(), DecodeError> {
    let mut event = EventView::default();
    event.attributes.0 = parts.event_attributes.len();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, FIXED64) => event.time = cursor.fixed64()?,
            (2, BYTES) => event.name = cursor.str(2)?,
            (3, BYTES) => drop(parts.event_attributes.push(cursor.bytes()?)?),
            (4, VARINT) => event.dropped_attributes_count = cursor.varint()? as u32,
            other => cursor.skip(other, 0b1_1110)?,
        }
    }
    event.attributes.1 = parts.event_attributes.len();
    push_part(&mut parts.events, event, "events")
}

fn read_link<'a>(message: &'a [u8], parts: &mut Parts<'a>) -> Result<(), DecodeError> {
    let mut link = LinkView::default();
    link.attributes.0 = parts.link_attributes.len();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => link.trace_id = cursor.bytes()?,
            (2, BYTES) => link.span_id = cursor.bytes()?,
            (3, BYTES) => link.trace_state = cursor.str(3)?,
            (4, BYTES) => drop(parts.link_attributes.push(cursor.bytes()?)?),
            (5, VARINT) => link.dropped_attributes_count = cursor.varint()? as u32,
            (6, FIXED32) => link.flags = cursor.fixed32()?,
            other => cursor.skip(other, 0b111_1110)?,
        }
    }
    link.attributes.1 = parts.link_attributes.len();
    push_part(&mut parts.links, link, "links")
}

#[cfg(test)]
mod tests;
