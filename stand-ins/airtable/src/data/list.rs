//! Listing records: filter, order, pages.
//!
//! The first page fixes the order of all pages: it is kept as an iterator under the name in the offset, `itr…/rec…`, for a limited time.
//! An offset of an iterator that is gone answers `LIST_RECORDS_ITERATOR_NOT_AVAILABLE`, as the real server does after some minutes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Map, Value as Json};
use tokio::time::Instant;

use super::World;
use super::computed::Place;
use super::ids::is_id;
use super::schema::{Base, Field, Kind, Table};
use super::shape::{Shape, record};
use crate::error::ApiError;
use crate::formula::{compile, eval};

/// Records on a page, at most and by default (C.2 of the facts on the API).
const PAGE_SIZE: usize = 100;
/// Iterators kept at a time; the oldest goes first.
const ITERATORS_MAX: usize = 512;

/// The parameters of a listing, from the query string or the body of `listRecords`.
#[derive(Debug, Default)]
pub(crate) struct Query {
    page_size: Option<usize>,
    max_records: Option<usize>,
    offset: Option<String>,
    fields: Vec<String>,
    /// By position: field, direction.
    sort: BTreeMap<u32, (Option<String>, bool)>,
    view: Option<String>,
    filter: Option<String>,
    cell_format: Option<String>,
    time_zone: bool,
    user_locale: bool,
    by_id: bool,
    comment_count: bool,
}

impl Query {
    /// # Errors
    /// 422 for unknown parameters and for values of the wrong form.
    pub(crate) fn parse(pairs: &[(String, String)]) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for (key, value) in pairs {
            let (name, index) = key.split_once('[').unwrap_or((key, ""));
            match name {
                "pageSize" => query.page_size = Some(count(value, PAGE_SIZE)?),
                "maxRecords" => query.max_records = Some(count(value, usize::MAX)?),
                "offset" if !value.is_empty() => query.offset = Some(value.clone()),
                "fields" => query.fields.push(value.clone()),
                "sort" => query.sort_by(index, value)?,
                "view" if !value.is_empty() => query.view = Some(value.clone()),
                "filterByFormula" if !value.trim().is_empty() => query.filter = Some(value.clone()),
                "offset" | "view" | "filterByFormula" => {}
                "cellFormat" if value == "json" || value == "string" => query.cell_format = Some(value.clone()),
                "timeZone" => query.time_zone = true,
                "userLocale" => query.user_locale = true,
                "returnFieldsByFieldId" => query.by_id = flag(value),
                "recordMetadata" if value == "commentCount" => query.comment_count = true,
                _ => return Err(ApiError::bad_request()),
            }
        }
        // The real server knows no default zone or locale for text.
        if query.cell_format.as_deref() == Some("string") && !(query.time_zone && query.user_locale) {
            return Err(ApiError::bad_request());
        }
        Ok(query)
    }

    fn sort_by(&mut self, index: &str, value: &str) -> Result<(), ApiError> {
        let (position, rest) = index.split_once(']').ok_or_else(ApiError::bad_request)?;
        let entry = self.sort.entry(position.parse().map_err(|_| ApiError::bad_request())?).or_default();
        match (rest, value) {
            ("[field]", _) => entry.0 = Some(value.to_owned()),
            ("[direction]", "asc") => entry.1 = false,
            ("[direction]", "desc") => entry.1 = true,
            _ => return Err(ApiError::bad_request()),
        }
        Ok(())
    }

    fn shape(&self, table: &Table) -> Result<Shape, ApiError> {
        let ids = |name: &String| {
            table.field(name).map(|field| field.id.clone()).ok_or_else(|| ApiError::unknown_field(name))
        };
        let fields: Vec<String> = self.fields.iter().map(ids).collect::<Result<_, _>>()?;
        Ok(Shape {
            fields: (!fields.is_empty()).then_some(fields),
            by_id: self.by_id,
            as_text: self.cell_format.as_deref() == Some("string"),
            comment_count: self.comment_count,
        })
    }
}

/// The body of `POST …/listRecords` as the pairs of a query string.
///
/// # Errors
/// 422 for a body that is no object of plain values, and for a sort without a field.
pub(crate) fn pairs(body: &Json) -> Result<Vec<(String, String)>, ApiError> {
    let mut pairs = Vec::new();
    let body = body.as_object().ok_or_else(ApiError::bad_request)?;
    for (name, value) in body {
        let Some(items) = value.as_array() else {
            pairs.push((name.clone(), scalar(value)?));
            continue;
        };
        for (at, item) in items.iter().enumerate() {
            match item.as_object() {
                Some(parts) => {
                    for (part, value) in parts {
                        pairs.push((format!("{name}[{at}][{part}]"), scalar(value)?));
                    }
                }
                None => pairs.push((format!("{name}[]"), scalar(item)?)),
            }
        }
    }
    Ok(pairs)
}

fn scalar(value: &Json) -> Result<String, ApiError> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(_) | Json::Bool(_) => Ok(value.to_string()),
        _ => Err(ApiError::bad_request()),
    }
}

fn count(value: &str, max: usize) -> Result<usize, ApiError> {
    value.parse().ok().filter(|count| (1..=max).contains(count)).ok_or_else(ApiError::bad_request)
}

/// `1` and `true` mean yes.
pub(crate) fn flag(value: &str) -> bool {
    matches!(value, "1" | "true")
}

struct Held {
    table: String,
    order: Vec<String>,
    made: Instant,
}

/// Orders of listings that have further pages.
pub(crate) struct Iterators {
    held: HashMap<String, Held>,
    lifetime: Duration,
}

