//! What the model is asked about a table, and the shape that its answer must have.

use serde_json::{Value, json};

use super::wire::{Category, TableRequest};
use crate::chat::translate::Prompt;

/// Steady answers: the same table should give the same findings.
const TEMPERATURE: f64 = 0.1;
/// About ten findings.
const OUTPUT_TOKENS_MAX: u32 = 4096;

/// What a category looks for, in a sentence for people and models.
pub(super) fn description(category: Category) -> &'static str {
    match category {
        Category::Structure => {
            "How the table is built: its primary field, fields that are unused or too many, computed fields that hide a rule"
        }
        Category::Normalization => {
            "What is stored twice: repeated groups, lists in one text field, facts that belong to another table"
        }
        Category::FieldTypes => "Whether each field's type fits what its name says that it holds",
        Category::Relationships => {
            "Links to other tables: missing ones, ones in the wrong direction, names where a link should be"
        }
        Category::Performance => {
            "What makes the table slow: chains of lookups and rollups, heavy formulas, too many records for its views"
        }
        Category::DataQuality => {
            "What lets wrong values in: free text where a choice would do, missing defaults, no way to find doublets"
        }
        Category::NamingConventions => {
            "How the table, its fields and views are called: mixed styles, abbreviations, names that say nothing"
        }
        Category::Indexing => "What is looked up often and by which field, and whether that field can serve as a key",
    }
}

/// The prompt for one category of one table.
pub(super) fn prompt(table: &TableRequest, category: Category) -> Prompt {
    let facts = json!({
        "base_id": table.base_id, "table_id": table.table_id, "table_name": table.table_name, "fields": table.fields,
        "record_count": table.record_count, "relationships": table.relationships, "views": table.views,
    });
    let task = format!(
        "Review this Airtable table. Look only for this: {}.\nGive the findings that matter, the gravest first; none is a good answer too.\n\nTable:\n{facts}",
        description(category)
    );
    let mut prompt = Prompt::of_text(&task);
    "You review the design of databases. You judge by the facts given and invent none.".clone_into(&mut prompt.system);
    for (key, value) in [
        ("temperature", json!(TEMPERATURE)),
        ("maxOutputTokens", json!(OUTPUT_TOKENS_MAX)),
        ("responseMimeType", json!("application/json")),
        ("responseSchema", schema()),
    ] {
        prompt.generation.insert(key.to_owned(), value);
    }
    prompt
}

fn schema() -> Value {
    json!({"type": "ARRAY", "items": {
        "type": "OBJECT",
        "properties": {
            "title": {"type": "STRING"},
            "severity": {"type": "STRING", "enum": ["low", "medium", "high"]},
            "description": {"type": "STRING"},
            "recommendation": {"type": "STRING"},
            "fields": {"type": "ARRAY", "items": {"type": "STRING"}},
        },
        "required": ["title", "severity", "description", "recommendation"],
    }})
}

/// The findings in the model's answer. One that does not keep to the shape is kept as a single finding, not lost.
pub(super) fn findings(text: &str) -> Vec<Value> {
    let bare = text.trim().trim_start_matches("```json").trim_start_matches("```").trim_end_matches("```").trim();
    match serde_json::from_str(bare) {
        Ok(Value::Array(findings)) => findings,
        Ok(Value::Object(mut object)) => match object.remove("findings") {
            Some(Value::Array(findings)) => findings,
            _ => vec![Value::Object(object)],
        },
        _ if bare.is_empty() => Vec::new(),
        _ => vec![json!({"description": bare})],
    }
}

/// Tokens of a prompt and of an answer, roughly: a token is about four bytes, an answer about five findings.
pub(super) fn estimated_tokens(fields: u64) -> (u64, u64) {
    (350 + 25 * fields, 600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_in_any_wrapping() {
        let one = vec![json!({"title": "t"})];
        for text in [
            "[{\"title\":\"t\"}]",
            "```json\n[{\"title\":\"t\"}]\n```",
            "{\"findings\":[{\"title\":\"t\"}]}",
            "{\"title\":\"t\"}",
        ] {
            assert_eq!(findings(text), one, "{text}");
        }
        assert_eq!(findings("All is well."), [json!({"description": "All is well."})]);
        assert_eq!(findings(" "), Vec::<Value>::new());
    }

    #[test]
    fn the_prompt_asks_for_one_category_in_a_shape() {
        let table: TableRequest = serde_json::from_value(json!({
            "base_id": "app1", "table_id": "tbl1", "table_name": "Orders", "fields": [{"name": "Customer name", "type": "singleLineText"}]}))
        .expect("a good table");
        let body = prompt(&table, Category::Normalization).body();
        let text = body["contents"][0]["parts"][0]["text"].as_str().expect("a text");
        assert!(text.contains("stored twice") && text.contains("Customer name"), "{text}");
        assert_eq!(body["generationConfig"]["responseSchema"]["type"], "ARRAY");
    }
}
