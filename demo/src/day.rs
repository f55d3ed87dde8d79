//! What happens when: a working day from 08:00 to 18:00, played in minutes, again and again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;

use crate::args::Args;
use crate::people::{Person, QUESTIONS, TOOL_QUESTIONS, TROUBLE};
use crate::say;
use crate::traffic::Traffic;

const MORNING: f64 = 8.0;
const EVENING: f64 = 18.0;
/// Things done in a day at full rate in each of its hours.
const ACTIONS_A_DAY: f64 = 600.0;
/// Things under way at a time; above it people wait their turn.
const UNDER_WAY_MAX: usize = 12;
/// Between two lines on the terminal.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Chat,
    StreamedChat,
    ChatWithTools,
    Trouble,
    TableAnalysis,
    Records,
    WriteRecord,
    RunWorkflow,
    Upload,
    Tool,
    Mistake,
}

/// How often each is done.
const WEIGHTS: [(Action, u32); 11] = [
    (Action::Chat, 30),
    (Action::StreamedChat, 10),
    (Action::ChatWithTools, 10),
    (Action::Trouble, 4),
    (Action::TableAnalysis, 6),
    (Action::Records, 16),
    (Action::WriteRecord, 6),
    (Action::RunWorkflow, 10),
    (Action::Upload, 4),
    (Action::Tool, 6),
    (Action::Mistake, 4),
];

/// Share of the full rate at an hour: two peaks with lunch between them.
fn busy(hour: f64) -> f64 {
    let peak = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
    0.15 + 0.85 * (peak(10.5, 1.4) + 0.9 * peak(15.0, 1.6)).min(1.0)
}

/// Plays days until it is dropped.
pub(crate) async fn play(traffic: &Arc<Traffic>, args: &Args) {
    if args.quiet {
        return std::future::pending().await;
    }
    let mut random = StdRng::seed_from_u64(args.seed);
    let mut under_way = JoinSet::new();
    let started = Instant::now();
    let mut reported = started;
    loop {
        let share = (started.elapsed().as_secs_f64() / args.day_seconds as f64).fract();
        let hour = MORNING + share * (EVENING - MORNING);
        let mean = args.day_seconds as f64 / ACTIONS_A_DAY / busy(hour);
        // Arrivals come by chance: exponential gaps, cut so that a quiet hour is not a standstill.
        let gap = -(1.0 - random.random::<f64>()).ln() * mean;
        tokio::time::sleep(Duration::from_secs_f64(gap.min(mean * 4.0))).await;
        while under_way.len() >= UNDER_WAY_MAX {
            under_way.join_next().await;
        }
        while under_way.try_join_next().is_some() {}
        let action = WEIGHTS.choose_weighted(&mut random, |weight| weight.1).map_or(Action::Chat, |weight| weight.0);
        let person = Person::pick(&mut random);
        let words = words(action, &mut random);
        let actor = Arc::clone(traffic);
        under_way.spawn(async move { actor.act(action, person, words).await });
        if reported.elapsed() >= REPORT_EVERY {
            reported = Instant::now();
            say::progress(hour, traffic, args.output);
        }
    }
}

/// What is said in a chat.
fn words(action: Action, random: &mut StdRng) -> String {
    let pick = |from: &[&'static str], random: &mut StdRng| from.choose(random).copied().unwrap_or_default();
    match action {
        Action::ChatWithTools => pick(&TOOL_QUESTIONS, random).to_owned(),
        Action::Trouble => format!("{} ({})", pick(&QUESTIONS, random), pick(&TROUBLE, random)),
        _ => pick(&QUESTIONS, random).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_two_peaks_and_a_lunch() {
        assert!(busy(10.5) > 0.9 && busy(15.0) > 0.85);
        assert!(busy(12.8) < busy(10.5) && busy(12.8) < busy(15.0));
        assert!(busy(8.0) < 0.5 && busy(18.0) < 0.4 && busy(18.0) > 0.1);
    }
}
