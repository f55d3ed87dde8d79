//! Tests of the remote write walkers, the first half against prost with hand-written message types.

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::sink::SeriesSink;
use crate::view::{MetadataView, SeriesView};

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
    #[prost(int64, tag = "3")]
    start_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ExemplarV1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct SeriesV1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<ExemplarV1>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    metric_type: i32,
    #[prost(string, tag = "2")]
    family: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<SeriesV1>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct SeriesV2 {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(int64, tag = "6")]
    created_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct RequestV2 {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    series: Vec<SeriesV2>,
}

/// Builds the request anew from what it is given.
#[derive(Default)]
struct Rebuilt {
    request: WriteRequest,
    hashes: Vec<u64>,
    malformed: u64,
    labels_refused: usize,
}

fn labels_of(view: &crate::LabelsView<'_, '_>) -> Result<Vec<Label>, DecodeError> {
    let mut pairs = Vec::new();
    view.decode(&mut pairs)?;
    Ok(pairs.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect())
}

impl SeriesSink for Rebuilt {
    fn series(&mut self, series: &SeriesView<'_, '_>) {
        let Ok(labels) = labels_of(&series.labels) else {
            self.labels_refused += 1;
            return;
        };
        self.hashes.push(series.labels_hash);
        let sample = |sample: &SampleView| Sample {
            value: sample.value,
            timestamp: sample.time.0,
            start_timestamp: sample.start_time.0,
        };
        let mut exemplars = Vec::new();
        for exemplar in series.exemplars {
            let Ok(labels) = labels_of(&exemplar.labels) else {
                self.labels_refused += 1;
                return;
            };
            exemplars.push(ExemplarV1 { labels, value: exemplar.value, timestamp: exemplar.time.0 });
        }
        self.request.series.push(SeriesV1 { labels, samples: series.samples.iter().map(sample).collect(), exemplars });
    }
    fn metadata(&mut self, metadata: &MetadataView<'_>) {
        self.request.metadata.push(Metadata {
            metric_type: metadata.metric_type as i32,
            family: metadata.family.into(),
            help: metadata.help.into(),
            unit: metadata.unit.into(),
        });
    }
    fn malformed(&mut self, samples: u64, _: DecodeError) {
        self.malformed += samples.max(1);
    }
}

fn label() -> impl Strategy<Value = Label> {
    ("[a-z_é]{0,6}", ".{0,9}").prop_map(|(name, value)| Label { name, value })
}

fn sample() -> impl Strategy<Value = Sample> {
    // NaNs never compare equal, so the values are numbers here; bits are tested below.
    (-1e9..1e9, any::<i64>(), any::<i64>()).prop_map(|(value, timestamp, start_timestamp)| Sample {
        value,
        timestamp,
        start_timestamp,
    })
}

fn write_request() -> impl Strategy<Value = WriteRequest> {
    let exemplar = (vec(label(), 0..3), -1e9..1e9, any::<i64>()).prop_map(|(labels, value, timestamp)| ExemplarV1 {
        labels,
        value,
        timestamp,
    });
    let series = (vec(label(), 0..5), vec(sample(), 0..4), vec(exemplar, 0..2))
        .prop_map(|(labels, samples, exemplars)| SeriesV1 { labels, samples, exemplars });
    let metadata = (0..8, ".{0,5}", ".{0,5}", ".{0,5}").prop_map(|(metric_type, family, help, unit)| Metadata {
        metric_type,
        family,
        help,
        unit,
    });
    (vec(series, 0..5), vec(metadata, 0..3)).prop_map(|(series, metadata)| WriteRequest { series, metadata })
}

