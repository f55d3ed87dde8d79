//! Check 4: the collector's own counters exist and moved by at least what was sent, and nothing was refused.

use std::collections::BTreeMap;

use super::probe::Probe;
use super::report::Item;
use super::stack::Stack;

const ACCEPTED: &str = "otelcol_receiver_accepted_spans_total";
const SENT: &str = "otelcol_exporter_sent_spans_total";
const REFUSED: &str = "otelcol_receiver_refused_spans_total";
const BATCH: &str = "otelcol_processor_batch_batch_send_size";

/// Sums over all series by name; histograms by the names of their parts.
pub(super) type Counters = BTreeMap<String, f64>;

/// Reads the counters; `None` when the collector is left out.
pub(super) async fn read(probe: &Probe, stack: &Stack) -> Option<Result<Counters, String>> {
    let url = stack.collector_metrics.as_ref()?;
    let answer = probe.store(url, "/metrics").await;
    Some(answer.map(|answer| parse(&String::from_utf8_lossy(&answer.body))))
}

fn parse(text: &str) -> Counters {
    let mut counters = Counters::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        // A value, and perhaps a time behind it; label values may hold blanks, so the name ends at the first brace or blank.
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let rest = line.rsplit_once('}').map_or(&line[name.len()..], |(_, rest)| rest);
        let Some(value) = rest.split_whitespace().next().and_then(|value| value.parse::<f64>().ok()) else { continue };
        *counters.entry(name.to_owned()).or_default() += value;
    }
    counters
}

/// Compares the counters with those of `before`, when `spans` were found since.
pub(super) async fn look(
    probe: &Probe,
    stack: &Stack,
    before: Option<Result<Counters, String>>,
    spans: u64,
) -> Vec<Item> {
    let before = match before {
        None => return vec![Item::skipped("collector metrics")],
        Some(Err(reason)) => return vec![Item::of("collector metrics", Err(reason))],
        Some(Ok(before)) => before,
    };
    let after = match read(probe, stack).await {
        Some(Ok(after)) => after,
        Some(Err(reason)) => return vec![Item::of("collector metrics", Err(reason))],
        None => return vec![Item::skipped("collector metrics")],
    };
    let moved = |name: &str| {
        let now = after.get(name).ok_or_else(|| format!("there is no {name}"))?;
        Ok(now - before.get(name).copied().unwrap_or(0.0))
    };
    let at_least = |name: &str| match moved(name) {
        Err(reason) => Err(reason),
        Ok(_) if spans == 0 => Err("no span of ours was found, so nothing to compare with".into()),
        Ok(by) if by < spans as f64 => Err(format!("moved by {by}, although {spans} spans of ours were stored")),
        Ok(by) => Ok(format!("moved by {by}, {spans} of them ours")),
    };
    let refused = moved(REFUSED).and_then(|by: f64| match by {
        0.0 => Ok("refused nothing".into()),
        by => Err(format!("refused {by} spans meanwhile")),
    });
    let batch = moved(&format!("{BATCH}_count")).map(|by| format!("{by} batches"));
    vec![
        Item::of(ACCEPTED, at_least(ACCEPTED)),
        Item::of(SENT, at_least(SENT)),
        Item::of(BATCH, batch),
        Item::of(REFUSED, refused),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_series_of_a_name() {
        let text =
            "# HELP a b\n# TYPE a counter\na{x=\"1 }\",y=\"2\"} 3\na{x=\"2\"} 4 1700000000000\nb 1e3\nc NaN\nbroken\n";
        let counters = parse(text);
        assert_eq!((counters["a"], counters["b"]), (7.0, 1000.0));
        assert!(counters["c"].is_nan() && !counters.contains_key("broken"));
    }
}
