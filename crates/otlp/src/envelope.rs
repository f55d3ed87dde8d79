//! What requests of all signals have in common. Field numbers are the same in each: request 1 → `Resource…` {resource 1, scopes 2,
//! schema_url 3} → `Scope…` {scope 1, records 2, schema_url 3}.
//!
//! A resource may come behind its scopes on the wire (and `schema_url` always does), so each level is passed over twice: once for
//! its own fields, skipping the children by their lengths, once for the children.

use protowire::cursor::{BYTES, Cursor, VARINT};

use crate::attributes::Attributes;
use crate::error::DecodeError;
use crate::view::{ResourceView, ScopeView};

/// Takes the parts of a request.
pub(crate) trait Records<'a> {
    fn resource(&mut self, resource: &ResourceView<'_, 'a>);
    fn scope(&mut self, scope: &ScopeView<'_, 'a>);
    fn record(&mut self, record: &'a [u8]);
}

/// Walks a request. An error means that the structure around the records is broken.
pub(crate) fn walk<'a>(request: &'a [u8], records: &mut impl Records<'a>) -> Result<(), DecodeError> {
    let mut attributes = Attributes::default();
    let mut cursor = Cursor::new(request);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => walk_resource(cursor.bytes()?, records, &mut attributes)?,
            other => cursor.skip(other, 0b10)?,
        }
    }
    Ok(())
}

fn walk_resource<'a>(
    message: &'a [u8],
    records: &mut impl Records<'a>,
    attributes: &mut Attributes<'a>,
) -> Result<(), DecodeError> {
    attributes.clear();
    let mut view = ResourceView::default();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => read_resource(cursor.bytes()?, &mut view, attributes)?,
            (2, BYTES) => drop(cursor.bytes()?),
            (3, BYTES) => view.schema_url = cursor.str(3)?,
            other => cursor.skip(other, 0b1110)?,
        }
    }
    records.resource(&ResourceView { attributes: attributes.as_slice(), ..view });
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (2, BYTES) => walk_scope(cursor.bytes()?, records, attributes)?,
            other => cursor.skip(other, 0)?,
        }
    }
    Ok(())
}

fn walk_scope<'a>(
    message: &'a [u8],
    records: &mut impl Records<'a>,
    attributes: &mut Attributes<'a>,
) -> Result<(), DecodeError> {
    attributes.clear();
    let mut view = ScopeView::default();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => read_scope(cursor.bytes()?, &mut view, attributes)?,
            (2, BYTES) => drop(cursor.bytes()?),
            (3, BYTES) => view.schema_url = cursor.str(3)?,
            other => cursor.skip(other, 0b1110)?,
        }
    }
    records.scope(&ScopeView { attributes: attributes.as_slice(), ..view });
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (2, BYTES) => records.record(cursor.bytes()?),
            other => cursor.skip(other, 0)?,
        }
    }
    Ok(())
}

fn read_resource<'a>(
    message: &'a [u8],
    view: &mut ResourceView<'_, 'a>,
    attributes: &mut Attributes<'a>,
) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => drop(attributes.push(cursor.bytes()?)?),
            (2, VARINT) => view.dropped_attributes_count = cursor.varint()? as u32,
            other => cursor.skip(other, 0b110)?,
        }
    }
    Ok(())
}

fn read_scope<'a>(
    message: &'a [u8],
    view: &mut ScopeView<'_, 'a>,
    attributes: &mut Attributes<'a>,
) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => view.name = cursor.str(1)?,
            (2, BYTES) => view.version = cursor.str(2)?,
            (3, BYTES) => drop(attributes.push(cursor.bytes()?)?),
            (4, VARINT) => view.dropped_attributes_count = cursor.varint()? as u32,
            other => cursor.skip(other, 0b1_1110)?,
        }
    }
    Ok(())
}
