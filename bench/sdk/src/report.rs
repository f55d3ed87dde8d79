//! Tables for people, JSON for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// All that a run found.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) load_at_end: String,
    pub(crate) rounds: usize,
    pub(crate) spans: Vec<Row>,
    pub(crate) requests: Vec<Row>,
    pub(crate) outages: Vec<Outage>,
}

/// A variant's cost over the rounds.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) asked: Option<f64>,
}

/// A server whose collector is in this state.
pub(crate) struct Outage {
    pub(crate) name: &'static str,
    /// Milliseconds, median over the rounds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p99_min: f64,
    pub(crate) asked: Option<f64>,
    /// MiB: growth of the first and of the second half of a round, the largest of all rounds.
    pub(crate) growth: [f64; 2],
}

/// Sorts; 0 for nothing.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// Sorts; the value at or above which a share of `1 - q` lies; 0 for nothing.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let at = (values.len() as f64 * q) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}

impl Report {
    /// Tables in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut out = format!("machine: {} at the start, {} at the end\n", self.machine, self.load_at_end);
        // Writing into a string cannot fail.
        let _ = writeln!(out, "rounds: {}; every span arrived at the sink\n", self.rounds);
        out.push_str(
            "| a span with 4 attributes | ns, median | ns, min | of the API | asked |\n|---|---:|---:|---:|---:|\n",
        );
        let api = self.spans.first().map_or(1.0, |row| row.min);
        for row in &self.spans {
            let share = row.min / api;
            let _ = writeln!(
                out,
                "| {} | {} | {:.0} | {share:.2} | {} |",
                row.name,
                mark(row.median, row.asked, 0),
                row.min,
                asked(row.asked, 0)
            );
        }
        out.push_str("\n| a served request | added µs, median | added µs, min | asked |\n|---|---:|---:|---:|\n");
        for row in &self.requests {
            let _ = writeln!(
                out,
                "| {} | {} | {:.1} | {} |",
                row.name,
                mark(row.median, row.asked, 1),
                row.min,
                asked(row.asked, 1)
            );
        }
        out.push_str(
            "\n| collector | p50 ms | p99 ms | p99 ms, min | p99 asked | memory MiB, first half | second half |\n",
        );
        out.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
        for outage in &self.outages {
            let [first, second] = outage.growth;
            let _ = writeln!(
                out,
                "| {} | {:.2} | {} | {:.2} | {} | {first:+.1} | {second:+.1} |",
                outage.name,
                outage.p50,
                mark(outage.p99, outage.asked, 2),
                outage.p99_min,
                asked(outage.asked, 2)
            );
        }
        out.push_str("\n`!` marks a figure above what is asked.\n");
        out
    }

    /// The same figures.
    pub(crate) fn to_json(&self) -> Value {
        let rows = |rows: &[Row]| -> Vec<Value> {
            let row = |row: &Row| json!({"name": row.name, "median": row.median, "min": row.min, "asked": row.asked});
            rows.iter().map(row).collect()
        };
        let outages: Vec<Value> = self
            .outages
            .iter()
            .map(|outage| {
                json!({"name": outage.name, "p50_ms": outage.p50, "p99_ms": outage.p99, "p99_min_ms": outage.p99_min,
                       "asked_ms": outage.asked, "growth_mib": outage.growth})
            })
            .collect();
        json!({
            "machine": self.machine, "load_at_end": self.load_at_end, "rounds": self.rounds,
            "span_ns": rows(&self.spans), "request_added_us": rows(&self.requests), "outage": outages,
        })
    }
}

fn mark(value: f64, asked: Option<f64>, digits: usize) -> String {
    let over = asked.is_some_and(|asked| value > asked);
    format!("{value:.digits$}{}", if over { " !" } else { "" })
}

fn asked(asked: Option<f64>, digits: usize) -> String {
    asked.map(|asked| format!("≤ {asked:.digits$}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let mut values: Vec<f64> = (0..100).map(f64::from).rev().collect();
        assert_eq!(median(&mut values), 50.0);
        assert_eq!(quantile(&mut values, 0.99), 99.0);
        assert_eq!(quantile(&mut [], 0.99), 0.0);
    }
}
