//! Whatever a client sends, the faces answer: no panic, no 500.

use std::sync::Arc;

use axum::Router;

use crate::face::Phase;
use crate::fake::{FakeStore, entry, face, floats, get, labels};
use crate::{loki, prometheus, tempo};

/// Requests a test sends; a run takes about a second.
const REQUESTS: usize = 20_000;

/// Numbers that repeat from run to run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const PIECES: [&str; 62] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    "=",
    "!=",
    "=~",
    "!~",
    "|=",
    "|~",
    "|>",
    "|",
    "\"",
    "'",
    "`",
    "\\",
    "\\x",
    "\\u00",
    "a",
    "up",
    "__name__",
    "job",
    "\"a\"",
    "\"(\"",
    "`.+`",
    "1",
    "0x",
    "1e",
    "1e400",
    "5m",
    "99999999999999999999y",
    "-",
    "+",
    "^",
    "%",
    "@",
    "offset",
    "or",
    "vector(",
    "scalar(",
    "NaN",
    "Inf",
    "start()",
    "é",
    "\u{0}",
    "\u{1F600}",
    "\n",
    " ",
    "#",
    ":",
    ".",
    "..",
    "span.",
    "resource.",
    "trace:id",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "$",
];

const TIMES: [&str; 18] = [
    "0",
    "-1",
    "1",
    "1700000000",
    "1700000000.5",
    "1700000000000000000",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "1e300",
    "-1e300",
    "NaN",
    "2023-11-14T22:13:20Z",
    "9999-12-31T23:59:59.999999999+23:59",
    "0000-01-01T00:00:00Z",
    "2023-02-30T00:00:00Z",
    "292277026596y",
    "\u{e9}",
];

const PARAMETERS: [&str; 17] = [
    "query",
    "match[]",
    "match",
    "start",
    "end",
    "time",
    "step",
    "limit",
    "since",
    "interval",
    "direction",
    "q",
    "scope",
    "timeout",
    "lookback_delta",
    "stats",
    "limit_per_metric",
];

const PATHS: [&str; 21] = [
    "/api/traces/",
    "/api/v2/traces/",
    "/api/search/tags",
    "/api/v2/search/tags",
    "/api/search/tag/",
    "/api/v2/search/tag/",
    "/status/",
    "/loki/api/v1/query_range",
    "/loki/api/v1/query",
    "/loki/api/v1/labels",
    "/loki/api/v1/label/",
    "/loki/api/v1/series",
    "/loki/api/v1/index/stats",
    "/loki/api/v1/format_query",
    "/prometheus/api/v1/query",
    "/prometheus/api/v1/query_range",
    "/prometheus/api/v1/labels",
    "/prometheus/api/v1/label/",
    "/prometheus/api/v1/series",
    "/prometheus/api/v1/query_exemplars",
    "/prometheus/api/v1/metadata",
];

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn random_text(dice: &mut Dice) -> String {
    (0..dice.below(8)).map(|_| dice.pick(&PIECES)).collect()
}

fn random_uri(dice: &mut Dice) -> (usize, String) {
    let at = dice.below(PATHS.len());
    let mut uri = PATHS[at].to_owned();
    if uri.ends_with('/') {
        uri.push_str(&escaped(&random_text(dice)));
        uri.push_str(if uri.contains("traces") || uri.contains("status") { "0" } else { "/values" });
    }
    for number in 0..dice.below(5) {
        let value = if dice.below(2) == 0 { random_text(dice) } else { dice.pick(&TIMES).to_owned() };
        uri.push(if number == 0 { '?' } else { '&' });
        uri.push_str(&format!("{}={}", dice.pick(&PARAMETERS), escaped(&value)));
    }
    (at, uri)
}

fn faces() -> [Router; 3] {
    let stream = store_api::LogStream { labels: labels(&[("a", "b")]), entries: vec![entry(1, "x", &[("m", "n")])] };
    let store = Arc::new(FakeStore {
        streams: vec![stream],
        series: vec![floats(&[("__name__", "up")], &[(1, 1.0), (i64::MAX, 2.0)])],
        ..FakeStore::default()
    });
    let face = face(Phase::Ready);
    [
        tempo::router(tempo::TempoState { face: face.clone(), spans: store.clone() }),
        loki::router(loki::LokiState { face: face.clone(), logs: store.clone() }),
        prometheus::router(prometheus::PrometheusState { face, samples: store }),
    ]
}

#[tokio::test]
async fn nothing_panics() {
    let mut dice = Dice(0x5eed);
    let faces = faces();
    for _ in 0..REQUESTS {
        let (at, uri) = random_uri(&mut dice);
        let router = match at {
            0..=6 => &faces[0],
            7..=13 => &faces[1],
            _ => &faces[2],
        };
        let reply = get(router, &uri).await;
        let status = reply.status.as_u16();
        assert!(matches!(status, 200 | 400 | 404), "{uri}: {status} {}", reply.text());
        if status == 200 && !uri.starts_with("/status") {
            reply.json();
        }
    }
}
