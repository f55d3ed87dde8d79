//! What a million log records cost: CPU time from request to block, best time of five for an answer. Not a test: run it in a release build with
//! `LOG_REQUESTS=<file of length-prefixed OTLP requests> LOG_KEEP=<folder for the merged block> cargo test --release -p storage --lib measure_logs -- --ignored --nocapture`.

use std::time::Instant;

use model::TimeRange;
use store_api::{Direction, LineFilter, LineFilterOp, LogSelect, Matcher, Payload, WireFormat};

use super::*;
use crate::engine::testing::TestBlocks;

fn requests() -> Option<Vec<Payload>> {
    let bytes = bytes::Bytes::from(std::fs::read(std::env::var_os("LOG_REQUESTS")?).expect("reads the requests"));
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        let body = bytes.slice(at + 4..at + 4 + length);
        let received = model::UnixNanos(1);
        out.push(Payload { format: WireFormat::OtlpLogs, body, encoded: None, received });
        at += 4 + length;
    }
    Some(out)
}

#[expect(clippy::print_stderr, reason = "a measurement is read by a person")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// CPU time of this thread in ns: unlike the clock it does not depend on what else the machine does.
fn cpu_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells a thread's CPU time");
    stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("a number")
}

fn nanos_each(since: u64, rows: u64) -> f64 {
    (cpu_nanos() - since) as f64 / rows as f64
}

fn select(logs: &Logs, blocks: &[Arc<Block<Logs>>], what: &str, select: &LogSelect) {
    let mut best = f64::MAX;
    let mut found = 0;
    for _ in 0..5 {
        let start = Instant::now();
        let answer = read::select(logs, &[], blocks, select).expect("selects");
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
        found = answer.streams.iter().map(|stream| stream.entries.len()).sum();
    }
    say(&format!("{what}: {best:.2} ms, {found} found"));
}

fn queries(logs: &Logs, blocks: &[Arc<Block<Logs>>]) {
    let needle = std::env::var("LOG_NEEDLE").unwrap_or_else(|_| "needle".to_owned());
    let contains = |text: &str| vec![LineFilter { any: vec![LineFilterOp::Contains(text.to_owned())] }];
    let base = LogSelect {
        matchers: vec![Matcher::new("service_name", store_api::MatchOp::Regex, ".+").expect("valid")],
        line_filters: Vec::new(),
        range: TimeRange::ALL,
        direction: Direction::Backward,
        limit: 100,
    };
    select(logs, blocks, "newest 100", &base);
    select(
        logs,
        blocks,
        "newest 100 with a common word",
        &LogSelect { line_filters: contains("duration"), ..base.clone() },
    );
    select(logs, blocks, "needle", &LogSelect { line_filters: contains(&needle), ..base.clone() });
    select(logs, blocks, "absent word", &LogSelect { line_filters: contains("absent00000000000000"), ..base.clone() });
    select(logs, blocks, "absent hex", &LogSelect { line_filters: contains("7f3a9c1e0b5d2846"), ..base.clone() });
    let cart = vec![Matcher::equal("service_name", "airtable-gateway"), Matcher::equal("level", "error")];
    select(logs, blocks, "one stream, newest 1000", &LogSelect { matchers: cart, limit: 1000, ..base });
}

#[test]
#[ignore = "a measurement"]
fn measure_logs() {
    let Some(requests) = requests() else { return };
    let (logs, blocks) = (Logs::default(), TestBlocks::new());
    let bytes: usize = requests.iter().map(|request| request.body.len()).sum();
    let start = cpu_nanos();
    let batches: Vec<LogBatch> =
        requests.iter().map(|request| logs.decode(request).expect("decodes").batch.expect("records")).collect();
    let rows: u64 = batches.iter().map(|batch| batch.rows() as u64).sum();
    let decode = nanos_each(start, rows);
    let heap: usize = batches.iter().map(LogBatch::heap_bytes).sum();
    say(&format!(
        "{rows} records, {} B each as sent, decode {decode:.0} ns, {} B in memory",
        bytes as u64 / rows,
        heap as u64 / rows
    ));
    let (mut written, mut attach, mut flush) = (Vec::new(), 0.0, 0.0);
    let mut head = LogHead::default();
    let count = batches.len();
    for (number, batch) in batches.into_iter().enumerate() {
        let start = cpu_nanos();
        head.attach(batch);
        attach += nanos_each(start, rows);
        if head.size().rows >= 256 * 1024 || number + 1 == count {
            let start = cpu_nanos();
            written.push(blocks.write(|writer| logs.flush(&head, writer)));
            flush += nanos_each(start, rows);
            head = LogHead::default();
        }
    }
    say(&format!("attach {attach:.0} ns, flush {flush:.0} ns"));
    report(&logs, &blocks, &written, rows);
    queries(&logs, &written);
    let start = cpu_nanos();
    let merged: Vec<Arc<Block<Logs>>> = vec![blocks.write(|writer| logs.compact(&written, writer))];
    say(&format!("compact {:.0} ns", nanos_each(start, rows)));
    report(&logs, &blocks, &merged, rows);
    queries(&logs, &merged);
    if let Some(folder) = std::env::var_os("LOG_KEEP") {
        for file in &merged[0].files.meta.files {
            let to = std::path::Path::new(&folder).join(&file.name);
            std::fs::copy(blocks.path_of(&merged[0]).join(&file.name), to).expect("copies");
        }
    }
}

fn report(logs: &Logs, blocks: &TestBlocks, written: &[Arc<Block<Logs>>], rows: u64) {
    let mut bytes = std::collections::BTreeMap::<String, u64>::new();
    for block in written {
        for file in &block.files.meta.files {
            *bytes.entry(file.name.clone()).or_default() += file.bytes;
        }
        let table = &block.opened(logs).expect("opens").table;
        for group in 0..table.row_groups() {
            for name in table.column_names() {
                *bytes.entry(format!("  {name}")).or_default() += table.compressed_bytes(group, name);
            }
        }
    }
    let total: u64 = written.iter().map(|block| block.files.meta.bytes()).sum();
    let path = written.first().map(|block| blocks.path_of(block).display().to_string()).unwrap_or_default();
    say(&format!("{} blocks, {:.2} B a record ({path})", written.len(), total as f64 / rows as f64));
    for (name, bytes) in bytes {
        say(&format!("  {name} {:.2}", bytes as f64 / rows as f64));
    }
}
