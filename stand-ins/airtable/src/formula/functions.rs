//! The functions that formulas may call: one table of name, number of arguments, code.

use chrono::{DateTime, Datelike, Days, Months, TimeDelta, Timelike, Utc};

use super::eval::{eval, same};
use super::parser::Expr;
use super::{Row, Value};

/// A function of the language.
#[derive(Debug)]
pub(crate) struct Function {
    /// In capitals; a formula may write it in any case.
    pub(super) name: &'static str,
    pub(super) args_min: usize,
    pub(super) args_max: usize,
    pub(super) code: fn(&Call<'_>) -> Value,
}

/// A call on its way: arguments are evaluated when asked for, so `IF` looks at one branch only.
pub(super) struct Call<'a> {
    pub(super) args: &'a [Expr],
    pub(super) row: &'a dyn Row,
}

impl Call<'_> {
    fn value(&self, index: usize) -> Value {
        self.args.get(index).map_or(Value::Blank, |arg| eval(arg, self.row))
    }

    fn values(&self) -> Vec<Value> {
        self.args.iter().map(|arg| eval(arg, self.row)).collect()
    }

    fn text(&self, index: usize) -> String {
        self.value(index).text()
    }

    fn number(&self, index: usize) -> Option<f64> {
        self.value(index).number()
    }

    /// Every number among the arguments, lists opened, blanks and text left out.
    fn numbers(&self) -> Vec<f64> {
        let mut found = Vec::new();
        for value in self.values() {
            let items = if let Value::List(items) = value { items } else { vec![value] };
            found.extend(items.iter().filter(|item| matches!(item, Value::Number(_))).filter_map(Value::number));
        }
        found
    }
}

const ANY: usize = usize::MAX;

const fn function(name: &'static str, args_min: usize, args_max: usize, code: fn(&Call<'_>) -> Value) -> Function {
    Function { name, args_min, args_max, code }
}

