//! 64 writers and 16 readers: no error, and each read sees what was acknowledged before it began.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use quartet_tests::faces;
use quartet_tests::fixture::{Fixture, now_nanos, setting};
use testkit::process::Server;
use testkit::rng::Rng;

use crate::ledger::{Ledger, Writer};

const WRITERS: usize = 64;
const READERS: usize = 16;
const SERVICE: &str = "crowd";

/// Traces that were acknowledged; readers pick from here.
type Shared = Mutex<Vec<([u8; 16], faces::Spans)>>;

#[test]
fn each_read_sees_what_was_acknowledged_before_it() -> Result<()> {
    let time = Duration::from_secs(setting("QUARTET_TEST_SECONDS", 10));
    let fixture = Fixture::start()?;
    let server = &fixture.server;
    let (done, reads, shared) = (AtomicBool::new(false), AtomicU64::new(0), Shared::default());
    let deadline = Instant::now() + time;
    let mut all = Ledger::default();
    thread::scope(|scope| -> Result<()> {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                scope.spawn({
                    let shared = &shared;
                    move || write(server, number, deadline, shared)
                })
            })
            .collect();
        let readers: Vec<_> = (0..READERS)
            .map(|number| {
                scope.spawn({
                    let (done, reads, shared) = (&done, &reads, &shared);
                    move || read(server, number, done, reads, shared)
                })
            })
            .collect();
        let joined: Vec<Result<Ledger>> =
            writers.into_iter().map(|writer| writer.join().map_err(|_| anyhow!("a writer panicked"))?).collect();
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.join().map_err(|_| anyhow!("a reader panicked"))?.context("reader")?;
        }
        for ledger in joined {
            all.add(ledger.context("writer")?);
        }
        Ok(())
    })?;
    ensure!(reads.load(Ordering::SeqCst) > READERS as u64, "the readers read nothing");
    ensure!(all.len() > WRITERS * 10, "the writers wrote only {} records", all.len());
    all.check_traces(server)?;
    all.check_samples(server)?;
    ensure!(!server.panicked(), "panic: {}", server.log_tail());
    Ok(())
}

fn write(server: &Server, number: usize, deadline: Instant, shared: &Shared) -> Result<Ledger> {
    // Each has minutes of its own, so that reading its lines back is one small query.
    let clock = now_nanos() - 7_200_000_000_000 + number as u64 * 100_000_000_000;
    let mut writer = Writer::connect(server, SERVICE, &format!("c{number}"), clock)?;
    let mut steps = 0;
    while Instant::now() < deadline {
        let known = writer.ledger.traces.len();
        writer.step()?;
        steps += 1;
        let fresh = writer.ledger.traces[known..].to_vec();
        shared.lock().map_err(|_| anyhow!("poisoned"))?.extend(fresh);
        if steps % 8 == 0 {
            writer.check_last(server)?;
        }
    }
    Ok(writer.ledger)
}

fn read(server: &Server, number: usize, done: &AtomicBool, reads: &AtomicU64, shared: &Shared) -> Result<()> {
    let mut rng = Rng::new(number as u64);
    let (mut tempo, mut loki, mut mimir) = (server.http("tempo")?, server.http("loki")?, server.http("mimir")?);
    while !done.load(Ordering::SeqCst) {
        let picked = {
            let acknowledged = shared.lock().map_err(|_| anyhow!("poisoned"))?;
            // Half of the time the newest, which no flush has seen yet.
            let newest = acknowledged.len().saturating_sub(1);
            let position = if rng.chance(0.5) { newest } else { rng.below(acknowledged.len().max(1) as u64) as usize };
            acknowledged.get(position).cloned()
        };
        let Some((id, sent)) = picked else { continue };
        let found = faces::trace(&mut tempo, &id)?;
        ensure!(found == sent, "trace {} was acknowledged and is not found as sent: {found:?}", faces::hex(&id));
        match rng.below(4) {
            0 => drop(loki.get("/loki/api/v1/labels")?.ok().context("labels")?),
            1 => drop(mimir.get("/prometheus/api/v1/label/__name__/values")?.ok().context("names")?),
            2 => drop(tempo.get("/api/v2/search/tags")?.ok().context("tags")?),
            _ => drop(server.status()?),
        }
        reads.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}
