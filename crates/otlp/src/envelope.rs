//! What requests of all signals have in common. Field numbers are the same in each: request 1 → `Resource…` {resource 1, scopes 2,
//! schema_url 3} → `Scope…` {scope 1, records 2, schema_url 3}.
//!
//! A resource may come behind its scopes on the wire (and `schema_url` always does), so each level is passed over twice: once for
//! its own fields, skipping the children by their lengths, once for the children.

use protowire::Fields;

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
    let mut fields = Fields::new(request);
    while let Some((field, wire)) = fields.next_field()? {
        if field == 1 {
            walk_resource(wire.bytes(1)?, records, &mut attributes)?;
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
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => read_resource(wire.bytes(1)?, &mut view, attributes)?,
            2 => drop(wire.bytes(2)?),
            3 => view.schema_url = wire.str(3)?,
            _ => {}
        }
    }
    records.resource(&ResourceView { attributes: attributes.as_slice(), ..view });
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        if field == 2 {
            walk_scope(wire.bytes(2)?, records, attributes)?;
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
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => read_scope(wire.bytes(1)?, &mut view, attributes)?,
            2 => drop(wire.bytes(2)?),
            3 => view.schema_url = wire.str(3)?,
            _ => {}
        }
    }
    records.scope(&ScopeView { attributes: attributes.as_slice(), ..view });
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        if field == 2 {
            records.record(wire.bytes(2)?);
        }
    }
    Ok(())
}

fn read_resource<'a>(
    message: &'a [u8],
    view: &mut ResourceView<'_, 'a>,
    attributes: &mut Attributes<'a>,
) -> Result<(), DecodeError> {
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => attributes.push(wire.bytes(1)?)?,
            2 => view.dropped_attributes_count = wire.varint(2)? as u32,
            _ => {}
        }
    }
    Ok(())
}

fn read_scope<'a>(
    message: &'a [u8],
    view: &mut ScopeView<'_, 'a>,
    attributes: &mut Attributes<'a>,
) -> Result<(), DecodeError> {
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => view.name = wire.str(1)?,
            2 => view.version = wire.str(2)?,
            3 => attributes.push(wire.bytes(3)?)?,
            4 => view.dropped_attributes_count = wire.varint(4)? as u32,
            _ => {}
        }
    }
    Ok(())
}
