//! The part of PromQL that needs no engine: one selector with range, offset and `@`, strings, constant expressions.

use std::fmt::Write as _;

use store_api::{MatchOp, Matcher};

use crate::constant::{self, Constant, begins_constant};
use crate::lexer::{SyntaxError, Token, TokenKind};
use crate::number::{format_float, format_millis, parse_float};
use crate::selector::{Cursor, braces, format_matcher, quote, unexpected};
use crate::time::duration_millis;

/// Label that holds the metric's name.
pub(super) const NAME_LABEL: &str = "__name__";

/// A query that can be answered.
#[derive(Debug)]
pub(super) enum Query {
    /// A number or `vector(…)`.
    Constant(Constant),
    /// A string literal.
    Text(String),
    /// A selector.
    Selector(Selector),
}

/// `name{…}[range] offset d @ t`.
#[derive(Debug)]
pub(super) struct Selector {
    /// Conditions on labels, the name's included.
    pub(super) matchers: Vec<Matcher>,
    /// Width of a range vector in milliseconds.
    pub(super) range: Option<i64>,
    /// Milliseconds to look further back.
    pub(super) offset: i64,
    /// Fixed evaluation time.
    pub(super) at: Option<At>,
}

/// The `@` modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// `@ 1700000000`, in milliseconds.
    Millis(i64),
    /// `@ start()`
    Start,
    /// `@ end()`
    End,
}

/// Parses a query; the error is upstream's text with line and column.
pub(super) fn parse(query: &str) -> Result<Query, String> {
    let positioned = |error: SyntaxError| describe(query, &error);
    let mut cursor = Cursor::new(query).map_err(positioned)?;
    if cursor.at_end() {
        return Err(describe(query, &SyntaxError::new(0, "no expression found in input")));
    }
    if begins_constant(&mut cursor) {
        return constant::eval(&mut cursor).map(Query::Constant).map_err(positioned);
    }
    parse_rest(&mut cursor).map_err(positioned)
}

/// Parses a selector without modifiers, as `match[]` takes it. Whether it selects at all is for the caller to check.
pub(super) fn parse_selector(text: &str) -> Result<Vec<Matcher>, String> {
    let positioned = |error: SyntaxError| describe(text, &error);
    let mut cursor = Cursor::new(text).map_err(positioned)?;
    if cursor.at_end() {
        return Err(describe(text, &SyntaxError::new(0, "unexpected end of input")));
    }
    let matchers = selector(&mut cursor).map_err(positioned)?;
    if !cursor.at_end() {
        return Err(positioned(unexpected_after(cursor.peek())));
    }
    Ok(matchers)
}

/// The query in Prometheus' own spelling.
pub(super) fn format(query: &Query) -> String {
    match query {
        Query::Constant(Constant::Scalar(value)) => format_float(*value),
        Query::Constant(Constant::Vector(value)) => format!("vector({})", format_float(*value)),
        Query::Text(text) => quote(text),
        Query::Selector(selector) => format_selector(selector),
    }
}

fn format_selector(selector: &Selector) -> String {
    let is_name = |matcher: &&Matcher| matcher.name() == NAME_LABEL && matcher.op() == MatchOp::Equal;
    let legacy = |name: &str| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    let name = selector.matchers.iter().find(is_name).map(|matcher| matcher.value().to_owned());
    let mut items: Vec<String> =
        selector.matchers.iter().filter(|matcher| !is_name(matcher)).map(format_matcher).collect();
    let mut out = String::new();
    match &name {
        Some(name) if legacy(name) => out.push_str(name),
        Some(name) => items.insert(0, quote(name)),
        None => {}
    }
    if !items.is_empty() {
        write!(out, "{{{}}}", items.join(",")).expect("writing to a String cannot fail");
    }
    if let Some(range) = selector.range {
        write!(out, "[{}]", format_duration(range)).expect("writing to a String cannot fail");
    }
    match selector.at {
        Some(At::Millis(millis)) => write!(out, " @ {}", format_millis(millis)),
        Some(At::Start) => write!(out, " @ start()"),
        Some(At::End) => write!(out, " @ end()"),
        None => Ok(()),
    }
    .expect("writing to a String cannot fail");
    if selector.offset != 0 {
        let sign = if selector.offset < 0 { "-" } else { "" };
        write!(out, " offset {sign}{}", format_duration(selector.offset.abs()))
            .expect("writing to a String cannot fail");
    }
    out
}

