//! What a million spans cost, from request to block to answer. Not a test: run it in a release build with
//! `SPAN_REQUESTS=<file of length-prefixed OTLP requests> cargo test --release -p storage --lib measure_spans -- --ignored --nocapture`.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use model::{TimeRange, TraceId};
use store_api::Payload;

use super::batch::SpanBatch;
use super::head::Head;
use super::open::OpenedSpans;
use super::testing::{open, payload};
use super::{Spans, compact, flush, read};
use crate::engine::block::BlockWriter;
use crate::engine::signal::Signal;

/// Spans of a head when it is flushed, as the engine's limits make them.
const HEAD_SPANS: usize = 170_000;

fn requests() -> Option<Vec<Payload>> {
    let bytes = Bytes::from(std::fs::read(std::env::var_os("SPAN_REQUESTS")?).expect("reads the requests"));
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        out.push(payload(bytes[at + 4..at + 4 + length].to_vec()));
        at += 4 + length;
    }
    Some(out)
}

#[expect(clippy::print_stderr, reason = "a measurement is read by a person")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// CPU time of this thread so far in ns: other work on the machine does not count (Linux; 0 elsewhere).
fn cpu_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

fn nanos_each(since: u64, rows: usize) -> f64 {
    (cpu_nanos() - since) as f64 / rows as f64
}

fn decode(signal: &Spans, requests: &[Payload]) -> Vec<SpanBatch> {
    requests.iter().filter_map(|request| signal.decode(request).expect("well formed").batch).collect()
}

fn sizes(folder: &Path, rows: usize) {
    for file in std::fs::read_dir(folder).expect("lists").map(|file| file.expect("a file")) {
        let bytes = file.metadata().expect("size").len();
        say(&format!("  {:>10} {:6.2} B/span", file.file_name().to_string_lossy(), bytes as f64 / rows as f64));
    }
}

fn look_up(opened: &[Arc<OpenedSpans>], what: &str, ids: &[TraceId]) {
    let find = |id: TraceId| {
        let mut found = Vec::new();
        opened.iter().for_each(|block| read::trace_of_block(block, id, &mut found).expect("reads"));
        found.len()
    };
    let mut found = 0;
    ids.iter().for_each(|&id| found += find(id));
    let start = cpu_nanos();
    ids.iter().for_each(|&id| found += find(id));
    let each = nanos_each(start, ids.len()) / 1e3;
    say(&format!("{what}: {each:.0} us, {} spans each", found / 2 / ids.len()));
}

#[test]
#[ignore = "a measurement"]
fn measure_spans() {
    let Some(requests) = requests() else { return say("SPAN_REQUESTS is not set: nothing measured") };
    let signal = Spans::default();
    for _ in 0..2 {
        let start = cpu_nanos();
        let rows: usize = decode(&signal, &requests).iter().map(SpanBatch::len).sum();
        say(&format!("decode: {:.0} ns/span over {rows}", nanos_each(start, rows)));
    }
    let (mut heads, mut head) = (Vec::new(), Head::default());
    for request in &requests {
        signal.decode(request).expect("well formed").batch.into_iter().for_each(|batch| head.attach(batch));
        if head.size().rows as usize >= HEAD_SPANS {
            heads.push(std::mem::take(&mut head));
        }
    }
    heads.push(head);
    let rows: usize = heads.iter().map(|head| head.size().rows as usize).sum();
    let bytes: u64 = heads.iter().map(|head| head.size().bytes).sum();
    say(&format!("memory of heads: {} B/span", bytes / rows as u64));
    let ids: Vec<TraceId> =
        heads.iter().flat_map(|head| head.batches()).map(|batch| TraceId(batch.trace_ids[0])).step_by(7).collect();
    let start = cpu_nanos();
    let mut found = Vec::new();
    ids.iter().for_each(|&id| heads[0].trace(id, &mut found));
    say(&format!("trace in a head: {:.0} us", nanos_each(start, ids.len()) / 1e3));
    let folder = tempfile::tempdir().expect("a folder");
    let mut opened = Vec::new();
    let start = cpu_nanos();
    for (number, head) in heads.iter().enumerate() {
        let folder = folder.path().join(number.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        flush::flush(&head.batches(), &mut BlockWriter::in_folder(folder.clone())).expect("writes");
        opened.push(folder);
    }
    say(&format!("flush: {:.0} ns/span", nanos_each(start, rows)));
    sizes(&opened[0], heads[0].size().rows as usize);
    drop(heads);
    let opened: Vec<Arc<OpenedSpans>> = opened.iter().map(|folder| open(folder)).collect();
    let all = folder.path().join("all");
    std::fs::create_dir(&all).expect("a folder");
    let start = cpu_nanos();
    let mut writer = BlockWriter::in_folder(all.clone());
    compact::compact(&opened, TimeRange::ALL, compact::COPY_ROWS, &mut writer).expect("compacts");
    say(&format!("compact: {:.0} ns/span", nanos_each(start, rows)));
    sizes(&all, rows);
    let joined = [open(&all)];
    say(&format!("row groups: {}", joined[0].spans.table.row_groups()));
    let absent: Vec<TraceId> = (0..200u32)
        .map(|n| TraceId(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes()))
        .collect();
    look_up(&joined, "hit", &ids[..ids.len().min(200)]);
    look_up(&joined, "miss", &absent);
    if let Some(keep) = std::env::var_os("SPAN_BLOCK") {
        std::fs::rename(&all, keep).expect("moves");
    }
}
