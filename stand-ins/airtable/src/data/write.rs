//! Creating, updating, upserting and deleting records. A call is all or nothing: it works on a copy of the base.

use serde_json::{Map, Value as Json, json};

use super::World;
use super::computed::Place;
use super::list::flag;
use super::schema::{Base, Kind};
use super::shape::{Shape, record};
use super::{cell, links};
use crate::error::ApiError;

/// Records that one call may write or delete.
const RECORDS_MAX: usize = 10;
/// Fields that an upsert may match by.
const MERGE_FIELDS_MAX: usize = 3;

/// The body of a write.
#[derive(Debug)]
pub(crate) struct Write {
    entries: Vec<Entry>,
    /// Whether the body was one record instead of a list, so the answer is one too.
    single: bool,
    typecast: bool,
    upsert: Option<Vec<String>>,
    by_id: bool,
}

#[derive(Debug)]
struct Entry {
    id: Option<String>,
    fields: Map<String, Json>,
}

impl Write {
    /// # Errors
    /// 422 when fields are missing or of the wrong type, or there are more than ten records.
    pub(crate) fn parse(body: &Json) -> Result<Self, ApiError> {
        let object = body.as_object().ok_or_else(ApiError::bad_request)?;
        let entries = match (object.get("records"), object.get("fields")) {
            (Some(Json::Array(items)), None) => items.iter().map(entry).collect::<Result<Vec<_>, _>>()?,
            (None, Some(Json::Object(_))) => vec![entry(body)?],
            (None, None) => return Err(missing("fields")),
            _ => return Err(ApiError::bad_request()),
        };
        limit(entries.len())?;
        let upsert = match object.get("performUpsert") {
            None => None,
            Some(wanted) => {
                let names = wanted["fieldsToMergeOn"].as_array().ok_or_else(|| missing("fieldsToMergeOn"))?;
                let names: Option<Vec<String>> = names.iter().map(|name| Some(name.as_str()?.to_owned())).collect();
                let names = names.filter(|names| (1..=MERGE_FIELDS_MAX).contains(&names.len()));
                Some(names.ok_or_else(ApiError::bad_request)?)
            }
        };
        let yes = |key: &str| match object.get(key) {
            None => Ok(false),
            Some(Json::Bool(flag)) => Ok(*flag),
            Some(Json::String(text)) => Ok(flag(text)),
            Some(_) => Err(ApiError::bad_request()),
        };
        let (typecast, by_id) = (yes("typecast")?, yes("returnFieldsByFieldId")?);
        Ok(Self { entries, single: object.contains_key("fields"), typecast, upsert, by_id })
    }

    /// The body of a write to the path of one record.
    pub(crate) fn of_record(mut self, id: &str) -> Self {
        self.entries.iter_mut().for_each(|entry| entry.id = Some(id.to_owned()));
        self
    }
}

fn entry(item: &Json) -> Result<Entry, ApiError> {
    let fields = item.get("fields").ok_or_else(|| missing("fields"))?;
    let fields = fields.as_object().cloned().ok_or_else(ApiError::bad_request)?;
    let id = match item.get("id") {
        None => None,
        Some(Json::String(id)) => Some(id.clone()),
        Some(_) => return Err(ApiError::bad_request()),
    };
    Ok(Entry { id, fields })
}

fn missing(name: &str) -> ApiError {
    ApiError::invalid("INVALID_REQUEST_MISSING_FIELDS", format!("Could not find field \"{name}\" in the request body"))
}

fn limit(records: usize) -> Result<(), ApiError> {
    match records {
        0 => Err(ApiError::bad_request()),
        1..=RECORDS_MAX => Ok(()),
        _ => Err(ApiError::invalid(
            "INVALID_REQUEST_UNKNOWN",
            format!("Invalid request: the number of records exceeds the limit of {RECORDS_MAX}."),
        )),
    }
}

