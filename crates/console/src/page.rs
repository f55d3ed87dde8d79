//! The status page as HTML. Every text that is not ours is escaped.

use std::fmt::Write as _;

use model::UnixNanos;
use store_api::SignalStatus;

use crate::paste::snippets;
use crate::text::{ago, count, duration, escape, rfc3339, size};
use crate::{Facts, Refusal};

const STYLE: &str = "\
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}.wide{overflow-x:auto}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884;vertical-align:top}
th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
pre{background:#8882;padding:.6rem .8rem;border-radius:.3rem;overflow-x:auto;user-select:all;font-size:13px}
.state{padding:.5rem .8rem;border-radius:.3rem;background:#2a83}.bad{background:#c003}.dim{opacity:.7}";

/// The whole page.
pub(crate) fn render(facts: &Facts) -> String {
    let mut out = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"10\">");
    put(&mut out, format_args!("<title>Quartet</title><style>{STYLE}</style></head><body>"));
    let revision = if facts.revision.is_empty() { String::new() } else { format!(" ({})", escape(&facts.revision)) };
    put(
        &mut out,
        format_args!(
            "<h1>Quartet <span class=\"dim\">{}{revision}</span></h1><p class=\"dim\">{}. This page reloads every 10 s; \
             the same as JSON: <a href=\"/api/status\">/api/status</a>.</p>",
            escape(&facts.version),
            rfc3339(facts.now),
        ),
    );
    write_state(&mut out, facts);
    write_signals(&mut out, facts);
    write_retention(&mut out, facts);
    write_redacted(&mut out, &facts.redacted);
    write_refusals(&mut out, &facts.refusals, facts.now);
    write_listeners(&mut out, facts);
    write_snippets(&mut out, facts);
    out.push_str("</body></html>\n");
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}

fn write_state(out: &mut String, facts: &Facts) {
    let store = &facts.store;
    let error = &store.last_error;
    let (class, text) = match (store.refusing, error.is_empty()) {
        (true, true) => ("state bad", "Refusing writes: memory or disk is short.".to_owned()),
        (true, false) => ("state bad", format!("Refusing writes: {}", escape(error))),
        (false, false) => ("state bad", format!("Taking data. The last error was: {}", escape(error))),
        (false, true) if store.signals.iter().all(|signal| signal.accepted == 0) => {
            ("state", "Ready. Nothing has arrived since start: paste a line from below.".to_owned())
        }
        (false, true) => ("state", "Taking data.".to_owned()),
    };
    put(out, format_args!("<p class=\"{class}\">{text}</p>"));
}

fn write_signals(out: &mut String, facts: &Facts) {
    out.push_str(
        "<h2>Data</h2><div class=\"wide\"><table><tr><th>Signal<th class=\"n\">Rows/s<th class=\"n\">Accepted",
    );
    out.push_str(
        "<th class=\"n\">Invalid<th>Oldest row<th>Newest row<th class=\"n\">In memory<th class=\"n\">Write-ahead log",
    );
    out.push_str("<th class=\"n\">Blocks<th class=\"n\">On disk<th class=\"n\">Bytes/row</tr>");
    for (signal, rate) in facts.store.signals.iter().zip(&facts.rates) {
        write_signal(out, signal, *rate, facts.now);
    }
    out.push_str("</table></div><p class=\"dim\">Rows/s is the mean of the last minute; accepted and invalid count since start.</p>");
}

fn write_signal(out: &mut String, signal: &SignalStatus, rate: f64, now: UnixNanos) {
    let time = |time: Option<UnixNanos>| match time {
        None => "none".to_owned(),
        Some(time) => format!("<span title=\"{}\">{}</span>", rfc3339(time), ago(time, now)),
    };
    let per_row = match signal.block_rows {
        0 => "–".to_owned(),
        rows => format!("{:.1}", signal.block_bytes as f64 / rows as f64),
    };
    put(
        out,
        format_args!(
            "<tr><td>{}<td class=\"n\">{rate:.1}<td class=\"n\">{}<td class=\"n\">{}<td>{}<td>{}\
             <td class=\"n\">{} rows, {}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{per_row}</tr>",
            escape(signal.signal),
            count(signal.accepted),
            count(signal.rejected),
            time(signal.oldest),
            time(signal.newest),
            count(signal.head_rows),
            size(signal.head_bytes),
            size(signal.wal_bytes),
            count(signal.blocks),
            size(signal.block_bytes),
        ),
    );
}

fn write_retention(out: &mut String, facts: &Facts) {
    let store = &facts.store;
    let deleted: u64 = store.signals.iter().map(|signal| signal.retention_deleted_blocks).sum();
    let oldest = store.signals.iter().filter_map(|signal| signal.oldest).min();
    let rule = match store.retention_secs {
        0 => "Rows are kept for ever.".to_owned(),
        secs => format!("Rows are deleted after {}.", duration(secs)),
    };
    let effect = match oldest {
        None => "There are no rows yet.".to_owned(),
        Some(oldest) => format!("The oldest row is {} ({}).", rfc3339(oldest), ago(oldest, facts.now)),
    };
    put(
        out,
        format_args!(
            "<h2>Retention</h2><p>{rule} {effect} {} blocks deleted since start.</p>\
             <p>Data lives in <code>{}</code>; durability <code>{}</code>; up to {} of rows in memory; {} background tasks.</p>",
            count(deleted),
            escape(&store.data_dir),
            escape(store.durability),
            size(store.head_bytes_max),
            count(store.background_tasks),
        ),
    );
}

fn write_redacted(out: &mut String, redacted: &[(String, u64)]) {
    let total: u64 = redacted.iter().map(|(_, count)| count).sum();
    let text = match total {
        _ if redacted.is_empty() => "Switched off: requests are stored as they come.".to_owned(),
        0 => "No secret has arrived since start.".to_owned(),
        _ => {
            let each: Vec<String> =
                redacted.iter().map(|(signal, n)| format!("{} in {}", count(*n), escape(signal))).collect();
            format!("Masked before they were stored: {}.", each.join(", "))
        }
    };
    put(out, format_args!("<h2>Secrets</h2><p>{text}</p>"));
}

fn write_refusals(out: &mut String, refusals: &[Refusal], now: UnixNanos) {
    out.push_str("<h2>Refused requests</h2>");
    if refusals.is_empty() {
        out.push_str("<p>None since start.</p>");
        return;
    }
    out.push_str("<div class=\"wide\"><table><tr><th>Last<th>Receiver<th>Signal<th class=\"n\">Times<th>Reason</tr>");
    for refusal in refusals {
        let last = UnixNanos::from_secs(refusal.last_unix_secs);
        put(
            out,
            format_args!(
                "<tr><td><span title=\"{}\">{}</span><td>{}<td>{}<td class=\"n\">{}<td>{}</tr>",
                rfc3339(last),
                ago(last, now),
                escape(&refusal.receiver),
                escape(&refusal.signal),
                count(refusal.count),
                escape(&refusal.reason),
            ),
        );
    }
    out.push_str("</table></div>");
}

fn write_listeners(out: &mut String, facts: &Facts) {
    out.push_str("<h2>Listeners</h2><table><tr><th>Name<th>Address<th>Serves</tr>");
    for listener in &facts.listeners {
        let address = if listener.address.is_empty() { "off" } else { &listener.address };
        put(
            out,
            format_args!(
                "<tr><td>{}<td><code>{}</code><td>{}</tr>",
                escape(&listener.name),
                escape(address),
                purpose(&listener.name)
            ),
        );
    }
    out.push_str("</table>");
}

fn purpose(name: &str) -> &'static str {
    match name {
        "otlp-grpc" => "OTLP over gRPC: traces, metrics, logs",
        "otlp-http" => "OTLP over HTTP: traces, metrics, logs",
        "tempo" => "Tempo API",
        "loki" => "Loki API and push",
        "mimir" => "Prometheus API under /prometheus, remote write at /api/v1/push",
        "console" => "this page",
        "health" => "health of the collector",
        "telemetry" => "metrics of this process",
        _ => "",
    }
}

fn write_snippets(out: &mut String, facts: &Facts) {
    out.push_str("<h2>Send data, look at data</h2>");
    for snippet in snippets(&facts.listeners) {
        put(out, format_args!("<p>{}</p><pre>{}</pre>", snippet.title, escape(&snippet.text)));
    }
}
