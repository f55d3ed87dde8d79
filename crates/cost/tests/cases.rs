//! The worked cases of `cost_cases.json`, exact to the nano-dollar.
//!
//! The file is not part of this repository: `COST_CASES` names it, or it lies in `../shared/data` beside the checkout. Cases of dialects that
//! this crate does not speak yet are counted and left out.

use cost::{Book, Call, Day, Priced, Unpriced, Usage, UsageError, gemini};
use serde_json::{Value, json};

#[expect(clippy::print_stderr, reason = "the runner of the conformance suites reads these lines")]
fn report(line: &str) {
    eprintln!("{line}");
}

fn cases() -> Option<Vec<Value>> {
    let path = std::env::var("COST_CASES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/cost_cases.json").to_owned());
    let Ok(text) = std::fs::read_to_string(&path) else {
        report(&format!("SKIPPED: {path} is not there; set COST_CASES"));
        return None;
    };
    let file: Value = serde_json::from_str(&text).expect("the file is JSON");
    Some(file["cases"].as_array().expect("a list of cases").clone())
}

fn usage(case: &Value) -> Result<Usage, UsageError> {
    if let Some(chunks) = case["stream"].as_array() {
        let mut stream = gemini::StreamUsage::default();
        chunks.iter().try_for_each(|chunk| stream.push(chunk))?;
        return stream.usage().cloned().ok_or(UsageError::Missing);
    }
    let mut response = case.get("response").cloned().unwrap_or_else(|| json!({}));
    if let Some(usage) = case.get("usage") {
        response["usageMetadata"] = usage.clone();
    }
    gemini::usage_of_response(&response)
}

fn priced(case: &Value) -> Priced {
    let failed = case["http_status"].as_u64().is_some_and(|status| status >= 400);
    let usage = match usage(case) {
        Ok(usage) => usage,
        Err(UsageError::Missing) if failed => return Priced::zero(),
        Err(_) => return Priced::Unpriced(Unpriced::Usage),
    };
    Book::bundled().price(&Call {
        provider: case["provider"].as_str().expect("a provider"),
        request_model: case["request_model"].as_str(),
        response_model: case["response_model"].as_str(),
        day: Day::parse(case["call_time"].as_str().expect("a time")).expect("a day"),
        usage: &usage,
    })
}

/// The answer in the form of the case's `expected`.
fn outcome(priced: &Priced) -> Value {
    let Priced::Bill(bill) = priced else {
        return json!({"cost_status": priced.status().name(), "cost_nanousd": null});
    };
    let buckets = bill.lines.iter().map(|line| (line.bucket.name().to_owned(), json!(line.tokens)));
    let lines = bill.lines.iter().map(|line| {
        json!({"bucket": line.bucket.name(), "tokens": line.tokens, "usd": line.amount.to_string(),
            "usd_per_1m": cost::NanoUsd(i64::try_from(line.rate.0).expect("a rate")).to_string()})
    });
    let fees = bill.fees.iter().map(|line| {
        json!({"name": line.fee.name(), "quantity": line.quantity, "usd_each": line.each.to_string(), "usd": line.amount.to_string()})
    });
    json!({
        "cost_status": bill.status.name(),
        "service_tier": bill.tier.name(),
        "above_input_tokens": bill.above_input_tokens,
        "buckets": buckets.collect::<serde_json::Map<_, _>>(),
        "lines": lines.collect::<Vec<_>>(),
        "fees": fees.collect::<Vec<_>>(),
        "cost_usd": bill.computed.to_string(),
        "cost_nanousd": bill.cost.0,
    })
}

#[test]
fn gemini_cases() {
    let Some(cases) = cases() else { return };
    let (ours, others): (Vec<_>, Vec<_>) =
        cases.iter().partition(|case| case["api"].as_str().is_some_and(|api| api.starts_with("gemini.")));
    let mut failures = Vec::new();
    for case in &ours {
        let (got, expected) = (outcome(&priced(case)), &case["expected"]);
        let fields = expected.as_object().expect("an object");
        for (field, expected) in fields.iter().filter(|(field, _)| got.get(*field).is_some()) {
            if got[field] != *expected {
                failures.push(format!("{} {field}: got {}, expected {expected}", case["id"], got[field]));
            }
        }
    }
    report(&format!(
        "cost_cases/gemini {}/{} ({} of other dialects left out)",
        ours.len() - failures.len().min(ours.len()),
        ours.len(),
        others.len()
    ));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(!ours.is_empty(), "the file has no Gemini case");
}
