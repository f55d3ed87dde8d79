//! Rows of a block back into a [`SpanBatch`].

use std::ops::Range;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use store_api::StoreError;

use super::batch::{Events, Links, RareCounts, RareTexts, SpanBatch, Texts};
use super::columns::{SPAN_ROW, TRACE_ID, parse_origin_id};
use super::kinds::{parse_kind, parse_status};
use super::open::{OpenedSpans, PartTable};
use super::origin::Origin;
use super::parents::Parents;
use crate::attributes::AttributeColumns;
use crate::attributes::restore::is_attribute;
use crate::table::reader::TableReader;
use crate::table::{Column, Dict, NULL_ID};

/// A range of rows of one row group of a table.
struct Slice<'t> {
    table: &'t TableReader,
    row_group: usize,
    rows: Range<usize>,
}

impl OpenedSpans {
    /// The spans in `rows` of a row group with all that belongs to them. The rows must be whole traces: parents are named by their
    /// distance.
    pub(crate) fn batch(&self, row_group: usize, rows: Range<usize>) -> Result<SpanBatch, StoreError> {
        let slice = Slice { table: &self.spans.table, row_group, rows: rows.clone() };
        let starts: Vec<u64> = slice.ints("start_time")?;
        let durations: Vec<i64> = slice.ints("duration_ns")?;
        let span_ids: Vec<[u8; 8]> = slice.ids("span_id")?;
        let (resource, resources) = origins(&slice.texts("resource_id")?, &self.resources)?;
        let (scope, scopes) = origins(&slice.texts("scope_id")?, &self.scopes)?;
        let used = self.usage.get(row_group).and_then(|usage| {
            let columns: Option<Vec<_>> = scopes.iter().map(|scope| usage.get(&scope.hash)).collect();
            Some(columns?.into_iter().flatten().copied().collect())
        });
        let batch = SpanBatch {
            trace_ids: slice.ids(TRACE_ID)?,
            parent_ids: slice.parents(&span_ids)?,
            span_ids,
            ends: starts.iter().zip(&durations).map(|(start, &duration)| start.wrapping_add(duration as u64)).collect(),
            starts,
            names: slice.texts("name")?,
            kinds: slice.numbers("kind", parse_kind)?,
            status_codes: slice.numbers("status_code", parse_status)?,
            status_messages: slice.rare_texts("status_message")?,
            trace_states: slice.rare_texts("trace_state")?,
            flags: slice.ints("flags")?,
            dropped_attributes: slice.rare_counts("dropped_attributes_count")?,
            dropped_events: slice.rare_counts("dropped_events_count")?,
            dropped_links: slice.rare_counts("dropped_links_count")?,
            resource,
            scope,
            resources,
            scopes,
            attributes: slice.attributes_of(used.as_ref())?,
            events: self.events(row_group, &rows)?,
            links: self.links(row_group, &rows)?,
            ..SpanBatch::default()
        };
        Ok(batch.seal())
    }

    fn events(&self, row_group: usize, rows: &Range<usize>) -> Result<Events, StoreError> {
        let Some((slice, span_rows)) = part_slice(self.events.as_ref(), row_group, rows)? else {
            return Ok(Events::default());
        };
        Ok(Events {
            span_rows,
            times: slice.ints("time")?,
            names: slice.texts("name")?,
            dropped_attributes: slice.rare_counts("dropped_attributes_count")?,
            attributes: slice.attributes()?,
        })
    }

    fn links(&self, row_group: usize, rows: &Range<usize>) -> Result<Links, StoreError> {
        let Some((slice, span_rows)) = part_slice(self.links.as_ref(), row_group, rows)? else {
            return Ok(Links::default());
        };
        Ok(Links {
            span_rows,
            trace_ids: slice.ids("linked_trace_id")?,
            span_ids: slice.ids("linked_span_id")?,
            trace_states: slice.rare_texts("trace_state")?,
            flags: slice.ints("flags")?,
            dropped_attributes: slice.rare_counts("dropped_attributes_count")?,
            attributes: slice.attributes()?,
        })
    }
}

/// The events or links of spans `rows`, and the rows of their spans counted from the first of `rows`.
fn part_slice<'t>(
    part: Option<&'t PartTable>,
    row_group: usize,
    rows: &Range<usize>,
) -> Result<Option<(Slice<'t>, Vec<u32>)>, StoreError> {
    let Some((part, group)) = part.and_then(|part| Some((part, part.group_of(row_group)?))) else { return Ok(None) };
    let table = &part.rows.table;
    let candidates = table.rows_maybe_between(group, SPAN_ROW, rows.start as i64, rows.end as i64 - 1)?;
    if candidates.is_empty() {
        return Ok(None);
    }
    let first = candidates.start;
    let span_rows: Vec<i64> = Slice { table, row_group: group, rows: candidates }.ints(SPAN_ROW)?;
    let from = span_rows.partition_point(|&row| row < rows.start as i64);
    let to = span_rows.partition_point(|&row| row < rows.end as i64);
    if from == to {
        return Ok(None);
    }
    let owners = span_rows[from..to].iter().map(|&row| (row - rows.start as i64) as u32).collect();
    Ok(Some((Slice { table, row_group: group, rows: first + from..first + to }, owners)))
}

