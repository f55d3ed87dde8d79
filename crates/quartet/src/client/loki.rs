//! `quartet query --loki`: log lines, oldest first so that the newest stands above the prompt.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{Output, QueryArgs};
use super::query::Window;
use super::{Found, http, mimir, printable, when};

/// Runs a LogQL query.
pub(super) async fn run(url: &str, args: &QueryArgs, window: &Window, tenant: Option<&str>) -> Found {
    let limit = args.limit.to_string();
    let query = http::query_string(&[
        ("query", Some(&args.query)),
        ("start", window.start.as_deref()),
        ("end", window.end.as_deref()),
        ("step", window.step.as_deref()),
        ("limit", Some(&limit)),
        ("direction", Some("backward")),
    ]);
    let answer = http::get(url, &format!("/loki/api/v1/query_range{query}"), tenant).await?.json(url)?;
    let data = &answer["data"];
    if data["resultType"] != "streams" {
        return Ok(mimir::show(data, args.output));
    }
    let entries = entries(data);
    if entries.is_empty() {
        return Ok(None);
    }
    Ok(Some(match args.output {
        Output::Json => format!("{}\n", data["result"]),
        Output::Ndjson => entries.iter().fold(String::new(), |out, entry| out + &entry.to_json().to_string() + "\n"),
        Output::Table => table(&entries),
    }))
}

/// One log line.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    nanos: u64,
    labels: String,
    line: String,
}

impl Entry {
    fn to_json(&self) -> Value {
        let labels: Value = serde_json::from_str(&self.labels).unwrap_or_default();
        json!({"time": self.nanos.to_string(), "labels": labels, "line": self.line})
    }
}

fn entries(data: &Value) -> Vec<Entry> {
    let streams = data["result"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut all = Vec::new();
    for stream in streams {
        let labels = stream["stream"].to_string();
        for value in stream["values"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let nanos = value[0].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
            let line = value[1].as_str().unwrap_or_default().to_owned();
            all.push(Entry { nanos, labels: labels.clone(), line });
        }
    }
    all.sort_by_key(|entry| entry.nanos);
    all
}

fn table(entries: &[Entry]) -> String {
    let mut out = String::new();
    for entry in entries {
        let labels: Value = serde_json::from_str(&entry.labels).unwrap_or_default();
        let label = |name: &str| labels[name].as_str().unwrap_or("-").to_owned();
        let service = printable(&label("service_name"));
        let level = printable(&label("detected_level"));
        let time = when::show(entry.nanos);
        writeln!(out, "{time}  {level:<7}  {service}  {}", printable(&entry.line))
            .expect("writing to a String cannot fail");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_order_of_time() {
        let data = json!({"result": [
            {"stream": {"service_name": "b"}, "values": [["3000000000", "third"], ["1000000000", "first\u{1b}[31m"]]},
            {"stream": {"service_name": "a", "detected_level": "info"}, "values": [["2000000000", "second"]]}]});
        let found = entries(&data);
        let expected = "\
1970-01-01T00:00:01.000Z  -        b  first\\u{1b}[31m
1970-01-01T00:00:02.000Z  info     a  second
1970-01-01T00:00:03.000Z  -        b  third
";
        assert_eq!(table(&found), expected);
        assert_eq!(
            found[1].to_json(),
            json!({"time": "2000000000", "labels": {"service_name": "a", "detected_level": "info"}, "line": "second"})
        );
    }
}
