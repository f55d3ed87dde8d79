//! Writes the tables of a block, one row group of spans after the other with its events and links.

use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use hashbrown::HashMap;
use model::{Resource, Scope, TimeRange};
use store_api::StoreError;

use super::batch::SpanBatch;
use super::columns::{
    EVENT_COLUMNS, EVENTS_FILE, LINK_COLUMNS, LINKS_FILE, REST_KEYS, SCOPE_COLUMNS_USED, SPAN_COLUMNS, SPAN_ROW_GROUPS,
    SPANS_FILE, origin_id, specs,
};
use super::gather::{Gather, borrow};
use super::kinds::{kind_text, status_text};
use super::open::OpenedSpans;
use super::order::Order;
use super::origin::Origin;
use super::parents::Parents;
use super::side;
use super::usage::{self, Usage};
use crate::attributes::AttributeLayout;
use crate::attributes::restore::is_attribute;
use crate::engine::block::BlockWriter;
use crate::engine::signal::BlockSummary;
use crate::table::writer::TableWriter;
use crate::table::{Column, ColumnSpec};

/// The attribute columns of the tables.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    /// Of spans.
    pub spans: AttributeLayout,
    /// Of events.
    pub events: AttributeLayout,
    /// Of links.
    pub links: AttributeLayout,
}

impl Layouts {
    /// The columns for a block that will hold all of `batches`.
    pub(crate) fn plan<'a>(batches: impl Iterator<Item = &'a SpanBatch> + Clone) -> Self {
        let rows = |count: fn(&SpanBatch) -> usize| batches.clone().map(|batch| count(batch) as u64).sum();
        Self {
            spans: AttributeLayout::plan(batches.clone().map(|batch| &batch.attributes), rows(SpanBatch::len)),
            events: AttributeLayout::plan(
                batches.clone().map(|batch| &batch.events.attributes),
                rows(|batch| batch.events.span_rows.len()),
            ),
            links: AttributeLayout::plan(
                batches.clone().map(|batch| &batch.links.attributes),
                rows(|batch| batch.links.span_rows.len()),
            ),
        }
    }
}

/// The block being written.
pub(crate) struct SpanTables<'w> {
    writer: &'w mut BlockWriter,
    layouts: Layouts,
    spans: TableWriter<BufWriter<File>>,
    row_groups: usize,
    /// By row group.
    usage: Vec<Usage>,
    events: Option<PartTable>,
    links: Option<PartTable>,
    /// Distinct resources by hash.
    resources: HashMap<u64, Arc<Resource>>,
    /// Distinct scopes by hash.
    scopes: HashMap<u64, Arc<Scope>>,
    rows: u64,
    range: Option<TimeRange>,
}

/// Events or links: a table whose row groups belong to row groups of spans.
struct PartTable {
    table: TableWriter<BufWriter<File>>,
    span_row_groups: Vec<usize>,
}

impl<'w> SpanTables<'w> {
    /// Starts the files.
    pub(crate) fn create(writer: &'w mut BlockWriter, layouts: Layouts) -> Result<Self, StoreError> {
        let spans = TableWriter::new(writer.create(SPANS_FILE)?, specs(SPAN_COLUMNS, layouts.spans.specs()))?;
        Ok(Self {
            writer,
            layouts,
            spans,
            row_groups: 0,
            usage: Vec::new(),
            events: None,
            links: None,
            resources: HashMap::new(),
            scopes: HashMap::new(),
            rows: 0,
            range: None,
        })
    }

    /// Writes all rows of `batches` as one row group.
    pub(crate) fn write_group(&mut self, batches: &[Arc<SpanBatch>]) -> Result<(), StoreError> {
        let order = Order::of_spans(batches);
        if order.len() == 0 {
            return Ok(());
        }
        let gather = Gather { batches, order: &order };
        let mut columns = span_columns(&gather);
        columns.extend(gather.attributes(&self.layouts.spans, |batch| &batch.attributes));
        self.spans.write_row_group(order.len(), &borrow(&columns))?;
        drop(columns);
        self.usage.push(usage::of_batches(&self.layouts.spans, batches));
        self.write_events(batches, &order)?;
        self.write_links(batches, &order)?;
        for batch in batches {
            let (resources, scopes) = (batch.resources.iter(), batch.scopes.iter());
            self.note(resources.cloned(), scopes.cloned(), batch.range);
        }
        self.row_groups += 1;
        self.rows += order.len() as u64;
        Ok(())
    }