static FUNCTIONS: &[Function] = &[
    // logic
    function("AND", 1, ANY, |call| logic(call, |flags| flags.iter().all(|flag| *flag))),
    function("OR", 1, ANY, |call| logic(call, |flags| flags.iter().any(|flag| *flag))),
    function("XOR", 1, ANY, |call| logic(call, |flags| flags.iter().filter(|flag| **flag).count() % 2 == 1)),
    function("NOT", 1, 1, |call| logic(call, |flags| !flags[0])),
    function("TRUE", 0, 0, |_| Value::Bool(true)),
    function("FALSE", 0, 0, |_| Value::Bool(false)),
    function("BLANK", 0, 0, |_| Value::Blank),
    function("ERROR", 0, 1, |_| Value::Error),
    function("ISERROR", 1, 1, |call| Value::Bool(call.value(0) == Value::Error)),
    function("IF", 2, 3, |call| match call.value(0) {
        Value::Error => Value::Error,
        value => call.value(if value.truthy() { 1 } else { 2 }),
    }),
    function("SWITCH", 3, ANY, switch),
    // text
    function("FIND", 2, 3, |call| find_text(call, 0.0)),
    function("SEARCH", 2, 3, |call| match find_text(call, -1.0) {
        // Unlike FIND, an absent text is empty, not 0.
        Value::Number(-1.0) => Value::Blank,
        found => found,
    }),
    function("LOWER", 1, 1, |call| Value::Text(call.text(0).to_lowercase())),
    function("UPPER", 1, 1, |call| Value::Text(call.text(0).to_uppercase())),
    function("TRIM", 1, 1, |call| Value::Text(call.text(0).trim().to_owned())),
    function("LEN", 1, 1, |call| count(call.text(0).chars().count())),
    function("LEFT", 2, 2, |call| slice(&call.text(0), Some(0.0), call.number(1))),
    function("RIGHT", 2, 2, |call| {
        let text = call.text(0);
        let Some(wanted) = call.number(1) else { return Value::Error };
        slice(&text, Some(count_f64(text.chars().count()) - wanted), Some(wanted))
    }),
    function("MID", 3, 3, |call| slice(&call.text(0), call.number(1).map(|from| from - 1.0), call.number(2))),
    function("CONCATENATE", 1, ANY, |call| Value::Text(call.values().iter().map(Value::text).collect())),
    function("SUBSTITUTE", 3, 3, |call| match call.text(1) {
        empty if empty.is_empty() => Value::Text(call.text(0)),
        old => Value::Text(call.text(0).replace(&old, &call.text(2))),
    }),
    function("ARRAYJOIN", 1, 2, |call| {
        let separator = if call.args.len() == 2 { call.text(1) } else { ", ".to_owned() };
        match call.value(0) {
            Value::List(items) => Value::Text(items.iter().map(Value::text).collect::<Vec<_>>().join(&separator)),
            other => Value::Text(other.text()),
        }
    }),
    // numbers
    function("SUM", 1, ANY, |call| Value::Number(call.numbers().iter().sum())),
    function("AVERAGE", 1, ANY, |call| {
        let numbers = call.numbers();
        Value::Number(numbers.iter().sum::<f64>() / count_f64(numbers.len()))
    }),
    function("MIN", 1, ANY, |call| call.numbers().into_iter().reduce(f64::min).map_or(Value::Blank, Value::Number)),
    function("MAX", 1, ANY, |call| call.numbers().into_iter().reduce(f64::max).map_or(Value::Blank, Value::Number)),
    function("COUNT", 1, ANY, |call| count(call.numbers().len())),
    function("ABS", 1, 1, |call| call.number(0).map_or(Value::Error, |number| Value::Number(number.abs()))),
    function("INT", 1, 1, |call| call.number(0).map_or(Value::Error, |number| Value::Number(number.floor()))),
    function("ROUND", 1, 2, round),
    function("MOD", 2, 2, |call| match (call.number(0), call.number(1)) {
        (Some(a), Some(b)) => Value::Number(a.rem_euclid(b)),
        _ => Value::Error,
    }),
    function("VALUE", 1, 1, |call| call.number(0).map_or(Value::Error, Value::Number)),
    // the record
    function("RECORD_ID", 0, 0, |call| Value::Text(call.row.record_id().to_owned())),
    function("CREATED_TIME", 0, 0, |call| Value::Date(call.row.created(), true)),
    function("LAST_MODIFIED_TIME", 0, 0, |call| Value::Date(call.row.modified(), true)),
    // dates
    function("NOW", 0, 0, |call| Value::Date(call.row.now(), true)),
    function("TODAY", 0, 0, |call| Value::Date(midnight(call.row.now()), false)),
    function("IS_SAME", 2, 3, is_same),
    function("IS_AFTER", 2, 2, |call| dates(call, |a, b| Value::Bool(a > b))),
    function("IS_BEFORE", 2, 2, |call| dates(call, |a, b| Value::Bool(a < b))),
    function("DATETIME_DIFF", 2, 3, difference),
    function("DATEADD", 3, 3, date_add),
    function("DATESTR", 1, 1, |call| date_part(call, |time| Value::Text(time.date_naive().to_string()))),
    function("YEAR", 1, 1, |call| date_part(call, |time| Value::Number(f64::from(time.year())))),
    function("MONTH", 1, 1, |call| date_part(call, |time| Value::Number(f64::from(time.month())))),
    function("DAY", 1, 1, |call| date_part(call, |time| Value::Number(f64::from(time.day())))),
    function("HOUR", 1, 1, |call| date_part(call, |time| Value::Number(f64::from(time.hour())))),
    function("WEEKDAY", 1, 1, |call| {
        date_part(call, |time| Value::Number(f64::from(time.weekday().num_days_from_sunday())))
    }),
];

/// A function by its name in capitals.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

fn logic(call: &Call<'_>, decide: impl Fn(&[bool]) -> bool) -> Value {
    let values = call.values();
    if values.contains(&Value::Error) {
        return Value::Error;
    }
    Value::Bool(decide(&values.iter().map(Value::truthy).collect::<Vec<_>>()))
}

fn switch(call: &Call<'_>) -> Value {
    let subject = call.value(0);
    if subject == Value::Error {
        return Value::Error;
    }
    let mut at = 1;
    while at + 1 < call.args.len() {
        if same(&subject, &call.value(at)) {
            return call.value(at + 1);
        }
        at += 2;
    }
    call.value(at)
}

/// Position of argument 0 in argument 1, from 1; `absent` when it is not there. Case counts.
fn find_text(call: &Call<'_>, absent: f64) -> Value {
    let (needle, hay) = (call.value(0), call.value(1));
    if needle == Value::Error || hay == Value::Error {
        return Value::Error;
    }
    let (needle, hay) = (needle.text(), hay.text());
    let skip = if call.args.len() == 3 { call.number(2).map_or(0, |from| whole(from - 1.0)) } else { 0 };
    let start = hay.char_indices().nth(skip).map_or(hay.len(), |(at, _)| at);
    match hay[start..].find(&needle) {
        Some(at) => count(hay[..start + at].chars().count() + 1),
        None => Value::Number(absent),
    }
}

fn slice(text: &str, from: Option<f64>, length: Option<f64>) -> Value {
    let (Some(from), Some(length)) = (from, length) else { return Value::Error };
    Value::Text(text.chars().skip(whole(from)).take(whole(length)).collect())
}

