//! Kill -9 at random moments under load: everything acknowledged is found after the restart, once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use quartet_tests::fixture::{Fixture, now_nanos, setting};
use testkit::rng::Rng;
use testkit::wait;

use crate::ledger::{Ledger, Writer};

/// Writers at the same time: enough that group commit has groups.
const WRITERS: usize = 3;
const SERVICE: &str = "crash";

#[test]
fn everything_acknowledged_survives_kill_9_and_comes_once() -> Result<()> {
    let kills = setting("QUARTET_TEST_KILLS", 50);
    let mut rng = Rng::new(20_260_801);
    let mut fixture = Fixture::start_with(|options| options.durability = Some("fsync".to_owned()))?;
    let mut all = Ledger::default();
    // Each round writes into minutes of its own, so that one query finds its lines.
    let clock = now_nanos() - 7_200_000_000_000;
    for round in 0..kills {
        let moment = Duration::from_millis(rng.range(5, 150));
        // In every other round a flush runs into the kill.
        let flush_at = rng.chance(0.5).then(|| Duration::from_millis(rng.range(1, 120)));
        let start = clock + round * 60_000_000_000;
        let acknowledged = round_of_load(&mut fixture, round, start, moment, flush_at)?;
        fixture.restart().with_context(|| format!("restart after kill {round}"))?;
        ensure!(!fixture.server.panicked(), "panic: {}", fixture.server.log_tail());
        acknowledged.check_traces(&fixture.server).with_context(|| format!("traces after kill {round}"))?;
        acknowledged.check_lines(&fixture.server, SERVICE).with_context(|| format!("lines after kill {round}"))?;
        acknowledged.check_samples(&fixture.server).with_context(|| format!("samples after kill {round}"))?;
        all.add(acknowledged);
    }
    ensure!(all.len() > kills as usize * 20, "only {} records were acknowledged: that is no load", all.len());
    // What came first went through all restarts, flushes and compactions that followed.
    fixture.server.flush(Duration::from_secs(60))?;
    all.check_traces(&fixture.server).context("traces at the end")?;
    all.check_lines(&fixture.server, SERVICE).context("lines at the end")?;
    all.check_samples(&fixture.server).context("samples at the end")
}

/// Runs load until the kill; returns what was acknowledged before it.
fn round_of_load(
    fixture: &mut Fixture,
    round: u64,
    start: u64,
    moment: Duration,
    flush_at: Option<Duration>,
) -> Result<Ledger> {
    let writers = (0..WRITERS).map(|number| {
        // Writers are 10 s of log time apart: a line's second tells its writer.
        let clock = start + number as u64 * 10_000_000_000;
        Writer::connect(&fixture.server, SERVICE, &format!("w{number}-r{round}"), clock)
    });
    let writers = writers.collect::<Result<Vec<_>>>()?;
    let loki = fixture.server.address("loki")?;
    let killed = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = writers
            .into_iter()
            .map(|mut writer| {
                let killed = &killed;
                scope.spawn(move || {
                    loop {
                        if let Err(error) = writer.step() {
                            // Before the kill no request may fail.
                            let early = !killed.load(Ordering::SeqCst);
                            return if early {
                                Err(error.context("refused before the kill"))
                            } else {
                                Ok(writer.ledger)
                            };
                        }
                    }
                })
            })
            .collect();
        if let Some(after) = flush_at {
            scope.spawn(move || {
                pass(after);
                // The kill may cut its answer off.
                drop(testkit::http::HttpClient::new(loki).post("/flush", "text/plain", b""));
            });
        }
        pass(moment);
        killed.store(true, Ordering::SeqCst);
        let dead = fixture.server.kill();
        let mut ledger = Ledger::default();
        for thread in threads {
            ledger.add(thread.join().map_err(|_| anyhow!("a writer panicked"))??);
        }
        dead.map(|()| ledger)
    })
}

/// Lets time pass: here the moment itself is random input, not a guess at how long something takes.
fn pass(time: Duration) {
    let until = std::time::Instant::now() + time;
    drop(wait::until("moment", time + Duration::from_secs(5), || {
        Ok((std::time::Instant::now() >= until).then_some(()))
    }));
}
