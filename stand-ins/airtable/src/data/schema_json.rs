//! A schema as `GET /meta/bases/{base}/tables` shows it.

use serde_json::{Value as Json, json};

use super::schema::{Base, Choice, Field, Kind, Table};

pub(crate) fn base(base: &Base) -> Json {
    json!({"id": base.id, "name": base.name, "permissionLevel": base.permission_level})
}

pub(crate) fn table(table: &Table) -> Json {
    let fields: Vec<Json> = table.fields.iter().map(|field| self::field(table, field)).collect();
    let views: Vec<Json> =
        table.views.iter().map(|view| json!({"id": view.id, "name": view.name, "type": view.kind})).collect();
    json!({
        "id": table.id, "name": table.name, "primaryFieldId": table.primary().id, "fields": fields, "views": views,
    })
}

fn field(table: &Table, field: &Field) -> Json {
    let mut shown = json!({"id": field.id, "name": field.name, "type": field.kind.name()});
    if let Some(options) = options(table, &field.kind) {
        shown["options"] = options;
    }
    if let Some(description) = field.description {
        shown["description"] = Json::from(description);
    }
    shown
}

fn options(table: &Table, kind: &Kind) -> Option<Json> {
    Some(match kind {
        Kind::Number { precision } | Kind::Percent { precision } => json!({"precision": precision}),
        Kind::Currency { precision, symbol } => json!({"precision": precision, "symbol": symbol}),
        Kind::Duration => json!({"durationFormat": "h:mm"}),
        Kind::Rating { max } => json!({"icon": "star", "max": max, "color": "yellowBright"}),
        Kind::Checkbox => json!({"icon": "check", "color": "greenBright"}),
        Kind::SingleSelect(choices) | Kind::MultipleSelects(choices) => json!({"choices": self::choices(choices)}),
        Kind::Date => json!({"dateFormat": date_format()}),
        Kind::DateTime => date_time_options(),
        Kind::Links { table, inverse } => json!({
            "linkedTableId": table, "inverseLinkFieldId": inverse, "isReversed": false, "prefersSingleRecordLink": false,
        }),
        Kind::Attachments => json!({"isReversed": false}),
        Kind::Formula { text, .. } => json!({
            "isValid": true, "formula": text, "referencedFieldIds": [], "result": {"type": "singleLineText"},
        }),
        Kind::Rollup { link, field, .. } => json!({
            "isValid": true, "recordLinkFieldId": link, "fieldIdInLinkedTable": field,
            "referencedFieldIds": [link], "result": {"type": "number", "options": {"precision": 2}},
        }),
        Kind::Lookup { link, field } => json!({
            "isValid": true, "recordLinkFieldId": link, "fieldIdInLinkedTable": field,
            "result": {"type": "multipleLookupValues"},
        }),
        Kind::Count { link } => json!({"isValid": true, "recordLinkFieldId": link}),
        Kind::CreatedTime => json!({"result": {"type": "dateTime", "options": date_time_options()}}),
        Kind::LastModifiedTime => json!({
            "isValid": true, "referencedFieldIds": table.fields.iter().filter(|field| !field.kind.computed())
                .map(|field| field.id.as_str()).collect::<Vec<_>>(),
            "result": {"type": "dateTime", "options": date_time_options()},
        }),
        Kind::AiText => json!({"prompt": ["Summarise the record in one sentence."], "referencedFieldIds": []}),
        _ => return None,
    })
}

fn choices(choices: &[Choice]) -> Vec<Json> {
    choices.iter().map(|choice| json!({"id": choice.id, "name": choice.name, "color": choice.color})).collect()
}

fn date_format() -> Json {
    json!({"name": "iso", "format": "YYYY-MM-DD"})
}

fn date_time_options() -> Json {
    json!({"dateFormat": date_format(), "timeFormat": {"name": "24hour", "format": "HH:mm"}, "timeZone": "utc"})
}
