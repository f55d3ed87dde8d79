//! SQL statements without their literals and comments.
//!
//! `SELECT * FROM t WHERE name = 'x' AND id IN (1, 2, 3)` becomes `SELECT * FROM t WHERE name = ? AND id IN (?)`. Strings of all
//! dialects (`'…'`, `E'…'`, `N'…'`, `X'…'`, `$tag$…$tag$`), numbers and comments go; names, `` `names` ``, `[names]`, keywords and
//! placeholders (`?`, `$1`, `:name`) stay. Two ambiguities are decided for safety: text in double quotes stays only where it reads
//! like a name, and a string in which a backslash stands before a quote ends at the end of the statement, because dialects differ
//! about what it means.

use std::borrow::Cow;

/// Longest text in double quotes that is taken for a name: PostgreSQL's limit.
const NAME_BYTES: usize = 63;

/// The statement with `?` for each literal, `(?)` for lists of literals after `IN` and `VALUES`, and a space for each comment;
/// borrowed when nothing was to be done.
pub fn sql(text: &str) -> Cow<'_, str> {
    let mut scanner =
        Scanner { text, at: 0, out: String::new(), kept: 0, changed: false, previous: Previous::Nothing, lists: 0 };
    scanner.run();
    if !scanner.changed {
        return Cow::Borrowed(text);
    }
    scanner.out.push_str(&text[scanner.kept..]);
    Cow::Owned(collapse(&scanner.out))
}

/// What stands before the next token, as far as it matters to text in double quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Previous {
    Nothing,
    /// An operator that compares, or `LIKE`: a value follows.
    Comparison,
    /// `IN` or `VALUES`: a list of values follows.
    ListWord,
    Other,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    out: String,
    /// Up to here `text` is in `out`.
    kept: usize,
    changed: bool,
    previous: Previous,
    /// Depth of parentheses inside of a list of values; 0 outside.
    lists: usize,
}

impl Scanner<'_> {
    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            let start = self.at;
            match bytes[start] {
                b'\'' => self.literal(string_end(bytes, start, false)),
                b'"' => self.double_quoted(),
                b'`' => self.pass(find(bytes, start + 1, b"`")),
                b'-' if bytes[start..].starts_with(b"--") => self.comment(line_end(bytes, start)),
                b'/' if bytes[start..].starts_with(b"/*") => self.comment(comment_end(bytes, start)),
                b'$' => self.dollar(),
                b'0'..=b'9' => self.literal(number_end(bytes, start)),
                b'.' if bytes.get(start + 1).is_some_and(u8::is_ascii_digit) => self.literal(number_end(bytes, start)),
                b':' | b'@' => self.pass(word_end(bytes, start + 1)),
                byte if is_word(byte) => self.word(),
                byte => {
                    self.punctuation(byte);
                    self.at += 1;
                }
            }
        }
    }

    /// Puts `?` in place of what lies up to `end`.
    fn literal(&mut self, end: usize) {
        self.replace(end, "?");
        self.previous = Previous::Other;
    }

    fn comment(&mut self, end: usize) {
        // An operator before a comment still stands before what follows it.
        self.replace(end, " ");
    }

    fn replace(&mut self, end: usize, with: &str) {
        self.out.push_str(&self.text[self.kept..self.at]);
        self.out.push_str(with);
        self.at = end;
        self.kept = end;
        self.changed = true;
    }

    fn pass(&mut self, end: usize) {
        self.at = end;
        self.previous = Previous::Other;
    }

    fn double_quoted(&mut self) {
        let bytes = self.text.as_bytes();
        let end = string_end(bytes, self.at, false);
        let inner = &bytes[self.at + 1..end.max(self.at + 2) - 1];
        let name = inner.len() <= NAME_BYTES
            && inner.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
            && inner.iter().all(|byte| is_word(*byte));
        if name && self.previous != Previous::Comparison && self.lists == 0 {
            self.pass(end)
        } else {
            self.literal(end)
        }
    }

    /// `$1`, or `$tag$…$tag$`.
    fn dollar(&mut self) {
        let bytes = self.text.as_bytes();
        let tag_end = word_end(bytes, self.at + 1);
        let opens = bytes.get(tag_end) == Some(&b'$') && !bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit);
        if !opens {
            return self.pass(tag_end);
        }
        let tag = &bytes[self.at..=tag_end];
        self.literal(find(bytes, tag_end + 1, tag));
    }

    /// A name, a keyword, or the letter before a string.
    fn word(&mut self) {
        let bytes = self.text.as_bytes();
        let end = word_end(bytes, self.at);
        let word = &bytes[self.at..end];
        let prefix = [&b"e"[..], b"n", b"b", b"x", b"u", b"r"].iter().any(|letter| letter.eq_ignore_ascii_case(word));
        if prefix && bytes.get(end) == Some(&b'\'') {
            return self.literal(string_end(bytes, end, word.eq_ignore_ascii_case(b"e")));
        }
        if word.eq_ignore_ascii_case(b"u") && bytes[end..].starts_with(b"&'") {
            return self.literal(string_end(bytes, end + 1, false));
        }
        let is = |keyword: &[u8]| keyword.eq_ignore_ascii_case(word);
        self.previous = match () {
            () if is(b"in") || is(b"values") => Previous::ListWord,
            () if is(b"like")
                || is(b"ilike")
                || is(b"regexp")
                || is(b"between")
                || is(b"and") && self.previous == Previous::Comparison =>
            {
                Previous::Comparison
            }
            () => Previous::Other,
        };
        self.at = end;
    }

    fn punctuation(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'(' => {
                if self.previous == Previous::ListWord || self.lists > 0 {
                    self.lists += 1;
                }
                self.previous = Previous::Other;
            }
            b')' => {
                self.lists = self.lists.saturating_sub(1);
                // Rows after `VALUES` follow each other.
                self.previous = Previous::Other;
            }
            b',' if self.lists == 0 && self.out.ends_with(['?']) && self.text[..self.at].trim_end().ends_with(')') => {
                self.previous = Previous::ListWord;
            }
            b'=' | b'<' | b'>' | b'!' | b'~' => self.previous = Previous::Comparison,
            _ => self.previous = Previous::Other,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().position(|byte| !is_word(*byte)).unwrap_or(bytes.len() - at)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at)
}