    fn write_events(&mut self, batches: &[Arc<SpanBatch>], spans: &Order) -> Result<(), StoreError> {
        let order = spans.of_parts(batches, |batch| &batch.events.span_rows);
        if order.len() == 0 {
            return Ok(());
        }
        let gather = Gather { batches, order: &order };
        let mut columns = part_columns(&gather, spans, |batch| &batch.events.span_rows);
        columns.push(gather.ints(|batch, event| batch.events.times[event] as i64));
        columns.push(gather.texts(|batch| &batch.events.names));
        columns.push(gather.rare_counts(|batch| &batch.events.dropped_attributes));
        columns.extend(gather.attributes(&self.layouts.events, |batch| &batch.events.attributes));
        self.events_table()?.table.write_row_group(order.len(), &borrow(&columns))
    }

    fn write_links(&mut self, batches: &[Arc<SpanBatch>], spans: &Order) -> Result<(), StoreError> {
        let order = spans.of_parts(batches, |batch| &batch.links.span_rows);
        if order.len() == 0 {
            return Ok(());
        }
        let gather = Gather { batches, order: &order };
        let mut columns = part_columns(&gather, spans, |batch| &batch.links.span_rows);
        columns.push(gather.ids(|batch, link| batch.links.trace_ids[link]));
        columns.push(gather.ids(|batch, link| batch.links.span_ids[link]));
        columns.push(gather.rare_texts(|batch| &batch.links.trace_states));
        columns.push(gather.ints(|batch, link| i64::from(batch.links.flags[link])));
        columns.push(gather.rare_counts(|batch| &batch.links.dropped_attributes));
        columns.extend(gather.attributes(&self.layouts.links, |batch| &batch.links.attributes));
        self.links_table()?.table.write_row_group(order.len(), &borrow(&columns))
    }

    /// The table of events, with the next row group announced.
    fn events_table(&mut self) -> Result<&mut PartTable, StoreError> {
        let specs = || specs(EVENT_COLUMNS, self.layouts.events.specs());
        PartTable::next_group(&mut self.events, self.writer, EVENTS_FILE, specs, self.row_groups)
    }

    fn links_table(&mut self) -> Result<&mut PartTable, StoreError> {
        let specs = || specs(LINK_COLUMNS, self.layouts.links.specs());
        PartTable::next_group(&mut self.links, self.writer, LINKS_FILE, specs, self.row_groups)
    }

    /// Copies a row group of another block with its events and links. Its resources, scopes and times are [noted](Self::note) by the
    /// caller.
    pub(crate) fn copy_group(&mut self, from: &OpenedSpans, row_group: usize) -> Result<(), StoreError> {
        let spans = &from.spans.table;
        self.spans.append_row_group(spans, row_group)?;
        if let Some((table, row_group)) = from.events.as_ref().and_then(|part| part.table_of(row_group)) {
            self.events_table()?.table.append_row_group(table, row_group)?;
        }
        if let Some((table, row_group)) = from.links.as_ref().and_then(|part| part.table_of(row_group)) {
            self.links_table()?.table.append_row_group(table, row_group)?;
        }
        let columns: Vec<&ColumnSpec> = spans.specs().iter().filter(|spec| is_attribute(spec)).collect();
        let usage =
            from.usage.get(row_group).map(|usage| usage::translate(usage, &columns, &self.layouts.spans.specs()));
        self.usage.push(usage.unwrap_or_default());
        self.row_groups += 1;
        self.rows += spans.row_group_rows(row_group) as u64;
        Ok(())
    }

    /// Remembers what rows that were written refer to.
    pub(crate) fn note(
        &mut self,
        resources: impl Iterator<Item = Origin<Resource>>,
        scopes: impl Iterator<Item = Origin<Scope>>,
        range: Option<TimeRange>,
    ) {
        self.resources.extend(resources.map(|origin| (origin.hash, origin.value)));
        self.scopes.extend(scopes.map(|origin| (origin.hash, origin.value)));
        self.range = match (self.range, range) {
            (Some(a), Some(b)) => Some(TimeRange::new(a.start.min(b.start), a.end.max(b.end))),
            (a, b) => a.or(b),
        };
    }

