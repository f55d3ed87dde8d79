//! Is this text one statement that only reads? A first gate with clear messages; the database itself is opened read-only behind it.
//!
//! Understands comments, strings, quoted names and dollar quotes well enough to see where a statement ends. Limits: functions of
//! PostgreSQL that reach outside the database are refused by name.

/// Longer statements are not for a person to check.
const BYTES_MAX: usize = 10_000;
const BEGINNINGS: &[&str] = &["select", "with", "values"];

/// Functions that a read-only transaction does not stop: files, other servers, other sessions, locks, waiting.
const FORBIDDEN: &[&str] = &[
    "pg_sleep",
    "pg_read_",
    "pg_ls_",
    "pg_stat_file",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_advisory_",
    "pg_try_advisory_",
    "pg_switch_wal",
    "pg_logical_",
    "pg_replication_",
    "pg_export_snapshot",
    "pg_notify",
    "lo_",
    "dblink",
    "query_to_xml",
    "database_to_xml",
    "set_config",
    "load_extension",
    "readfile",
    "writefile",
];

/// The statement without its final semicolon.
///
/// # Errors
/// A sentence for the caller.
pub(super) fn checked(text: &str) -> Result<&str, String> {
    if text.len() > BYTES_MAX {
        return Err(format!("the query is longer than {BYTES_MAX} bytes"));
    }
    if text.contains('\0') {
        return Err("the query holds a NUL byte".to_owned());
    }
    let mut words = Vec::new();
    let mut end = None;
    let mut scanner = Scanner { text, at: 0 };
    while let Some(token) = scanner.next()? {
        if end.is_some() {
            return Err("only one statement is allowed".to_owned());
        }
        match token {
            Token::Semicolon(at) => end = Some(at),
            Token::Word(word) => words.push(word.to_ascii_lowercase()),
            Token::Other => {
                if words.is_empty() {
                    words.push(String::new());
                }
            }
        }
    }
    let Some(first) = words.first() else { return Err("the query is empty".to_owned()) };
    if !BEGINNINGS.contains(&first.as_str()) {
        return Err("only queries that read are allowed: SELECT, WITH or VALUES".to_owned());
    }
    if let Some(word) = words.iter().find(|word| FORBIDDEN.iter().any(|start| word.starts_with(start))) {
        return Err(format!("`{word}` is not allowed in a query"));
    }
    Ok(text[..end.unwrap_or(text.len())].trim())
}

enum Token<'a> {
    /// Also a quoted name: quotes do not make a function harmless.
    Word(&'a str),
    Semicolon(usize),
    Other,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn next(&mut self) -> Result<Option<Token<'a>>, String> {
        loop {
            let rest = &self.text[self.at..];
            let Some(first) = rest.chars().next() else { return Ok(None) };
            if first.is_whitespace() {
                self.at += first.len_utf8();
            } else if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at += comment(rest).ok_or("a comment is not closed")?;
            } else {
                return self.token(first, rest).map(Some);
            }
        }
    }

    fn token(&mut self, first: char, rest: &'a str) -> Result<Token<'a>, String> {
        let begin = self.at;
        match first {
            ';' => {
                self.at += 1;
                Ok(Token::Semicolon(begin))
            }
            '\'' => {
                // E'…' has backslash escapes; seen as a word `E` and a string, a backslash before the last quote would end it
                // too late or too early. Refusing is simpler than being wrong.
                let length = quoted(rest, '\'').ok_or("a string is not closed")?;
                let escaped = self.text[..begin].ends_with(['e', 'E']) && rest[..length].contains('\\');
                if escaped {
                    return Err("strings with backslash escapes are not allowed".to_owned());
                }
                self.at += length;
                Ok(Token::Other)
            }
            '"' | '`' => {
                let length = quoted(rest, first).ok_or("a quoted name is not closed")?;
                self.at += length;
                Ok(Token::Word(&rest[1..length - 1]))
            }
            '$' => {
                self.at += dollar_quoted(rest)?.unwrap_or(1);
                Ok(Token::Other)
            }
            _ if first.is_alphabetic() || first == '_' => {
                let length = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
                self.at += length;
                Ok(Token::Word(&rest[..length]))
            }
            _ => {
                self.at += first.len_utf8();
                Ok(Token::Other)
            }
        }
    }
}

/// Length of a block comment; PostgreSQL nests them, SQLite does not, so one that would differ is refused as unclosed or too long.
fn comment(rest: &str) -> Option<usize> {
    let end = rest.find("*/")? + 2;
    // A nested opening would make the two disagree on where the comment ends.
    (!rest[2..end].contains("/*")).then_some(end)
}

/// Length of a quoted text that begins here; a doubled quote stands for one.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut at = 1;
    loop {
        at += rest[at..].find(quote)? + 1;
        if !rest[at..].starts_with(quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// Length of `$tag$ … $tag$`; `None` when it is a placeholder (`$1`).
fn dollar_quoted(rest: &str) -> Result<Option<usize>, String> {
    let Some(close) = rest[1..].find('$').map(|at| at + 2) else { return Ok(None) };
    let tag = &rest[..close];
    let name = &tag[1..close - 1];
    let is_tag = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if !is_tag || name.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Ok(None);
    }
    match rest[close..].find(tag) {
        Some(end) => Ok(Some(close + end + close)),
        None => Err("a dollar-quoted string is not closed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn one_reading_statement_passes() {
        for text in [
            "SELECT 1",
            "select a from t where b = ';' -- end;\n",
            "WITH x AS (SELECT 1) SELECT * FROM x",
            "VALUES (1), (2)",
            "/* why */ SELECT \"a;b\" FROM t WHERE c = $1",
            "SELECT $$a;b$$, $x$;$x$",
            "SELECT 'it''s; fine'",
        ] {
            assert_eq!(checked(text), Ok(text.trim()), "{text}");
        }
        assert_eq!(checked("SELECT 1 ;  "), Ok("SELECT 1"));
    }

    #[test]
    fn everything_else_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "the query is empty"),
            ("-- nothing", "the query is empty"),
            ("DELETE FROM t", "only queries that read"),
            ("(DELETE FROM t)", "only queries that read"),
            ("PRAGMA table_info(t)", "only queries that read"),
            ("ATTACH 'x' AS y", "only queries that read"),
            ("SELECT 1; DROP TABLE t", "only one statement"),
            ("SELECT 1;;", "only one statement"),
            ("SELECT pg_sleep(10)", "`pg_sleep` is not allowed"),
            ("SELECT \"pg_read_file\"('/etc/passwd')", "`pg_read_file` is not allowed"),
            ("SELECT LOAD_EXTENSION('x')", "`load_extension` is not allowed"),
            ("SELECT 'a", "a string is not closed"),
            ("SELECT /* 1", "a comment is not closed"),
            ("SELECT /* a /* b */ 1; DROP TABLE t; -- */", "a comment is not closed"),
            ("SELECT E'\\'; DROP TABLE t; --'", "backslash escapes"),
            ("SELECT $a$ ; ", "a dollar-quoted string is not closed"),
            ("SELECT 1\0", "NUL"),
        ] {
            let got = checked(text).unwrap_err();
            assert!(got.contains(reason), "{text}: {got}");
        }
    }
}
