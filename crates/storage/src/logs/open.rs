//! A block of logs opened for reading: its side tables in memory, its records read row group by row group, page by page.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use model::{Resource, Scope};
use store_api::StoreError;

use super::batch::{LogBatch, SparseColumn, TextColumn};
use super::level::Level;
use super::source::{Named, NamedResource, NamedScope, NamedStream};
use super::tables::{
    self, LOGS_FILE, RESOURCES_FILE, Run, SCOPES_FILE, STREAMS_FILE, SideTable, TRIGRAMS, TRIGRAMS_FILE, column,
    damaged,
};
use crate::attributes::restore::is_attribute;
use crate::attributes::{AttributeColumns, json};
use crate::engine::block::BlockFiles;
use crate::table::reader::TableReader;
use crate::table::{Column, Dict, NULL_ID};

/// See the module.
pub(crate) struct LogBlock {
    /// `logs.parquet`.
    pub table: TableReader,
    /// `trigrams.parquet`.
    pub trigrams: TableReader,
    /// Rows of each stream, in order of row group and row. Together they cover all rows.
    pub runs: Vec<Run>,
    /// The streams that runs name.
    pub streams: Vec<Arc<NamedStream>>,
    /// Resources by id.
    pub resources: HashMap<u64, Arc<NamedResource>>,
    /// Scopes by id.
    pub scopes: HashMap<u64, Arc<NamedScope>>,
}

impl LogBlock {
    /// Reads footer and side tables.
    pub(crate) fn open(files: &BlockFiles) -> Result<Self, StoreError> {
        let open = |name: &str| {
            let file = files.open(name)?;
            TableReader::open(file.ok_or_else(|| StoreError::Corrupt(format!("{}/{name} is missing", files.path)))?)
        };
        let (runs, streams) = read_runs(&SideTable::new(open(STREAMS_FILE)?))?;
        let resources = read_resources(&SideTable::new(open(RESOURCES_FILE)?))?;
        let scopes = read_scopes(&SideTable::new(open(SCOPES_FILE)?))?;
        Ok(Self { table: open(LOGS_FILE)?, trigrams: open(TRIGRAMS_FILE)?, runs, streams, resources, scopes })
    }

    /// The runs of one row group, by row.
    pub(crate) fn runs_of(&self, row_group: u32) -> &[Run] {
        let first = self.runs.partition_point(|run| run.row_group < row_group);
        let end = self.runs.partition_point(|run| run.row_group <= row_group);
        &self.runs[first..end]
    }

    /// Times of some rows, ns.
    pub(crate) fn times(&self, row_group: u32, rows: &[Range<usize>]) -> Result<Vec<i64>, StoreError> {
        self.ints(row_group, column::TIME, rows)
    }

    /// Lines of some rows: an id a row, and entries that need not be distinct.
    pub(crate) fn lines(&self, row_group: u32, rows: Range<usize>) -> Result<(Vec<u32>, Dict), StoreError> {
        self.dict(row_group, column::BODY, &[rows])
    }

    /// Bitmaps of the windows of a row group, see [`super::trigrams`].
    pub(crate) fn windows(&self, row_group: u32) -> Result<(Vec<u32>, Dict), StoreError> {
        let group = row_group as usize;
        match self.trigrams.read(group, TRIGRAMS, 0..self.trigrams.row_group_rows(group))? {
            Column::Dict { ids, dict } => Ok((ids, dict)),
            _ => Err(damaged(TRIGRAMS)),
        }
    }

    /// A whole row group.
    pub(crate) fn group(&self, row_group: u32) -> Result<LogBatch, StoreError> {
        self.batch(row_group, std::slice::from_ref(&(0..self.table.row_group_rows(row_group as usize))))
    }

    /// The rows of some ranges with all columns, one range behind the other.
    pub(crate) fn batch(&self, row_group: u32, rows: &[Range<usize>]) -> Result<LogBatch, StoreError> {
        let group = row_group;
        let time = self.ints(group, column::TIME, rows)?;
        let (line_ids, lines) = self.dict(group, column::BODY, rows)?;
        let (resource, resources) = self.sources(group, column::RESOURCE_ID, rows, &self.resources)?;
        let (scope, scopes) = self.sources(group, column::SCOPE_ID, rows, &self.scopes)?;
        let (stream, streams) = self.streams_of(group, rows);
        Ok(LogBatch {
            observed: self.observed(group, rows, &time)?,
            time,
            time_source: self.small(group, column::TIME_SOURCE, rows)?,
            severity_number: self.small(group, column::SEVERITY_NUMBER, rows)?,
            severity_text: self.text(group, column::SEVERITY_TEXT, rows)?,
            level: self.levels(group, rows)?,
            lines: dense(&line_ids, lines),
            bodies: sparse(self.dict(group, column::BODY_VALUE, rows)?),
            trace_id: self.fixed(group, column::TRACE_ID, rows)?,
            span_id: self.fixed(group, column::SPAN_ID, rows)?,
            flags: self.small(group, column::FLAGS, rows)?,
            dropped: self.small(group, column::DROPPED, rows)?,
            event_name: self.text(group, column::EVENT_NAME, rows)?,
            resource,
            scope,
            stream,
            attributes: self.attributes(group, rows)?,
            resources,
            scopes,
            streams,
        })
    }

