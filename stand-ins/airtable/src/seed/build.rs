//! Short ways to write a schema and to fill it.

use serde_json::{Value as Json, json};

use crate::data::ids::Ids;
use crate::data::links::{self, Link};
use crate::data::rows::Rows;
use crate::data::schema::{Base, Choice, Field, Kind, Table, View};
use crate::formula::compile;

/// `prefix`, a name without blanks, zeros: 3 + 14 characters that a person can recognise.
pub(super) fn fixed_id(prefix: &str, name: &str) -> String {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).take(14).collect();
    format!("{prefix}{plain:0<14}")
}

/// A table with its fields; the first is the primary one. Field ids hold the table's name, which keeps them distinct.
pub(super) fn table(name: &str, fields: Vec<(&str, Kind)>) -> Table {
    let short: String = name.chars().take(4).collect();
    let fields = fields
        .into_iter()
        .map(|(field, kind)| Field { id: field_id(&short, field), name: field.to_owned(), kind, description: None })
        .collect();
    Table { id: fixed_id("tbl", name), name: name.to_owned(), fields, views: Vec::new(), rows: Rows::default() }
}

/// The id of a field by the first letters of its table and its name.
pub(super) fn field_id(table: &str, field: &str) -> String {
    let short: String = table.chars().take(4).collect();
    fixed_id("fld", &format!("{short}{field}"))
}

pub(super) fn select(table: &str, names: &[&str]) -> Vec<Choice> {
    const COLORS: [&str; 6] = ["blueLight2", "cyanLight2", "greenLight2", "yellowLight2", "orangeLight2", "redLight2"];
    let choice = |(at, name): (usize, &&str)| Choice {
        id: fixed_id("sel", &format!("{}{name}", table.chars().take(4).collect::<String>())),
        name: (*name).to_owned(),
        color: COLORS[at % COLORS.len()],
    };
    names.iter().enumerate().map(choice).collect()
}

/// A link to `other` whose other side is the field `inverse` there.
pub(super) fn link(other: &str, inverse: &str) -> Kind {
    Kind::Links { table: fixed_id("tbl", other), inverse: field_id(other, inverse) }
}

pub(super) fn formula(text: &str) -> Kind {
    let expr = compile(text, |_| true).expect("the seed's formulas are checked by its tests");
    Kind::Formula { text: text.to_owned(), expr }
}

/// A view with an optional filter and an order by field names; `-` before a name is descending.
pub(super) fn view(table: &Table, name: &str, kind: &'static str, filter: Option<&str>, order: &[&str]) -> View {
    let filter = filter.map(|text| {
        compile(text, |name| table.field(name).is_some()).expect("the seed's filters are checked by its tests")
    });
    let order = order
        .iter()
        .filter_map(|name| {
            let plain = name.trim_start_matches('-');
            Some((table.field(plain)?.id.clone(), plain != *name))
        })
        .collect();
    let id = fixed_id("viw", &format!("{}{name}", table.name.chars().take(4).collect::<String>()));
    View { id, name: name.to_owned(), kind, filter, order }
}

/// Adds a record: cells by field name, `null` is empty; links as lists of ids.
pub(super) fn add(base: &mut Base, table: &str, ids: &mut Ids, minutes: usize, cells: &Json) -> String {
    let at = base.position(table).expect("the seed names its own tables");
    let id = ids.id("rec");
    base.tables[at].rows.add(id.clone(), super::at(minutes));
    let linking: Vec<Link> = links::of(base, at);
    for (name, value) in cells.as_object().expect("cells are an object") {
        if value.is_null() || *value == json!(false) {
            continue;
        }
        let field = base.tables[at].field(name).expect("the seed names its own fields").id.clone();
        if let Some(link) = linking.iter().find(|link| link.field == field) {
            links::store(base, at, &id, link, links::ids_of(Some(value)));
        } else if let Some(row) = base.tables[at].rows.get_mut(&id) {
            row.cells.insert(field, value.clone());
        }
    }
    id
}
