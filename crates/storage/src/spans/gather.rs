//! Fields of batches as the dense columns of one row group.

use std::sync::Arc;

use hashbrown::HashMap;

use super::batch::{RareCounts, RareTexts, SpanBatch, Texts};
use super::order::{Order, Source};
use crate::attributes::concat::remap;
use crate::attributes::interner::Interner;
use crate::attributes::{AttributeColumns, AttributeInput, AttributeLayout};
use crate::table::{Column, ColumnData, Dict, NULL_ID};

/// Batches with the order in which their rows (or events, or links) go into the row group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gather<'a> {
    /// The batches.
    pub batches: &'a [Arc<SpanBatch>],
    /// The order.
    pub order: &'a Order,
}

impl<'a> Gather<'a> {
    /// One value a row.
    pub(crate) fn each<T>(&self, value: impl Fn(&'a SpanBatch, usize) -> T) -> Vec<T> {
        let sources = self.order.sources.iter();
        sources.map(|&Source { batch, row }| value(&self.batches[batch as usize], row as usize)).collect()
    }

    /// Numbers that every row has.
    pub(crate) fn ints(&self, value: impl Fn(&'a SpanBatch, usize) -> i64) -> Column {
        Column::Int { values: self.each(value), present: Vec::new() }
    }

    /// Ids.
    pub(crate) fn ids<const N: usize>(&self, value: impl Fn(&'a SpanBatch, usize) -> [u8; N]) -> Column {
        Column::Fixed(self.each(value).into_flattened())
    }

    /// Texts that every row has.
    pub(crate) fn texts(&self, texts: impl Fn(&'a SpanBatch) -> &'a Texts) -> Column {
        let (mut ids, mut dict, mut interner) = (vec![NULL_ID; self.order.len()], Dict::default(), Interner::default());
        for (at, batch) in self.batches.iter().enumerate() {
            let texts = texts(batch);
            let remap = remap(&mut dict, &mut interner, &texts.dict);
            let places = self.order.places(at);
            texts.ids.iter().zip(places).for_each(|(&id, &place)| ids[place as usize] = remap[id as usize]);
        }
        Column::Dict { ids, dict }
    }

    /// Texts that few rows have.
    pub(crate) fn rare_texts(&self, texts: impl Fn(&'a SpanBatch) -> &'a RareTexts) -> Column {
        let (mut ids, mut dict, mut interner) = (vec![NULL_ID; self.order.len()], Dict::default(), Interner::default());
        for (at, batch) in self.batches.iter().enumerate() {
            let RareTexts { rows, texts } = texts(batch);
            let remap = remap(&mut dict, &mut interner, &texts.dict);
            let places = self.order.places(at);
            let values = rows.iter().zip(&texts.ids);
            values.for_each(|(&row, &id)| ids[places[row as usize] as usize] = remap[id as usize]);
        }
        Column::Dict { ids, dict }
    }

    /// Counts that few rows have.
    pub(crate) fn rare_counts(&self, counts: impl Fn(&'a SpanBatch) -> &'a RareCounts) -> Column {
        let (mut values, mut present) = (vec![0; self.order.len()], vec![false; self.order.len()]);
        for (at, batch) in self.batches.iter().enumerate() {
            let RareCounts { rows, counts } = counts(batch);
            for (&row, &count) in rows.iter().zip(counts) {
                let place = self.order.places(at)[row as usize] as usize;
                values[place] = i64::from(count);
                present[place] = true;
            }
        }
        Column::Int { values, present }
    }

    /// A small number as a word: `word` is asked once per number.
    pub(crate) fn words(&self, number: impl Fn(&'a SpanBatch, usize) -> u8, word: fn(u8) -> String) -> Column {
        let mut dict = Dict::default();
        let mut known = [NULL_ID; 256];
        let mut id = |number: u8| {
            let id = &mut known[number as usize];
            if *id == NULL_ID {
                *id = dict.push(word(number).as_bytes());
            }
            *id
        };
        let ids = self.each(number).into_iter().map(&mut id).collect();
        Column::Dict { ids, dict }
    }

    /// A text of what `indexes` point to in a batch's table, made once per entry of the table.
    pub(crate) fn by_index(
        &self,
        indexes: impl Fn(&'a SpanBatch) -> &'a [u32],
        table: impl Fn(&'a SpanBatch) -> Vec<String>,
    ) -> Column {
        let mut dict = Dict::default();
        let mut known: HashMap<String, u32, foldhash::fast::RandomState> = HashMap::default();
        let mut ids = vec![NULL_ID; self.order.len()];
        for (at, batch) in self.batches.iter().enumerate() {
            let texts = table(batch).into_iter();
            let remap: Vec<u32> =
                texts.map(|text| *known.entry_ref(&text).or_insert_with(|| dict.push(text.as_bytes()))).collect();
            let rows = indexes(batch).iter().zip(self.order.places(at));
            rows.for_each(|(&index, &place)| ids[place as usize] = remap[index as usize]);
        }
        Column::Dict { ids, dict }
    }

    /// The columns of attributes.
    pub(crate) fn attributes(
        &self,
        layout: &AttributeLayout,
        attributes: impl Fn(&'a SpanBatch) -> &'a AttributeColumns,
    ) -> Vec<Column> {
        let input = |(at, batch): (usize, &'a Arc<SpanBatch>)| AttributeInput {
            columns: attributes(batch),
            places: self.order.places(at),
        };
        let inputs: Vec<AttributeInput<'_>> = self.batches.iter().enumerate().map(input).collect();
        layout.gather(&inputs, self.order.len())
    }
}

/// Columns as the table writer takes them.
pub(crate) fn borrow(columns: &[Column]) -> Vec<ColumnData<'_>> {
    columns.iter().map(borrow_one).collect()
}

fn borrow_one(column: &Column) -> ColumnData<'_> {
    match column {
        Column::Dict { ids, dict } => ColumnData::Dict { ids, dict },
        Column::Fixed(bytes) => ColumnData::Fixed(bytes),
        Column::Int { values, present } => ColumnData::Int { values, present },
        Column::Double { values, present } => ColumnData::Double { values, present },
        Column::Bool { values, present } => ColumnData::Bool { values, present },
    }
}
