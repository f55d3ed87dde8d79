//! The ends of a process that pass no guard: signals and panics.

use std::panic::PanicHookInfo;
use std::sync::Arc;

use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use tokio::signal::unix::{SignalKind, signal};

use crate::guard::tell;
use crate::process::Process;
use crate::{Error, stderr};

/// What a shell adds to a signal's number to make an exit status.
const SIGNALLED: i32 = 128;

/// Watches for SIGTERM and SIGINT on a thread of its own, which lives as long as the process. A signal that the host handles or ignores
/// already is left to it.
pub(crate) fn watch_signals(process: &Arc<Process>) -> Result<(), Error> {
    let ours: Vec<_> = [SignalKind::terminate(), SignalKind::interrupt()]
        .into_iter()
        .filter(|kind| !is_taken(kind.as_raw_value()))
        .collect();
    if ours.is_empty() {
        return Ok(());
    }
    let process = Arc::clone(process);
    let thread = std::thread::Builder::new().name("telemetry-signal".to_owned());
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    thread
        .spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    stderr::line(&format!("telemetry: signals are not handled: {error}"));
                    return;
                }
            };
            let number = runtime.block_on(async {
                let mut signals: Vec<_> = Vec::new();
                for kind in ours {
                    match signal(kind) {
                        Ok(stream) => signals.push((kind.as_raw_value(), stream)),
                        Err(error) => stderr::line(&format!("telemetry: a signal is not handled: {error}")),
                    }
                }
                // From here on a signal is ours: a process that was told to end right after start must not die silently.
                let _ = ready.try_send(());
                let waits = signals.iter_mut().map(|(number, stream)| {
                    Box::pin(async move {
                        stream.recv().await;
                        *number
                    })
                });
                futures::future::select_all(waits).await.0
            });
            end_by_signal(&process, number);
        })
        .map_err(Error::Thread)?;
    // Disconnected means that it gave up, which it has said.
    let _ = is_ready.recv();
    Ok(())
}

/// Whether the process catches or ignores signal `number`, by the masks in /proc/self/status.
fn is_taken(number: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_in = |field: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(field));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (number - 1) & 1 == 1)
    };
    is_in("SigCgt:") || is_in("SigIgn:")
}

/// Other threads go on while this happens. The queues stay locked from the last count to the end of the process, so that no span can
/// end unreported in between: its thread waits in the lock until the process is gone.
fn end_by_signal(process: &Process, number: i32) -> ! {
    let mut report = process.stop(process.config.exit_deadline);
    let exporter = process.exporter();
    let spans = exporter.and_then(|exporter| exporter.spans.as_ref()).map(|queue| queue.lock());
    let logs = exporter.and_then(|exporter| exporter.logs.as_ref()).map(|queue| queue.lock());
    report.spans = spans.as_ref().map(|queue| queue.tally()).unwrap_or_default();
    report.logs = logs.as_ref().map(|queue| queue.tally()).unwrap_or_default();
    tell(&report, process.config.debug);
    std::process::exit(SIGNALLED + number)
}

/// Records panics behind the hook that is there: an exception on the current span and an error in the log. A panic that unwinds drops
/// the guard, which flushes; one that aborts flushes here.
pub(crate) fn watch_panics(process: &Arc<Process>) {
    let process = Arc::clone(process);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        record(info);
        if cfg!(panic = "abort") {
            tell(&process.stop(process.config.exit_deadline), process.config.debug);
        }
    }));
}

fn record(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a text");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    Context::map_current(|context| {
        let span = context.span();
        let attributes = vec![
            KeyValue::new("exception.type", "panic"),
            KeyValue::new("exception.message", message.to_owned()),
            KeyValue::new("exception.stacktrace", location.clone()),
        ];
        span.add_event("exception", attributes);
        span.set_status(Status::error(message.to_owned()));
    });
    tracing::error!(exception.r#type = "panic", exception.message = message, code.location = location, "panic");
}
