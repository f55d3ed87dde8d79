//! The bundled book is good, and bad books are refused with the reason.

use super::*;

fn book_of(models: &str) -> Result<Book, BookError> {
    let text = format!(r#"{{"layout":1,"sources":{{"s":{{"what":"a test","licence":"none"}}}},"models":[{models}]}}"#);
    Book::parse(&text)
}

fn refusal(models: &str) -> String {
    book_of(models).expect_err("the book is bad").to_string()
}

fn row(rest: &str) -> String {
    format!(r#"{{"provider":"p","model":"m","prices":[{{"from":null,"until":null,"source":"s",{rest}}}]}}"#)
}

#[test]
fn the_bundled_book_can_be_read() {
    let book = Book::parse(BUNDLED).expect("the bundled book is good");
    assert!(book.len() > 90, "{} models", book.len());
    assert_eq!(book.version().len(), 16);
    let day = Day::parse("2026-11-22").expect("a day");
    for (provider, model) in
        [("google", "gemini-2.0-flash-exp"), ("gcp.gemini", "models/gemini-2.5-pro"), ("vertex_ai", "gemini-2.5-flash")]
    {
        assert!(book.knows(provider, model, day), "{provider} {model}");
    }
}

#[test]
fn names_are_found_exactly_then_by_alias_then_undated() {
    let book = Book::bundled();
    let name = |model: &str| book.model("gcp.gemini", model).map(|model| model.name.clone());
    assert_eq!(name("GEMINI-2.0-flash-001").as_deref(), Some("gemini-2.0-flash"));
    assert_eq!(name("gemini-1.5-pro-002").as_deref(), Some("gemini-1.5-pro"));
    assert_eq!(name("gemini-2.5-flash-preview-05-20:thinking").as_deref(), Some("gemini-2.5-flash-preview"));
    assert_eq!(name("gemini-9-ultra"), None);
    assert_eq!(name(""), None);
    assert!(book.model("openai", "gemini-2.5-pro").is_none());
}

#[test]
fn bad_books_are_refused() {
    let cases = [
        (row(r#""standard":[{"inptu":"1"}]"#), "`inptu` is not a bucket"),
        (row(r#""standard":[{"input":"1,5"}]"#), "standard.input: `1,5` is not a decimal number"),
        (row(r#""standard":[{"input":"-1"}]"#), "out of range"),
        (row(r#""standard":[{"input":"1000001"}]"#), "out of range"),
        (row(r#""standard":[{"input":"0.0000000001"}]"#), "finer than the smallest unit"),
        (row(r#""standard":[{"above":5,"input":"1"}]"#), "one without `above`"),
        (row(r#""standard":[{"input":"1"},{"input":"2"}]"#), "exactly one row for each size"),
        (row(r#""fees":{"tip":"1"}"#), "fee `tip` is not known"),
        (row(r#""fees":{}"#), "without rates and fees"),
        (row(r#""standard":[{"input":"1"}],"multipliers":{"x":"0"}"#), "m: x: `0` is out of range"),
        (row(r#""surprise":1"#), "unknown field"),
        (r#"{"provider":"p","model":"m","prices":[]}"#.to_owned(), "there are none"),
        (row(r#""standard":[{"input":"1"}]"#).replace("null", r#""2026-02-30""#), "is not a day"),
        (row(r#""standard":[{"input":"1"}]"#).replace("null", r#""2026-02-03""#), "ends before it begins"),
        (row(r#""standard":[{"input":"1"}]"#).replace(r#""source":"s""#, r#""source":"t""#), "source `t`"),
    ];
    for (models, reason) in cases {
        assert!(refusal(&models).contains(reason), "{models}: {}", refusal(&models));
    }
    let good = row(r#""standard":[{"input":"1"}]"#);
    assert!(refusal(&format!("{good},{good}")).contains("given twice"));
    assert!(matches!(Book::parse(r#"{"layout":2,"models":[]}"#), Err(BookError::Version(2))));
}

#[test]
fn prices_of_one_day_must_not_overlap() {
    let dated = |first: &str, second: &str| {
        let price = |range: &str| format!(r#"{{{range},"source":"s","standard":[{{"input":"1"}}]}}"#);
        book_of(&format!(r#"{{"provider":"p","model":"m","prices":[{},{}]}}"#, price(first), price(second)))
    };
    assert!(dated(r#""from":null,"until":"2026-01-01""#, r#""from":"2026-01-01","until":null"#).is_ok());
    assert!(dated(r#""from":null,"until":"2026-01-02""#, r#""from":"2026-01-01","until":null"#).is_err());
    assert!(dated(r#""from":null,"until":null"#, r#""from":"2026-01-01","until":null"#).is_err());
}

#[test]
fn negotiated_prices_win_over_the_list() {
    let own = book_of(
        r#"{"provider":"gcp.gemini","model":"gemini-2.5-flash","prices":[{"from":null,"until":null,"source":"s","standard":[{"input":"0.1","output":"1"}]}]}"#,
    );
    let book = Book::bundled().overlaid(&own.expect("a good book"));
    let day = Day::parse("2026-11-22").expect("a day");
    let model = book.model("gcp.gemini", "gemini-2.5-flash").expect("known to both");
    assert_eq!(model.price_on(day).expect("a price").source, "s");
    assert!(book.knows("gcp.gemini", "gemini-2.5-pro", day));
    assert!(book.version().contains('+'));
}
