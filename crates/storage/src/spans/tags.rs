//! Answers about attributes: which names there are, and which values one of them has.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{KeyValue, SpanKind, StatusCode, Value};
use store_api::{Intrinsic, ReadStats, StoreError, Tag, TagNames, TagScope, TagValue};

use super::Spans;
use super::batch::{SpanBatch, Texts};
use super::head::Head;
use super::kinds::{parse_kind, parse_status};
use super::open::{AttributeTable, OpenedSpans};
use crate::attributes::layout::{REST_COLUMN, REST_KEYS_MAX};
use crate::attributes::restore::own_key;
use crate::attributes::{AttributeColumns, Scalar, json, value::text};
use crate::engine::block::Block;
use crate::table::{Column, ColumnType, NULL_ID};

/// Names of the attributes that spans in `heads` and `blocks` have.
pub(crate) fn tag_names(
    spans: &Spans,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Spans>>],
) -> Result<(TagNames, ReadStats), StoreError> {
    let mut names = TagNames::default();
    let mut stats = ReadStats::default();
    for batch in heads.iter().flat_map(|head| head.batches()) {
        names_of_columns(&batch.attributes, &mut names.span);
        names_of_columns(&batch.events.attributes, &mut names.event);
        names_of_columns(&batch.links.attributes, &mut names.link);
        batch.resources.iter().for_each(|origin| names_of_pairs(&origin.value.attributes, &mut names.resource));
        batch.scopes.iter().for_each(|origin| names_of_pairs(&origin.value.attributes, &mut names.instrumentation));
        stats.inspected_rows += batch.len() as u64;
    }
    for block in blocks {
        names_of_block(&*block.opened(spans)?, &mut names);
        stats.inspected_blocks += 1;
    }
    Ok((names, stats))
}

/// Adds the names that a block has: of columns and footers, no rows are read.
pub(crate) fn names_of_block(opened: &OpenedSpans, names: &mut TagNames) {
    names_of_table(&opened.spans, &mut names.span);
    opened.events.iter().for_each(|part| names_of_table(&part.rows, &mut names.event));
    opened.links.iter().for_each(|part| names_of_table(&part.rows, &mut names.link));
    opened.resources.values().for_each(|resource| names_of_pairs(&resource.attributes, &mut names.resource));
    opened.scopes.values().for_each(|scope| names_of_pairs(&scope.attributes, &mut names.instrumentation));
}

fn add_name(name: &str, names: &mut BTreeSet<String>) {
    if !names.contains(name) {
        names.insert(name.to_owned());
    }
}

fn names_of_pairs(pairs: &[KeyValue], names: &mut BTreeSet<String>) {
    pairs.iter().for_each(|pair| add_name(&pair.key, names));
}

fn names_of_columns(attributes: &AttributeColumns, names: &mut BTreeSet<String>) {
    attributes.columns.iter().for_each(|column| add_name(&column.key, names));
    attributes.spill.pairs().for_each(|(_, pair)| add_name(&pair.key, names));
}

fn names_of_table(table: &AttributeTable, names: &mut BTreeSet<String>) {
    table.table.specs().iter().filter_map(own_key).for_each(|(key, _)| add_name(key, names));
    table.rest_keys.iter().for_each(|key| add_name(key, names));
}

/// At most `limit` (0: all) distinct values of `tag`, sorted.
pub(crate) fn tag_values(
    spans: &Spans,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Spans>>],
    tag: &Tag,
    limit: usize,
) -> Result<(Vec<TagValue>, ReadStats), StoreError> {
    let mut values = Values::new(limit);
    let mut stats = ReadStats::default();
    for batch in heads.iter().flat_map(|head| head.batches()) {
        if values.is_full() {
            break;
        }
        values.of_batch(&batch, tag);
        stats.inspected_rows += batch.len() as u64;
    }
    for block in blocks {
        if values.is_full() {
            break;
        }
        let opened = block.opened(spans)?;
        let before = opened.bytes_read();
        values.of_block(&opened, tag)?;
        stats.inspected_blocks += 1;
        stats.inspected_bytes += opened.bytes_read() - before;
        stats.inspected_rows += opened.spans.table.rows();
    }
    Ok((values.into_sorted(), stats))
}

/// Distinct values, up to a limit.
pub(crate) struct Values {
    found: BTreeSet<TagValue>,
    limit: usize,
}

impl Values {
    /// None yet; 0 is no limit.
    pub(crate) fn new(limit: usize) -> Self {
        Self { found: BTreeSet::new(), limit }
    }

    /// The values in order.
    pub(crate) fn into_sorted(self) -> Vec<TagValue> {
        self.found.into_iter().collect()
    }

    fn is_full(&self) -> bool {
        self.limit > 0 && self.found.len() >= self.limit
    }

    fn add(&mut self, value: TagValue) {
        if !self.is_full() {
            self.found.insert(value);
        }
    }

