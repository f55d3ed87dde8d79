//! Operation, tables and summary out of a statement's text.
//!
//! Not a parser: it walks over words, skips what is quoted or a comment, and knows after which words a table stands. What it does not
//! understand it leaves out; nothing of a literal can come through, since only identifiers after known words are taken.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Longest `db.query.summary`, as the conventions limit it.
const SUMMARY_MAX: usize = 255;

/// Statements that are remembered. Programs have tens; those that build texts make new ones for ever.
const REMEMBERED_MAX: usize = 512;

/// Longest statement that is looked at: bulk inserts name their table at the beginning.
const LOOKED_AT_MAX: usize = 4096;

/// What is known of a statement by its text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// `db.operation.name`: the first word.
    pub(super) operation: Option<String>,
    /// `db.collection.name`: the table, when there is exactly one.
    pub(super) table: Option<String>,
    /// `db.query.summary`: operations and tables in order.
    pub(super) summary: String,
    /// `db.query.text`: without literals and comments.
    pub(super) text: Option<String>,
}

/// Shapes of statements seen before.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    seen: RwLock<HashMap<String, Arc<Shape>>>,
    pub(super) keep_text: bool,
}

impl Shapes {
    pub(super) fn new(keep_text: bool) -> Self {
        Self { seen: RwLock::default(), keep_text }
    }

    pub(super) fn of(&self, text: &str) -> Arc<Shape> {
        if let Some(shape) = self.seen.read().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Arc::clone(shape);
        }
        // Secrets first: without literals and comments what remains of one may not look like one any more.
        let masked = crate::redactor().text(text);
        let mut shape = shape(&masked);
        if self.keep_text {
            shape.text = Some(redact::sql(&masked).trim().to_owned());
        }
        let shape = Arc::new(shape);
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        if text.len() <= LOOKED_AT_MAX {
            seen.insert(text.to_owned(), Arc::clone(&shape));
        }
        shape
    }
}

/// Words after which a table stands.
const BEFORE_TABLE: [&str; 5] = ["FROM", "JOIN", "INTO", "UPDATE", "TABLE"];
/// Words that may stand between those and the table.
const FILLER: [&str; 6] = ["IF", "NOT", "EXISTS", "ONLY", "LATERAL", "TEMPORARY"];
/// Words that begin an operation within a statement.
const OPERATIONS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE"];

