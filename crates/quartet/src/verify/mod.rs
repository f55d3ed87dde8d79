//! `quartet verify`: the integration test of a whole installation, ours or a real LGTM stack.
//!
//! It does not stop at status codes: it sends calls with a trace of its own, reads trace, counter, log line and cost back out of the
//! stores, and compares them with what was sent.
//!
//! | check | file |
//! |---|---|
//! | 1 service health, 2 stack health | `health` |
//! | 3 traces with the right parents | `traces` |
//! | 4 collector counters moved by what was sent | `collector` |
//! | 5 log lines under their labels, with the trace's id | `logs` |
//! | 6 one cost in answer, span, log line and metric | `cost` |
//! | 7 response times in buckets | `timing` |
//!
//! `stack` says what is where, `probe` asks, `report` prints.

pub(crate) mod args;
mod collector;
mod cost;
mod health;
mod logs;
mod probe;
mod report;
mod stack;
mod timing;
mod traces;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use args::ReportFormat;
pub(crate) use args::VerifyArgs;
use probe::Probe;
use report::{Check, Item};

use crate::EXIT_USAGE;

/// Runs `quartet verify`.
pub(crate) async fn run(args: VerifyArgs) -> ExitCode {
    let probe = Probe {
        tenant: args.tenant.clone(),
        token: std::env::var("SERVICE_TOKEN").ok().filter(|token| !token.is_empty()),
        patience: args.patience(),
    };
    let checks = match checks(&args, &probe).await {
        Ok(checks) => checks,
        Err(reason) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "quartet: {reason}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let text = match args.output {
        ReportFormat::Table => report::table(&checks),
        ReportFormat::Json => format!("{}\n", report::document(&checks)),
    };
    if std::io::stdout().write_all(text.as_bytes()).is_err() || !checks.iter().all(Check::passed) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Makes all calls first, then looks for what they left behind: so that it is on its way while other things are looked at.
async fn checks(args: &VerifyArgs, probe: &Probe) -> Result<Vec<Check>, String> {
    let services = stack::services(args)?;
    let stack = stack::stack(args, probe).await?;
    let before = collector::read(probe, &stack).await;
    let cost_before = cost::read_metric(probe, &stack).await;
    let mut checks = Vec::new();
    let mut clock = Instant::now();
    let mut add = |name, items: Vec<Item>| {
        let took = clock.elapsed();
        clock = Instant::now();
        checks.push(Check { name, items, took });
    };
    add("Service Health", health::services(probe, &services).await);
    add("Observability Health", health::stack(probe, &stack).await);
    let calls = traces::call_all(probe, &stack, &services).await;
    let chat = cost::chat(probe, &stack, &services).await;
    let (items, spans) = traces::look(probe, &stack, &calls).await;
    add("Trace Generation", items);
    add("Metric Collection", collector::look(probe, &stack, before, spans).await);
    add("Log Integration", logs::look(probe, &stack, &calls, chat.as_ref()).await);
    add("Cost Tracking", cost::look(probe, &stack, chat.as_ref(), cost_before).await);
    add("Performance Metrics", timing::look(probe, &services).await);
    Ok(checks)
}