    fn add_text(&mut self, bytes: &[u8]) {
        self.add(TagValue::Str(text(bytes)));
    }

    /// Lists, bytes and empty values have no form that a query could name, so they are left out.
    fn add_value(&mut self, value: &Value) {
        match value {
            Value::Str(text) => self.add(TagValue::Str(text.clone())),
            Value::Int(number) => self.add(TagValue::Int(*number)),
            Value::Double(number) => self.add(TagValue::Double(number.to_bits())),
            Value::Bool(flag) => self.add(TagValue::Bool(*flag)),
            Value::Empty | Value::Array(_) | Value::KvList(_) | Value::Bytes(_) => {}
        }
    }

    fn add_pairs(&mut self, pairs: &[KeyValue], key: &str) {
        if let Some(value) = model::value::find(pairs, key) {
            self.add_value(value);
        }
    }

    fn add_texts(&mut self, texts: &Texts) {
        (0..texts.dict.len() as u32).for_each(|id| self.add_text(texts.dict.get(id)));
    }

    fn of_batch(&mut self, batch: &SpanBatch, tag: &Tag) {
        match tag {
            Tag::Scoped(TagScope::Span, key) => self.of_columns(&batch.attributes, key),
            Tag::Scoped(TagScope::Event, key) => self.of_columns(&batch.events.attributes, key),
            Tag::Scoped(TagScope::Link, key) => self.of_columns(&batch.links.attributes, key),
            Tag::Scoped(TagScope::Resource, key) => {
                batch.resources.iter().for_each(|origin| self.add_pairs(&origin.value.attributes, key));
            }
            Tag::Scoped(TagScope::Instrumentation, key) => {
                batch.scopes.iter().for_each(|origin| self.add_pairs(&origin.value.attributes, key));
            }
            Tag::Anywhere(key) => {
                self.of_columns(&batch.attributes, key);
                batch.resources.iter().for_each(|origin| self.add_pairs(&origin.value.attributes, key));
            }
            Tag::Intrinsic(intrinsic) => self.intrinsic_of_batch(batch, *intrinsic),
        }
    }

    fn intrinsic_of_batch(&mut self, batch: &SpanBatch, intrinsic: Intrinsic) {
        let roots = || (0..batch.len()).filter(|&row| batch.parent_ids[row] == [0; 8]);
        match intrinsic {
            Intrinsic::Name => self.add_texts(&batch.names),
            Intrinsic::Status => batch.status_codes.iter().for_each(|&code| self.add_status(code)),
            Intrinsic::StatusMessage => self.add_texts(&batch.status_messages.texts),
            Intrinsic::Kind => batch.kinds.iter().for_each(|&kind| self.add_kind(kind)),
            Intrinsic::RootName => roots().for_each(|row| self.add_text(batch.names.get(row))),
            Intrinsic::RootServiceName => roots().for_each(|row| {
                let resource = &batch.resources[batch.resource[row] as usize].value;
                self.add_text(resource.service_name().unwrap_or_default().as_bytes());
            }),
            Intrinsic::EventName => self.add_texts(&batch.events.names),
            Intrinsic::InstrumentationName => {
                batch.scopes.iter().for_each(|scope| self.add_text(scope.value.name.as_bytes()));
            }
            Intrinsic::InstrumentationVersion => {
                batch.scopes.iter().for_each(|scope| self.add_text(scope.value.version.as_bytes()));
            }
        }
    }

    fn add_status(&mut self, code: u8) {
        self.add(TagValue::Keyword(StatusCode(code).keyword()));
    }

    fn add_kind(&mut self, kind: u8) {
        self.add(TagValue::Keyword(SpanKind(kind).keyword()));
    }

    fn of_columns(&mut self, attributes: &AttributeColumns, key: &str) {
        for column in attributes.columns.iter().filter(|column| &*column.key == key) {
            column.values.distinct(|scalar| match scalar {
                Scalar::Any(_) => {}
                scalar => self.add_value(&scalar.to_value()),
            });
        }
        attributes.spill.pairs().filter(|(_, pair)| pair.key == key).for_each(|(_, pair)| self.add_value(&pair.value));
    }

    /// Adds the values that a block has.
    pub(crate) fn of_block(&mut self, opened: &OpenedSpans, tag: &Tag) -> Result<(), StoreError> {
        match tag {
            Tag::Scoped(TagScope::Span, key) => self.of_table(&opened.spans, key)?,
            Tag::Scoped(TagScope::Event, key) => {
                opened.events.iter().try_for_each(|part| self.of_table(&part.rows, key))?;
            }
            Tag::Scoped(TagScope::Link, key) => {
                opened.links.iter().try_for_each(|part| self.of_table(&part.rows, key))?;
            }
            Tag::Scoped(TagScope::Resource, key) => {
                opened.resources.values().for_each(|resource| self.add_pairs(&resource.attributes, key));
            }
            Tag::Scoped(TagScope::Instrumentation, key) => {
                opened.scopes.values().for_each(|scope| self.add_pairs(&scope.attributes, key));
            }
            Tag::Anywhere(key) => {
                self.of_table(&opened.spans, key)?;
                opened.resources.values().for_each(|resource| self.add_pairs(&resource.attributes, key));
            }
            Tag::Intrinsic(intrinsic) => self.intrinsic_of_block(opened, *intrinsic)?,
        }
        Ok(())
    }

