//! Walks over `ExportLogsServiceRequest`.

use protowire::Fields;

use crate::attributes::{Attributes, merge_value};
use crate::envelope::{Records, walk};
use crate::error::DecodeError;
use crate::sink::LogSink;
use crate::view::{LogView, ResourceView, ScopeView};

/// Walks an `ExportLogsServiceRequest`. An error means that the message's outer structure is broken; the sink may already have
/// been given records, which the caller then throws away.
pub fn decode_logs(request: &[u8], sink: &mut impl LogSink) -> Result<(), DecodeError> {
    walk(request, &mut Logs { sink, attributes: Attributes::default() })
}

struct Logs<'s, 'a, S> {
    sink: &'s mut S,
    attributes: Attributes<'a>,
}

impl<'a, S: LogSink> Records<'a> for Logs<'_, 'a, S> {
    fn resource(&mut self, resource: &ResourceView<'_, 'a>) {
        self.sink.resource(resource);
    }

    fn scope(&mut self, scope: &ScopeView<'_, 'a>) {
        self.sink.scope(scope);
    }

    #[inline]
    fn record(&mut self, record: &'a [u8]) {
        let mut log = LogView::default();
        match read_log(record, &mut log, &mut self.attributes) {
            Ok(()) => self.sink.log(&LogView { attributes: self.attributes.as_slice(), ..log }),
            Err(error) => self.sink.malformed(error),
        }
    }
}

fn read_log<'a>(
    message: &'a [u8],
    log: &mut LogView<'_, 'a>,
    attributes: &mut Attributes<'a>,
) -> Result<(), DecodeError> {
    attributes.clear();
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            6 => attributes.push(wire.bytes(6)?)?,
            1 => log.time = wire.fixed64(1)?,
            2 => log.severity_number = wire.varint(2)? as i32,
            3 => log.severity_text = wire.str(3)?,
            5 => merge_value(wire.bytes(5)?, &mut log.body, 0)?,
            7 => log.dropped_attributes_count = wire.varint(7)? as u32,
            8 => log.flags = wire.fixed32(8)?,
            9 => log.trace_id = wire.bytes(9)?,
            10 => log.span_id = wire.bytes(10)?,
            11 => log.observed_time = wire.fixed64(11)?,
            12 => log.event_name = wire.str(12)?,
            _ => {}
        }
    }
    Ok(())
}