fn shape(text: &str) -> Shape {
    let mut end = text.len().min(LOOKED_AT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut words = Words { rest: &text[..end] };
    let mut parts: Vec<String> = Vec::new();
    let mut tables: Vec<String> = Vec::new();
    let mut operation: Option<String> = None;
    let mut expecting = false;
    let mut before = String::new();
    while let Some(word) = words.next() {
        let upper = word.text.to_ascii_uppercase();
        if expecting && !word.symbol && !FILLER.contains(&&*upper) {
            expecting = false;
            // `FROM (SELECT …)` and `SELECT` after `INTO t` are operations, not tables.
            if word.quoted || !OPERATIONS.contains(&&*upper) {
                let table = word.text.to_owned();
                if !tables.contains(&table) {
                    tables.push(table.clone());
                }
                parts.push(table);
                continue;
            }
        }
        if word.quoted || word.symbol {
            expecting &= !word.symbol;
        } else if operation.is_none() {
            expecting = upper == "UPDATE";
            parts.push(upper.clone());
            operation = Some(upper.clone());
        } else if BEFORE_TABLE.contains(&&*upper) {
            // `FOR UPDATE`, `DO UPDATE SET` and `IS DISTINCT FROM` name no table.
            expecting = !matches!((&*before, &*upper), ("FOR" | "DO" | "KEY", "UPDATE") | ("DISTINCT", "FROM"));
            if expecting && upper == "UPDATE" {
                parts.push(upper.clone());
            }
        } else if OPERATIONS.contains(&&*upper) && before != "ON" {
            parts.push(upper.clone());
        }
        before = upper;
    }
    let mut summary = parts.join(" ");
    summary.truncate(summary.floor_char_boundary(SUMMARY_MAX));
    let table = if tables.len() == 1 { tables.pop() } else { None };
    Shape { operation, table, summary, text: None }
}

struct Word<'a> {
    text: &'a str,
    /// An identifier in quotes, which is no keyword.
    quoted: bool,
    /// A bracket or comma, or what is not understood.
    symbol: bool,
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// The next word, identifier or symbol; literals, numbers and comments are passed over.
    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            self.rest = self.rest.trim_start();
            let first = self.rest.chars().next()?;
            if self.rest.starts_with("--") {
                self.skip_past("\n", 2);
            } else if self.rest.starts_with("/*") {
                self.skip_past("*/", 2);
            } else if first == '\'' {
                // A literal ends what may be a table, as a symbol does.
                self.skip_quoted('\'');
                return Some(Word { text: "", quoted: false, symbol: true });
            } else if first == '"' || first == '`' || first == '[' {
                let text = self.identifier();
                return Some(Word { text, quoted: true, symbol: false });
            } else if first.is_alphabetic() || first == '_' {
                let text = self.identifier();
                return Some(Word { text, quoted: text.starts_with(['"', '`', '[']), symbol: false });
            } else if first.is_ascii_digit() || first == '$' {
                // Numbers, placeholders and PostgreSQL's `$tag$ … $tag$` literals.
                if !self.skip_dollar_quoted() {
                    self.take_while(|letter| letter.is_alphanumeric() || letter == '.' || letter == '$');
                }
            } else {
                let (symbol, rest) = self.rest.split_at(first.len_utf8());
                self.rest = rest;
                return Some(Word { text: symbol, quoted: false, symbol: true });
            }
        }
    }

    /// A name with its schema: `public.jobs`, `"public"."jobs"`.
    fn identifier(&mut self) -> &'a str {
        let whole = self.rest;
        loop {
            match self.rest.chars().next() {
                Some('"') => self.skip_quoted('"'),
                Some('`') => self.skip_quoted('`'),
                Some('[') => self.skip_past("]", 1),
                _ => {
                    self.take_while(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$');
                }
            }
            match self.rest.strip_prefix('.') {
                Some(rest) if rest.starts_with(|letter: char| letter.is_alphabetic() || "_\"`[".contains(letter)) => {
                    self.rest = rest
                }
                _ => return &whole[..whole.len() - self.rest.len()],
            }
        }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) {
        let end = self.rest.find(|letter| !keep(letter)).unwrap_or(self.rest.len());
        self.rest = &self.rest[end..];
    }

    fn skip_past(&mut self, end: &str, from: usize) {
        let after = self.rest[from..].find(end).map_or(self.rest.len(), |at| from + at + end.len());
        self.rest = &self.rest[after..];
    }

    /// Past a quoted text, in which two quotes stand for one.
    fn skip_quoted(&mut self, quote: char) {
        self.skip_past(quote.encode_utf8(&mut [0; 4]), 1);
        while self.rest.starts_with(quote) {
            self.skip_past(quote.encode_utf8(&mut [0; 4]), 1);
        }
    }

    fn skip_dollar_quoted(&mut self) -> bool {
        let Some(inside) = self.rest.strip_prefix('$') else { return false };
        let Some(close) = inside.find('$') else { return false };
        let tag = &self.rest[..close + 2];
        let is_tag = inside[..close].chars().all(|letter| letter.is_alphabetic() || letter == '_');
        if is_tag {
            self.skip_past(tag, tag.len());
        }
        is_tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, operation: &str, table: Option<&str>, summary: &str) {
        let found = shape(text);
        assert_eq!(found.operation.as_deref().unwrap_or(""), operation, "{text}");
        assert_eq!(found.table.as_deref(), table, "{text}");
        assert_eq!(found.summary, summary, "{text}");
    }

    #[test]
    fn statements() {
        check("SELECT * FROM jobs WHERE id = $1", "SELECT", Some("jobs"), "SELECT jobs");
        check("select a from jobs j join runs r on j.id = r.job", "SELECT", None, "SELECT jobs runs");
        check("INSERT INTO jobs (id) VALUES ('from secrets')", "INSERT", Some("jobs"), "INSERT jobs");
        check("INSERT INTO archive SELECT * FROM jobs", "INSERT", None, "INSERT archive SELECT jobs");
        check("UPDATE public.jobs SET state = 'x' WHERE id = 1", "UPDATE", Some("public.jobs"), "UPDATE public.jobs");
        check(
            "DELETE FROM \"my jobs\" WHERE a IS DISTINCT FROM b",
            "DELETE",
            Some("\"my jobs\""),
            "DELETE \"my jobs\"",
        );
        check("SELECT 1", "SELECT", None, "SELECT");
        check("CREATE TABLE IF NOT EXISTS jobs (id INTEGER)", "CREATE", Some("jobs"), "CREATE jobs");
        check("BEGIN", "BEGIN", None, "BEGIN");
        check("", "", None, "");
    }

    #[test]
    fn clauses_that_name_no_table() {
        check("SELECT id FROM jobs FOR UPDATE SKIP LOCKED", "SELECT", Some("jobs"), "SELECT jobs");
        check(
            "INSERT INTO jobs (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET n = 1",
            "INSERT",
            Some("jobs"),
            "INSERT jobs",
        );
        check("SELECT x FROM (SELECT y FROM jobs) t", "SELECT", Some("jobs"), "SELECT SELECT jobs");
        check("WITH due AS (SELECT id FROM jobs) UPDATE runs SET a = 1", "WITH", None, "WITH SELECT jobs UPDATE runs");
    }

    #[test]
    fn nothing_of_literals_and_comments() {
        check("SELECT 'x FROM secret' -- FROM hidden\n FROM jobs /* FROM c */", "SELECT", Some("jobs"), "SELECT jobs");
        check("SELECT $$ FROM secret $$, $a$ FROM s $a$ FROM jobs", "SELECT", Some("jobs"), "SELECT jobs");
        check("INSERT INTO 'sk-secret' VALUES (1)", "INSERT", None, "INSERT");
        check("SELECT 'unterminated FROM jobs", "SELECT", None, "SELECT");
    }

    #[test]
    fn odd_texts_do_not_panic() {
        for text in
            ["$", "$$", "\"", "[", "'", "`", "--", "/*", "é FROM ü", "FROM", "UPDATE", "a.", "$é$", "SELECT $1$2"]
        {
            let _ = shape(text);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let shapes = Shapes::new(false);
        for n in 0..REMEMBERED_MAX * 2 {
            shapes.of(&format!("SELECT {n}"));
        }
        assert!(shapes.seen.read().expect("not poisoned").len() <= REMEMBERED_MAX);
    }

    #[test]
    fn a_secret_is_masked_before_it_is_taken_to_pieces() {
        let shapes = Shapes::new(true);
        let digits = "AAMPRAeGLTJE6_Jukb6eKJVIJhp0D3TPCvC";
        let key = "MIIEowIBAAKCAQEAx7dE2";
        let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{key}\n-----END RSA PRIVATE KEY-----");
        for (secret, statement) in [
            (digits, format!("SELECT 2417034796:{digits}")),
            (key, format!("SELECT {pem}")),
            (key, format!("SELECT * FROM \"{pem}\"")),
        ] {
            let shape = shapes.of(&statement);
            assert!(!format!("{shape:?}").contains(secret), "{shape:?}");
        }
    }
}
