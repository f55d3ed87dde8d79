//! What the terminal shows. stdout has what the demo is, stderr what went wrong.

use std::io::Write;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::json;

use crate::args::{Args, Output};
use crate::stage::Stage;
use crate::traffic::Traffic;

/// One line of text.
pub(crate) fn line(text: &str) {
    // Nobody is left to tell when stdout is closed.
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// One line of what went wrong.
pub(crate) fn error(text: &str) {
    drop(writeln!(std::io::stderr(), "quartet-demo: {text}"));
}

/// Everything answers: where it is, and three queries to try.
pub(crate) async fn ready(args: &Args, stage: &Stage, traffic: &Traffic) -> anyhow::Result<()> {
    let trace = traffic.first_chat().await?;
    let places = &stage.places;
    if args.output == Output::Json {
        let services: serde_json::Map<_, _> =
            places.named_services().map(|(name, url, _)| (name.to_owned(), json!(url))).collect();
        line(
            &json!({
                "console": places.console, "tempo": places.tempo, "loki": places.loki, "mimir": places.mimir,
                "otlp_grpc": places.otlp_grpc, "otlp_http": places.otlp_http, "health": places.health,
                "telemetry": places.telemetry, "gemini": places.gemini, "airtable": places.airtable,
                "services": services, "trace": trace,
            })
            .to_string(),
        );
        return Ok(());
    }
    line("\nQuartet and the four services run; traffic begins.\n");
    let rows =
        [("console", &places.console), ("Tempo", &places.tempo), ("Loki", &places.loki), ("Mimir", &places.mimir)];
    for (name, url) in rows {
        line(&format!("  {name:20} {url}"));
    }
    for (name, url, _) in places.named_services() {
        line(&format!("  {name:20} {url}"));
    }
    let quartet = args
        .bin_dir
        .as_ref()
        .map_or_else(|| "target/release/quartet".into(), |dir| dir.join("quartet").display().to_string());
    let (tempo, loki, mimir) = (&places.tempo, &places.loki, &places.mimir);
    line("\nTry in another terminal:\n");
    line(&format!("  {quartet} trace {trace} --tempo {tempo}"));
    line(&format!(
        "  {quartet} query --loki={loki} '{{service=\"llm-orchestrator\"}} |= \"LLM API call\"' --start 10m"
    ));
    line(&format!("  {quartet} query --mimir={mimir}/prometheus gen_ai_cost_usd_total"));
    line(&format!(
        "\nLogs of the processes are in {}. Ctrl-C ends everything.\n",
        args.data_dir.join("logs").display()
    ));
    Ok(())
}

/// One line now and then; stdout has documents alone when a program reads it.
pub(crate) fn progress(hour: f64, traffic: &Traffic, output: Output) {
    let (hours, minutes) = (hour as u32, (hour.fract() * 60.0) as u32);
    let text = format!("{hours:02}:{minutes:02}  {}", tally(traffic));
    match output {
        Output::Text => line(&text),
        Output::Json => error(&text),
    }
    if let Some(surprise) = traffic.surprise.lock().unwrap_or_else(PoisonError::into_inner).take() {
        error(&surprise);
    }
}

/// What the day came to.
pub(crate) fn summary(traffic: &Traffic) {
    error(&format!("the day is over: {}", tally(traffic)));
}

fn tally(traffic: &Traffic) -> String {
    let tally = &traffic.tally;
    let (done, meant, failed) = (tally.done.load(Relaxed), tally.meant.load(Relaxed), tally.failed.load(Relaxed));
    let usd = tally.nano_usd.load(Relaxed) as f64 / 1e9;
    format!("{done} done, {meant} failed as meant, {failed} failed, {usd:.9} USD")
}