impl Iterators {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { held: HashMap::new(), lifetime }
    }

    fn keep(&mut self, name: String, held: Held) {
        if self.held.len() >= ITERATORS_MAX
            && let Some(oldest) = self.held.iter().min_by_key(|(_, held)| held.made).map(|(name, _)| name.clone())
        {
            self.held.remove(&oldest);
        }
        self.held.insert(name, held);
    }

    /// The order, and where in it the page begins.
    fn find(&self, offset: &str, table: &str, now: Instant) -> Result<(&str, &[String], usize), ApiError> {
        let invalid = || ApiError::invalid("INVALID_OFFSET_VALUE", format!("The value of offset {offset} is invalid"));
        let (name, record) = offset.split_once('/').ok_or_else(invalid)?;
        if !is_id(name, "itr") || !is_id(record, "rec") {
            return Err(invalid());
        }
        let held = self.held.get_key_value(name).filter(|(_, held)| now.duration_since(held.made) < self.lifetime);
        let (name, held) = held.ok_or_else(|| {
            ApiError::invalid("LIST_RECORDS_ITERATOR_NOT_AVAILABLE", "The requested iterator is no longer available")
        })?;
        let at = held.order.iter().position(|id| id == record).filter(|_| held.table == table).ok_or_else(invalid)?;
        Ok((name, &held.order, at))
    }
}

/// One page of records.
///
/// # Errors
/// 403 for an unknown table; 422 for an unknown field or view, a bad formula, a bad or expired offset.
pub(crate) fn page(world: &mut World, base: &str, table: &str, query: &Query, now: Instant) -> Result<Json, ApiError> {
    let wall = world.now();
    let (found, table) = world.table(base, table)?;
    let shape = query.shape(table)?;
    let page_size = query.page_size.unwrap_or(PAGE_SIZE);
    let (name, order, from) = match &query.offset {
        Some(offset) => {
            let (name, order, at) = world.iterators.find(offset, &table.id, now)?;
            (Some(name.to_owned()), order.to_vec(), at)
        }
        None => (None, select(found, table, query, wall)?, 0),
    };
    let to = order.len().min(from + page_size);
    let shown: Vec<Json> = order[from..to]
        .iter()
        // Records that went since the first page are left out.
        .filter_map(|id| table.rows.get(id))
        .map(|row| record(&Place::new(found, table, row, wall), &shape))
        .collect();
    let mut answer = Map::from_iter([("records".to_owned(), Json::from(shown))]);
    if let Some(next) = order.get(to).cloned() {
        let table = table.id.clone();
        let name = name.unwrap_or_else(|| {
            let name = world.ids.id("itr");
            world.iterators.keep(name.clone(), Held { table, order, made: now });
            name
        });
        answer.insert("offset".to_owned(), Json::from(format!("{name}/{next}")));
    }
    Ok(Json::Object(answer))
}

/// The ids of the records that match, in order, cut at `maxRecords`.
fn select(
    base: &Base,
    table: &Table,
    query: &Query,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Vec<String>, ApiError> {
    let filter = query.filter.as_deref().map(|text| compile(text, |name| table.field(name).is_some())).transpose()?;
    let view = match &query.view {
        Some(wanted) => Some(
            table
                .view(wanted)
                .ok_or_else(|| ApiError::invalid("VIEW_NAME_NOT_FOUND", format!("View {wanted} not found")))?,
        ),
        None => None,
    };
    let mut order: Vec<(&Field, bool)> = Vec::new();
    for (field, descending) in query.sort.values() {
        let name = field.as_deref().ok_or_else(ApiError::bad_request)?;
        order.push((table.field(name).ok_or_else(|| ApiError::unknown_field(name))?, *descending));
    }
    if let (true, Some(view)) = (order.is_empty(), view) {
        order = view.order.iter().filter_map(|(id, down)| Some((table.field(id)?, *down))).collect();
    }
    let filters = [view.and_then(|view| view.filter.as_ref()), filter.as_ref()];
    let mut kept: Vec<(Vec<Key>, &str)> = Vec::new();
    for row in table.rows.iter() {
        let place = Place::new(base, table, row, now);
        if filters.iter().flatten().all(|filter| eval(filter, &place).truthy()) {
            kept.push((order.iter().map(|(field, _)| key(&place, field)).collect(), &row.id));
        }
    }
    kept.sort_by(|(a, _), (b, _)| {
        let pairs = a.iter().zip(b).zip(&order);
        pairs.fold(Ordering::Equal, |found, ((a, b), (_, descending))| {
            found.then_with(|| if *descending { b.compare(a) } else { a.compare(b) })
        })
    });
    kept.truncate(query.max_records.unwrap_or(usize::MAX));
    Ok(kept.into_iter().map(|(_, id)| id.to_owned()).collect())
}

/// What records are ordered by; empty cells come first going up.
enum Key {
    Empty,
    Number(f64),
    Text(String),
}

impl Key {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Empty => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

fn key(place: &Place<'_>, field: &Field) -> Key {
    let Some(cell) = place.cell(field) else { return Key::Empty };
    match (&field.kind, &cell) {
        // Options are ordered as in the schema, not by their names.
        (Kind::SingleSelect(choices), Json::String(name)) => {
            let at = choices.iter().position(|choice| choice.name == *name).unwrap_or(choices.len());
            Key::Number(f64::from(u32::try_from(at).unwrap_or(u32::MAX)))
        }
        (_, Json::Number(number)) => Key::Number(number.as_f64().unwrap_or(0.0)),
        (_, Json::Bool(flag)) => Key::Number(f64::from(u8::from(*flag))),
        _ => Key::Text(place.value(field).text().to_lowercase()),
    }
}
