//! Formulas as data: text, expected value.

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;

struct Sample;

impl Row for Sample {
    fn field(&self, name: &str) -> Value {
        match name {
            "Name" => Value::Text("O'Neil & Sons".to_owned()),
            "Amount" => Value::Number(1250.5),
            "Done" => Value::Bool(true),
            "Tags" => Value::List(vec![Value::Text("red".to_owned()), Value::Text("blue".to_owned())]),
            "Close Date" => Value::Date(time("2026-03-31T00:00:00Z"), false),
            "Broken" => Value::Error,
            _ => Value::Blank,
        }
    }
    fn record_id(&self) -> &str {
        "rec00000000000001"
    }
    fn created(&self) -> DateTime<Utc> {
        time("2026-01-02T03:04:05Z")
    }
    fn modified(&self) -> DateTime<Utc> {
        time("2026-02-02T03:04:05Z")
    }
    fn now(&self) -> DateTime<Utc> {
        time("2026-04-01T12:30:00Z")
    }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn value(text: &str) -> Value {
    eval(&parse(text).unwrap_or_else(|error| panic!("{text}: {error}")), &Sample)
}

#[test]
fn values() {
    for (formula, expected) in [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("-2 - -3", "1"),
        ("'a' & 1 & \"b\"", "a1b"),
        ("'it\\'s' & \"\\\"\"", "it's\""),
        ("10/4", "2.5"),
        ("{Name}", "O'Neil & Sons"),
        ("Name = 'O\\'Neil & Sons'", "1"),
        ("{Tags} & ''", "red, blue"),
        ("FIND('blue', {Tags})", "6"),
        ("FIND('green', {Tags})", "0"),
        ("SEARCH('green', {Tags})", ""),
        ("find('l', 'hello', 4)", "4"),
        ("LOWER('ÄB') & UPPER('c')", "äbC"),
        ("LEN('häuser')", "6"),
        ("LEFT('hello', 2) & RIGHT('hello', 2) & MID('hello', 2, 3)", "heloell"),
        ("IF({Done}, 'yes', 'no')", "yes"),
        ("IF({Empty}, 'yes')", ""),
        ("IF(1, 2, ERROR())", "2"),
        ("SWITCH({Amount}, 1, 'one', 1250.5, 'many', 'other')", "many"),
        ("SWITCH(7, 1, 'one', 'other')", "other"),
        ("AND(1, 'x', {Done})", "1"),
        ("OR(0, '', BLANK())", "0"),
        ("NOT({Empty})", "1"),
        ("{Empty} = BLANK()", "1"),
        ("{Empty} = 0", "1"),
        ("{Amount} >= 1250.5", "1"),
        ("{Amount} < 3", "0"),
        ("'b' > 'a'", "1"),
        ("RECORD_ID()", "rec00000000000001"),
        ("YEAR(CREATED_TIME())", "2026"),
        ("TODAY()", "2026-04-01"),
        ("NOW()", "2026-04-01T12:30:00.000Z"),
        ("IS_BEFORE({Close Date}, TODAY())", "1"),
        ("IS_AFTER({Close Date}, '2026-04-01')", "0"),
        ("IS_AFTER({Empty}, '2026-04-01')", "0"),
        ("IS_SAME({Close Date}, '2026-03-01', 'month')", "1"),
        ("{Close Date} = '2026-03-31'", "1"),
        ("DATETIME_DIFF(TODAY(), {Close Date}, 'days')", "1"),
        ("DATETIME_DIFF('2026-01-01T00:01:00Z', '2026-01-01')", "60"),
        ("DATETIME_DIFF('2026-05-01', '2026-01-31', 'months')", "4"),
        ("DATESTR(DATEADD({Close Date}, -1, 'month'))", "2026-02-28"),
        ("ROUND(2.345, 1) & '/' & INT(-1.5) & '/' & MOD(-1, 3)", "2.3/-2/2"),
        ("SUM(1, 2, {Empty}, {Amount})", "1253.5"),
        ("MAX(1, 5, 2) - MIN(1, 5, 2)", "4"),
        ("ISERROR({Broken} + 1)", "1"),
        ("{Broken} & 'x'", "#ERROR!"),
        ("'a' + 1", "#ERROR!"),
    ] {
        assert_eq!(value(formula).text(), expected, "{formula}");
    }
}

#[test]
fn what_keeps_a_record() {
    for formula in ["1", "'0'", "TRUE()", "{Tags}", "{Close Date}", "-1"] {
        assert!(value(formula).truthy(), "{formula}");
    }
    for formula in ["0", "FALSE()", "''", "1/0", "{Empty}", "{Broken}", "ERROR()"] {
        assert!(!value(formula).truthy(), "{formula}");
    }
}

#[test]
fn invalid_formulas() {
    for text in
        ["", "1 +", "(1", "1)", "{Name", "{}", "'open", "NOPE(1)", "IF(1)", "LEN()", "LEN(1,)", "a b", "1..2", "#"]
    {
        assert_eq!(parse(text).unwrap_err(), FormulaError::Syntax, "{text}");
    }
    assert_eq!(parse(&"(".repeat(100_000)).unwrap_err(), FormulaError::Syntax);
    assert_eq!(parse(&"-".repeat(100_000)).unwrap_err(), FormulaError::Syntax);
    assert_eq!(parse(&format!("1{}", "+1".repeat(100_000))).unwrap_err(), FormulaError::Syntax);
}

#[test]
fn unknown_fields_are_named() {
    let error = compile("AND({Name}, {Nmae} = 1, Other)", |name| name == "Name").unwrap_err();
    assert_eq!(error.to_string(), "Unknown field names: Nmae, Other");
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-+*/&=<>!(){},'\"\\\\ A-Za-z0-9.]{0,60}") {
        if let Ok(expr) = parse(&text) {
            let _ = eval(&expr, &Sample).text();
        }
    }

    #[test]
    fn no_call_panics(name in 0..60usize, args in proptest::collection::vec("-?[0-9]{1,18}|'[a-z0-9äö-]{0,9}'|\\{(Name|Tags|Close Date|Broken|None)\\}|1/0", 0..4)) {
        let names = ["DATEADD", "DATETIME_DIFF", "LEFT", "RIGHT", "MID", "ROUND", "FIND", "MOD", "IS_SAME", "SUBSTITUTE"];
        if let Ok(expr) = parse(&format!("{}({})", names[name % names.len()], args.join(","))) {
            let _ = eval(&expr, &Sample).json();
        }
    }
}