impl Slice<'_> {
    fn read(&self, column: &str) -> Result<Column, StoreError> {
        self.table.read(self.row_group, column, self.rows.clone())
    }

    fn ints<T: FromInt>(&self, column: &str) -> Result<Vec<T>, StoreError> {
        match self.read(column)? {
            Column::Int { values, .. } => Ok(values.into_iter().map(T::from_int).collect()),
            _ => Err(wrong_type(column)),
        }
    }

    fn ids<const N: usize>(&self, column: &str) -> Result<Vec<[u8; N]>, StoreError> {
        match self.read(column)? {
            Column::Fixed(bytes) => Ok(bytes.as_chunks::<N>().0.to_vec()),
            _ => Err(wrong_type(column)),
        }
    }

    fn texts(&self, column: &str) -> Result<Texts, StoreError> {
        match self.read(column)? {
            Column::Dict { ids, dict } => Ok(Texts { ids, dict }),
            _ => Err(wrong_type(column)),
        }
    }

    fn rare_texts(&self, column: &str) -> Result<RareTexts, StoreError> {
        if !self.table.has_values(self.row_group, column) {
            return Ok(RareTexts::default());
        }
        let Texts { ids, dict } = self.texts(column)?;
        let rows = (0..ids.len() as u32).filter(|&row| ids[row as usize] != NULL_ID).collect();
        let ids: Vec<u32> = ids.into_iter().filter(|&id| id != NULL_ID).collect();
        let dict = if ids.is_empty() { Dict::default() } else { dict };
        Ok(RareTexts { rows, texts: Texts { ids, dict } })
    }

    fn rare_counts(&self, column: &str) -> Result<RareCounts, StoreError> {
        if !self.table.has_values(self.row_group, column) {
            return Ok(RareCounts::default());
        }
        let Column::Int { values, present } = self.read(column)? else { return Err(wrong_type(column)) };
        let rows = (0..values.len()).filter(|&row| present.get(row).copied().unwrap_or(true));
        let mut counts = RareCounts::default();
        rows.for_each(|row| counts.push(row as u32, values[row] as u32));
        Ok(counts)
    }

    /// Words as numbers, each distinct word parsed once.
    fn numbers(&self, column: &str, parse: fn(&[u8]) -> u8) -> Result<Vec<u8>, StoreError> {
        let Texts { ids, dict } = self.texts(column)?;
        let numbers: Vec<u8> = (0..dict.len() as u32).map(|id| parse(dict.get(id))).collect();
        Ok(ids.into_iter().map(|id| numbers.get(id as usize).copied().unwrap_or_default()).collect())
    }

    fn parents(&self, spans: &[[u8; 8]]) -> Result<Vec<[u8; 8]>, StoreError> {
        let Column::Int { values, present } = self.read("parent_distance")? else {
            return Err(wrong_type("parent_distance"));
        };
        Ok(Parents { ids: self.ids("parent_span_id")?, distances: values, present }.restore(spans))
    }

    fn attributes(&self) -> Result<AttributeColumns, StoreError> {
        self.attributes_of(None)
    }

    /// The attributes in the columns at the positions `used`; in all of them when it is not known which are used.
    fn attributes_of(&self, used: Option<&HashSet<usize>>) -> Result<AttributeColumns, StoreError> {
        let is_used = |at: usize, name: &str| {
            used.is_none_or(|used| used.contains(&at)) && self.table.has_values(self.row_group, name)
        };
        let specs = self.table.specs().iter().filter(|spec| is_attribute(spec)).enumerate();
        let specs = specs.filter(|(at, spec)| is_used(*at, &spec.name)).map(|(_, spec)| spec);
        let columns = specs.map(|spec| self.read(&spec.name).map(|column| (spec, column)));
        Ok(AttributeColumns::from_table(columns.collect::<Result<Vec<_>, _>>()?))
    }
}

/// Numbers that a table keeps as `i64`.
trait FromInt {
    fn from_int(number: i64) -> Self;
}

impl FromInt for i64 {
    fn from_int(number: i64) -> Self {
        number
    }
}

impl FromInt for u64 {
    fn from_int(number: i64) -> Self {
        number as Self
    }
}

impl FromInt for u32 {
    fn from_int(number: i64) -> Self {
        number as Self
    }
}

/// Ids of resources or scopes as indexes into a table of those that are used.
fn origins<T>(texts: &Texts, known: &HashMap<u64, Arc<T>>) -> Result<(Vec<u32>, Vec<Origin<T>>), StoreError> {
    let mut used = Vec::new();
    let mut index_of = vec![NULL_ID; texts.dict.len()];
    let mut rows = Vec::with_capacity(texts.ids.len());
    for &id in &texts.ids {
        let index = index_of.get_mut(id as usize).ok_or_else(|| wrong_type("resource_id or scope_id"))?;
        if *index == NULL_ID {
            let hash = parse_origin_id(texts.dict.get(id)).filter(|hash| known.contains_key(hash));
            let hash =
                hash.ok_or_else(|| StoreError::Corrupt("a span names a resource or scope that is not there".into()))?;
            *index = used.len() as u32;
            used.push(Origin { hash, value: Arc::clone(&known[&hash]) });
        }
        rows.push(*index);
    }
    Ok((rows, used))
}

fn wrong_type(column: &str) -> StoreError {
    StoreError::Corrupt(format!("column {column} has the wrong type"))
}
