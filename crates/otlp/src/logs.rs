//! Walks over `ExportLogsServiceRequest`.

use protowire::cursor::{BYTES, Cursor, FIXED32, FIXED64, VARINT};

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
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (6, BYTES) => drop(attributes.push(cursor.bytes()?)?),
            (1, FIXED64) => log.time = cursor.fixed64()?,
            (2, VARINT) => log.severity_number = cursor.varint()? as i32,
            (3, BYTES) => log.severity_text = cursor.str(3)?,
            (5, BYTES) => merge_value(cursor.bytes()?, &mut log.body, 0)?,
            (7, VARINT) => log.dropped_attributes_count = cursor.varint()? as u32,
            (8, FIXED32) => log.flags = cursor.fixed32()?,
            (9, BYTES) => log.trace_id = cursor.bytes()?,
            (10, BYTES) => log.span_id = cursor.bytes()?,
            (11, FIXED64) => log.observed_time = cursor.fixed64()?,
            (12, BYTES) => log.event_name = cursor.str(12)?,
            other => cursor.skip(other, 0b1_1111_1110_1110)?,
        }
    }
    Ok(())
}
