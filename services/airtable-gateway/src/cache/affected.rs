//! Which tables a write changes.
//!
//! A table is written by its id or its name, and read by either. A change also shows in the tables that link to it, by links, counts,
//! look-ups and roll-ups, and in those that link to them. So a write affects all tables that links join to it.

use super::Place;
use crate::model::{Schema, Table};

/// The places that a write to `table` (name or id) affects: the whole base when its schema is not known.
pub(crate) fn places(base: &str, table: &str, schema: Option<&Schema>) -> Vec<Place> {
    let Some(schema) = schema else { return vec![Place::base(base)] };
    let tables = &schema.tables;
    let Some(first) = tables.iter().position(|known| known.id == table || known.name == table) else {
        // Newer than the schema that is kept.
        return vec![Place::base(base)];
    };
    let mut reached = vec![first];
    let mut next = 0;
    while let Some(at) = reached.get(next).copied() {
        next += 1;
        for (other, candidate) in tables.iter().enumerate() {
            if !reached.contains(&other) && (links(&tables[at], candidate) || links(candidate, &tables[at])) {
                reached.push(other);
            }
        }
    }
    let names = reached.iter().flat_map(|at| [&tables[*at].id, &tables[*at].name]);
    names.map(|name| Place::table(base, name)).collect()
}

fn links(from: &Table, to: &Table) -> bool {
    let linked = |field: &serde_json::Value| field["options"]["linkedTableId"].as_str() == Some(&to.id);
    from.fields.iter().any(linked)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links_are_followed_both_ways() {
        let table = |id: &str, linked: Option<&str>| {
            let fields = linked.map(|id| json!({"options": {"linkedTableId": id}})).into_iter().collect();
            Table { id: id.to_owned(), name: format!("Name {id}"), fields, ..Table::default() }
        };
        let tables =
            vec![table("tblA", Some("tblB")), table("tblB", None), table("tblC", Some("tblB")), table("tblD", None)];
        let schema = Schema { tables };
        let affected = |table: &str| {
            let mut names: Vec<String> =
                places("app", table, Some(&schema)).into_iter().filter_map(|place| place.table).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(affected("tblD"), ["Name tblD", "tblD"]);
        assert_eq!(affected("Name tblC"), ["Name tblA", "Name tblB", "Name tblC", "tblA", "tblB", "tblC"]);
        assert_eq!(places("app", "tblNew", Some(&schema)), [Place::base("app")]);
        assert_eq!(places("app", "tblA", None), [Place::base("app")]);
    }
}
