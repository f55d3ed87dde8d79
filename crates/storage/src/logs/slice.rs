//! Records of several batches in the order of one row group.

use std::sync::Arc;

use super::batch::{LogBatch, TextColumn};
use super::level::Level;
use super::source::Registry;
use super::tables::Run;
use crate::attributes::concat::remap;
use crate::attributes::interner::Interner;
use crate::attributes::{AttributeInput, AttributeLayout};
use crate::table::{Column, Dict, NULL_ID};

/// A record: number of the batch, row in it.
pub(crate) type Place = (u32, u32);

/// Position of the lines in [`Slice::columns`].
pub(crate) const LINES_COLUMN: usize = 2;

/// Most lines that are looked at to tell whether lines repeat.
const SAMPLE_ROWS: usize = 2048;

/// Positions of all batches' shared things in registries of the whole block.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Resources of the block.
    pub resources: Registry<Arc<model::Resource>>,
    /// Scopes of the block.
    pub scopes: Registry<Arc<model::Scope>>,
    /// Streams of the block.
    pub streams: Registry<model::Labels>,
}

/// One batch with the positions of its streams in [`Sources::streams`].
pub(crate) struct Input {
    /// The records.
    pub batch: Arc<LogBatch>,
    streams: Vec<u32>,
}

impl Input {
    /// Registers what the batch's records share.
    pub(crate) fn new(batch: Arc<LogBatch>, sources: &mut Sources) -> Self {
        sources.resources.add_all(&batch.resources);
        sources.scopes.add_all(&batch.scopes);
        let streams = batch.streams.iter().map(|stream| sources.streams.add(stream)).collect();
        Self { batch, streams }
    }

    fn stream(&self, row: u32) -> u32 {
        self.streams[self.batch.stream[row as usize] as usize]
    }
}

/// All records of `inputs` by time; equal times in order of arrival.
pub(crate) fn by_time(inputs: &[Input]) -> Vec<Place> {
    let mut keys: Vec<(i64, Place)> = Vec::with_capacity(inputs.iter().map(|input| input.batch.rows()).sum());
    for (number, input) in inputs.iter().enumerate() {
        let places = (0..).map(|row| (number as u32, row));
        keys.extend(input.batch.time.iter().copied().zip(places));
    }
    // Stable, and fast on records that come nearly sorted.
    keys.sort_by_key(|key| key.0);
    keys.into_iter().map(|key| key.1).collect()
}

/// The records of one row group.
pub(crate) struct Slice<'a> {
    inputs: &'a [Input],
    order: Vec<Place>,
    streams: Vec<u32>,
}

impl<'a> Slice<'a> {
    /// Sorts `places`, which are by time, by stream and within it by time.
    pub(crate) fn new(inputs: &'a [Input], places: &[Place], sources: &Sources) -> Self {
        let stream = |place: &Place| inputs[place.0 as usize].stream(place.1);
        // There are few streams, so counting beats comparing. `next` is where each stream's next record goes.
        let mut next = vec![0u32; sources.streams.items().len() + 1];
        places.iter().for_each(|place| next[stream(place) as usize + 1] += 1);
        (1..next.len()).for_each(|at| next[at] += next[at - 1]);
        let (mut order, mut streams) = (vec![(0, 0); places.len()], vec![0; places.len()]);
        for place in places {
            let stream = stream(place);
            let at = &mut next[stream as usize];
            order[*at as usize] = *place;
            streams[*at as usize] = stream;
            *at += 1;
        }
        Self { inputs, order, streams }
    }

    /// Number of records.
    pub(crate) fn rows(&self) -> usize {
        self.order.len()
    }

    /// One value of each record.
    fn each<T>(&self, value: impl Fn(&LogBatch, usize) -> T) -> Vec<T> {
        let inputs = self.inputs;
        self.order.iter().map(|&(number, row)| value(&inputs[number as usize].batch, row as usize)).collect()
    }

    fn ints(&self, value: impl Fn(&LogBatch, usize) -> i64) -> Column {
        Column::Int { values: self.each(value), present: Vec::new() }
    }

    fn optional_ints(&self, value: impl Fn(&LogBatch, usize) -> Option<i64>) -> Column {
        let values = self.each(value);
        let all = values.iter().all(Option::is_some);
        let present = if all { Vec::new() } else { values.iter().map(Option::is_some).collect() };
        Column::Int { values: values.into_iter().map(Option::unwrap_or_default).collect(), present }
    }

    /// Ids of things of which there are few.
    fn ids(&self, id: impl Fn(&LogBatch, usize) -> Option<u64>) -> Column {
        let (mut dict, mut interner) = (Dict::default(), Interner::default());
        let intern = |id: Option<u64>| id.map_or(NULL_ID, |id| interner.intern(&mut dict, &id.to_be_bytes()));
        let ids = self.each(id).into_iter().map(intern).collect();
        Column::Dict { ids, dict }
    }

