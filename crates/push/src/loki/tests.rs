//! Tests of the Loki walker and the JSON transcoder.

use protowire::Writer;

use super::*;
use crate::loki_json_to_protobuf;

/// Writes down what it is given.
#[derive(Default)]
struct Lines(Vec<String>);

impl StreamSink for Lines {
    fn stream(&mut self, stream: &StreamView<'_>) {
        self.0.push(format!("stream {}", stream.labels));
    }
    fn entry(&mut self, entry: &EntryView<'_, '_>) {
        self.0.push(format!("{} {} {:?}", entry.time, entry.line, entry.metadata));
    }
    fn malformed(&mut self, entries: u64, error: DecodeError) {
        self.0.push(format!("malformed {entries}: {error}"));
    }
}

fn walk(request: &[u8]) -> Vec<String> {
    let mut lines = Lines::default();
    decode_loki_push(request, &mut lines).expect("outer structure");
    lines.0
}

fn entry(stream: &mut Writer, seconds: i64, nanos: u64, line: &[u8]) {
    stream.message(2, |entry| {
        entry
            .message(1, |time| {
                time.varint(1, seconds as u64).varint(2, nanos);
            })
            .bytes(2, line);
    });
}

#[test]
fn labels_behind_the_entries_and_a_bad_line_between_good_ones() {
    let mut request = Writer::new();
    request.message(1, |stream| {
        entry(stream, 1_700_000_000, 5, b"first");
        entry(stream, 1, 0, b"\xff");
        entry(stream, -1, 0, b"before 1970");
        entry(stream, i64::MAX, 0, b"far away");
        stream.str(1, "{a=\"b\"}").varint(3, 77);
    });
    let expected = [
        "stream {a=\"b\"}",
        "1700000000000000005 first []",
        "malformed 1: invalid request: protobuf string field 2 is not UTF-8",
        "-1000000000 before 1970 []",
        "9223372036854775807 far away []",
    ];
    assert_eq!(walk(&request.into_bytes()), expected);
}

#[test]
fn a_broken_stream_counts_its_entries() {
    let mut request = Writer::new();
    request.message(1, |stream| {
        entry(stream, 1, 0, b"one");
        entry(stream, 2, 0, b"two");
        stream.bytes(1, b"\xff");
    });
    request.message(1, |stream| {
        stream.str(1, "{c=\"d\"}");
    });
    let expected = ["malformed 2: invalid request: protobuf string field 1 is not UTF-8", "stream {c=\"d\"}"];
    assert_eq!(walk(&request.into_bytes()), expected);
    assert!(decode_loki_push(&[0x0a, 9, 1], &mut Lines::default()).is_err());
}

#[test]
fn json_becomes_protobuf() {
    let body = br#"{"other": [1, {}], "streams": [
        {"values": [["1700000000000000001", "l\u00e9", {"trace_id": "ab"}, "more"], ["-1", ""]], "stream": {"app": "ca\"rt\n", "b": "2"}},
        {"stream": {}, "values": []}
    ]}"#;
    let expected = [
        "stream {app=\"ca\\\"rt\\n\",b=\"2\"}",
        "1700000000000000001 lé [(\"trace_id\", \"ab\")]",
        "-1  []",
        "stream {}",
    ];
    assert_eq!(walk(&loki_json_to_protobuf(body).expect("valid")), expected);
    assert_eq!(loki_json_to_protobuf(b"{}"), Ok(Vec::new()));
}

#[test]
fn wrong_json_is_refused_with_its_place() {
    let cases = [
        (r#"{"streams": [{"stream": {"a": 1}}]}"#, "invalid type: integer `1`, expected a string at line 1 column 31"),
        (
            r#"{"streams": [{"values": [[1, "x"]]}]}"#,
            "invalid type: integer `1`, expected a string at line 1 column 27",
        ),
        (
            r#"{"streams": [{"values": [["1", 2]]}]}"#,
            "invalid type: integer `2`, expected a string at line 1 column 32",
        ),
        (r#"{"streams": [{"values": [["x", "y"]]}]}"#, "time \"x\" is not a number of nanoseconds at line 1 column 31"),
        (r#"{"streams": [{"values": [["1"]]}]}"#, "an entry has no line at line 1 column 30"),
        (
            r#"{"streams": [{"values": [["1", "x", {"a": 5}]]}]}"#,
            "invalid type: integer `5`, expected a string at line 1 column 43",
        ),
        (r#"{"streams": {}}"#, "invalid type: map, expected an array of streams at line 1 column 12"),
        (r#"{"streams": ["#, "EOF while parsing a list at line 1 column 13"),
        (r#"{} x"#, "trailing characters at line 1 column 4"),
    ];
    for (body, expected) in cases {
        let error = loki_json_to_protobuf(body.as_bytes()).expect_err(body).to_string();
        assert_eq!(error, format!("couldn't parse push request: {expected}"), "{body}");
    }
}
