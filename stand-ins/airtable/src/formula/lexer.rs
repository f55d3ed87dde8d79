//! Formula text → tokens.

use super::FormulaError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    /// A field reference, in braces or as a bare word.
    Field(String),
    /// A word directly before an opening parenthesis.
    Function(String),
    Op(&'static str),
    Open,
    Close,
    Comma,
}

/// Longer operators first, so that `<=` is not read as `<` and `=`.
const OPERATORS: [&str; 11] = ["<=", ">=", "!=", "<", ">", "=", "+", "-", "*", "/", "&"];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FormulaError> {
    let mut rest = text.trim_start();
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Token::Open, &rest[1..]),
            ')' => (Token::Close, &rest[1..]),
            ',' => (Token::Comma, &rest[1..]),
            '"' | '\'' | '“' | '‘' => quoted(rest, first)?,
            '{' => braced(rest)?,
            '0'..='9' | '.' => number(rest)?,
            _ => operator(rest).map_or_else(|| word(rest), Ok)?,
        };
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

/// Reads up to `end`; a backslash keeps the next character. Returns what follows the end.
fn until(text: &str, end: char) -> Result<(String, &str), FormulaError> {
    let mut held = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        if char == end {
            return Ok((held, &text[at + char.len_utf8()..]));
        }
        if char == '\\' {
            match chars.next().ok_or(FormulaError::Syntax)?.1 {
                'n' => held.push('\n'),
                't' => held.push('\t'),
                'r' => held.push('\r'),
                other => held.push(other),
            }
        } else {
            held.push(char);
        }
    }
    Err(FormulaError::Syntax)
}

fn quoted(text: &str, open: char) -> Result<(Token, &str), FormulaError> {
    // Text pasted from a word processor has typographic quotes; the real server takes them.
    let close = match open {
        '“' => '”',
        '‘' => '’',
        other => other,
    };
    let (held, rest) = until(&text[open.len_utf8()..], close)?;
    Ok((Token::Text(held), rest))
}

fn braced(text: &str) -> Result<(Token, &str), FormulaError> {
    let (name, rest) = until(&text[1..], '}')?;
    if name.trim().is_empty() { Err(FormulaError::Syntax) } else { Ok((Token::Field(name.trim().to_owned()), rest)) }
}

fn number(text: &str) -> Result<(Token, &str), FormulaError> {
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let value = text[..end].parse().map_err(|_| FormulaError::Syntax)?;
    Ok((Token::Number(value), &text[end..]))
}

fn operator(text: &str) -> Option<(Token, &str)> {
    let found = OPERATORS.iter().find(|op| text.starts_with(**op))?;
    Some((Token::Op(found), &text[found.len()..]))
}

fn word(text: &str) -> Result<(Token, &str), FormulaError> {
    let end = text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len());
    if end == 0 {
        return Err(FormulaError::Syntax);
    }
    let (name, rest) = text.split_at(end);
    if rest.trim_start().starts_with('(') {
        Ok((Token::Function(name.to_ascii_uppercase()), rest))
    } else {
        Ok((Token::Field(name.to_owned()), rest))
    }
}
