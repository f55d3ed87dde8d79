//! The formula language of `filterByFormula` and of formula fields: text → tree → value, without I/O.
//!
//! | file | what |
//! |---|---|
//! | `lexer` | text → tokens |
//! | `parser` | tokens → [`Expr`], with a limit on depth |
//! | `value` | [`Value`] and how one type becomes another |
//! | `eval` | operators, field references, calls |
//! | `functions` | the table of functions: name, number of arguments, code |
//!
//! Only the useful part of the real language is here: see `functions` for what is known. An unknown function is an invalid formula,
//! never a wrong answer.

mod eval;
mod functions;
mod lexer;
mod parser;
mod value;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub(crate) use eval::eval;
pub(crate) use parser::{Expr, parse};
pub(crate) use value::{Value, number_json};

/// Why a formula cannot be used; the texts follow the real server's.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum FormulaError {
    /// Not a formula at all, or one with an unknown function or a wrong number of arguments.
    #[error("Invalid formula. Please check your formula text.")]
    Syntax,
    /// A name that is no field of the table.
    #[error("Unknown field names: {}", .0.join(", "))]
    UnknownFields(Vec<String>),
}

/// The record that a formula looks at.
pub(crate) trait Row {
    /// The value of a field by name or id; the caller has checked that it exists, so an unknown one may be blank.
    fn field(&self, name: &str) -> Value;
    /// `RECORD_ID()`.
    fn record_id(&self) -> &str;
    /// `CREATED_TIME()`.
    fn created(&self) -> DateTime<Utc>;
    /// `LAST_MODIFIED_TIME()`.
    fn modified(&self) -> DateTime<Utc>;
    /// `NOW()`, and `TODAY()` without the time of day.
    fn now(&self) -> DateTime<Utc>;
}

/// Parses and checks that each field which the formula names satisfies `known`.
pub(crate) fn compile(text: &str, known: impl Fn(&str) -> bool) -> Result<Expr, FormulaError> {
    let expr = parse(text)?;
    let mut names = Vec::new();
    expr.field_names(&mut names);
    let mut unknown: Vec<String> = names.into_iter().filter(|name| !known(name)).map(ToOwned::to_owned).collect();
    unknown.dedup();
    if unknown.is_empty() { Ok(expr) } else { Err(FormulaError::UnknownFields(unknown)) }
}
