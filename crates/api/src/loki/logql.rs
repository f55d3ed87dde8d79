//! The part of LogQL that needs no engine: a stream selector with line filters, and constant expressions.

use std::fmt::Write as _;

use regex::Regex;
use store_api::{LineFilter, LineFilterOp, MatchOp, Matcher};

use crate::constant::{self, Constant, begins_constant};
use crate::lexer::{SyntaxError, Token, TokenKind};
use crate::selector::{Cursor, braces, format_matcher, quote};

/// Longest query text; Loki's own limit.
const QUERY_BYTES_MAX: usize = 128 << 10;

/// A query that can be answered.
#[derive(Debug)]
pub(super) enum Query {
    /// Log lines.
    Logs {
        /// Conditions on index labels.
        matchers: Vec<Matcher>,
        /// Conditions on the line.
        line_filters: Vec<LineFilter>,
    },
    /// A number.
    Constant(Constant),
}

/// Parses a query; the error is the text for a 400.
pub(super) fn parse(query: &str) -> Result<Query, String> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(format!("parse error : input size too long ({} > {QUERY_BYTES_MAX})", query.len()));
    }
    let positioned = |error: SyntaxError| describe(query, &error);
    let mut cursor = Cursor::new(query).map_err(positioned)?;
    if begins_constant(&mut cursor) {
        return constant::eval(&mut cursor).map(Query::Constant).map_err(positioned);
    }
    let (matchers, line_filters) = log_query(&mut cursor).map_err(positioned)?;
    require_selective(&matchers)?;
    Ok(Query::Logs { matchers, line_filters })
}

/// Parses a stream selector on its own, as `labels` and `series` take it. `{}` means everything there.
pub(super) fn parse_selector(query: &str) -> Result<Vec<Matcher>, String> {
    let positioned = |error: SyntaxError| describe(query, &error);
    let mut cursor = Cursor::new(query).map_err(positioned)?;
    let matchers = stream_selector(&mut cursor).map_err(positioned)?;
    if !cursor.at_end() {
        return Err(positioned(unexpected(cursor.peek(), "only label matchers are supported here")));
    }
    if !matchers.is_empty() {
        require_selective(&matchers)?;
    }
    Ok(matchers)
}

/// The query in Loki's own spelling.
pub(super) fn format(query: &Query) -> String {
    match query {
        Query::Constant(Constant::Scalar(value)) => crate::number::format_float(*value),
        Query::Constant(Constant::Vector(value)) => format!("vector({})", crate::number::format_float(*value)),
        Query::Logs { matchers, line_filters } => {
            let selector = matchers.iter().map(format_matcher).collect::<Vec<_>>().join(", ");
            let mut out = format!("{{{selector}}}");
            for filter in line_filters {
                for (position, op) in filter.any.iter().enumerate() {
                    let (symbol, text) = match op {
                        LineFilterOp::Contains(text) => ("|=", text.as_str()),
                        LineFilterOp::NotContains(text) => ("!=", text.as_str()),
                        LineFilterOp::Regex(regex) => ("|~", regex.as_str()),
                        LineFilterOp::NotRegex(regex) => ("!~", regex.as_str()),
                    };
                    let before = if position == 0 { symbol } else { "or" };
                    write!(out, " {before} {}", quote(text)).expect("writing to a String cannot fail");
                }
            }
            out
        }
    }
}

fn describe(query: &str, error: &SyntaxError) -> String {
    let (line, column) = error.position(query);
    format!("parse error at line {line}, col {column}: {}", error.message)
}

fn unexpected(token: &Token, hint: &str) -> SyntaxError {
    SyntaxError::new(token.at, format!("syntax error: unexpected {token}, {hint}"))
}

fn require_selective(matchers: &[Matcher]) -> Result<(), String> {
    let is_selective =
        |matcher: &Matcher| matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex) && !matcher.matches_empty();
    if matchers.iter().any(is_selective) {
        return Ok(());
    }
    Err("parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible \
         value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will"
        .to_owned())
}

fn stream_selector(cursor: &mut Cursor) -> Result<Vec<Matcher>, SyntaxError> {
    if !cursor.at_symbol("{") {
        let hint = "expecting a stream selector such as {app=\"x\"}; metric queries are not supported yet";
        return Err(unexpected(cursor.peek(), hint));
    }
    let read = braces(cursor)?;
    if let Some((name, at)) = read.quoted_names.first() {
        return Err(SyntaxError::new(*at, format!("syntax error: unexpected string {name:?}, expecting a label name")));
    }
    Ok(read.matchers)
}