    fn texts(&self, column: impl Fn(&LogBatch) -> &TextColumn) -> Column {
        let (mut dict, mut interner) = (Dict::default(), Interner::default());
        let inputs = self.inputs.iter().map(|input| column(&input.batch));
        let new: Vec<Vec<u32>> = inputs.map(|column| remap(&mut dict, &mut interner, &column.dict)).collect();
        let id = |&(number, row): &Place| {
            let old = column(&self.inputs[number as usize].batch).ids[row as usize];
            if old == NULL_ID { NULL_ID } else { new[number as usize][old as usize] }
        };
        Column::Dict { ids: self.order.iter().map(id).collect(), dict }
    }

    /// Lines that repeat become a dictionary, which saves most of their compression.
    fn lines(&self) -> Column {
        let (mut dict, mut interner) = (Dict::default(), Interner::default());
        let line = |&(number, row): &Place| self.inputs[number as usize].batch.lines.get(row);
        let step = self.rows().div_ceil(SAMPLE_ROWS).max(1);
        let sampled = self.order.iter().step_by(step).map(|place| interner.intern(&mut dict, line(place))).count();
        let repeat = dict.len() * 2 <= sampled;
        if repeat {
            return Column::Dict {
                ids: self.order.iter().map(|place| interner.intern(&mut dict, line(place))).collect(),
                dict,
            };
        }
        let mut dict = Dict::default();
        let bytes = self.order.iter().map(|place| line(place).len()).sum();
        dict.bytes.reserve_exact(bytes);
        dict.ends.reserve_exact(self.rows());
        Column::Dict { ids: self.order.iter().map(|place| dict.push(line(place))).collect(), dict }
    }

    fn bodies(&self) -> Column {
        let (mut dict, mut interner) = (Dict::default(), Interner::default());
        let body = |&(number, row): &Place| self.inputs[number as usize].batch.bodies.get(row);
        let id = |place| body(place).map_or(NULL_ID, |body| interner.intern(&mut dict, body));
        let ids = self.order.iter().map(id).collect();
        Column::Dict { ids, dict }
    }

    fn levels(&self) -> Column {
        let mut dict = Dict::default();
        for level in Level::ALL {
            dict.push(level.as_str().as_bytes());
        }
        Column::Dict { ids: self.each(|batch, row| u32::from(batch.level[row])), dict }
    }

    /// The row group's columns in the order of [`super::tables::log_specs`].
    pub(crate) fn columns(&self, attributes: &AttributeLayout) -> Vec<Column> {
        let observed = |batch: &LogBatch, row: usize| {
            (batch.observed[row] != 0).then(|| batch.observed[row].wrapping_sub(batch.time[row]))
        };
        let resource = |batch: &LogBatch, row: usize| batch.resources.get(batch.resource[row] as usize).map(|r| r.id);
        let scope = |batch: &LogBatch, row: usize| batch.scopes.get(batch.scope[row] as usize).map(|s| s.id);
        let mut columns = vec![
            self.ints(|batch, row| batch.time[row]),
            self.ids(|batch, row| Some(batch.streams[batch.stream[row] as usize].id)),
            self.lines(),
            self.levels(),
            Column::Fixed(self.each(|batch, row| batch.trace_id[row]).into_flattened()),
            Column::Fixed(self.each(|batch, row| batch.span_id[row]).into_flattened()),
            self.ints(|batch, row| i64::from(batch.time_source[row])),
            self.optional_ints(observed),
            self.ints(|batch, row| i64::from(batch.severity_number[row])),
            self.texts(|batch| &batch.severity_text),
            self.bodies(),
            self.ints(|batch, row| i64::from(batch.flags[row])),
            self.ints(|batch, row| i64::from(batch.dropped[row])),
            self.texts(|batch| &batch.event_name),
            self.ids(resource),
            self.ids(scope),
        ];
        let places = self.places();
        let inputs = self.inputs.iter().zip(&places).filter(|(_, places)| !places.is_empty());
        let inputs: Vec<AttributeInput<'_>> =
            inputs.map(|(input, places)| AttributeInput { columns: &input.batch.attributes, places }).collect();
        columns.extend(attributes.gather(&inputs, self.rows()));
        columns
    }

    /// For each batch the row in the group of each of its rows; empty for a batch that gives none.
    fn places(&self) -> Vec<Vec<u32>> {
        let mut places = vec![Vec::new(); self.inputs.len()];
        for (place, &(number, row)) in self.order.iter().enumerate() {
            let of_batch: &mut Vec<u32> = &mut places[number as usize];
            if of_batch.is_empty() {
                of_batch.resize(self.inputs[number as usize].batch.rows(), NULL_ID);
            }
            of_batch[row as usize] = place as u32;
        }
        places
    }

    /// The runs of records of one stream, in order.
    pub(crate) fn runs(&self, row_group: u32) -> Vec<Run> {
        let time = |at: usize| {
            let (number, row) = self.order[at];
            self.inputs[number as usize].batch.time[row as usize]
        };
        let mut first = 0;
        let chunks = self.streams.chunk_by(|a, b| a == b).map(|chunk| {
            let (start, end) = (first, first + chunk.len());
            first = end;
            let (rows, stream) = (chunk.len() as u32, chunk[0]);
            Run { row_group, first_row: start as u32, rows, min_time: time(start), max_time: time(end - 1), stream }
        });
        chunks.collect()
    }
}
