//! The health page (port 13133), shaped like the collector's `health_check` extension: any method, `/` and `/health`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{StatusCode, header};
use model::UnixNanos;

/// Whether we serve, and since when.
#[derive(Debug)]
pub struct Health {
    available: AtomicBool,
    up_since: UnixNanos,
    started: Instant,
}

impl Default for Health {
    /// Not available yet.
    fn default() -> Self {
        Self { available: AtomicBool::new(false), up_since: UnixNanos::now(), started: Instant::now() }
    }
}

impl Health {
    /// Says from now on whether we serve.
    pub fn set_available(&self, available: bool) {
        self.available.store(available, Ordering::Release);
    }

    /// True while we serve.
    pub fn available(&self) -> bool {
        self.available.load(Ordering::Acquire)
    }

    fn answer(&self) -> Response {
        let (status, body) = if self.available() {
            let since = rfc3339(self.up_since);
            let uptime = go_duration(self.started.elapsed());
            let body = format!(r#"{{"status":"Server available","upSince":"{since}","uptime":"{uptime}"}}"#);
            (StatusCode::OK, body)
        } else {
            let body = r#"{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}"#;
            (StatusCode::SERVICE_UNAVAILABLE, body.to_owned())
        };
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// Serves `/` and `/health`.
pub fn router(health: Arc<Health>) -> Router {
    let answer = move || {
        let answer = health.answer();
        async move { answer }
    };
    Router::new().route("/", any(answer.clone())).route("/health", any(answer))
}

/// `2026-08-01T00:00:00.000000001Z`, without a fraction when it is zero.
pub fn rfc3339(time: UnixNanos) -> String {
    let secs = time.secs();
    let (year, month, day) = civil_from_days((secs / 86_400) as i64);
    let of_day = secs % 86_400;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let nanos = time.0 % 1_000_000_000;
    let fraction = if nanos == 0 { String::new() } else { format!(".{nanos:09}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Days since 1970-01-01 to year, month, day, by counting 400-year eras from 1 March of the year 0
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// `1h2m3.4s` as Go writes a duration; below a second in full seconds with a fraction.
fn go_duration(duration: Duration) -> String {
    let secs = duration.as_secs();
    let (hours, minutes) = (secs / 3600, secs / 60 % 60);
    let seconds = (secs % 60) as f64 + f64::from(duration.subsec_millis()) / 1000.0;
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_gos() {
        assert_eq!(rfc3339(UnixNanos(0)), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(UnixNanos(951_826_154_000_000_005)), "2000-02-29T12:09:14.000000005Z");
        assert_eq!(go_duration(Duration::from_millis(3_723_400)), "1h2m3.4s");
        assert_eq!(go_duration(Duration::from_millis(62_000)), "1m2s");
        assert_eq!(go_duration(Duration::from_millis(250)), "0.25s");
    }

    #[test]
    fn availability_decides_the_status() {
        let health = Health::default();
        assert_eq!(health.answer().status(), 503);
        health.set_available(true);
        assert_eq!(health.answer().status(), 200);
    }
}
