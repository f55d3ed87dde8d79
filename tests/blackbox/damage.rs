//! What a crash can leave on disk: torn and cut logs, flipped bits, half-written blocks.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quartet_tests::fixture::{Fixture, now_nanos};

use crate::ledger::{Ledger, Writer};

const SERVICE: &str = "damage";

/// A killed server with some acknowledged records in its logs.
fn killed_with_records() -> Result<(Fixture, Ledger)> {
    let mut fixture = Fixture::start()?;
    let mut writer = Writer::connect(&fixture.server, SERVICE, "only", now_nanos() - 60_000_000_000)?;
    for _ in 0..10 {
        writer.send_traces()?;
        writer.send_lines()?;
        writer.send_samples()?;
    }
    fixture.server.kill()?;
    Ok((fixture, writer.ledger))
}

fn check_all(fixture: &Fixture, ledger: &Ledger) -> Result<()> {
    ledger.check_traces(&fixture.server)?;
    ledger.check_lines(&fixture.server, SERVICE)?;
    ledger.check_samples(&fixture.server)?;
    ensure!(!fixture.server.panicked(), "panic: {}", fixture.server.log_tail());
    Ok(())
}

#[test]
fn rubbish_at_the_end_of_each_log_is_dropped() -> Result<()> {
    // A torn frame is what a power cut leaves: a length that promises more than follows, or zeros.
    for tail in [&[0x40, 0, 0, 0, 1, 2, 3][..], &[0; 4096], &[0xff; 37]] {
        let (mut fixture, ledger) = killed_with_records()?;
        for segment in segments(fixture.data_dir())? {
            File::options().append(true).open(&segment)?.write_all(tail)?;
        }
        fixture.restart()?;
        check_all(&fixture, &ledger)?;
        // And it can be written to again.
        let mut writer = Writer::connect(&fixture.server, SERVICE, "next", now_nanos())?;
        writer.send_traces()?;
        writer.send_lines()?;
        writer.send_samples()?;
        fixture.crash_and_restart()?;
        check_all(&fixture, &writer.ledger)?;
        check_all(&fixture, &ledger)?;
    }
    Ok(())
}

#[test]
fn a_cut_log_loses_only_what_was_cut() -> Result<()> {
    for cut in [1, 9, 100] {
        let (mut fixture, mut ledger) = killed_with_records()?;
        for segment in segments(fixture.data_dir())? {
            let file = File::options().write(true).open(&segment)?;
            file.set_len(file.metadata()?.len() - cut)?;
        }
        fixture.restart()?;
        // The last request of each log is gone with its end, the others must be there.
        ledger.traces.truncate(ledger.traces.len() - 8);
        ledger.lines.truncate(ledger.lines.len() - 20);
        for samples in ledger.samples.values_mut() {
            samples.truncate(samples.len() - 5);
        }
        check_all(&fixture, &ledger)?;
    }
    Ok(())
}

#[test]
fn an_emptied_log_does_not_stop_the_start() -> Result<()> {
    let (mut fixture, _) = killed_with_records()?;
    for segment in segments(fixture.data_dir())? {
        File::options().write(true).open(&segment)?.set_len(3)?;
    }
    fixture.restart()?;
    let mut writer = Writer::connect(&fixture.server, SERVICE, "next", now_nanos())?;
    writer.send_traces()?;
    check_all(&fixture, &writer.ledger)
}

#[test]
fn half_written_blocks_are_not_read() -> Result<()> {
    let (mut fixture, ledger) = killed_with_records()?;
    fixture.restart()?;
    fixture.server.flush(Duration::from_secs(30))?;
    let rows = |fixture: &Fixture| -> Result<Vec<u64>> {
        ["spans", "logs", "samples"].iter().map(|signal| fixture.server.signal(signal, "blockRows")).collect()
    };
    let before = rows(&fixture)?;
    fixture.server.kill()?;
    for block in blocks(fixture.data_dir())? {
        let day = block.parent().context("a block is in a folder of its day")?;
        // A crash in the middle of writing: files without meta.json, and a folder that was never renamed.
        for name in ["01ZZZZZZZZZZZZZZZZZZZZZZZZ", ".tmp-01ZZZZZZZZZZZZZZZZZZZZZZZY"] {
            let half = day.join(name);
            fs::create_dir_all(&half)?;
            for file in files(&block)?.iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet")) {
                let bytes = fs::read(file)?;
                fs::write(half.join(file.file_name().context("a file has a name")?), &bytes[..bytes.len() / 2])?;
            }
        }
    }
    fixture.restart()?;
    assert_eq!(rows(&fixture)?, before);
    check_all(&fixture, &ledger)
}

fn segments(data: &Path) -> Result<Vec<PathBuf>> {
    let mut newest = Vec::new();
    for signal in ["spans", "logs", "samples"] {
        let mut found = files(&data.join("wal").join(signal))?;
        found.sort();
        // The newest segment may be an empty one that was opened ahead; damage the newest that holds something.
        let filled = found.into_iter().rfind(|path| path.metadata().is_ok_and(|meta| meta.len() > 200));
        newest.push(filled.with_context(|| format!("no segment of {signal}"))?);
    }
    Ok(newest)
}

fn blocks(data: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(&data.join("blocks"), &mut |path| {
        if path.file_name().is_some_and(|name| name == "meta.json") {
            found.extend(path.parent().map(Path::to_owned));
        }
    })?;
    ensure!(found.len() >= 3, "a block of each signal, found {found:?}");
    Ok(found)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(folder, &mut |path| found.push(path.to_owned()))?;
    Ok(found)
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, visit)?;
        } else {
            visit(&path);
        }
    }
    Ok(())
}
