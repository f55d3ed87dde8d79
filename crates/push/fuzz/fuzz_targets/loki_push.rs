//! The Loki walker, the JSON transcoder and the label parser never panic; what the transcoder writes, the walker reads whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use push::{DecodeError, EntryView, StreamSink, StreamView};

/// Looks at everything that it is given.
#[derive(Default)]
struct Everything {
    malformed: u64,
}

impl StreamSink for Everything {
    fn stream(&mut self, stream: &StreamView<'_>) {
        if let Ok(labels) = push::parse_stream_labels(stream.labels) {
            assert!(!labels.is_empty());
        }
    }
    fn entry(&mut self, entry: &EntryView<'_, '_>) {
        assert!(entry.metadata.len() <= 65_536);
    }
    fn malformed(&mut self, entries: u64, error: DecodeError) {
        assert!(!error.to_string().is_empty());
        self.malformed += entries.max(1);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = push::decode_loki_push(bytes, &mut Everything::default());
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = push::parse_stream_labels(text);
    }
    if let Ok(request) = push::loki_json_to_protobuf(bytes) {
        let mut everything = Everything::default();
        push::decode_loki_push(&request, &mut everything).expect("the transcoder writes protobuf");
        assert_eq!(everything.malformed, 0);
    }
});