    fn attributes(&self, group: u32, rows: &[Range<usize>]) -> Result<AttributeColumns, StoreError> {
        let specs = self.table.specs().iter().filter(|spec| is_attribute(spec));
        let read = specs.map(|spec| Ok((spec, self.table.read_ranges(group as usize, &spec.name, rows)?)));
        Ok(AttributeColumns::from_table(read.collect::<Result<Vec<_>, StoreError>>()?))
    }

    fn ints(&self, group: u32, name: &str, rows: &[Range<usize>]) -> Result<Vec<i64>, StoreError> {
        match self.table.read_ranges(group as usize, name, rows)? {
            Column::Int { values, .. } => Ok(values),
            _ => Err(damaged(name)),
        }
    }

    fn small<T: TryFrom<i64> + Default>(
        &self,
        group: u32,
        name: &str,
        rows: &[Range<usize>],
    ) -> Result<Vec<T>, StoreError> {
        let values = self.ints(group, name, rows)?;
        Ok(values.into_iter().map(|value| T::try_from(value).unwrap_or_default()).collect())
    }

    fn dict(&self, group: u32, name: &str, rows: &[Range<usize>]) -> Result<(Vec<u32>, Dict), StoreError> {
        match self.table.read_ranges(group as usize, name, rows)? {
            Column::Dict { ids, dict } => Ok((ids, dict)),
            _ => Err(damaged(name)),
        }
    }

    fn text(&self, group: u32, name: &str, rows: &[Range<usize>]) -> Result<TextColumn, StoreError> {
        self.dict(group, name, rows).map(|(ids, dict)| TextColumn { ids, dict })
    }

    fn fixed<const N: usize>(&self, group: u32, name: &str, rows: &[Range<usize>]) -> Result<Vec<[u8; N]>, StoreError> {
        match self.table.read_ranges(group as usize, name, rows)? {
            Column::Fixed(bytes) => Ok(bytes.as_chunks::<N>().0.to_vec()),
            _ => Err(damaged(name)),
        }
    }

    fn observed(&self, group: u32, rows: &[Range<usize>], time: &[i64]) -> Result<Vec<i64>, StoreError> {
        let name = column::OBSERVED_DELTA;
        let Column::Int { values, present } = self.table.read_ranges(group as usize, name, rows)? else {
            return Err(damaged(name));
        };
        let observed = |(at, (delta, time)): (usize, (i64, &i64))| {
            let has = present.get(at).copied().unwrap_or(true);
            if has { time.wrapping_add(delta) } else { 0 }
        };
        Ok(values.into_iter().zip(time).enumerate().map(observed).collect())
    }

    fn levels(&self, group: u32, rows: &[Range<usize>]) -> Result<Vec<u8>, StoreError> {
        let (ids, dict) = self.dict(group, column::LEVEL, rows)?;
        let number = |id| Level::ALL.iter().position(|level| level.as_str().as_bytes() == dict.get(id)).unwrap_or(0);
        let numbers: Vec<u8> = (0..dict.len() as u32).map(|id| number(id) as u8).collect();
        Ok(ids.into_iter().map(|id| numbers.get(id as usize).copied().unwrap_or(0)).collect())
    }

    /// Positions of rows' resources or scopes in a list of those that they name.
    #[expect(clippy::type_complexity, reason = "the pair is taken apart at once")]
    fn sources<T>(
        &self,
        group: u32,
        name: &str,
        rows: &[Range<usize>],
        known: &HashMap<u64, Arc<Named<T>>>,
    ) -> Result<(Vec<u32>, Vec<Arc<Named<T>>>), StoreError> {
        let (ids, dict) = self.dict(group, name, rows)?;
        let find = |id| tables::hash_id(&dict, id).and_then(|hash| known.get(&hash).cloned());
        let items: Option<Vec<Arc<Named<T>>>> = (0..dict.len() as u32).map(find).collect();
        Ok((ids, items.ok_or_else(|| damaged(name))?))
    }

