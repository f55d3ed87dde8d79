//! Draws a trace as a tree with bars: when each span ran within the trace.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::printable;
use super::trace::SpanRow;

/// Characters of a bar.
const BAR_WIDTH: u64 = 32;

/// Deepest indentation; deeper spans stay there so that lines remain readable.
const INDENT_MAX: usize = 24;

/// The whole picture. `spans` is not empty and in order of start time.
pub(super) fn draw(id: &str, spans: &[SpanRow]) -> String {
    let begin = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let end = spans.iter().map(|span| span.end.max(span.start)).max().unwrap_or_default();
    let services: HashSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
    let errors = spans.iter().filter(|span| span.status == "error").count();
    let mut out = String::new();
    let plural = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let summary = [plural(spans.len(), "span"), plural(services.len(), "service"), plural(errors, "error")].join(", ");
    writeln!(out, "trace {id}: {summary}, {}", duration(end - begin)).expect("writing to a String cannot fail");
    let window = Window { begin, length: (end - begin).max(1) };
    for (span, depth, is_orphan) in in_tree_order(spans) {
        write_line(&mut out, span, depth, is_orphan, &window);
    }
    out
}

struct Window {
    begin: u64,
    length: u64,
}

/// Spans with their depth, parents before children. A span whose parent is not in the trace begins a tree of its own; so
/// does, at last, what only hangs together in a circle.
fn in_tree_order(spans: &[SpanRow]) -> Vec<(&SpanRow, usize, bool)> {
    let known: HashSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    let mut children: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut roots = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        if known.contains(span.parent.as_str()) && span.parent != span.id {
            children.entry(&span.parent).or_default().push(at);
        } else {
            roots.push(at);
        }
    }
    let mut seen = vec![false; spans.len()];
    let mut out = Vec::with_capacity(spans.len());
    for root in roots.into_iter().chain(0..spans.len()) {
        let mut stack = vec![(root, 0)];
        while let Some((at, depth)) = stack.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let span = &spans[at];
            out.push((span, depth, depth == 0 && !span.parent.is_empty()));
            let below = children.get(span.id.as_str()).into_iter().flatten().rev();
            stack.extend(below.map(|child| (*child, depth + 1)));
        }
    }
    out
}

fn write_line(out: &mut String, span: &SpanRow, depth: usize, is_orphan: bool, window: &Window) {
    let length = span.end.saturating_sub(span.start);
    let mut notes = String::new();
    if !span.kind.is_empty() && span.kind != "internal" {
        write!(notes, " [{}]", span.kind).expect("writing to a String cannot fail");
    }
    if span.status == "error" {
        notes.push_str(" ERROR");
        if !span.message.is_empty() {
            write!(notes, ": {}", printable(&span.message)).expect("writing to a String cannot fail");
        }
    }
    if is_orphan {
        write!(notes, " (parent {} is missing)", span.parent).expect("writing to a String cannot fail");
    }
    writeln!(
        out,
        "{} {:>10}  {}{}: {}{notes}",
        bar(span.start - window.begin, length, window.length),
        duration(length),
        "  ".repeat(depth.min(INDENT_MAX)),
        printable(&span.service),
        printable(&span.name),
    )
    .expect("writing to a String cannot fail");
}

/// At least one mark, so that short spans are seen.
fn bar(offset: u64, length: u64, whole: u64) -> String {
    // In 128 bits: nanoseconds of a long trace times the width overflow 64.
    let scale = |nanos: u64| (u128::from(nanos) * u128::from(BAR_WIDTH) / u128::from(whole)) as u64;
    let first = scale(offset).min(BAR_WIDTH - 1);
    let last = scale(offset.saturating_add(length)).clamp(first + 1, BAR_WIDTH);
    (0..BAR_WIDTH).map(|at| if (first..last).contains(&at) { '━' } else { '·' }).collect()
}

/// A duration in the unit that leaves up to three digits before the point.
fn duration(nanos: u64) -> String {
    for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1000)] {
        if nanos >= size {
            return format!("{:.2} {unit}", nanos as f64 / size as f64);
        }
    }
    format!("{nanos} ns")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::trace::read_spans;
    use serde_json::json;

    fn span(id: &str, parent: &str, start: u64, end: u64) -> SpanRow {
        let text = |text: &str| text.to_owned();
        SpanRow {
            id: text(id),
            parent: text(parent),
            service: text("cart"),
            name: text(id),
            start,
            end,
            ..SpanRow::default()
        }
    }

    #[test]
    fn a_tree_with_bars() {
        let mut failed = span("b", "a", 500_000, 1_000_000);
        failed.status = "error".to_owned();
        failed.message = "no\nstock".to_owned();
        let spans =
            [span("a", "", 0, 1_000_000), failed, span("c", "b", 750_000, 750_100), span("d", "x", 800_000, 900_000)];
        let expected = "\
trace 1: 4 spans, 1 service, 1 error, 1.00 ms
━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━    1.00 ms  cart: a
················━━━━━━━━━━━━━━━━  500.00 µs    cart: b ERROR: no\\nstock
························━·······     100 ns      cart: c
·························━━━····  100.00 µs  cart: d (parent x is missing)
";
        assert_eq!(draw("1", &spans), expected);
    }

    #[test]
    fn circles_and_repeated_ids_end() {
        let spans = [span("a", "b", 0, 1), span("b", "a", 0, 1), span("c", "c", 0, 1), span("c", "", 0, 1)];
        assert_eq!(in_tree_order(&spans).len(), 4);
    }

    #[test]
    fn tempos_json_is_read() {
        let answer = json!({"trace": {"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]},
            "scopeSpans": [{"scope": {}, "spans": [
                {"spanId": "AAAAAAAAAAI=", "parentSpanId": "AAAAAAAAAAE=", "name": "GET", "kind": "SPAN_KIND_SERVER",
                 "startTimeUnixNano": "5", "endTimeUnixNano": "9", "status": {"code": "STATUS_CODE_ERROR", "message": "m"},
                 "attributes": [{"key": "n", "value": {"intValue": "7"}},
                                {"key": "l", "value": {"arrayValue": {"values": [{"boolValue": true}]}}}],
                 "events": [{"name": "exception"}]}]}]}]}});
        let spans = read_spans(&answer);
        assert_eq!(spans.len(), 1);
        let span = &spans[0];
        assert_eq!((span.id.as_str(), span.parent.as_str()), ("0000000000000002", "0000000000000001"));
        assert_eq!((span.kind.as_str(), span.status.as_str(), span.start, span.end), ("server", "error", 5, 9));
        assert_eq!(json!(span.attributes), json!({"n": 7, "l": [true]}));
        assert_eq!(read_spans(&json!({"batches": []})), []);
        assert_eq!(read_spans(&json!({"trace": {}})), []);
    }
}