/// Largest units first, each only when it is not zero.
fn format_duration(mut millis: i64) -> String {
    let mut out = String::new();
    // Weeks and years are left out as Prometheus does unless they divide the duration; days already read well.
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if millis >= size {
            write!(out, "{}{unit}", millis / size).expect("writing to a String cannot fail");
            millis %= size;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

fn describe(query: &str, error: &SyntaxError) -> String {
    let (line, column) = error.position(query);
    format!("{line}:{column}: parse error: {}", error.message)
}

fn unexpected_after(token: &Token) -> SyntaxError {
    let hint = match token.kind {
        TokenKind::Symbol("(") => "; functions and aggregations are not supported yet",
        TokenKind::Symbol(_) => "; operators between selectors are not supported yet",
        _ => "",
    };
    SyntaxError::new(token.at, format!("unexpected {token}{hint}"))
}

fn parse_rest(cursor: &mut Cursor) -> Result<Query, SyntaxError> {
    let opened = usize::from(cursor.eat_symbol("("));
    if let TokenKind::Text(text) = cursor.peek().kind.clone() {
        cursor.advance();
        return end(cursor, opened).map(|()| Query::Text(text));
    }
    let begin = cursor.peek().at;
    let matchers = selector(cursor)?;
    let mut parsed = Selector { matchers, range: None, offset: 0, at: None };
    modifiers(cursor, &mut parsed)?;
    end(cursor, opened)?;
    if parsed.matchers.iter().all(Matcher::matches_empty) {
        return Err(SyntaxError::new(begin, "vector selector must contain at least one non-empty matcher"));
    }
    Ok(Query::Selector(parsed))
}

fn end(cursor: &mut Cursor, opened: usize) -> Result<(), SyntaxError> {
    if opened > 0 && !cursor.eat_symbol(")") {
        return Err(if cursor.at_end() {
            SyntaxError::new(cursor.peek().at, "unclosed left parenthesis")
        } else {
            unexpected_after(cursor.peek())
        });
    }
    if cursor.at_end() { Ok(()) } else { Err(unexpected_after(cursor.peek())) }
}

fn selector(cursor: &mut Cursor) -> Result<Vec<Matcher>, SyntaxError> {
    let token = cursor.peek().clone();
    let name = match token.kind {
        TokenKind::Identifier(name) => {
            cursor.advance();
            Some(name)
        }
        TokenKind::Symbol("{") => None,
        _ => return Err(unexpected_after(&token)),
    };
    let mut matchers: Vec<Matcher> = name.iter().map(|name| Matcher::equal(NAME_LABEL, name)).collect();
    if cursor.at_symbol("{") {
        let read = braces(cursor)?;
        let mut name = name;
        for (quoted, at) in read.quoted_names {
            if let Some(first) = &name {
                let message = format!("metric name must not be set twice: {first:?} or {quoted:?}");
                return Err(SyntaxError::new(at, message));
            }
            matchers.push(Matcher::equal(NAME_LABEL, &quoted));
            name = Some(quoted);
        }
        matchers.extend(read.matchers);
    }
    Ok(matchers)
}

fn modifiers(cursor: &mut Cursor, selector: &mut Selector) -> Result<(), SyntaxError> {
    if cursor.eat_symbol("[") {
        let range = positive_duration(cursor)?;
        if cursor.at_symbol(":") {
            return Err(SyntaxError::new(cursor.peek().at, "subqueries are not supported yet"));
        }
        if !cursor.eat_symbol("]") {
            return Err(unexpected(cursor.peek(), "in range selector", "\"]\""));
        }
        selector.range = Some(range);
    }
    loop {
        let at = cursor.peek().at;
        if cursor.eat_word("offset") {
            let sign = if cursor.eat_symbol("-") { -1 } else { 1 };
            if selector.offset != 0 {
                return Err(SyntaxError::new(at, "offset may not be set multiple times"));
            }
            selector.offset = sign * positive_duration(cursor)?;
        } else if cursor.eat_symbol("@") {
            if selector.at.is_some() {
                return Err(SyntaxError::new(at, "@ <timestamp> may not be set multiple times"));
            }
            selector.at = Some(at_modifier(cursor)?);
        } else {
            return Ok(());
        }
    }
}

fn positive_duration(cursor: &mut Cursor) -> Result<i64, SyntaxError> {
    let token = cursor.advance();
    let TokenKind::Number(text) = &token.kind else {
        return Err(unexpected(&token, "in duration", "number or duration"));
    };
    let millis = duration_millis(text).or_else(|| parse_float(text).map(|secs| (secs * 1000.0) as i64));
    match millis {
        Some(millis) if millis > 0 => Ok(millis),
        Some(_) => Err(SyntaxError::new(token.at, "duration must be greater than 0")),
        None => Err(SyntaxError::new(token.at, format!("bad number or duration syntax: {text:?}"))),
    }
}

fn at_modifier(cursor: &mut Cursor) -> Result<At, SyntaxError> {
    for (word, at) in [("start", At::Start), ("end", At::End)] {
        if cursor.eat_word(word) {
            if cursor.eat_symbol("(") && cursor.eat_symbol(")") {
                return Ok(at);
            }
            return Err(unexpected(cursor.peek(), "in @", "\"()\""));
        }
    }
    let negative = cursor.eat_symbol("-");
    let token = cursor.advance();
    let secs = match &token.kind {
        TokenKind::Number(text) => parse_float(text).filter(|secs| secs.is_finite()),
        _ => None,
    };
    let secs = secs.ok_or_else(|| unexpected(&token, "in @", "timestamp"))?;
    Ok(At::Millis((if negative { -secs } else { secs } * 1000.0) as i64))
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
            ("up", "up"),
            ("(up)", "up"),
            ("job:x:rate{ job = 'a', b!~`c` , } # all", "job:x:rate{job=\"a\",b!~\"c\"}"),
            ("{\"http.requests\", \"service.name\"=\"x\"}", "{\"http.requests\",\"service.name\"=\"x\"}"),
            ("{__name__=\"up\"}", "up"),
            ("{\"up\"}", "up"),
            ("{job=~\"a|b\"}", "{job=~\"a|b\"}"),
            ("up[5m] offset 1h", "up[5m] offset 1h"),
            ("up offset -90s @ 1700000000.5", "up @ 1700000000.500 offset -1m30s"),
            ("up @ end()", "up @ end()"),
            ("1+1", "2"),
            ("-5", "-5"),
            ("\"a\"", "\"a\""),
        ] {
            assert_eq!(formatted(query), expected, "{query}");
        }
    }

    #[test]
    fn refused_queries_say_where_and_why() {
        for (query, expected) in [
            ("", "1:1: parse error: no expression found in input"),
            ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
            ("{a=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
            ("up{", "1:4: parse error: unexpected end of input in label matching, expected identifier or \"}\""),
            ("up{job}", "1:7: parse error: unexpected \"}\" in label matching, expected label matching operator"),
            ("up{job=a}", "1:8: parse error: unexpected identifier \"a\" in label matching, expected string"),
            ("up{job=\"a}", "1:8: parse error: unterminated quoted string"),
            ("up{job=~\"(\"}", "1:9: parse error: error parsing regexp"),
            ("up down", "1:4: parse error: unexpected identifier \"down\""),
            ("up\n{a=\"b\"} ;", "2:9: parse error: unexpected character: ';'"),
            ("rate(up[5m])", "1:5: parse error: unexpected \"(\"; functions and aggregations are not supported yet"),
            ("up + down", "1:4: parse error: unexpected \"+\"; operators between selectors are not supported yet"),
            ("up[5m:1m]", "1:6: parse error: subqueries are not supported yet"),
            ("up[0s]", "1:4: parse error: duration must be greater than 0"),
            ("up{\"down\"}", "1:4: parse error: metric name must not be set twice: \"up\" or \"down\""),
            ("(up", "1:4: parse error: unclosed left parenthesis"),
            ("1 +", "1:4: parse error: unexpected end of input"),
        ] {
            let text = formatted(query);
            assert!(text.starts_with(expected), "{query}: {text}");
        }
    }
}
