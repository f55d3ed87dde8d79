//! The data of a stopped server is read with DuckDB: plain Parquet, counts and values equal.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quartet_tests::fixture::{Fixture, now_nanos, repository};

use crate::ledger::{SPANS_PER_TRACE, Writer};
use crate::real_clients::environment;

#[test]
fn duckdb_reads_the_folder_of_a_stopped_server() -> Result<()> {
    let python = environment("duckdb")?;
    let mut fixture = Fixture::start()?;
    let mut writer = Writer::connect(&fixture.server, "open", "duck", now_nanos() - 3_600_000_000_000)?;
    for round in 0..30 {
        writer.send_traces()?;
        writer.send_lines()?;
        writer.send_samples()?;
        // Several blocks of each signal.
        if round % 10 == 9 {
            fixture.server.flush(Duration::from_secs(30))?;
        }
    }
    ensure!(fixture.server.stop()? == 0, "exit code is not 0");
    let samples: usize = writer.ledger.samples.values().map(Vec::len).sum();
    let sum: f64 = writer.ledger.samples.values().flatten().filter_map(|(_, value)| value.parse::<f64>().ok()).sum();
    let expected = serde_json::json!({
        "spans": writer.ledger.traces.len() * SPANS_PER_TRACE, "logs": writer.ledger.lines.len(), "samples": samples,
        "sum": sum, "first_line": writer.ledger.lines[0].1,
    });
    let output = Command::new(python)
        .arg(repository().join("tests/python/duck.py"))
        .arg(fixture.data_dir())
        .arg(expected.to_string())
        .output()
        .context("cannot run duck.py")?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{told}");
    Ok(())
}