fn round(call: &Call<'_>) -> Value {
    let (Some(number), Some(places)) = (call.number(0), call.number(1)) else { return Value::Error };
    // A double has 15 to 17 significant digits.
    let factor = 10f64.powi(i32::try_from(whole(places).min(15)).unwrap_or(15));
    Value::Number((number * factor).round() / factor)
}

fn dates(call: &Call<'_>, decide: impl Fn(DateTime<Utc>, DateTime<Utc>) -> Value) -> Value {
    match (call.value(0).date(), call.value(1).date()) {
        (Some(a), Some(b)) => decide(a, b),
        // A comparison with an empty date holds for no record; anything else that is no date is an error.
        _ if call.value(0) == Value::Blank || call.value(1) == Value::Blank => Value::Bool(false),
        _ => Value::Error,
    }
}

fn date_part(call: &Call<'_>, part: impl Fn(DateTime<Utc>) -> Value) -> Value {
    call.value(0).date().map_or(Value::Error, part)
}

fn is_same(call: &Call<'_>) -> Value {
    let unit = call.text(2);
    dates(call, |a, b| {
        let day = a.date_naive() == b.date_naive();
        Value::Bool(match unit.to_ascii_lowercase().trim_end_matches('s') {
            "year" => a.year() == b.year(),
            "month" => a.year() == b.year() && a.month() == b.month(),
            "week" => a.iso_week() == b.iso_week(),
            "hour" => day && a.hour() == b.hour(),
            "minute" => day && a.hour() == b.hour() && a.minute() == b.minute(),
            "day" => day,
            _ => a == b,
        })
    })
}

/// Argument 0 minus argument 1 in whole units; seconds unless a unit is given.
fn difference(call: &Call<'_>) -> Value {
    let (Some(a), Some(b)) = (call.value(0).date(), call.value(1).date()) else { return Value::Error };
    let delta = a - b;
    let months = || i64::from((a.year() - b.year()) * 12) + i64::from(a.month()) - i64::from(b.month());
    let unit = if call.args.len() == 3 { call.text(2).to_ascii_lowercase() } else { "seconds".to_owned() };
    let units = match unit.as_str() {
        "milliseconds" | "ms" => delta.num_milliseconds(),
        "seconds" | "second" | "s" => delta.num_seconds(),
        "minutes" | "minute" | "m" => delta.num_minutes(),
        "hours" | "hour" | "h" => delta.num_hours(),
        "days" | "day" | "d" => delta.num_days(),
        "weeks" | "week" | "w" => delta.num_weeks(),
        "months" | "month" => months(),
        "quarters" | "quarter" | "q" => months() / 3,
        "years" | "year" | "y" => months() / 12,
        _ => return Value::Error,
    };
    count_i64(units)
}

fn date_add(call: &Call<'_>) -> Value {
    let (Some(time), Some(amount)) = (call.value(0).date(), call.number(1)) else { return Value::Error };
    #[expect(clippy::cast_possible_truncation, reason = "fractions of a unit are dropped; out of range saturates")]
    let amount = amount as i32;
    let size = u64::from(amount.unsigned_abs());
    let months = |each: u32| {
        let span = Months::new(amount.unsigned_abs().saturating_mul(each));
        if amount < 0 { time.checked_sub_months(span) } else { time.checked_add_months(span) }
    };
    let days = |each: u64| {
        let span = Days::new(size.saturating_mul(each));
        if amount < 0 { time.checked_sub_days(span) } else { time.checked_add_days(span) }
    };
    let added = match call.text(2).to_ascii_lowercase().trim_end_matches('s') {
        "year" => months(12),
        "quarter" => months(3),
        "month" => months(1),
        "week" => days(7),
        "day" => days(1),
        "hour" => time.checked_add_signed(TimeDelta::hours(i64::from(amount))),
        "minute" => time.checked_add_signed(TimeDelta::minutes(i64::from(amount))),
        "second" => time.checked_add_signed(TimeDelta::seconds(i64::from(amount))),
        _ => None,
    };
    added.map_or(Value::Error, |time| Value::Date(time, true))
}

fn midnight(time: DateTime<Utc>) -> DateTime<Utc> {
    time.date_naive().and_hms_opt(0, 0, 0).map_or(time, |time| time.and_utc())
}

/// A count of characters or places from a number: negative is 0, fractions are dropped.
fn whole(number: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates, NaN is 0")]
    let whole = number as usize;
    whole
}

fn count(number: usize) -> Value {
    Value::Number(count_f64(number))
}

fn count_f64(number: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of characters and cells stay far below 2^53")]
    let number = number as f64;
    number
}

fn count_i64(number: i64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of all dates that chrono holds fit 2^53")]
    let number = number as f64;
    Value::Number(number)
}