/// Creates records.
///
/// # Errors
/// 403 for an unknown table, 422 for unknown fields and for values that a field does not take.
pub(crate) fn create(world: &mut World, base: &str, table: &str, write: &Write) -> Result<Json, ApiError> {
    let mut draft = Draft::open(world, base, table)?;
    let mut written = Vec::new();
    for entry in &write.entries {
        if entry.id.is_some() {
            return Err(ApiError::bad_request());
        }
        written.push(draft.create(&entry.fields, write.typecast)?);
    }
    Ok(draft.commit(&written, write, &[], &[]))
}

/// Changes records; `replace` clears the fields that are not named. With `performUpsert`, creates those that match nothing.
///
/// # Errors
/// As [`create`], and `ROW_DOES_NOT_EXIST` for an unknown record.
pub(crate) fn update(
    world: &mut World,
    base: &str,
    table: &str,
    write: &Write,
    replace: bool,
) -> Result<Json, ApiError> {
    let mut draft = Draft::open(world, base, table)?;
    let (mut written, mut created, mut updated) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &write.entries {
        let known = match (&entry.id, &write.upsert) {
            (Some(id), _) => Some(id.clone()),
            (None, Some(names)) => draft.matching(names, &entry.fields, write.typecast)?,
            (None, None) => return Err(missing("id")),
        };
        let id = match known {
            Some(id) => {
                draft.change(&id, &entry.fields, write.typecast, replace)?;
                updated.push(id.clone());
                id
            }
            None => {
                let id = draft.create(&entry.fields, write.typecast)?;
                created.push(id.clone());
                id
            }
        };
        written.push(id);
    }
    Ok(draft.commit(&written, write, &created, &updated))
}

/// Deletes records and the links to them.
///
/// # Errors
/// 404 when `single` and the record is unknown, else 422 `ROW_DOES_NOT_EXIST`; 422 for more than ten.
pub(crate) fn delete(
    world: &mut World,
    base: &str,
    table: &str,
    records: &[String],
    single: bool,
) -> Result<Json, ApiError> {
    limit(records.len())?;
    let mut draft = Draft::open(world, base, table)?;
    for id in records {
        let table = draft.table;
        if draft.base.tables[table].rows.get(id).is_none() {
            return Err(if single { ApiError::NotFound } else { ApiError::no_row(id) });
        }
        for link in links::of(&draft.base, table) {
            links::store(&mut draft.base, table, id, &link, Vec::new());
        }
        draft.base.tables[table].rows.remove(id);
    }
    draft.keep();
    let gone: Vec<Json> = records.iter().map(|id| json!({"id": id, "deleted": true})).collect();
    Ok(if single { gone.into_iter().next().unwrap_or_default() } else { json!({"records": gone}) })
}

/// A copy of a base under change.
struct Draft<'a> {
    world: &'a mut World,
    base: Base,
    table: usize,
}

impl<'a> Draft<'a> {
    fn open(world: &'a mut World, base: &str, table: &str) -> Result<Self, ApiError> {
        let base = world.base(base)?.clone();
        let table = base.position(table).ok_or(ApiError::NoModel)?;
        Ok(Self { world, base, table })
    }

    fn create(&mut self, fields: &Map<String, Json>, typecast: bool) -> Result<String, ApiError> {
        let (id, now) = (self.world.ids.id("rec"), self.world.now());
        self.base.tables[self.table].rows.add(id.clone(), now);
        self.change(&id, fields, typecast, false)?;
        Ok(id)
    }

