//! Walks over `ExportTraceServiceRequest`.

use protowire::Fields;

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
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            9 => parts.attributes.push(wire.bytes(9)?)?,
            1 => span.trace_id = wire.bytes(1)?,
            2 => span.span_id = wire.bytes(2)?,
            3 => span.trace_state = wire.str(3)?,
            4 => span.parent_span_id = wire.bytes(4)?,
            5 => span.name = wire.str(5)?,
            6 => span.kind = enum_number(wire.varint(6)?),
            7 => span.start = wire.fixed64(7)?,
            8 => span.end = wire.fixed64(8)?,
            10 => span.dropped_attributes_count = wire.varint(10)? as u32,
            11 => read_event(wire.bytes(11)?, parts)?,
            12 => span.dropped_events_count = wire.varint(12)? as u32,
            13 => read_link(wire.bytes(13)?, parts)?,
            14 => span.dropped_links_count = wire.varint(14)? as u32,
            15 => read_status(wire.bytes(15)?, span)?,
            16 => span.flags = wire.fixed32(16)?,
            _ => {}
        }
    }
    Ok(())
}

/// An enum's number in a byte; numbers that do not fit mean nothing to anybody and read as 0.
fn enum_number(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

fn read_status<'a>(message: &'a [u8], span: &mut SpanView<'_, 'a>) -> Result<(), DecodeError> {
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            2 => span.status_message = wire.str(2)?,
            3 => span.status_code = enum_number(wire.varint(3)?),
            _ => {}
        }
    }
    Ok(())
}

fn read_event<'a>(message: &'a [u8], parts: &mut Parts<'a>) -> Result<(), DecodeError> {
    let mut event = EventView::default();
    event.attributes.0 = parts.event_attributes.len();
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => event.time = wire.fixed64(1)?,
            2 => event.name = wire.str(2)?,
            3 => parts.event_attributes.push(wire.bytes(3)?)?,
            4 => event.dropped_attributes_count = wire.varint(4)? as u32,
            _ => {}
        }
    }
    event.attributes.1 = parts.event_attributes.len();
    push_part(&mut parts.events, event, "events")
}

fn read_link<'a>(message: &'a [u8], parts: &mut Parts<'a>) -> Result<(), DecodeError> {
    let mut link = LinkView::default();
    link.attributes.0 = parts.link_attributes.len();
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => link.trace_id = wire.bytes(1)?,
            2 => link.span_id = wire.bytes(2)?,
            3 => link.trace_state = wire.str(3)?,
            4 => parts.link_attributes.push(wire.bytes(4)?)?,
            5 => link.dropped_attributes_count = wire.varint(5)? as u32,
            6 => link.flags = wire.fixed32(6)?,
            _ => {}
        }
    }
    link.attributes.1 = parts.link_attributes.len();
    push_part(&mut parts.links, link, "links")
}
