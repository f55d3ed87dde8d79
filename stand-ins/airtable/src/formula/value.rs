//! What a formula computes with, and how one type becomes another.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Value as Json, json};

/// A typed value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// An empty cell, `BLANK()`.
    Blank,
    Number(f64),
    Text(String),
    Bool(bool),
    /// A time in UTC; the flag says whether the time of day counts.
    Date(DateTime<Utc>, bool),
    /// Links, multiple selects, look-ups.
    List(Vec<Value>),
    /// `#ERROR!`: whatever meets it becomes it.
    Error,
}

impl Value {
    /// Whether a record stays when its filter gives this: not for `0`, `false`, `""`, `NaN`, `[]` and `#Error!`.
    pub(crate) fn truthy(&self) -> bool {
        match self {
            Self::Blank | Self::Error => false,
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Text(text) => !text.is_empty(),
            Self::Bool(flag) => *flag,
            Self::Date(..) => true,
            Self::List(items) => !items.is_empty(),
        }
    }

    /// As `&` sees it; lists join with a comma and a blank.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Blank => String::new(),
            Self::Number(number) => number_text(*number),
            Self::Text(text) => text.clone(),
            Self::Bool(flag) => u8::from(*flag).to_string(),
            Self::Date(time, true) => time.to_rfc3339_opts(SecondsFormat::Millis, true),
            Self::Date(time, false) => time.date_naive().to_string(),
            Self::List(items) => items.iter().map(Self::text).collect::<Vec<_>>().join(", "),
            Self::Error => "#ERROR!".to_owned(),
        }
    }

    /// As arithmetic sees it: blank is 0, a flag is 0 or 1, a list of one is its item; text counts only when it is a number.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Blank => Some(0.0),
            Self::Number(number) => Some(*number),
            Self::Bool(flag) => Some(f64::from(u8::from(*flag))),
            Self::Text(text) => text.trim().parse().ok(),
            Self::List(items) if items.len() == 1 => items[0].number(),
            Self::List(_) | Self::Date(..) | Self::Error => None,
        }
    }

    /// As date functions see it: a date, or text in ISO form.
    pub(super) fn date(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Date(time, _) => Some(*time),
            Self::Text(text) => parse_date(text).map(|(time, _)| time),
            Self::List(items) if items.len() == 1 => items[0].date(),
            _ => None,
        }
    }

    /// As a formula field's cell; `None` leaves the cell out.
    pub(crate) fn json(&self) -> Option<Json> {
        match self {
            Self::Blank => None,
            Self::Number(number) => Some(number_json(*number)),
            Self::Text(text) => Some(Json::from(text.as_str())),
            // A formula that gives a flag shows 0 or 1.
            Self::Bool(flag) => Some(Json::from(u8::from(*flag))),
            Self::Date(..) => Some(Json::from(self.text())),
            Self::List(items) => Some(items.iter().filter_map(Self::json).collect()),
            Self::Error => Some(json!({"error": "#ERROR!"})),
        }
    }
}

/// `YYYY-MM-DD`, or ISO 8601 with a time (no zone means UTC); the flag says whether a time was given.
pub(super) fn parse_date(text: &str) -> Option<(DateTime<Utc>, bool)> {
    let text = text.trim();
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some((day.and_hms_opt(0, 0, 0)?.and_utc(), false));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some((time.to_utc(), true));
    }
    let time = text.replace(' ', "T").parse::<chrono::NaiveDateTime>().ok()?;
    Some((time.and_utc(), true))
}

/// Whole numbers as JSON integers, as the real server writes them; what JSON cannot hold as `{"specialValue"}`.
pub(crate) fn number_json(number: f64) -> Json {
    // 2^53: above it a double no longer holds every integer.
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        let whole = number as i64;
        Json::from(whole)
    } else if number.is_finite() {
        Json::from(number)
    } else if number.is_nan() {
        json!({"specialValue": "NaN"})
    } else {
        json!({"specialValue": if number > 0.0 { "Infinity" } else { "-Infinity" }})
    }
}

fn number_text(number: f64) -> String {
    if number.is_finite() { number.to_string() } else { "NaN".to_owned() }
}