    /// Ends the files. `rest` are more keys that may be in `attributes_rest`, of rows that were copied: spans, events, links.
    pub(crate) fn finish(self, rest: [&[String]; 3]) -> Result<BlockSummary, StoreError> {
        let rest_keys = |layout: &AttributeLayout, more: &[String]| {
            let mut keys = layout.rest_keys().clone();
            keys.extend(more.iter().cloned());
            (REST_KEYS.to_owned(), serde_json::json!(keys).to_string())
        };
        let usage = (SCOPE_COLUMNS_USED.to_owned(), usage::to_json(&self.usage));
        self.spans.finish(&[rest_keys(&self.layouts.spans, rest[0]), usage])?;
        let parts = [(self.events, &self.layouts.events, rest[1]), (self.links, &self.layouts.links, rest[2])];
        for (part, layout, more) in parts {
            let Some(part) = part else { continue };
            let groups = (SPAN_ROW_GROUPS.to_owned(), serde_json::json!(part.span_row_groups).to_string());
            part.table.finish(&[rest_keys(layout, more), groups])?;
        }
        side::write_resources(self.writer, &self.resources)?;
        side::write_scopes(self.writer, &self.scopes)?;
        let range = self.range.unwrap_or(TimeRange::ALL);
        Ok(BlockSummary { rows: self.rows, range })
    }
}

impl PartTable {
    fn next_group<'t>(
        table: &'t mut Option<Self>,
        writer: &mut BlockWriter,
        file: &str,
        specs: impl FnOnce() -> Vec<ColumnSpec>,
        span_row_group: usize,
    ) -> Result<&'t mut Self, StoreError> {
        if table.is_none() {
            let new = TableWriter::new(writer.create(file)?, specs())?;
            *table = Some(Self { table: new, span_row_groups: Vec::new() });
        }
        let part = table.as_mut().expect("it was made above");
        part.span_row_groups.push(span_row_group);
        Ok(part)
    }
}

/// The columns of [`SPAN_COLUMNS`].
fn span_columns(gather: &Gather<'_>) -> Vec<Column> {
    let traces = gather.each(|batch, row| batch.trace_ids[row]);
    let spans = gather.each(|batch, row| batch.span_ids[row]);
    let parents = Parents::find(&traces, &spans, &gather.each(|batch, row| batch.parent_ids[row]));
    vec![
        Column::Fixed(traces.into_flattened()),
        Column::Fixed(spans.into_flattened()),
        Column::Fixed(parents.ids.into_flattened()),
        Column::Int { values: parents.distances, present: parents.present },
        gather.by_index(
            |batch| &batch.resource,
            |batch| {
                batch
                    .resources
                    .iter()
                    .map(|origin| origin.value.service_name().unwrap_or_default().to_owned())
                    .collect()
            },
        ),
        gather.texts(|batch| &batch.names),
        gather.words(|batch, row| batch.kinds[row], kind_text),
        gather.words(|batch, row| batch.status_codes[row], status_text),
        gather.rare_texts(|batch| &batch.status_messages),
        gather.ints(|batch, row| batch.starts[row] as i64),
        gather.ints(|batch, row| batch.ends[row].wrapping_sub(batch.starts[row]) as i64),
        gather.rare_texts(|batch| &batch.trace_states),
        gather.ints(|batch, row| i64::from(batch.flags[row])),
        gather.rare_counts(|batch| &batch.dropped_attributes),
        gather.rare_counts(|batch| &batch.dropped_events),
        gather.rare_counts(|batch| &batch.dropped_links),
        gather.by_index(
            |batch| &batch.resource,
            |batch| batch.resources.iter().map(|origin| origin_id(origin.hash)).collect(),
        ),
        gather
            .by_index(|batch| &batch.scope, |batch| batch.scopes.iter().map(|origin| origin_id(origin.hash)).collect()),
    ]
}

/// The columns that events and links begin with: the ids of their span and its row in the row group.
fn part_columns(gather: &Gather<'_>, spans: &Order, span_rows: fn(&SpanBatch) -> &[u32]) -> Vec<Column> {
    let rows = gather.order.sources.iter().map(|source| {
        let row = span_rows(&gather.batches[source.batch as usize])[source.row as usize];
        i64::from(spans.places(source.batch as usize)[row as usize])
    });
    vec![
        gather.ids(|batch, part| batch.trace_ids[span_rows(batch)[part] as usize]),
        gather.ids(|batch, part| batch.span_ids[span_rows(batch)[part] as usize]),
        Column::Int { values: rows.collect(), present: Vec::new() },
    ]
}
