//! Figures of writing and reading, and a file for other readers. Run by hand:
//! `cargo test --release -p storage --lib table::tests::bench -- --ignored --nocapture`.

use std::time::Instant;

use super::sample::{self, Random};
use super::{open, write};
use crate::table::{ColumnData, ColumnSpec, ColumnType, Dict, NULL_ID};
use std::io::Write as _;
fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// CPU time of this thread so far.
fn cpu_nanos() -> u64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    line.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

/// Nanoseconds of the fastest of `rounds` runs: on a busy machine the least disturbed.
fn fastest(rounds: usize, mut run: impl FnMut()) -> f64 {
    let once = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_nanos() as f64
    };
    (0..rounds).map(once).fold(f64::MAX, f64::min)
}

#[derive(Default)]
struct Spans {
    trace: Vec<u8>,
    span: Vec<u8>,
    parent: Vec<u8>,
    start: Vec<i64>,
    duration: Vec<i64>,
    kind: Vec<i64>,
    code: Vec<i64>,
    code_present: Vec<bool>,
    thread: Vec<i64>,
    strings: Vec<(String, Vec<u32>)>,
    dict: Dict,
}

/// Traces of 4 to 15 spans over 12 services; each operation has its own attributes.
fn spans(rows: usize, random: &mut Random) -> Spans {
    let mut dict = Dict::default();
    let mut entries = |prefix: &str, count: u32| -> u32 {
        let first = dict.len() as u32;
        for index in 0..count {
            dict.push(format!("{prefix}-{index}").as_bytes());
        }
        first
    };
    let names =
        ["name", "service", "host", "pod", "method", "route", "peer", "db.system", "db.statement", "user", "url"];
    let counts = [60, 12, 12, 24, 5, 40, 200, 3, 50, 5000, rows as u32 / 4];
    let firsts: Vec<u32> = names.iter().zip(counts).map(|(name, count)| entries(name, count)).collect();
    let strings = names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
    let mut spans = Spans { strings, dict, ..Spans::default() };
    let mut traces: Vec<u128> =
        (0..rows / 4 + 1).map(|_| u128::from(random.next()) << 64 | u128::from(random.next())).collect();
    traces.sort_unstable();
    let (mut trace, mut left, mut template, mut previous, mut urls) = (0, 0, 0, 0, 0u32);
    let (mut clock, mut user) = (1_700_000_000_000_000_000i64, 0);
    for _ in 0..rows {
        let root = left == 0;
        if root {
            left = 4 + random.below(12);
            trace += 1;
            template = random.below(60);
            clock = 1_700_000_000_000_000_000 + random.below(60_000_000_000) as i64;
            user = random.below(5000) as u32;
        }
        left -= 1;
        let operation = if random.below(20) == 0 { random.below(60) } else { (template * 7 + left) % 60 } as u32;
        let service = operation / 5;
        let id = random.next();
        spans.trace.extend_from_slice(&traces[trace].to_be_bytes());
        spans.span.extend_from_slice(&id.to_be_bytes());
        spans.parent.extend_from_slice(&(if root { 0u64 } else { previous }).to_be_bytes());
        if root || random.below(2) == 0 {
            previous = id;
        }
        clock += random.below(3_000_000) as i64;
        spans.start.push(clock);
        spans.duration.push(1_000_000 + random.below(50_000_000) as i64);
        spans.kind.push(1 + i64::from(operation % 5));
        let http = !operation.is_multiple_of(3);
        spans.code_present.push(http);
        spans.code.push(if random.below(30) == 0 { 500 } else { 200 + i64::from(operation % 2) });
        spans.thread.push(140_000 + random.below(16) as i64);
        let when = |condition: bool, id: u32| if condition { id } else { NULL_ID };
        let database = !http && operation.is_multiple_of(2);
        urls += u32::from(operation % 4 == 1);
        let values = [
            operation,
            service,
            service,
            service * 2 + random.below(2) as u32,
            when(http, operation % 5),
            when(http, operation % 40),
            when(http, random.below(200) as u32),
            when(database, operation % 3),
            when(database, operation % 50),
            when(root || random.below(3) == 0, user),
            when(operation % 4 == 1, urls % (rows as u32 / 4)),
        ];
        for ((column, value), first) in spans.strings.iter_mut().zip(values).zip(&firsts) {
            column.1.push(if value == NULL_ID { NULL_ID } else { first + value });
        }
    }
    spans
}

fn spec(name: &str, column_type: ColumnType, optional: bool, indexed: bool) -> ColumnSpec {
    ColumnSpec { name: name.into(), column_type, optional, bloom: indexed, page_index: indexed }
}

