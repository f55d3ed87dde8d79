//! Spans and events of `tracing` as OpenTelemetry sees them, mixed with spans of its own API.

use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context as Otel, KeyValue};
use tracing::Instrument;

use crate::testing::{InMemory, assert_child, assert_root, assert_span, attribute, body, error};
use crate::{SpanExt, TraceContext};

#[test]
fn spans_of_both_kinds_nest_in_any_order() {
    let telemetry = InMemory::install();
    {
        let outer =
            tracing::info_span!("outer", otel.kind = "server", n = 7u64, text = %"t", later = tracing::field::Empty);
        let _in_outer = outer.enter();
        let _otel = TraceContext::new("middle");
        tracing::info_span!("inner").in_scope(|| {
            outer.record("later", true);
        });
        outer.set_attribute("undeclared", 1);
    }
    let (outer, middle, inner) =
        (assert_span(&telemetry, "outer"), assert_span(&telemetry, "middle"), assert_span(&telemetry, "inner"));
    assert_root(&outer);
    assert_child(&outer, &middle);
    assert_child(&middle, &inner);
    assert_eq!(outer.span_kind, SpanKind::Server);
    for (key, value) in [("n", "7"), ("text", "t"), ("later", "true"), ("undeclared", "1")] {
        assert_eq!(attribute(&outer, key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn explicit_parents_and_roots() {
    let telemetry = InMemory::install();
    {
        let parent = tracing::info_span!("parent");
        let other = tracing::info_span!("other");
        let _in_other = other.enter();
        tracing::info_span!(parent: &parent, "child").in_scope(|| {});
        tracing::info_span!(parent: None, "root").in_scope(|| {});
    }
    assert_child(&assert_span(&telemetry, "parent"), &assert_span(&telemetry, "child"));
    assert_root(&assert_span(&telemetry, "root"));
}

#[tokio::test]
async fn interleaved_futures_keep_their_own_span() {
    let telemetry = InMemory::install();
    let work = |name: &'static str| {
        async move {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            tracing::info!(name, "done");
        }
        .instrument(tracing::info_span!("work", otel.name = name))
    };
    let context = Otel::current();
    let spawned = crate::spawn(work("c"));
    let ((), (), spawned, ()) = tokio::join!(work("a"), work("b"), spawned, work("d").with_context(context));
    spawned.unwrap();
    assert!(!Otel::current().has_active_span());
    for name in ["a", "b", "c", "d"] {
        let span = assert_span(&telemetry, name);
        let line = telemetry.lines().into_iter().find(|line| {
            line.contains(&format!(r#""name":"{name}""#)).then_some(()).is_some() && line.contains("done")
        });
        let id = span.span_context.span_id().to_string();
        assert!(telemetry.lines().iter().any(|line| line.contains(&id)), "{name}: {line:?}");
    }
}

#[tracing::instrument(err)]
fn fails() -> Result<(), std::num::ParseIntError> {
    "x".parse::<i32>().map(drop)
}

#[test]
fn instrumented_functions_that_fail() {
    let telemetry = InMemory::install();
    fails().unwrap_err();
    let span = assert_span(&telemetry, "fails");
    assert_eq!(error(&span), Some("invalid digit found in string"));
    assert_eq!(span.events.events[0].name, "exception");
}

#[test]
fn one_record_two_ways_out() {
    let telemetry = InMemory::install();
    let span = TraceContext::new("work");
    tracing::warn!(ai.provider = "google", r#type = 3, cost = 0.5, big = u64::MAX, "LLM \"call\" {}", "completed");
    drop(span);
    tracing::info!("outside");
    let span = assert_span(&telemetry, "work");
    let (trace, id) = (span.span_context.trace_id(), span.span_context.span_id());
    let lines = telemetry.lines();
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["message"], "LLM \"call\" completed");
    assert_eq!(line["service"]["name"], "test");
    assert_eq!(line["trace_id"], trace.to_string());
    assert_eq!(line["span_id"], id.to_string());
    let context = serde_json::json!({
        "ai.provider": "google", "type": 3, "cost": 0.5, "big": "18446744073709551615"
    });
    assert_eq!(line["context"], context);
    let records = telemetry.logs();
    assert_eq!(body(&records[0]), "LLM \"call\" completed");
    assert_eq!(records[0].severity_number, 13);
    assert_eq!(records[0].trace_id, trace.to_bytes());
    assert_eq!(records[0].attributes.len(), 4);
    assert!(!lines[1].contains("trace_id"));
    assert!(records[1].trace_id.is_empty());
}

#[test]
fn secrets_are_masked_on_the_line() {
    let telemetry = InMemory::install();
    tracing::info!(authorization = "Bearer abc", "x");
    assert!(telemetry.lines()[0].contains(r#""authorization":"[REDACTED]""#), "{:?}", telemetry.lines());
}

#[test]
fn log_levels_leave_traces_alone() {
    let telemetry = InMemory::with_variables(&[("LOG_LEVEL", "ERROR")]);
    tracing::info_span!("still traced").in_scope(|| tracing::info!("not logged"));
    tracing::info_span!(target: "hyper::client", "of the transport").in_scope(|| {});
    assert_eq!(telemetry.lines().len(), 0);
    assert_eq!(telemetry.spans().len(), 1);
}

#[test]
fn statements_with_their_literals_are_logged_only_when_asked_for_by_name() {
    for (level, lines) in [("INFO", 0), ("DEBUG", 0), ("INFO,sqlx=debug", 0), ("INFO,sqlx::query=warn", 1)] {
        let telemetry = InMemory::with_variables(&[("LOG_LEVEL", level)]);
        tracing::warn!(target: "sqlx::query", statement = "SELECT 'secret'", "slow statement");
        assert_eq!(telemetry.lines().len(), lines, "{level}");
    }
}

#[test]
fn unsampled_spans_are_handed_on_but_not_kept() {
    let telemetry = InMemory::with_variables(&[("OTEL_TRACES_SAMPLER", "always_off")]);
    let span = TraceContext::new("unseen");
    span.set("k", 1);
    let ids = span.context().span().span_context().clone();
    assert!(ids.is_valid() && !ids.is_sampled());
    let child = crate::tracer().start_with_context("child", span.context());
    assert_eq!(opentelemetry::trace::Span::span_context(&child).trace_id(), ids.trace_id());
    drop((span, child));
    assert!(telemetry.spans().is_empty());
}

#[test]
fn text_lines() {
    let telemetry = InMemory::with_variables(&[("LOG_FORMAT", "text")]);
    tracing::error!(answer = 42, "two\nlines");
    let line = telemetry.lines().remove(0);
    assert!(line.contains("ERROR test: two\\nlines answer=42"), "{line}");
    let _ = KeyValue::new("", "");
}
