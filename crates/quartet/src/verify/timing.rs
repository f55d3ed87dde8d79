//! Check 7: five timed calls of each service's health page, put into the buckets of the contract.

use std::time::Instant;

use super::probe::{Probe, ok};
use super::report::Item;
use super::stack::Service;

const CALLS: u32 = 5;

/// Upper bounds in milliseconds and their names (`PERFORMANCE_THRESHOLD_*` of the contract).
const BUCKETS: [(f64, &str); 4] = [(100.0, "fast"), (500.0, "normal"), (2000.0, "slow"), (10_000.0, "very_slow")];

fn bucket(ms: f64) -> &'static str {
    BUCKETS.iter().find(|(below, _)| ms < *below).map_or("timeout_risk", |(_, name)| name)
}

/// Times each service. Only `timeout_risk` fails.
pub(super) async fn look(probe: &Probe, services: &[Service]) -> Vec<Item> {
    let mut items = Vec::new();
    for service in services {
        items.push(match &service.url {
            Some(url) => Item::of(service.name, time(probe, url).await),
            None => Item::skipped(service.name),
        });
    }
    items
}

async fn time(probe: &Probe, url: &str) -> Result<String, String> {
    let mut slowest: f64 = 0.0;
    let started = Instant::now();
    for _ in 0..CALLS {
        let once = Instant::now();
        ok(url, "/health", probe.call(url, "/health", Vec::new(), None).await?)?;
        slowest = slowest.max(once.elapsed().as_secs_f64() * 1e3);
    }
    let mean = started.elapsed().as_secs_f64() * 1e3 / f64::from(CALLS);
    match bucket(mean) {
        "timeout_risk" => Err(format!("timeout_risk: {mean:.0} ms on average")),
        name => Ok(format!("{name}: {mean:.1} ms on average, {slowest:.1} ms the slowest of {CALLS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_slower_bucket() {
        let cases =
            [(99.9, "fast"), (100.0, "normal"), (500.0, "slow"), (2000.0, "very_slow"), (10_000.0, "timeout_risk")];
        cases.iter().for_each(|&(ms, name)| assert_eq!(bucket(ms), name));
    }
}
