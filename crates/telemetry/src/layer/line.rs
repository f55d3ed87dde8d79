//! The log line on stdout: one JSON object, exactly as the Python services wrote it, or text for eyes.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::Value;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Everything in a line, masked already.
pub(super) struct Line<'a> {
    pub(super) time: SystemTime,
    pub(super) level: &'static str,
    pub(super) service: &'a str,
    pub(super) version: &'a str,
    pub(super) message: &'a str,
    /// Trace and span id; `None` outside a span.
    pub(super) ids: Option<(&'a str, &'a str)>,
    pub(super) fields: &'a [(&'static str, Value)],
}

#[derive(serde::Serialize)]
struct Service<'a> {
    name: &'a str,
    version: &'a str,
}

struct Fields<'a>(&'a [(&'static str, Value)]);

struct Scalar<'a>(&'a Value);

impl Line<'_> {
    /// One JSON object and a line feed.
    pub(super) fn json(&self) -> String {
        let mut text = serde_json::to_string(self).expect("keys are strings and values are scalars");
        text.push('\n');
        text
    }

    /// Time, level, service, message, `key=value` pairs, ids.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{} {:5} {}: {}", timestamp(self.time), self.level, self.service, self.message);
        for (key, value) in self.fields {
            // Writing into a string cannot fail.
            let _ = write!(text, " {key}={value}");
        }
        if let Some((trace, span)) = self.ids {
            let _ = write!(text, " trace_id={trace} span_id={span}");
        }
        // A line is a line.
        let mut text = text.replace('\n', "\\n");
        text.push('\n');
        text
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &timestamp(self.time))?;
        map.serialize_entry("level", self.level)?;
        map.serialize_entry("service", &Service { name: self.service, version: self.version })?;
        map.serialize_entry("message", self.message)?;
        if let Some((trace, span)) = self.ids {
            map.serialize_entry("trace_id", trace)?;
            map.serialize_entry("span_id", span)?;
        }
        map.serialize_entry("context", &Fields(self.fields))?;
        map.end()
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, Scalar(value))))
    }
}

impl Serialize for Scalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I64(value) => serializer.serialize_i64(*value),
            // JSON has no NaN; serde_json writes null.
            Value::F64(value) => serializer.serialize_f64(*value),
            other => serializer.serialize_str(&other.as_str()),
        }
    }
}

/// RFC 3339 in UTC with milliseconds: `2025-01-08T12:00:00.000Z`.
pub(super) fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (seconds, millis) = (since.as_secs(), since.subsec_millis());
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The proleptic Gregorian date of a day since 1970. Years begin in March here, which puts the leap day last.
fn civil(days: u64) -> (u64, u64, u64) {
    const FROM_MARCH_OF_YEAR_0: u64 = 719_468;
    let days = days + FROM_MARCH_OF_YEAR_0;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis)
    }

    #[test]
    fn timestamps() {
        assert_eq!(timestamp(at(0, 0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(at(1_736_337_600, 7)), "2025-01-08T12:00:00.007Z");
        assert_eq!(timestamp(at(951_782_399, 999)), "2000-02-28T23:59:59.999Z");
        assert_eq!(timestamp(at(951_782_400, 0)), "2000-02-29T00:00:00.000Z");
        assert_eq!(timestamp(at(4_107_542_399, 0)), "2100-02-28T23:59:59.000Z");
        assert_eq!(timestamp(at(4_107_542_400, 0)), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn the_seeds_line() {
        let fields = [
            ("ai_provider", Value::from("google")),
            ("ai_cost_usd", Value::F64(0.001_234)),
            ("duration_ms", Value::I64(450)),
        ];
        let line = Line {
            time: at(1_736_337_600, 0),
            level: "INFO",
            service: "llm-orchestrator",
            version: "1.0.0",
            message: "LLM API call \"completed\"",
            ids: Some(("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")),
            fields: &fields,
        };
        let expected = concat!(
            r#"{"timestamp":"2025-01-08T12:00:00.000Z","level":"INFO","#,
            r#""service":{"name":"llm-orchestrator","version":"1.0.0"},"message":"LLM API call \"completed\"","#,
            r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","#,
            r#""context":{"ai_provider":"google","ai_cost_usd":0.001234,"duration_ms":450}}"#,
            "\n"
        );
        assert_eq!(line.json(), expected);
        let outside = Line { ids: None, fields: &[], ..line };
        assert!(outside.json().ends_with("completed\\\"\",\"context\":{}}\n"));
        assert!(outside.text().starts_with("2025-01-08T12:00:00.000Z INFO  llm-orchestrator: LLM API call"));
    }
}
