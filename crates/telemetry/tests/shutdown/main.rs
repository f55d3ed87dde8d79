//! Ends small programs in every way, at random moments, in front of a collector that is sound, slow, choosy, broken or not there, and
//! checks that no span that ended is missing without being reported.
//!
//! A few hundred endings by default; `TELEMETRY_SHUTDOWNS=10000` for the full run, `TELEMETRY_SHUTDOWN_SEED` to repeat one. This is an
//! executable without libtest: started with [`child::ENDING`] set it is the small program, else the judge.

mod child;
mod collector;
mod judge;

fn main() -> anyhow::Result<()> {
    if let Ok(ending) = std::env::var(child::ENDING) {
        return child::run(&ending);
    }
    judge::run()
}