    fn streams_of(&self, group: u32, ranges: &[Range<usize>]) -> (Vec<u32>, Vec<Arc<NamedStream>>) {
        let (mut places, mut streams) = (Vec::new(), Vec::new());
        let runs = self.runs_of(group);
        for rows in ranges {
            let first = runs.partition_point(|run| (run.first_row + run.rows) as usize <= rows.start);
            for run in runs[first..].iter().take_while(|run| (run.first_row as usize) < rows.end) {
                let (start, end) = (run.first_row as usize, (run.first_row + run.rows) as usize);
                places.resize(places.len() + end.min(rows.end) - start.max(rows.start), streams.len() as u32);
                streams.push(self.streams[run.stream as usize].clone());
            }
        }
        (places, streams)
    }
}

/// One entry a row, in order of rows, out of entries by id.
fn dense(ids: &[u32], dict: Dict) -> Dict {
    if ids.len() == dict.len() && ids.iter().enumerate().all(|(row, &id)| id as usize == row) {
        return dict;
    }
    let mut out = Dict::default();
    for &id in ids {
        out.push(dict.get(id));
    }
    out
}

fn sparse((ids, dict): (Vec<u32>, Dict)) -> SparseColumn {
    let mut out = SparseColumn::default();
    for (row, &id) in ids.iter().enumerate().filter(|(_, id)| **id != NULL_ID) {
        out.rows.push(row as u32);
        out.values.push(dict.get(id));
    }
    out
}

fn read_runs(table: &SideTable) -> Result<(Vec<Run>, Vec<Arc<NamedStream>>), StoreError> {
    if table.rows() == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let (places, ids) = table.dict("stream_id")?;
    let (label_places, labels) = table.dict("labels")?;
    let mut streams: Vec<Option<Arc<NamedStream>>> = vec![None; ids.len()];
    for (&place, &label_place) in places.iter().zip(&label_places) {
        let stream = &mut streams[place as usize];
        if stream.is_none() {
            let id = tables::hash_id(&ids, place).ok_or_else(|| damaged("stream_id"))?;
            let value = tables::parse_labels(labels.get(label_place)).ok_or_else(|| damaged("labels"))?;
            *stream = Some(Arc::new(Named { id, value }));
        }
    }
    // An entry that no row uses would leave a hole; our writer makes none.
    let streams = streams.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| damaged("stream_id"))?;
    let [row_group, first_row, rows] = ["row_group", "first_row", "rows"].map(|name| table.ints(name));
    let (row_group, first_row, rows) = (row_group?, first_row?, rows?);
    let (min_time, max_time) = (table.ints("min_time")?, table.ints("max_time")?);
    let run = |at: usize| Run {
        row_group: row_group[at] as u32,
        first_row: first_row[at] as u32,
        rows: rows[at] as u32,
        min_time: min_time[at],
        max_time: max_time[at],
        stream: places[at],
    };
    let runs: Vec<Run> = (0..table.rows()).map(run).collect();
    if !runs.is_sorted_by_key(|run| (run.row_group, run.first_row)) {
        return Err(damaged("first_row"));
    }
    Ok((runs, streams))
}

fn read_resources(table: &SideTable) -> Result<HashMap<u64, Arc<NamedResource>>, StoreError> {
    if table.rows() == 0 {
        return Ok(HashMap::new());
    }
    let ids = table.ids("resource_id")?;
    let attributes = table.parsed("attributes", json::parse_object)?;
    let dropped = table.ints("dropped_attributes_count")?;
    let schemas = table.parsed("schema_url", text)?;
    let rows = ids.into_iter().zip(attributes).zip(dropped).zip(schemas);
    let named = rows.map(|(((id, attributes), dropped), schema_url)| {
        let resource = Resource { attributes, dropped_attributes_count: dropped as u32, schema_url };
        (id, Arc::new(Named { id, value: Arc::new(resource) }))
    });
    Ok(named.collect())
}

fn read_scopes(table: &SideTable) -> Result<HashMap<u64, Arc<NamedScope>>, StoreError> {
    if table.rows() == 0 {
        return Ok(HashMap::new());
    }
    let ids = table.ids("scope_id")?;
    let (names, versions) = (table.parsed("name", text)?, table.parsed("version", text)?);
    let attributes = table.parsed("attributes", json::parse_object)?;
    let dropped = table.ints("dropped_attributes_count")?;
    let schemas = table.parsed("schema_url", text)?;
    let rows = ids.into_iter().zip(names).zip(versions).zip(attributes).zip(dropped).zip(schemas);
    let named = rows.map(|(((((id, name), version), attributes), dropped), schema_url)| {
        let scope = Scope { name, version, attributes, dropped_attributes_count: dropped as u32, schema_url };
        (id, Arc::new(Named { id, value: Arc::new(scope) }))
    });
    Ok(named.collect())
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}
