//! Tree + record → value.

use std::cmp::Ordering;

use super::functions::Call;
use super::parser::Expr;
use super::{Row, Value};

/// The value of a formula for one record.
pub(crate) fn eval(expr: &Expr, row: &dyn Row) -> Value {
    match expr {
        Expr::Number(number) => Value::Number(*number),
        Expr::Text(text) => Value::Text(text.clone()),
        Expr::Field(name) => row.field(name),
        Expr::Negative(inner) => eval(inner, row).number().map_or(Value::Error, |number| Value::Number(-number)),
        Expr::Binary(op, left, right) => binary(op, &eval(left, row), &eval(right, row)),
        Expr::Call(function, args) => (function.code)(&Call { args, row }),
    }
}

fn binary(op: &str, left: &Value, right: &Value) -> Value {
    if *left == Value::Error || *right == Value::Error {
        return Value::Error;
    }
    match op {
        "&" => Value::Text(left.text() + &right.text()),
        "+" | "-" | "*" | "/" => arithmetic(op, left, right),
        "=" => Value::Bool(same(left, right)),
        "!=" => Value::Bool(!same(left, right)),
        _ => ordering(left, right).map_or(Value::Error, |order| {
            Value::Bool(match op {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            })
        }),
    }
}

fn arithmetic(op: &str, left: &Value, right: &Value) -> Value {
    let (Some(a), Some(b)) = (left.number(), right.number()) else { return Value::Error };
    Value::Number(match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        _ if b == 0.0 => f64::NAN,
        _ => a / b,
    })
}

/// Equality: blank equals `0`, `""`, `false` and an empty list; numbers and flags compare as numbers, dates as times, the rest as text.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Blank, other) | (other, Value::Blank) => !other.truthy() && *other != Value::Error,
        (Value::Date(..), _) | (_, Value::Date(..)) => match (left.date(), right.date()) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        },
        (Value::Number(_) | Value::Bool(_), Value::Number(_) | Value::Bool(_)) => left.number() == right.number(),
        _ => left.text() == right.text(),
    }
}

fn ordering(left: &Value, right: &Value) -> Option<Ordering> {
    if matches!(left, Value::Date(..)) || matches!(right, Value::Date(..)) {
        return Some(left.date()?.cmp(&right.date()?));
    }
    if let (Value::Text(a), Value::Text(b)) = (left, right) {
        return Some(a.cmp(b));
    }
    left.number()?.partial_cmp(&right.number()?)
}