    fn intrinsic_of_block(&mut self, opened: &OpenedSpans, intrinsic: Intrinsic) -> Result<(), StoreError> {
        let spans = &opened.spans;
        match intrinsic {
            Intrinsic::Name => self.of_texts(spans, "name", Self::add_text),
            Intrinsic::Status => {
                self.of_texts(spans, "status_code", |values, word| values.add_status(parse_status(word)))
            }
            Intrinsic::StatusMessage => self.of_texts(spans, "status_message", Self::add_text),
            Intrinsic::Kind => self.of_texts(spans, "kind", |values, word| values.add_kind(parse_kind(word))),
            Intrinsic::RootName => self.of_roots(spans, "name"),
            Intrinsic::RootServiceName => self.of_roots(spans, "service_name"),
            Intrinsic::EventName => {
                opened.events.iter().try_for_each(|part| self.of_texts(&part.rows, "name", Self::add_text))
            }
            Intrinsic::InstrumentationName => {
                opened.scopes.values().for_each(|scope| self.add_text(scope.name.as_bytes()));
                Ok(())
            }
            Intrinsic::InstrumentationVersion => {
                opened.scopes.values().for_each(|scope| self.add_text(scope.version.as_bytes()));
                Ok(())
            }
        }
    }

    fn of_table(&mut self, table: &AttributeTable, key: &str) -> Result<(), StoreError> {
        let own = table.table.specs().iter().filter(|spec| own_key(spec).is_some_and(|own| own.0 == key));
        for spec in own {
            for_each_group(table, &spec.name, |column| match column {
                // Lists and the like have no values to list.
                Column::Dict { .. } if spec.column_type == ColumnType::Json => {}
                Column::Dict { dict, .. } => (0..dict.len() as u32).for_each(|id| self.add_text(dict.get(id))),
                numbers => self.of_columns(&AttributeColumns::from_table([(spec, numbers)]), key),
            })?;
        }
        // The list of keys is cut when there are too many, and then says nothing about those that are not on it.
        let listed = table.rest_keys.iter().any(|rest| rest == key);
        if !listed && table.rest_keys.len() < REST_KEYS_MAX {
            return Ok(());
        }
        for_each_group(table, REST_COLUMN, |column| {
            let Column::Dict { dict, .. } = column else { return };
            for id in 0..dict.len() as u32 {
                self.add_pairs(&json::parse_object(dict.get(id)).unwrap_or_default(), key);
            }
        })
    }

    fn of_texts(
        &mut self,
        table: &AttributeTable,
        name: &str,
        add: impl Fn(&mut Self, &[u8]),
    ) -> Result<(), StoreError> {
        for_each_group(table, name, |column| {
            let Column::Dict { dict, .. } = column else { return };
            (0..dict.len() as u32).for_each(|id| add(self, dict.get(id)));
        })
    }

    /// Texts of the rows that have no parent.
    fn of_roots(&mut self, spans: &AttributeTable, name: &str) -> Result<(), StoreError> {
        let table = &spans.table;
        for row_group in 0..table.row_groups() {
            let read = |name: &str| table.read(row_group, name, 0..table.row_group_rows(row_group));
            let (Column::Fixed(parents), Column::Int { values, present }, Column::Dict { ids, dict }) =
                (read("parent_span_id")?, read("parent_distance")?, read(name)?)
            else {
                continue;
            };
            let mut used = vec![false; dict.len()];
            for (row, parent) in parents.as_chunks::<8>().0.iter().enumerate() {
                let near = present.get(row).copied().unwrap_or(!values.is_empty());
                if *parent == [0; 8] && !near && ids[row] != NULL_ID {
                    used[ids[row] as usize] = true;
                }
            }
            let roots = (0..dict.len() as u32).filter(|&id| used[id as usize]);
            roots.for_each(|id| self.add_text(dict.get(id)));
        }
        Ok(())
    }
}

/// Shows a column of each row group that has values in it. Of texts only the distinct ones are read where they stand apart; the column
/// has no rows then.
fn for_each_group(table: &AttributeTable, name: &str, mut use_column: impl FnMut(Column)) -> Result<(), StoreError> {
    let table = &table.table;
    for row_group in (0..table.row_groups()).filter(|&row_group| table.has_values(row_group, name)) {
        let column = match table.dictionary(row_group, name)? {
            Some(dict) => Column::Dict { ids: Vec::new(), dict },
            None => table.read(row_group, name, 0..table.row_group_rows(row_group))?,
        };
        use_column(column);
    }
    Ok(())
}
