//! Label matchers between braces and the small parser over tokens that PromQL's and LogQL's selectors share.

use store_api::{MatchOp, Matcher};

use crate::lexer::{SyntaxError, Token, TokenKind, lex};

/// Tokens with a place in them.
#[derive(Debug)]
pub(crate) struct Cursor {
    tokens: Vec<Token>,
    next: usize,
}

impl Cursor {
    /// Lexes `query`.
    pub(crate) fn new(query: &str) -> Result<Self, SyntaxError> {
        Ok(Self { tokens: lex(query)?, next: 0 })
    }

    /// The next token; at the end it stays on the last one.
    pub(crate) fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    /// Takes the next token.
    pub(crate) fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    /// True when the next token is this symbol.
    pub(crate) fn at_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek().kind, TokenKind::Symbol(found) if found == symbol)
    }

    /// Takes the next token when it is this symbol.
    pub(crate) fn eat_symbol(&mut self, symbol: &str) -> bool {
        let found = self.at_symbol(symbol);
        self.next += usize::from(found);
        found
    }

    /// True when the next token is this word, of any case.
    pub(crate) fn at_word(&self, word: &str) -> bool {
        matches!(&self.peek().kind, TokenKind::Identifier(found) if found.eq_ignore_ascii_case(word))
    }

    /// Takes the next token when it is this word, of any case.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.next += usize::from(found);
        found
    }

    /// True when nothing is left.
    pub(crate) fn at_end(&self) -> bool {
        self.peek().kind == TokenKind::End
    }

    /// Goes back to the start.
    pub(crate) fn rewind(&mut self) {
        self.next = 0;
    }
}

/// What [`braces`] reads.
#[derive(Debug, Default)]
pub(crate) struct Braces {
    /// `name op "value"` items.
    pub(crate) matchers: Vec<Matcher>,
    /// Strings without an operator: PromQL's quoted metric names, with their place.
    pub(crate) quoted_names: Vec<(String, usize)>,
}

/// Reads `{…}`; the cursor is at the brace.
pub(crate) fn braces(cursor: &mut Cursor) -> Result<Braces, SyntaxError> {
    cursor.advance();
    let mut braces = Braces::default();
    while !cursor.eat_symbol("}") {
        item(cursor, &mut braces)?;
        if !cursor.eat_symbol(",") && !cursor.at_symbol("}") {
            return Err(unexpected(cursor.peek(), "inside braces", "\",\" or \"}\""));
        }
    }
    Ok(braces)
}

fn item(cursor: &mut Cursor, braces: &mut Braces) -> Result<(), SyntaxError> {
    let token = cursor.advance();
    let (name, is_quoted) = match token.kind {
        TokenKind::Identifier(ref name) if !name.contains(':') => (name.clone(), false),
        TokenKind::Text(ref text) => (text.clone(), true),
        _ => return Err(unexpected(&token, "in label matching", "identifier or \"}\"")),
    };
    if is_quoted && (cursor.at_symbol(",") || cursor.at_symbol("}")) {
        braces.quoted_names.push((name, token.at));
        return Ok(());
    }
    let operator = cursor.advance();
    let op = match operator.kind {
        TokenKind::Symbol("=") => MatchOp::Equal,
        TokenKind::Symbol("!=") => MatchOp::NotEqual,
        TokenKind::Symbol("=~") => MatchOp::Regex,
        TokenKind::Symbol("!~") => MatchOp::NotRegex,
        _ => return Err(unexpected(&operator, "in label matching", "label matching operator")),
    };
    let value = cursor.advance();
    let TokenKind::Text(text) = &value.kind else {
        return Err(unexpected(&value, "in label matching", "string"));
    };
    braces.matchers.push(matcher(&name, op, text, value.at)?);
    Ok(())
}

fn matcher(name: &str, op: MatchOp, value: &str, at: usize) -> Result<Matcher, SyntaxError> {
    Matcher::new(name, op, value).map_err(|error| {
        // The regex crate draws the pattern over several lines; its last line says what is wrong.
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        SyntaxError::new(at, format!("error parsing regexp: {reason}: `{value}`"))
    })
}

/// `unexpected X in context, expected Y`.
pub(crate) fn unexpected(token: &Token, context: &str, expected: &str) -> SyntaxError {
    SyntaxError::new(token.at, format!("unexpected {token} {context}, expected {expected}"))
}

/// Writes `name op "value"` as both products print a matcher.
pub(crate) fn format_matcher(matcher: &Matcher) -> String {
    let op = match matcher.op() {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    let plain = matcher.name().chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !matcher.name().starts_with(|c: char| c.is_ascii_digit())
        && !matcher.name().is_empty();
    let name = if plain { matcher.name().to_owned() } else { quote(matcher.name()) };
    format!("{name}{op}{}", quote(matcher.value()))
}

/// A string in double quotes with Go's escapes.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
