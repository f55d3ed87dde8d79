//! Canaries in real messages of each format.

use protowire::Writer;
use testkit::canaries::{self, Canary};
use testkit::otlp::{self, Any, Attributes, Record, Series, Span, attributes};

use super::*;

fn redaction() -> Redaction {
    Redaction::new(RedactionSettings::default())
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// Masks, and checks what must always hold.
fn masked(format: WireFormat, body: Vec<u8>, canary: &Canary) -> Bytes {
    assert!(holds(&body, &canary.secret) || canary.secret.contains('\n'), "{}", canary.name);
    let body = Bytes::from(body);
    let (masked, counts) = redaction().mask(format, &body).unwrap_or_else(|| panic!("{} was not found", canary.name));
    assert_eq!(masked.len(), body.len());
    assert!(!holds(&masked, &canary.secret), "{}: {}", canary.name, String::from_utf8_lossy(&masked));
    assert!(counts.iter().sum::<u64>() > 0);
    let again = redaction().mask(format, &masked).map(|(again, _)| String::from_utf8_lossy(&again).into_owned());
    assert_eq!(again, None, "{}: masked twice: {}", canary.name, String::from_utf8_lossy(&masked));
    masked
}

/// The canary wherever attributes may hold it.
fn everywhere(canary: &Canary) -> Vec<Attributes> {
    let text = || Any::from(canary.text.as_str());
    let secret = || Any::from(canary.secret.as_str());
    vec![
        attributes([("note", text())]),
        attributes([(canary.key, if canary.key == "note" { text() } else { secret() })]),
        attributes([("list", Any::List(vec![1.into(), text()]))]),
        attributes([("map", Any::Map(vec![(canary.key.to_owned(), Any::List(vec![text(), text()]))]))]),
        attributes([("bytes", Any::Bytes(canary.text.clone().into_bytes()))]),
        attributes([("http.request.header.authorization", Any::List(vec![secret()]))]),
        attributes([(canary.text.as_str(), 1.into())]),
    ]
}

#[test]
fn no_canary_is_left_in_spans() {
    for canary in canaries::all(7) {
        let text = canary.text.clone();
        let mut bodies: Vec<Vec<u8>> = vec![
            otlp::traces(&Attributes::new(), &[Span { name: text.clone(), ..Span::default() }]),
            otlp::traces(&Attributes::new(), &[Span { status: Some((2, text.clone())), ..Span::default() }]),
            otlp::traces(&Attributes::new(), &[Span { trace_state: format!("a={text}"), ..Span::default() }]),
            otlp::traces(&Attributes::new(), &[Span { events: vec![(1, text.clone(), vec![])], ..Span::default() }]),
        ];
        for attributes in everywhere(&canary) {
            bodies.push(otlp::traces(&attributes, &[Span::default()]));
            bodies.push(otlp::traces(&vec![], &[Span { attributes: attributes.clone(), ..Span::default() }]));
            let (events, links) = (vec![(1, "e".to_owned(), attributes.clone())], vec![([1; 16], [2; 8], attributes)]);
            bodies.push(otlp::traces(&vec![], &[Span { events, links, ..Span::default() }]));
        }
        for body in bodies {
            let masked = masked(WireFormat::OtlpTraces, body, &canary);
            assert_eq!(crate::count::records(WireFormat::OtlpTraces, &masked), 1, "still a message");
        }
    }
}

#[test]
fn no_canary_is_left_in_logs_and_metrics() {
    for canary in canaries::all(8) {
        let body = Any::Map(vec![("msg".to_owned(), canary.text.as_str().into())]);
        for body in [Any::from(canary.text.as_str()), body] {
            let record = Record { body: Some(body), ..Record::default() };
            masked(WireFormat::OtlpLogs, otlp::logs(&vec![], &[record]), &canary);
        }
        for attributes in everywhere(&canary) {
            let record = Record { attributes: attributes.clone(), ..Record::default() };
            masked(WireFormat::OtlpLogs, otlp::logs(&vec![], &[record]), &canary);
            masked(WireFormat::OtlpMetrics, otlp::gauge(&vec![], "m", &[(attributes, 1, 1.0)]), &canary);
        }
        masked(WireFormat::OtlpMetrics, otlp::gauge(&vec![], &canary.text, &[(vec![], 1, 1.0)]), &canary);
    }
}

#[test]
fn no_canary_is_left_in_pushes() {
    for canary in canaries::all(9) {
        let pair = (canary.key, if canary.key == "note" { canary.text.as_str() } else { canary.secret.as_str() });
        for labels in [
            [("__name__", "m"), pair],
            [("__name__", "m"), ("note", canary.text.as_str())],
            [(&canary.text, "x"), ("a", "b")],
        ] {
            let body = otlp::remote_write(&[Series { labels: &labels, samples: &[(1, 1.0)] }]);
            masked(WireFormat::RemoteWriteV1, body, &canary);
            masked(WireFormat::RemoteWriteV2, remote_write_v2(&labels), &canary);
        }
        let escaped = canary.text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        for labels in [format!("{{app=\"a\", note=\"{escaped}\"}}"), "{app=\"a\"}".to_owned()] {
            let mut writer = Writer::new();
            writer.message(1, |stream| {
                stream.str(1, &labels).message(2, |entry| {
                    entry.message(1, |time| _ = time.varint(1, 1_795_363_200)).str(2, &canary.text);
                    entry.message(3, |label| _ = label.str(1, pair.0).str(2, pair.1));
                });
            });
            masked(WireFormat::LokiPush, writer.into_bytes(), &canary);
        }
    }
}

fn remote_write_v2(labels: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.str(4, "");
    for (name, value) in labels {
        writer.str(4, name).str(4, value);
    }
    let refs: Vec<u8> = (1..=labels.len() as u8 * 2).collect();
    writer.message(5, |series| _ = series.bytes(1, &refs));
    writer.into_bytes()
}

#[test]
fn clean_bodies_are_not_touched() {
    let span = Span {
        name: "GET /path".to_owned(),
        attributes: attributes([
            ("gen_ai.usage.input_tokens", 12.into()),
            ("gen_ai.token.type", "input".into()),
            ("url.full", "https://a.example/path?page=2&monkey=3".into()),
            ("cache.key", "session:42".into()),
            ("api_key_hash", "0123456789abcdef".into()),
            ("db.query.text", "SELECT token FROM t WHERE token = ?".into()),
        ]),
        ..Span::default()
    };
    let body = Bytes::from(otlp::traces(&attributes([("service.name", "a".into())]), &[span]));
    assert!(redaction().mask(WireFormat::OtlpTraces, &body).is_none());
    assert!(!redaction().suspects(&body) || body.len() > 100);
}

#[test]
fn unknown_fields_and_broken_messages_hold_no_canary_either() {
    let canary = &canaries::all(10)[0];
    let mut writer = Writer::new();
    writer
        .message(1, |spans| _ = spans.message(2, |scope| _ = scope.message(2, |span| _ = span.str(99, &canary.text))));
    masked(WireFormat::OtlpTraces, writer.into_bytes(), canary);
    let mut broken = otlp::traces(&vec![], &[Span { name: canary.text.clone(), ..Span::default() }]);
    broken.truncate(broken.len() - 3);
    masked(WireFormat::OtlpTraces, broken, canary);
    let mut deep = Any::from(canary.text.as_str());
    for _ in 0..100 {
        deep = Any::List(vec![deep]);
    }
    masked(WireFormat::OtlpLogs, otlp::logs(&vec![], &[Record { body: Some(deep), ..Record::default() }]), canary);
}

#[test]
fn reasons_repeat_no_secret() {
    for (text, expected) in [
        (
            "invalid type: string \"hunter2 \\\"x\\\"\", expected a sequence at line 1",
            "invalid type: string, expected a sequence at line 1",
        ),
        ("no such path \"/x?password=hunter2\"", "no such path \"/x?password=[REDACTED:secret]\""),
        ("bad id", "bad id"),
    ] {
        assert_eq!(reason(text), expected);
    }
}

#[test]
fn switched_off_it_does_nothing_and_options_add() {
    let canary = &canaries::all(11)[0];
    let body =
        |text: &str| Bytes::from(otlp::logs(&vec![], &[Record { body: Some(text.into()), ..Record::default() }]));
    let off = Redaction::new(RedactionSettings { enabled: false, ..RedactionSettings::default() });
    assert!(off.mask(WireFormat::OtlpLogs, &body(&canary.text)).is_none());
    let all = Redaction::new(RedactionSettings { emails: true, cards: true, ..RedactionSettings::default() });
    for (text, kind) in [("to a.b@mail.example", Kind::Email), ("card 4111 1111 1111 1111", Kind::Card)] {
        assert!(redaction().mask(WireFormat::OtlpLogs, &body(text)).is_none(), "{text}");
        let (_, counts) = all.mask(WireFormat::OtlpLogs, &body(text)).expect("found");
        assert_eq!(counts[kind.index()], 1);
    }
}
