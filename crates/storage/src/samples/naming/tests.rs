//! The translator against the facts in `conformance/otlp_prometheus_naming`.

use std::path::PathBuf;

use serde::Deserialize;

use super::unit::UnitWords;
use super::{LabelNamer, MetricNamer, NamedType, Strategy};

/// The file's text; `None`, loudly, when the conformance data is not there.
fn conformance(name: &str) -> Option<String> {
    let folder = std::env::var_os("CONFORMANCE_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance")),
        PathBuf::from,
    );
    let path = folder.join("otlp_prometheus_naming").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        report(&format!("SKIPPED: {} is not there; set CONFORMANCE_DIR", path.display()));
    }
    text
}

#[expect(clippy::print_stderr, reason = "the runner of the conformance suites reads these lines")]
fn report(line: &str) {
    eprintln!("{line}");
}

fn finish(suite: &str, total: usize, failures: &[String]) {
    report(&format!("otlp_prometheus_naming/{suite} {}/{total}", total - failures.len()));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[derive(Deserialize)]
struct MetricFile {
    cases: Vec<MetricCase>,
}

#[derive(Deserialize)]
struct MetricCase {
    name: String,
    unit: String,
    r#type: String,
    #[serde(default)]
    monotonic: bool,
    #[serde(default)]
    namespace: String,
    strategy: String,
    expected_name: Option<String>,
    expected_unit: Option<String>,
    expected_error: Option<String>,
    otlptranslator_would_give: Option<String>,
}

#[test]
fn metric_names() {
    let Some(text) = conformance("metric_names.yaml") else { return };
    let file: MetricFile = serde_norway::from_str(&text).expect("a known format");
    let mut failures = Vec::new();
    for case in &file.cases {
        let strategy = match case.strategy.as_str() {
            "UnderscoreEscapingWithSuffixes" => Strategy::UnderscoreEscapingWithSuffixes,
            "UnderscoreEscapingWithoutSuffixes" => Strategy::UnderscoreEscapingWithoutSuffixes,
            "NoUTF8EscapingWithSuffixes" => Strategy::NoUtf8EscapingWithSuffixes,
            "NoTranslation" => Strategy::NoTranslation,
            other => panic!("unknown strategy {other}"),
        };
        let named_type = match case.r#type.as_str() {
            "sum" if case.monotonic => NamedType::Counter,
            "gauge" => NamedType::Gauge,
            _ => NamedType::Other,
        };
        let namer = MetricNamer { strategy, namespace: case.namespace.clone() };
        let got = namer.name(&case.name, &case.unit, named_type).map_err(|error| error.to_string());
        let name = case.otlptranslator_would_give.clone().or_else(|| case.expected_name.clone());
        let expected = name.ok_or_else(|| case.expected_error.clone().expect("a name or an error"));
        let unit = namer.unit(&case.unit);
        if got != expected || case.expected_unit.as_ref().is_some_and(|expected| *expected != unit) {
            failures.push(format!("{:?} {:?}: {got:?} ({unit:?}), expected {expected:?}", case.name, case.unit));
        }
    }
    finish("metric_names", file.cases.len(), &failures);
}

#[derive(Deserialize)]
struct LabelFile {
    otlptranslator: Vec<LabelCase>,
    collector_contrib_legacy: Vec<LegacyCase>,
}

#[derive(Deserialize)]
struct LabelCase {
    label: String,
    default: LabelExpected,
    preserve_multiple_underscores: LabelExpected,
    underscore_label_sanitization: LabelExpected,
    both_options: LabelExpected,
    utf8_allowed: LabelExpected,
}

#[derive(Deserialize)]
struct LabelExpected {
    name: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct LegacyCase {
    label: String,
    drop_sanitization_gate: bool,
    expected: String,
}

#[test]
fn label_names() {
    let Some(text) = conformance("label_names.yaml") else { return };
    let file: LabelFile = serde_norway::from_str(&text).expect("a known format");
    let (mut total, mut failures) = (0, Vec::new());
    let mut check = |namer: LabelNamer, label: &str, expected: Result<String, String>| {
        let got = namer.name(label).map_err(|error| error.to_string());
        total += 1;
        if got != expected {
            failures.push(format!("{label:?} {namer:?}: {got:?}, expected {expected:?}"));
        }
    };
    let namer =
        |keep_utf8, prefix_underscore, keep_underscores| LabelNamer { keep_utf8, prefix_underscore, keep_underscores };
    for case in &file.otlptranslator {
        for (namer, expected) in [
            (namer(false, false, false), &case.default),
            (namer(false, false, true), &case.preserve_multiple_underscores),
            (namer(false, true, false), &case.underscore_label_sanitization),
            (namer(false, true, true), &case.both_options),
            (namer(true, false, false), &case.utf8_allowed),
        ] {
            let expected = expected.name.clone().ok_or_else(|| expected.error.clone().expect("a name or an error"));
            check(namer, &case.label, expected);
        }
    }
    for case in &file.collector_contrib_legacy {
        // The older normaliser lets an empty name pass; otlptranslator, which is preferred, refuses it.
        let expected =
            if case.label.is_empty() { Err("label name is empty".into()) } else { Ok(case.expected.clone()) };
        check(namer(false, !case.drop_sanitization_gate, true), &case.label, expected);
    }
    finish("label_names", total, &failures);
}

#[derive(Deserialize)]
struct UnitFile {
    otlp_to_prometheus: Vec<UnitCase>,
}

#[derive(Deserialize)]
struct UnitCase {
    otlp_unit: String,
    prometheus_unit: String,
}

#[test]
fn units() {
    let Some(text) = conformance("units_and_trimming.yaml") else { return };
    let file: UnitFile = serde_norway::from_str(&text).expect("a known format");
    let mut failures = Vec::new();
    for case in &file.otlp_to_prometheus {
        let got = UnitWords::new(&case.otlp_unit, false).joined();
        if got != case.prometheus_unit {
            failures.push(format!("{:?}: {got:?}, expected {:?}", case.otlp_unit, case.prometheus_unit));
        }
    }
    finish("units", file.otlp_to_prometheus.len(), &failures);
}
