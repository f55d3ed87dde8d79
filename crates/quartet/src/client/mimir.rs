//! `quartet query --mimir`: series with their values.

use std::fmt::Write as _;

use serde_json::Value;

use super::args::{Output, QueryArgs};
use super::query::Window;
use super::{Found, http, printable};

/// Runs a PromQL query: over a range when one is given, else at one time.
pub(super) async fn run(url: &str, args: &QueryArgs, window: &Window, tenant: Option<&str>) -> Found {
    let limit = args.limit.to_string();
    let now = super::when::parse("now", std::time::SystemTime::now())?;
    let path = match &window.start {
        Some(start) => {
            let end = window.end.as_deref().unwrap_or(&now);
            let pairs = [
                ("query", Some(args.query.as_str())),
                ("start", Some(start.as_str())),
                ("end", Some(end)),
                ("step", window.step.as_deref()),
                ("limit", Some(&limit)),
            ];
            format!("/api/v1/query_range{}", http::query_string(&pairs))
        }
        None => {
            let pairs = [
                ("query", Some(args.query.as_str())),
                ("time", window.end.as_deref()),
                ("limit", Some(limit.as_str())),
            ];
            format!("/api/v1/query{}", http::query_string(&pairs))
        }
    };
    let answer = http::get(url, &path, tenant).await?.json(url)?;
    Ok(show(&answer["data"], args.output))
}

/// Prints a result of any type; `None` when it is empty.
pub(super) fn show(data: &Value, output: Output) -> Option<String> {
    let result = &data["result"];
    let is_single = matches!(data["resultType"].as_str(), Some("scalar" | "string"));
    let series: Vec<&Value> = if is_single { vec![result] } else { result.as_array()?.iter().collect() };
    if series.is_empty() {
        return None;
    }
    Some(match output {
        Output::Json => format!("{result}\n"),
        Output::Ndjson => series.iter().fold(String::new(), |out, item| format!("{out}{item}\n")),
        Output::Table if is_single => format!("{}\n", value_text(&result[1])),
        Output::Table => series.iter().fold(String::new(), |mut out, item| {
            write_series(&mut out, item);
            out
        }),
    })
}

fn write_series(out: &mut String, item: &Value) {
    let name = series_name(&item["metric"]);
    for key in ["value", "histogram"] {
        if let Some(point) = item.get(key) {
            writeln!(out, "{name}  {}", value_text(&point[1])).expect("writing to a String cannot fail");
        }
    }
    let points = ["values", "histograms"].into_iter().filter_map(|key| item[key].as_array()).flatten();
    let mut points = points.peekable();
    if points.peek().is_some() {
        writeln!(out, "{name}").expect("writing to a String cannot fail");
    }
    for point in points {
        writeln!(out, "  {}  {}", point[0], value_text(&point[1])).expect("writing to a String cannot fail");
    }
}

/// A float as it came, or a histogram's count and sum.
fn value_text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => printable(text),
        None => {
            let part = |name: &str| value[name].as_str().unwrap_or("?").to_owned();
            format!("histogram of {} observations, sum {}", part("count"), part("sum"))
        }
    }
}

/// `name{a="b"}`.
fn series_name(metric: &Value) -> String {
    let labels = metric.as_object().into_iter().flatten();
    let others: Vec<String> = labels
        .filter(|(name, _)| *name != "__name__")
        .map(|(name, value)| format!("{}={}", printable(name), printable(&value.to_string())))
        .collect();
    let name = printable(metric["__name__"].as_str().unwrap_or_default());
    if others.is_empty() && !name.is_empty() { name } else { format!("{name}{{{}}}", others.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn results_of_each_type() {
        let table = |data: Value| show(&data, Output::Table);
        assert_eq!(table(json!({"resultType": "scalar", "result": [5, "2"]})).as_deref(), Some("2\n"));
        assert_eq!(table(json!({"resultType": "vector", "result": []})), None);
        let vector = json!({"resultType": "vector", "result": [
            {"metric": {"__name__": "up", "job": "a"}, "value": [5, "1"]}, {"metric": {}, "value": [5, "3"]},
            {"metric": {"__name__": "h"}, "histogram": [5, {"count": "6", "sum": "18.4"}]}]});
        let expected = "up{job=\"a\"}  1\n{}  3\nh  histogram of 6 observations, sum 18.4\n";
        assert_eq!(table(vector.clone()).as_deref(), Some(expected));
        assert_eq!(show(&vector, Output::Ndjson).map(|text| text.lines().count()), Some(3));
        let matrix = json!({"resultType": "matrix", "result": [{"metric": {"__name__": "up"}, "values": [[5, "1"], [6.5, "2"]]}]});
        assert_eq!(table(matrix).as_deref(), Some("up\n  5  1\n  6.5  2\n"));
    }
}
