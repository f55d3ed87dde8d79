//! Expressions without data: numbers, `+ - * / % ^`, parentheses, `vector(…)` and `scalar(…)`. Clients use them as a health
//! check (Grafana asks Prometheus for `1+1` and Loki for `vector(1)+vector(1)`).

use crate::lexer::{SyntaxError, Token, TokenKind};
use crate::number::parse_float;
use crate::selector::{Cursor, unexpected};
use crate::time::duration_millis;

/// Deepest nesting of parentheses and signs, so that recursion is bounded.
const DEPTH_MAX: usize = 100;

/// Result of a constant expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Constant {
    /// A number.
    Scalar(f64),
    /// One element without labels.
    Vector(f64),
}

/// True when the expression can only be a constant one, judged by how it begins.
pub(crate) fn begins_constant(cursor: &mut Cursor) -> bool {
    while cursor.eat_symbol("(") || cursor.eat_symbol("+") || cursor.eat_symbol("-") {}
    let found = match &cursor.peek().kind {
        TokenKind::Number(_) => true,
        TokenKind::Identifier(name) => {
            let is_function = matches!(name.as_str(), "vector" | "scalar");
            let is_number = parse_float(name).is_some();
            cursor.advance();
            (is_function && cursor.at_symbol("(")) || (is_number && !cursor.at_symbol("{"))
        }
        _ => false,
    };
    cursor.rewind();
    found
}

/// Evaluates a whole expression.
pub(crate) fn eval(cursor: &mut Cursor) -> Result<Constant, SyntaxError> {
    let value = binary(cursor, 0, 0)?;
    if !cursor.at_end() {
        return Err(not_supported(cursor.peek()));
    }
    Ok(value)
}

fn not_supported(token: &Token) -> SyntaxError {
    SyntaxError::new(token.at, format!("unexpected {token}: only numbers and arithmetic on them are supported here"))
}

/// Operators by increasing precedence; `^` binds to the right and above signs, as in PromQL.
fn precedence(token: &Token) -> Option<(usize, &'static str)> {
    match token.kind {
        TokenKind::Symbol(symbol @ ("+" | "-")) => Some((1, symbol)),
        TokenKind::Symbol(symbol @ ("*" | "/" | "%")) => Some((2, symbol)),
        TokenKind::Symbol(symbol @ "^") => Some((4, symbol)),
        _ => None,
    }
}

/// A sign binds tighter than `*` and looser than `^`: `-2^2` is -4.
const SIGN_PRECEDENCE: usize = 3;

fn binary(cursor: &mut Cursor, lowest: usize, depth: usize) -> Result<Constant, SyntaxError> {
    if depth > DEPTH_MAX {
        return Err(SyntaxError::new(cursor.peek().at, "the expression is nested too deeply"));
    }
    let mut left = unary(cursor, depth)?;
    while let Some((strength, symbol)) = precedence(cursor.peek()) {
        if strength < lowest.max(1) {
            break;
        }
        cursor.advance();
        let right_lowest = if symbol == "^" { strength } else { strength + 1 };
        let right = binary(cursor, right_lowest, depth + 1)?;
        left = combine(symbol, left, right);
    }
    Ok(left)
}

fn unary(cursor: &mut Cursor, depth: usize) -> Result<Constant, SyntaxError> {
    if cursor.eat_symbol("+") {
        return binary(cursor, SIGN_PRECEDENCE, depth + 1);
    }
    if cursor.eat_symbol("-") {
        let operand = binary(cursor, SIGN_PRECEDENCE, depth + 1)?;
        return Ok(match operand {
            Constant::Scalar(value) => Constant::Scalar(-value),
            Constant::Vector(value) => Constant::Vector(-value),
        });
    }
    primary(cursor, depth)
}

fn primary(cursor: &mut Cursor, depth: usize) -> Result<Constant, SyntaxError> {
    let token = cursor.advance();
    match &token.kind {
        TokenKind::Symbol("(") => parenthesised(cursor, depth),
        TokenKind::Number(text) => {
            let duration = || duration_millis(text).map(|millis| millis as f64 / 1000.0);
            let bad = || SyntaxError::new(token.at, format!("bad number or duration syntax: {text:?}"));
            parse_float(text).or_else(duration).map(Constant::Scalar).ok_or_else(bad)
        }
        TokenKind::Identifier(name) if cursor.at_symbol("(") && matches!(name.as_str(), "vector" | "scalar") => {
            cursor.advance();
            let value = value_of(parenthesised(cursor, depth)?);
            Ok(if name == "vector" { Constant::Vector(value) } else { Constant::Scalar(value) })
        }
        TokenKind::Identifier(name) => parse_float(name).map(Constant::Scalar).ok_or_else(|| not_supported(&token)),
        TokenKind::End => Err(SyntaxError::new(token.at, "unexpected end of input")),
        _ => Err(not_supported(&token)),
    }
}

fn parenthesised(cursor: &mut Cursor, depth: usize) -> Result<Constant, SyntaxError> {
    let value = binary(cursor, 0, depth + 1)?;
    if !cursor.eat_symbol(")") {
        return Err(unexpected(cursor.peek(), "in an expression", "\")\""));
    }
    Ok(value)
}

fn value_of(constant: Constant) -> f64 {
    match constant {
        Constant::Scalar(value) | Constant::Vector(value) => value,
    }
}

fn combine(symbol: &str, left: Constant, right: Constant) -> Constant {
    let (a, b) = (value_of(left), value_of(right));
    let value = match symbol {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "%" => a % b,
        _ => a.powf(b),
    };
    match (left, right) {
        (Constant::Scalar(_), Constant::Scalar(_)) => Constant::Scalar(value),
        _ => Constant::Vector(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval_text(query: &str) -> Result<Constant, SyntaxError> {
        eval(&mut Cursor::new(query)?)
    }

    #[test]
    fn arithmetic_follows_promql() {
        for (query, expected) in [
            ("1+1", 2.0),
            ("1 - 2 - 3", -4.0),
            ("2+3*4", 14.0),
            ("(2+3)*4", 20.0),
            ("2^3^2", 512.0),
            ("-2^2", -4.0),
            ("2^-1", 0.5),
            ("7 % 4", 3.0),
            ("-Inf", f64::NEG_INFINITY),
            ("5m", 300.0),
            ("scalar(vector(3)) * 2", 6.0),
        ] {
            assert_eq!(eval_text(query), Ok(Constant::Scalar(expected)), "{query}");
        }
        assert_eq!(eval_text("vector(1)+vector(1)"), Ok(Constant::Vector(2.0)));
        assert_eq!(eval_text("vector(1)*3"), Ok(Constant::Vector(3.0)));
    }

    #[test]
    fn anything_else_is_an_error() {
        for query in ["1+", "(1", "1 up", "1 == 1", "vector(up)", "1..2", ""] {
            eval_text(query).expect_err(query);
        }
        eval_text(&"(".repeat(10_000)).expect_err("too deep");
    }

    #[test]
    fn constants_are_told_from_selectors() {
        for (query, expected) in [
            ("1+1", true),
            ("-(1)", true),
            ("vector(1)", true),
            ("NaN", true),
            ("nan{a=\"b\"}", false),
            ("vector", false),
            ("up", false),
            ("{a=\"b\"}", false),
        ] {
            assert_eq!(begins_constant(&mut Cursor::new(query).expect("lexes")), expected, "{query}");
        }
    }
}