fn columns(spans: &Spans) -> (Vec<ColumnSpec>, Vec<ColumnData<'_>>) {
    let int = |values, present| ColumnData::Int { values, present };
    let mut columns = vec![
        (spec("trace_id", ColumnType::Fixed(16), false, true), ColumnData::Fixed(&spans.trace)),
        (spec("span_id", ColumnType::Fixed(8), false, false), ColumnData::Fixed(&spans.span)),
        (spec("parent_span_id", ColumnType::Fixed(8), true, false), ColumnData::Fixed(&spans.parent)),
        (spec("start", ColumnType::TimestampNanos, false, false), int(&spans.start, &[])),
        (spec("duration", ColumnType::Int64, false, false), int(&spans.duration, &[])),
        (spec("kind", ColumnType::Int32, false, false), int(&spans.kind, &[])),
        (spec("http.status_code", ColumnType::Int64, true, false), int(&spans.code, &spans.code_present)),
        (spec("thread.id", ColumnType::Int64, true, false), int(&spans.thread, &[])),
    ];
    for (name, ids) in &spans.strings {
        columns.push((spec(name, ColumnType::Utf8, true, false), ColumnData::Dict { ids, dict: &spans.dict }));
    }
    columns.into_iter().unzip()
}

fn one_column(spec: &ColumnSpec, column: ColumnData<'_>, rows: usize, rounds: usize) {
    let one = || write(vec![spec.clone()], 8192, |writer| writer.write_row_group(rows, &[column]).expect("written"));
    let spent = fastest(rounds, || drop(one())) / rows as f64;
    let file = one();
    let bytes = file.len() as f64 / rows as f64;
    let table = open(file).expect("opened");
    let name = &spec.name;
    let all = fastest(rounds, || drop(table.read(0, name, 0..rows).expect("read"))) / rows as f64;
    let mut row = 0;
    let point = fastest(rounds * 5, || {
        row = (row + 9973) % (rows - 10);
        table.read(0, name, row..row + 10).expect("read");
    });
    say(format_args!(
        "{name:18} write {spent:6.1} ns/row {bytes:6.2} B/row  read {all:5.1} ns/row  ten rows {:6.1} us  {}",
        point / 1e3,
        table.describe(0, name),
    ));
}

/// `BENCH_ROUNDS` and `BENCH_COLUMN` (a name, or `none`) narrow it down for a profiler.
#[test]
#[ignore = "a measurement, for release builds"]
fn figures() {
    let rows = 100_000;
    let rounds = std::env::var("BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(15);
    let only = std::env::var("BENCH_COLUMN").ok();
    let spans = spans(rows, &mut Random(42));
    let (specs, columns) = columns(&spans);
    for (spec, column) in specs.iter().zip(&columns) {
        if only.as_ref().is_none_or(|only| *only == spec.name) {
            one_column(spec, *column, rows, rounds);
        }
    }
    let all = || write(specs.clone(), 8192, |writer| writer.write_row_group(rows, &columns).expect("written"));
    // Too long for one slice of a busy machine, so by CPU time, which is known to 4 ms.
    let start = cpu_nanos();
    (0..rounds * 2).for_each(|_| drop(all()));
    let spent = (cpu_nanos() - start) as f64 / (rounds * 2 * rows) as f64;
    let file = all();
    let bytes = file.len() as f64 / rows as f64;
    say(format_args!("{} columns: write {spent:.0} ns/row, {bytes:.2} B/row", columns.len()));
    let table = open(file.clone()).expect("opened");
    let opening = fastest(rounds, || drop(open(file.clone()).expect("opened")));
    say(format_args!("open {:.0} us, {} bytes read", opening / 1e3, table.bytes_read()));
    let mut row = 0;
    let point = fastest(rounds * 5, || {
        row = (row + 9973) % (rows - 10);
        let id = &spans.trace[row * 16..row * 16 + 16];
        assert!(table.might_contain(0, "trace_id", id).expect("looked up"));
        assert!(table.rows_equal(0, "trace_id", id).expect("found").contains(&row));
        specs.iter().for_each(|spec| drop(table.read(0, &spec.name, row..row + 10).expect("read")));
    });
    let absent = fastest(rounds * 5, || {
        assert!(table.rows_equal(0, "trace_id", &[9; 16]).expect("sought").is_empty());
    });
    let present = fastest(rounds * 5, || {
        assert!(!table.rows_equal(0, "trace_id", &spans.trace[rows * 12..rows * 12 + 16]).expect("found").is_empty());
    });
    say(format_args!("rows of an id {:.0} us, of an absent one {:.0} us", present / 1e3, absent / 1e3));
    say(format_args!("a trace by id, all columns: {:.0} us", point / 1e3));
}

/// Writes `$TABLE_SAMPLE` for other readers to try: every type, nulls of every shape, two row groups.
#[test]
#[ignore = "makes a file for DuckDB, pyarrow and Polars"]
fn file_for_others() {
    let path = std::env::var("TABLE_SAMPLE").expect("TABLE_SAMPLE names the file to write");
    let seed = std::env::var("TABLE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let rows = 20_000;
    let samples = sample::columns(&mut Random(seed), rows);
    let specs = samples.iter().map(|sample| sample.spec.clone()).collect();
    let columns: Vec<ColumnData<'_>> = samples.iter().map(sample::Sample::borrow).collect();
    let file = write(specs, 4096, |writer| {
        writer.write_row_group(rows, &columns).expect("written");
        writer.write_row_group(rows, &columns).expect("written");
    });
    std::fs::write(path, file).expect("the file is written");
    for sample in &samples {
        let values = sample.values();
        let sum: u32 = values.iter().flatten().flatten().map(|&byte| u32::from(byte)).sum();
        say(format_args!("{} {} {}", sample.spec.name, values.iter().flatten().count() * 2, sum * 2));
    }
}
