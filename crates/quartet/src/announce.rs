//! What start-up prints on stdout: one JSON line for programs, a table for people.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::args::Output;
use crate::config::{Config, Durability};
use crate::version::VERSION;

/// A listener: its name, its title, and its address or nothing.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) address: Option<String>,
}

/// Says that every listener answers.
pub(crate) fn ready(output: Output, lines: &[Line], config: &Config, took: Duration) -> anyhow::Result<()> {
    let text = match output {
        Output::Json => as_json(lines, config, took),
        Output::Table => as_table(lines, config, took),
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to stdout")
}

fn data_dir(config: &Config) -> String {
    let dir = &config.storage.data_dir;
    std::path::absolute(dir).unwrap_or_else(|_| dir.clone()).display().to_string()
}

fn as_json(lines: &[Line], config: &Config, took: Duration) -> String {
    let listeners: Map<String, Value> = lines.iter().map(|line| (line.name.to_owned(), json!(line.address))).collect();
    let ready = json!({
        "listeners": listeners,
        "data_dir": data_dir(config),
        "version": VERSION,
        "pid": std::process::id(),
        "ready_ms": took.as_millis() as u64,
    });
    format!("{ready}\n")
}

fn as_table(lines: &[Line], config: &Config, took: Duration) -> String {
    let mut out = format!("quartet {VERSION} is ready after {} ms\n\n", took.as_millis());
    let width = lines.iter().map(|line| line.title.len()).max().unwrap_or(0);
    for line in lines {
        let scheme = if line.name == "otlp-grpc" { "" } else { "http://" };
        let place = line.address.as_ref().map_or_else(|| "off".to_owned(), |address| format!("{scheme}{address}"));
        out += &format!("  {:width$}  {place}\n", line.title);
    }
    let durability = match config.storage.durability {
        Durability::Fsync => "on disk before each acknowledgement",
        Durability::Buffered => "with the kernel before each acknowledgement",
    };
    let kept = match config.storage.retention.0 {
        Some(_) => format!("kept {}", config.storage.retention),
        None => "kept for ever".to_owned(),
    };
    out += &format!("\n  data lives in {} ({durability}, {kept})\n  stop with Ctrl-C\n", data_dir(config));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_tell_addresses_and_the_data_folder() {
        let lines = [
            Line { name: "otlp-grpc", title: "OTLP gRPC", address: Some("127.0.0.1:4317".into()) },
            Line { name: "tempo", title: "Tempo API", address: None },
        ];
        let config = Config::default();
        let json: Value = serde_json::from_str(&as_json(&lines, &config, Duration::ZERO)).expect("JSON");
        assert_eq!(json["listeners"], json!({ "otlp-grpc": "127.0.0.1:4317", "tempo": null }));
        assert!(json["data_dir"].as_str().expect("text").ends_with("/quartet-data"));
        let table = as_table(&lines, &config, Duration::ZERO);
        assert!(table.contains("OTLP gRPC  127.0.0.1:4317\n") && table.contains("Tempo API  off\n"), "{table}");
        assert!(table.contains("kept 14d"), "{table}");
    }
}