/// One past the end of `what` at or after `at`, or the end of the text.
fn find(bytes: &[u8], at: usize, what: &[u8]) -> usize {
    memchr::memmem::find(&bytes[at..], what).map_or(bytes.len(), |found| at + found + what.len())
}

/// Comments nest in PostgreSQL; where they do not, more goes than must.
fn comment_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 2;
    let mut depth = 1;
    while depth > 0 && at < bytes.len() {
        match bytes[at..] {
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// One past the string whose quote stands at `at`. A doubled quote is part of it; so is, in an `escaped` string, one after a backslash.
fn string_end(bytes: &[u8], at: usize, escaped: bool) -> usize {
    let quote = bytes[at];
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escaped => at += 2,
            // The end of the string, or not: only the end of the statement is safe.
            b'\\' if bytes.get(at + 1) == Some(&quote) => return bytes.len(),
            b'\\' => at += 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn number_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while let Some(&byte) = bytes.get(end) {
        let sign = matches!(byte, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E') && bytes[at + 1] != b'x';
        // `1..2` and `1.name` are not numbers in any dialect, so all that hangs together goes.
        if !(is_word(byte) || byte == b'.' || end > at && sign) {
            break;
        }
        end += 1;
    }
    end
}

/// Lists of literals and placeholders after `IN` and `VALUES` become `(?)`, rows of them one row.
fn collapse(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut kept = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let end = word_end(bytes, at);
        let word = &bytes[at..end];
        let list = [&b"in"[..], b"values"].iter().any(|keyword| keyword.eq_ignore_ascii_case(word));
        at = end;
        let open = end + spaces(bytes, end);
        if list && let Some(first) = list_end(bytes, open) {
            let mut last = first;
            while let Some(next) = next_row(bytes, last) {
                last = next;
            }
            out.push_str(&text[kept..open]);
            out.push_str("(?)");
            (kept, at) = (last, last);
        }
    }
    out.push_str(&text[kept..]);
    out
}

fn spaces(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn next_row(bytes: &[u8], at: usize) -> Option<usize> {
    let comma = at + spaces(bytes, at);
    (bytes.get(comma) == Some(&b',')).then_some(())?;
    list_end(bytes, comma + 1 + spaces(bytes, comma + 1))
}

/// One past the parenthesis that closes a list of literals and placeholders alone.
fn list_end(bytes: &[u8], at: usize) -> Option<usize> {
    (bytes.get(at) == Some(&b'(')).then_some(())?;
    let length = bytes[at..].iter().position(|byte| *byte == b')')?;
    let inner = &bytes[at + 1..at + length];
    let placeholder = |item: &[u8]| match item.trim_ascii() {
        b"?" | b"-?" | b"%s" => true,
        [b'$' | b':' | b'@' | b'?', name @ ..] => !name.is_empty() && name.iter().all(|byte| is_word(*byte)),
        word => [&b"null"[..], b"true", b"false", b"default"].iter().any(|keyword| keyword.eq_ignore_ascii_case(word)),
    };
    inner.split(|byte| *byte == b',').all(placeholder).then_some(at + length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_go_and_all_else_stays() {
        for (statement, expected) in [
            ("SELECT * FROM t WHERE name = 'x''y' AND n > 1.5e-3", "SELECT * FROM t WHERE name = ? AND n > ?"),
            ("SELECT 1", "SELECT ?"),
            ("select a1, t2.b3 from t2 where a1=0xFF and b=-5", "select a1, t2.b3 from t2 where a1=? and b=-?"),
            ("WHERE id IN (1, 2,3) AND x in ('a','b')", "WHERE id IN (?) AND x in (?)"),
            ("WHERE id IN ($1, $2, $3) -- note", "WHERE id IN (?)  "),
            ("INSERT INTO t (a, \"b\") VALUES ('x', 2), (\"y\", NULL)", "INSERT INTO t (a, \"b\") VALUES (?)"),
            ("INSERT INTO t VALUES (1, now())", "INSERT INTO t VALUES (?, now())"),
            ("SELECT $$secret$$, $tag$a $$ b$tag$, $1", "SELECT ?, ?, $1"),
            ("SELECT E'a\\'b', N'c', X'ff', U&'d' FROM e", "SELECT ?, ?, ?, ? FROM e"),
            ("SELECT a /* one /* two */ three */ FROM b", "SELECT a   FROM b"),
            ("SELECT \"user\" FROM \"t\" WHERE \"a\" = \"secret\"", "SELECT \"user\" FROM \"t\" WHERE \"a\" = ?"),
            ("SELECT \"two words\"", "SELECT ?"),
            ("WHERE a LIKE \"x\" AND b IN (\"c\", \"d\")", "WHERE a LIKE ? AND b IN (?)"),
            ("SELECT 'open", "SELECT ?"),
            ("SELECT 'it\\'s', 'secret'", "SELECT ?"),
            ("SELECT 'C:\\dir', 'b'", "SELECT ?, ?"),
            ("CREATE USER u PASSWORD 'x'; SELECT 2", "CREATE USER u PASSWORD ?; SELECT ?"),
            ("SELECT 'é', ä FROM ü", "SELECT ?, ä FROM ü"),
            ("SELECT .5, t.c", "SELECT ?, t.c"),
            ("SELECT a::int, :name, @v FROM [my table]", "SELECT a::int, :name, @v FROM [my table]"),
        ] {
            assert_eq!(sql(statement), expected);
        }
        for statement in ["SELECT a FROM b WHERE c = ? AND d = $1", "BEGIN", "", "SELECT `x 1` FROM t"] {
            assert!(matches!(sql(statement), Cow::Borrowed(_)), "{statement}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_string_never_survives(before in "[ a-z=(,]{0,20}", secret in "[a-zA-Z0-9 '@é]{1,20}", after in "[ a-z=(,';]{0,20}") {
            let marked = format!("QZX{secret}");
            let statement = format!("{before} '{}' {after}", marked.replace('\'', "''"));
            proptest::prop_assert!(!sql(&statement).contains("QZX"), "{}", sql(&statement));
        }

        #[test]
        fn any_text_is_taken(text in "\\PC{0,60}", odd in "['\"$/*a-z0-9 .eExX\\\\()-]{0,30}") {
            for text in [text, odd] {
                let once = sql(&text).into_owned();
                proptest::prop_assert!(once.len() <= text.len() + 64);
            }
        }
    }
}