proptest! {
    #[test]
    fn v1_agrees_with_prost(request in write_request()) {
        let mut rebuilt = Rebuilt::default();
        decode_remote_write_v1(&request.encode_to_vec(), &mut rebuilt).expect("valid");
        for (a, hash_a) in request.series.iter().zip(&rebuilt.hashes) {
            for (b, hash_b) in request.series.iter().zip(&rebuilt.hashes) {
                prop_assert_eq!(a.labels == b.labels, hash_a == hash_b);
            }
        }
        prop_assert_eq!(rebuilt.request, request);
    }

    #[test]
    fn v1_takes_what_prost_takes(request in write_request(), flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = request.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut rebuilt = Rebuilt::default();
        let ours = decode_remote_write_v1(&bytes, &mut rebuilt);
        // Histograms are not in the hand-written types, so a flip may make one that only we read; values may have become NaN.
        if let Ok(theirs) = WriteRequest::decode(bytes.as_slice()) {
            prop_assert!(ours.is_ok());
            if rebuilt.malformed == 0 {
                prop_assert_eq!(rebuilt.labels_refused, 0);
                prop_assert_eq!(rebuilt.request.series.len(), theirs.series.len());
            }
        }
    }

    #[test]
    fn v2_resolves_symbols(table in vec(".{0,6}", 1..6), refs in vec(vec(any::<prop::sample::Index>(), 0..6), 0..5), samples in vec(sample(), 0..3)) {
        let series = |refs: &Vec<prop::sample::Index>| SeriesV2 {
            labels_refs: refs.iter().take(refs.len() / 2 * 2).map(|at| at.index(table.len()) as u32).collect(),
            samples: samples.clone(),
            created_timestamp: 0,
        };
        let request = RequestV2 { symbols: table.clone(), series: refs.iter().map(series).collect() };
        let mut rebuilt = Rebuilt::default();
        decode_remote_write_v2(&request.encode_to_vec(), &mut rebuilt).expect("valid");
        prop_assert_eq!(rebuilt.malformed, 0);
        for (ours, theirs) in rebuilt.request.series.iter().zip(&request.series) {
            let texts: Vec<_> = theirs.labels_refs.iter().map(|at| table[*at as usize].clone()).collect();
            let ours_texts: Vec<_> = ours.labels.iter().flat_map(|label| [label.name.clone(), label.value.clone()]).collect();
            prop_assert_eq!(ours_texts, texts);
            prop_assert_eq!(&ours.samples, &theirs.samples);
        }
        prop_assert_eq!(rebuilt.request.series.len(), request.series.len());
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode_remote_write_v1(&bytes, &mut Rebuilt::default());
        let _ = decode_remote_write_v2(&bytes, &mut Rebuilt::default());
        let _ = crate::snappy::decompress(&bytes, 1 << 16);
    }
}

#[test]
fn stale_markers_keep_their_bits() {
    let bits = model::sample::STALE_NAN_BITS;
    let request = WriteRequest {
        series: vec![SeriesV1 {
            samples: vec![Sample { value: f64::from_bits(bits), timestamp: 1, start_timestamp: 0 }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut rebuilt = Rebuilt::default();
    decode_remote_write_v1(&request.encode_to_vec(), &mut rebuilt).expect("valid");
    assert_eq!(rebuilt.request.series[0].samples[0].value.to_bits(), bits);
}

#[test]
fn labels_may_be_scattered_among_the_samples() {
    let name = Label { name: "__name__".into(), value: "up".into() };
    let job = Label { name: "job".into(), value: "x".into() };
    let part = |label: &Label| SeriesV1 {
        labels: vec![label.clone()],
        samples: vec![Sample::default()],
        ..Default::default()
    };
    let mut scattered = part(&name).encode_to_vec();
    scattered.extend(part(&job).encode_to_vec());
    let mut request = protowire::Writer::new();
    request.bytes(1, &scattered).bytes(1, &scattered);
    let mut rebuilt = Rebuilt::default();
    decode_remote_write_v1(&request.into_bytes(), &mut rebuilt).expect("valid");
    assert_eq!(rebuilt.request.series[0].labels, [name, job]);
    assert_eq!(rebuilt.request.series[0].samples.len(), 2);
    assert_eq!(rebuilt.hashes[0], rebuilt.hashes[1]);
}

#[test]
fn wrong_references_cost_their_series_only() {
    let series = |refs: &[u32]| SeriesV2 {
        labels_refs: refs.to_vec(),
        samples: vec![Sample { timestamp: 5, ..Default::default() }],
        created_timestamp: 3,
    };
    let request = RequestV2 {
        symbols: vec!["".into(), "a".into()],
        series: vec![series(&[0, 2]), series(&[1]), series(&[1, 1])],
    };
    let mut rebuilt = Rebuilt::default();
    decode_remote_write_v2(&request.encode_to_vec(), &mut rebuilt).expect("valid outside");
    assert_eq!((rebuilt.malformed, rebuilt.request.series.len()), (2, 1));
    assert_eq!(rebuilt.request.series[0].samples[0].start_timestamp, 3);
    // Symbols that are no UTF-8 spoil the table.
    assert!(decode_remote_write_v2(&[0x22, 1, 0xff], &mut Rebuilt::default()).is_err());
}
