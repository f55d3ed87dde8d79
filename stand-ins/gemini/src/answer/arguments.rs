//! Finding values for named fields in what was said: ids of Airtable, an arithmetic expression, a statement of SQL, a quoted word.

/// Texts to look into, newest first.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) prompt: &'a str,
    /// Earlier turns and functions' answers, as text.
    pub(super) before: &'a str,
}

impl Said<'_> {
    /// A text for a field of that name, if the conversation has one.
    pub(super) fn find(&self, field: &str) -> Option<String> {
        let field = field.to_ascii_lowercase();
        if field.contains("expression") {
            return expression(self.prompt);
        }
        if field == "sql" || field == "query" || field == "statement" {
            return sql(self.prompt).or_else(|| quoted(self.prompt)).or_else(|| Some(short(self.prompt)));
        }
        for (word, prefix) in [("base", "app"), ("table", "tbl"), ("record", "rec"), ("view", "viw")] {
            if field.contains(word) {
                return self.id(prefix).or_else(|| after_word(self.prompt, word));
            }
        }
        if field.contains("formula") {
            return quoted(self.prompt).filter(|text| text.contains('{'));
        }
        None
    }

    /// The value after `field=` or `field:` as it was written.
    pub(super) fn named(&self, field: &str) -> Option<String> {
        let at = self.prompt.find(field)? + field.len();
        let rest = self.prompt[at..].trim_start().strip_prefix([':', '='])?.trim_start();
        let word = rest.split_whitespace().next()?;
        Some(
            word.trim_matches(|letter: char| matches!(letter, '"' | '\'' | ',' | ';' | '`' | '?' | '!' | ')' | '.'))
                .to_owned(),
        )
    }

    fn id(&self, prefix: &str) -> Option<String> {
        id(self.prompt, prefix).or_else(|| id(self.before, prefix))
    }
}

/// An Airtable id: the prefix and 14 letters or digits, standing alone.
fn id(text: &str, prefix: &str) -> Option<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.into_iter().find(|word| word.len() == 17 && word.starts_with(prefix)).map(str::to_owned)
}

/// The name after a noun: `table Tasks`, `table "Open tasks"`.
fn after_word(text: &str, noun: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let at = lower.find(&format!("{noun} "))? + noun.len() + 1;
    let rest = text.get(at..)?.trim_start();
    if let Some(name) = quoted(rest).filter(|_| rest.starts_with(['"', '\'', '`'])) {
        return Some(name);
    }
    let word = rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-').next()?;
    word.chars().next().filter(|first| first.is_uppercase()).map(|_| word.to_owned())
}

/// The first text in quotes or backticks.
fn quoted(text: &str) -> Option<String> {
    let (at, quote) = text.char_indices().find(|(_, letter)| matches!(letter, '"' | '`' | '“'))?;
    let closing = if quote == '“' { '”' } else { quote };
    let rest = &text[at + quote.len_utf8()..];
    let end = rest.find(closing)?;
    Some(rest[..end].to_owned()).filter(|text| !text.is_empty())
}

/// The statement that the prompt holds.
fn sql(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let at = lower.find("select ").or_else(|| lower.find("with "))?;
    if !lower[at..].contains("select ") {
        return None;
    }
    let rest = &text[at..];
    let end = rest.find([';', '`', '\n']).unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches(['"', '?', '.', ' ']).to_owned())
}

/// The longest run that reads like arithmetic: digits and at least one operator.
pub(super) fn expression(text: &str) -> Option<String> {
    let allowed = |letter: char| letter.is_ascii_digit() || "+-*/^().%, ".contains(letter);
    let runs = text.split(|letter: char| !allowed(letter)).map(|run| run.trim_matches([' ', ',', '.', '%']));
    let is_arithmetic = |run: &&str| {
        let operands = run.split(|letter: char| "+-*/^%()".contains(letter));
        operands.filter(|operand| operand.trim().parse::<f64>().is_ok()).count() >= 2
    };
    runs.filter(is_arithmetic).max_by_key(|run| run.len()).map(|run| run.replace(',', ""))
}

/// The beginning of a prompt, as something to search for.
fn short(text: &str) -> String {
    text.split_whitespace().take(12).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_the_name_of_the_field() {
        let said = Said {
            prompt: "In base appA1b2C3d4E5f6G7 list table Tasks, what is 12 * (3 + 4)? Run `SELECT name FROM t` max_records=5",
            before: "{\"id\":\"recA1b2C3d4E5f6G7\"}",
        };
        assert_eq!(said.find("base_id").as_deref(), Some("appA1b2C3d4E5f6G7"));
        assert_eq!(said.find("table_id").as_deref(), Some("Tasks"));
        assert_eq!(said.find("record_id").as_deref(), Some("recA1b2C3d4E5f6G7"));
        assert_eq!(said.find("expression").as_deref(), Some("12 * (3 + 4)"));
        assert_eq!(said.find("query").as_deref(), Some("SELECT name FROM t"));
        assert_eq!(said.named("max_records").as_deref(), Some("5"));
        assert_eq!(said.find("colour"), None);
    }
}