    fn change(&mut self, id: &str, fields: &Map<String, Json>, typecast: bool, replace: bool) -> Result<(), ApiError> {
        let now = self.world.now();
        if self.base.tables[self.table].rows.get(id).is_none() {
            return Err(ApiError::no_row(id));
        }
        if replace {
            self.clear(id, fields);
        }
        let linking = links::of(&self.base, self.table);
        for (name, value) in fields {
            let table = &mut self.base.tables[self.table];
            let at = table.fields.iter().position(|field| field.name == *name || field.id == *name);
            let field = &mut table.fields[at.ok_or_else(|| ApiError::unknown_field(name))?];
            if let Some(link) = linking.iter().find(|link| link.field == field.id) {
                let ids = &mut self.world.ids;
                let linked = links::resolve(&mut self.base, link, value, typecast.then_some(now), ids)?;
                links::store(&mut self.base, self.table, id, link, linked);
                continue;
            }
            let stored = cell::accept(field, value, typecast, &mut self.world.ids)?;
            let key = field.id.clone();
            let Some(row) = table.rows.get_mut(id) else { continue };
            match stored {
                Some(stored) => row.cells.insert(key, stored),
                None => row.cells.remove(&key),
            };
        }
        if let Some(row) = self.base.tables[self.table].rows.get_mut(id) {
            row.modified = now;
        }
        Ok(())
    }

    /// Empties what a replacing update does not name.
    fn clear(&mut self, id: &str, fields: &Map<String, Json>) {
        for link in links::of(&self.base, self.table) {
            if !fields.contains_key(&link.field) && !fields.contains_key(&link.name) {
                links::store(&mut self.base, self.table, id, &link, Vec::new());
            }
        }
        let table = &mut self.base.tables[self.table];
        let linking = |kind: &Kind| matches!(kind, Kind::Links { .. });
        let kept: Vec<&String> =
            table.fields.iter().filter(|field| linking(&field.kind)).map(|field| &field.id).collect();
        if let Some(row) = table.rows.get_mut(id) {
            row.cells.retain(|field, _| kept.contains(&field));
        }
    }

    /// The one record whose cells equal the given ones in the fields to merge on.
    fn matching(
        &mut self,
        names: &[String],
        fields: &Map<String, Json>,
        typecast: bool,
    ) -> Result<Option<String>, ApiError> {
        let table = &mut self.base.tables[self.table];
        let mut wanted = Vec::new();
        for name in names {
            let given = fields.get(name).ok_or_else(ApiError::bad_request)?;
            let at = table.fields.iter().position(|field| field.name == *name || field.id == *name);
            let field = &mut table.fields[at.ok_or_else(|| ApiError::unknown_field(name))?];
            wanted.push((field.id.clone(), cell::accept(field, given, typecast, &mut self.world.ids)?));
        }
        let mut found = table
            .rows
            .iter()
            .filter(|row| wanted.iter().all(|(field, value)| row.cells.get(field) == value.as_ref()))
            .map(|row| row.id.clone());
        match (found.next(), found.next()) {
            (first, None) => Ok(first),
            _ => Err(ApiError::invalid(
                "INVALID_REQUEST_UNKNOWN",
                "Cannot upsert: more than one record matches the merge fields",
            )),
        }
    }

    fn keep(self) -> &'a mut World {
        let Self { world, base, .. } = self;
        if let Some(held) = world.bases.iter_mut().find(|held| held.id == base.id) {
            *held = base;
        }
        world
    }

    fn commit(self, written: &[String], write: &Write, created: &[String], updated: &[String]) -> Json {
        let (base, at) = (self.base.id.clone(), self.table);
        let world = self.keep();
        let Ok(base) = world.base(&base) else { return Json::Null };
        let (table, shape) = (&base.tables[at], Shape { by_id: write.by_id, ..Shape::default() });
        let rows = written.iter().filter_map(|id| table.rows.get(id));
        let mut shown: Vec<Json> = rows.map(|row| record(&Place::new(base, table, row, world.now()), &shape)).collect();
        if write.upsert.is_some() {
            return json!({"records": shown, "createdRecords": created, "updatedRecords": updated});
        }
        if write.single && shown.len() == 1 { shown.remove(0) } else { json!({"records": shown}) }
    }
}
