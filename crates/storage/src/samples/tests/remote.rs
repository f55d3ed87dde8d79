//! Remote write from bytes to samples.

use super::*;
use protowire::Writer;

fn label(message: &mut Writer, name: &str, value: &str) {
    message.message(1, |label| {
        label.str(1, name).str(2, value);
    });
}

fn sample(message: &mut Writer, value: f64, time: i64) {
    message.message(2, |sample| {
        sample.double(1, value).varint(2, time as u64);
    });
}

#[test]
fn good_series_stay_when_others_are_refused() {
    let mut request = Writer::new();
    for round in 0..2 {
        request.message(1, |series| {
            label(series, "__name__", "up");
            label(series, "job", "a");
            sample(series, 1.0 + f64::from(round), 1000);
            sample(series, 2.0 + f64::from(round), 2000);
        });
    }
    request.message(1, |series| {
        label(series, "job", "b");
        sample(series, 1.0, 1000);
    });
    request.message(3, |metadata| {
        metadata.varint(1, 2).str(2, "up").str(4, "whether it is up");
    });
    let body = request.into_bytes().into();
    let payload = Payload { format: WireFormat::RemoteWriteV1, body, encoded: None, received: UnixNanos(1) };
    let signal = Samples::default();
    let head = Arc::new(signal.new_head(&TenantId::default()));
    for _ in 0..2 {
        let decoded = signal.decode(&payload).expect("valid");
        assert_eq!((decoded.appended.samples, decoded.appended.rejected), (4, 1));
        assert_eq!(decoded.appended.reason.as_deref(), Some("missing metric name"));
        signal.attach(&head, decoded.batch.expect("has samples"));
    }
    let found = select(&signal, std::slice::from_ref(&head), &[], &[]);
    assert_eq!(found.len(), 1);
    assert_eq!(values(&found), [(1000, 2.0), (2000, 3.0)]);
    let metadata = Source::new(&signal, &[head], &[]).metadata().expect("reads");
    assert_eq!(metadata["up"][0].help, "whether it is up");
}
