//! Which attribute columns the spans of a scope use in a row group.
//!
//! An instrumentation library sets the same few keys on all its spans, so a trace needs a part of a block's attribute columns only. The
//! footer says which, and a point read leaves the others alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::batch::SpanBatch;
use super::columns::{origin_id, parse_origin_id};
use crate::attributes::AttributeLayout;
use crate::table::ColumnSpec;

/// For one row group: scope by hash to positions among the attribute columns. A scope that is not in it may use any.
pub(crate) type Usage = BTreeMap<u64, BTreeSet<usize>>;

/// The usage of a row group that will hold all of `batches`.
pub(crate) fn of_batches(layout: &AttributeLayout, batches: &[Arc<SpanBatch>]) -> Usage {
    let mut usage = Usage::new();
    for batch in batches {
        let hashes = || batch.scopes.iter().map(|scope| scope.hash);
        usage.extend(
            hashes().filter(|hash| !usage.contains_key(hash)).map(|hash| (hash, BTreeSet::new())).collect::<Vec<_>>(),
        );
        let mut note = |rows: &[u32], position: usize| {
            let mut used = vec![false; batch.scopes.len()];
            rows.iter().for_each(|&row| used[batch.scope[row as usize] as usize] = true);
            for (hash, _) in hashes().zip(used).filter(|(_, used)| *used) {
                usage.entry(hash).or_default().insert(position);
            }
        };
        for column in &batch.attributes.columns {
            note(&column.rows, layout.position(&column.key, column.values.kind()));
        }
        note(&batch.attributes.spill.rows, layout.rest_position());
    }
    usage
}

/// The same usage in a table with other attribute columns, which has all of those in `from`.
pub(crate) fn translate(usage: &Usage, from: &[&ColumnSpec], to: &[ColumnSpec]) -> Usage {
    let position = |&at: &usize| from.get(at).and_then(|from| to.iter().position(|to| to.name == from.name));
    let translated = usage.iter().map(|(&hash, columns)| {
        // A column that cannot be found makes the scope unknown, which is always right.
        let columns: Option<BTreeSet<usize>> = columns.iter().map(position).collect();
        columns.map(|columns| (hash, columns))
    });
    translated.flatten().collect()
}

/// As the footer holds it: an array with an object for each row group.
pub(crate) fn to_json(groups: &[Usage]) -> String {
    let group = |usage: &Usage| -> BTreeMap<String, BTreeSet<usize>> {
        usage.iter().map(|(&hash, columns)| (origin_id(hash), columns.clone())).collect()
    };
    serde_json::json!(groups.iter().map(group).collect::<Vec<_>>()).to_string()
}

/// What [`to_json`] wrote; nothing is known when it is something else.
pub(crate) fn parse_json(text: &str) -> Vec<Usage> {
    let groups: Vec<BTreeMap<String, BTreeSet<usize>>> = serde_json::from_str(text).unwrap_or_default();
    let hash = |id: String| parse_origin_id(id.as_bytes());
    let usage = |group: BTreeMap<String, BTreeSet<usize>>| {
        group.into_iter().filter_map(|(id, columns)| Some((hash(id)?, columns))).collect()
    };
    groups.into_iter().map(usage).collect()
}