fn log_query(cursor: &mut Cursor) -> Result<(Vec<Matcher>, Vec<LineFilter>), SyntaxError> {
    let parenthesised = cursor.eat_symbol("(");
    let matchers = stream_selector(cursor)?;
    let mut filters = Vec::new();
    loop {
        let token = cursor.peek().clone();
        match token.kind {
            TokenKind::End => break,
            TokenKind::Symbol(")") if parenthesised => break,
            TokenKind::Symbol(symbol @ ("|=" | "!=" | "|~" | "!~")) => {
                cursor.advance();
                filters.push(line_filter(cursor, symbol)?);
            }
            TokenKind::Symbol("|>" | "!>") => return Err(unexpected(&token, "pattern filters are not supported yet")),
            TokenKind::Symbol("|") => {
                cursor.advance();
                let stage = cursor.peek();
                return Err(unexpected(
                    stage,
                    "only the line filters |= != |~ !~ are supported yet, no parsers or label filters",
                ));
            }
            TokenKind::Symbol("[") => return Err(unexpected(&token, "metric queries are not supported yet")),
            _ => return Err(unexpected(&token, "expecting a line filter or the end")),
        }
    }
    if parenthesised && !cursor.eat_symbol(")") {
        return Err(unexpected(cursor.peek(), "expecting \")\""));
    }
    if !cursor.at_end() {
        return Err(unexpected(cursor.peek(), "expecting the end of the query"));
    }
    Ok((matchers, filters))
}

fn line_filter(cursor: &mut Cursor, symbol: &str) -> Result<LineFilter, SyntaxError> {
    let mut any = vec![line_filter_op(cursor, symbol)?];
    while cursor.eat_word("or") {
        any.push(line_filter_op(cursor, symbol)?);
    }
    Ok(LineFilter { any })
}

fn line_filter_op(cursor: &mut Cursor, symbol: &str) -> Result<LineFilterOp, SyntaxError> {
    let token = cursor.advance();
    let text = match token.kind {
        TokenKind::Text(text) => text,
        TokenKind::Identifier(ref name) if name == "ip" && cursor.at_symbol("(") => {
            return Err(unexpected(&token, "ip() filters are not supported yet"));
        }
        _ => return Err(unexpected(&token, "expecting a string")),
    };
    let regex = |text: &str| {
        Regex::new(text).map_err(|error| {
            let shown = error.to_string();
            let reason = shown.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
            SyntaxError::new(token.at, format!("error parsing regexp: {reason}: `{text}`"))
        })
    };
    Ok(match symbol {
        "|=" => LineFilterOp::Contains(text),
        "!=" => LineFilterOp::NotContains(text),
        "|~" => LineFilterOp::Regex(regex(&text)?),
        _ => LineFilterOp::NotRegex(regex(&text)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(query: &str) -> String {
        parse(query).map_or_else(|error| error, |query| format(&query))
    }

    #[test]
    fn accepted_queries() {
        for (query, expected) in [
            (r#"{app="a"}"#, r#"{app="a"}"#),
            ("{ app = `a` , env=~\"x|y\", c!=\"\", } # all", r#"{app="a", env=~"x|y", c!=""}"#),
            (r#"({app="a"} |= "x")"#, r#"{app="a"} |= "x""#),
            (r#"{app="a"}|="x" or `y`!="z"|~"[a-z]+"!~`\d`"#, r#"{app="a"} |= "x" or "y" != "z" |~ "[a-z]+" !~ "\\d""#),
            ("vector(1)+vector(1)", "vector(2)"),
            ("1+1", "2"),
        ] {
            assert_eq!(formatted(query), expected, "{query}");
        }
    }

    #[test]
    fn refused_queries_say_where_and_why() {
        for (query, expected) in [
            ("", "parse error at line 1, col 1: syntax error: unexpected end of input, expecting a stream selector"),
            ("{app=\"a\"", "parse error at line 1, col 9: unexpected end of input inside braces"),
            ("{app=a}", "parse error at line 1, col 6: unexpected identifier \"a\" in label matching, expected string"),
            ("{app=\"a}", "parse error at line 1, col 6: unterminated quoted string"),
            ("{app=~\"(\"}", "parse error at line 1, col 7: error parsing regexp"),
            (
                "{app=\"a\"} |= x",
                "parse error at line 1, col 14: syntax error: unexpected identifier \"x\", expecting a string",
            ),
            (
                "{app=\"a\"}\n | json",
                "parse error at line 2, col 4: syntax error: unexpected identifier \"json\", only the line filters",
            ),
            ("{app=\"a\"} |> \"<_>\"", "pattern filters are not supported yet"),
            ("{app=\"a\"} |= ip(\"1.2.3.4\")", "ip() filters are not supported yet"),
            ("rate({app=\"a\"}[5m])", "metric queries are not supported yet"),
            ("{app=\"a\"}[5m]", "metric queries are not supported yet"),
            ("{}", "queries require at least one regexp or equality matcher"),
            ("{app=~\".*\"}", "queries require at least one regexp or equality matcher"),
            ("{app!=\"a\"}", "queries require at least one regexp or equality matcher"),
        ] {
            let text = formatted(query);
            assert!(text.contains(expected), "{query}: {text}");
        }
    }

    #[test]
    fn selectors_alone() {
        assert_eq!(parse_selector("{}").map(|matchers| matchers.len()), Ok(0));
        assert_eq!(parse_selector("{a=\"b\", c=\"d\"}").map(|matchers| matchers.len()), Ok(2));
        assert!(parse_selector("{a=\"b\"} |= \"x\"").is_err());
        assert!(parse_selector("{a=\"\"}").is_err());
    }
}
