//! What the checks found, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// The last line when nothing failed; the old integration script ended with it, and scripts look for it.
pub(super) const ALL_PASSED: &str = "✅ All tests passed! OpenTelemetry integration is working correctly.";

/// How one look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// Not looked at, because the command line left it out.
    Skipped,
}

/// One look at one thing.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) what: String,
    pub(super) verdict: Verdict,
    /// What was seen, or why it is wrong.
    pub(super) detail: String,
}

/// One of the seven checks.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) items: Vec<Item>,
    pub(super) took: Duration,
}

impl Item {
    /// `Ok` has what was seen, `Err` the reason.
    pub(super) fn of(what: impl Into<String>, outcome: Result<String, String>) -> Self {
        let (verdict, detail) = match outcome {
            Ok(seen) => (Verdict::Passed, seen),
            Err(reason) => (Verdict::Failed, reason),
        };
        Self { what: what.into(), verdict, detail }
    }

    pub(super) fn skipped(what: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Skipped, detail: "left out".into() }
    }
}

impl Check {
    /// Failed when an item failed or there is none that was looked at.
    pub(super) fn passed(&self) -> bool {
        let looked_at = self.items.iter().any(|item| item.verdict == Verdict::Passed);
        looked_at && self.items.iter().all(|item| item.verdict != Verdict::Failed)
    }
}

fn sign(passed: bool) -> char {
    if passed { '✓' } else { '✗' }
}

/// The report as text.
pub(super) fn table(checks: &[Check]) -> String {
    let mut out = String::new();
    for (number, check) in checks.iter().enumerate() {
        let took = check.took.as_secs_f64();
        writeln!(out, "{} {}. {} ({took:.1} s)", sign(check.passed()), number + 1, check.name).expect(STRING);
        let width = check.items.iter().map(|item| item.what.chars().count()).max().unwrap_or(0);
        for item in &check.items {
            let sign = match item.verdict {
                Verdict::Passed => '✓',
                Verdict::Failed => '✗',
                Verdict::Skipped => '-',
            };
            writeln!(out, "    {sign} {:width$}  {}", item.what, item.detail).expect(STRING);
        }
    }
    let failed = checks.iter().filter(|check| !check.passed()).count();
    match failed {
        0 => writeln!(out, "\n{ALL_PASSED}").expect(STRING),
        _ => writeln!(out, "\n❌ {failed} of {} tests failed.", checks.len()).expect(STRING),
    }
    out
}

const STRING: &str = "writing to a String cannot fail";

/// The report as one JSON document.
pub(super) fn document(checks: &[Check]) -> Value {
    let item = |item: &Item| {
        let verdict = match item.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Skipped => "skipped",
        };
        json!({"what": item.what, "verdict": verdict, "detail": item.detail})
    };
    let check = |check: &Check| {
        json!({
            "name": check.name,
            "passed": check.passed(),
            "seconds": check.took.as_secs_f64(),
            "items": check.items.iter().map(item).collect::<Vec<_>>(),
        })
    };
    json!({"passed": checks.iter().all(Check::passed), "checks": checks.iter().map(check).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(items: Vec<Item>) -> Check {
        Check { name: "Service Health", items, took: Duration::from_millis(1500) }
    }

    #[test]
    fn says_the_reason_of_what_failed() {
        let checks = [check(vec![
            Item::of("mcp-server", Ok("200".into())),
            Item::of("llm-orchestrator", Err("does not answer".into())),
            Item::skipped("airtable-gateway"),
        ])];
        let expected = "✗ 1. Service Health (1.5 s)\n    ✓ mcp-server        200\n    ✗ llm-orchestrator  does not answer\n    \
                        - airtable-gateway  left out\n\n❌ 1 of 1 tests failed.\n";
        assert_eq!(table(&checks), expected);
        assert_eq!(document(&checks)["passed"], false);
        assert_eq!(document(&checks)["checks"][0]["items"][1]["detail"], "does not answer");
    }

    #[test]
    fn ends_with_the_line_that_scripts_look_for() {
        assert!(table(&[check(vec![Item::of("a", Ok(String::new()))])]).ends_with(&format!("{ALL_PASSED}\n")));
    }

    #[test]
    fn nothing_looked_at_is_no_success() {
        assert!(!check(Vec::new()).passed());
        assert!(!check(vec![Item::skipped("a")]).passed());
    }
}
