//! Remote write 1.0: `prometheus.WriteRequest` {timeseries 1, metadata 3}.

use model::{MetricType, UnixMillis};
use protowire::cursor::{BYTES, Cursor, FIXED64, VARINT};

use super::{count_samples, decode_sample, push};
use crate::error::DecodeError;
use crate::hash::{hash_bytes, hash_hashes};
use crate::histogram::decode_histogram;
use crate::labels::{LabelsView, Repr};
use crate::sink::SeriesSink;
use crate::view::{ExemplarView, HistogramView, MetadataView, SampleView, SeriesView};

/// Walks a `prometheus.WriteRequest` (remote write 1.0), already decompressed. An error means that the outer structure is broken;
/// the sink may already have been given series, which the caller then throws away.
pub fn decode_remote_write_v1(request: &[u8], sink: &mut impl SeriesSink) -> Result<(), DecodeError> {
    let mut parts = Parts::default();
    let mut cursor = Cursor::new(request);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => {
                let message = cursor.bytes()?;
                match parts.read(message) {
                    Ok(()) => sink.series(&parts.view()),
                    Err(error) => sink.malformed(count_samples(message, 4), error),
                }
            }
            (3, BYTES) => match decode_metadata(cursor.bytes()?) {
                Ok(metadata) => sink.metadata(&metadata),
                Err(error) => sink.malformed(0, error),
            },
            other => cursor.skip(other, 0b1010)?,
        }
    }
    Ok(())
}

/// The series that is being read.
#[derive(Default)]
struct Parts<'a> {
    labels: &'a [u8],
    labels_hash: u64,
    samples: Vec<SampleView>,
    histograms: Vec<HistogramView>,
    exemplars: Vec<ExemplarView<'a, 'a>>,
}

impl<'a> Parts<'a> {
    fn view(&self) -> SeriesView<'_, 'a> {
        SeriesView {
            labels_hash: self.labels_hash,
            labels: LabelsView(Repr::Fields(self.labels)),
            samples: &self.samples,
            histograms: &self.histograms,
            exemplars: &self.exemplars,
            metadata: None,
        }
    }

    fn read(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
        // Where the run of labels begins and ends, and whether it is the only one.
        let (mut start, mut end, mut runs) = (0, 0, 0);
        let mut cursor = Cursor::new(message);
        let mut position = 0;
        while let Some(tag) = cursor.next_tag()? {
            match tag {
                (1, BYTES) => {
                    cursor.bytes()?;
                    if runs == 0 || position != end {
                        start = position;
                        runs += 1;
                    }
                    end = message.len() - cursor.rest().len();
                }
                (2, BYTES) => push(&mut self.samples, decode_sample(cursor.bytes()?)?)?,
                (3, BYTES) => push(&mut self.exemplars, decode_exemplar(cursor.bytes()?)?)?,
                (4, BYTES) => push(&mut self.histograms, decode_histogram(cursor.bytes()?)?)?,
                other => cursor.skip(other, 0b1_1110)?,
            }
            position = message.len() - cursor.rest().len();
        }
        if runs <= 1 {
            self.labels = &message[start..end];
            self.labels_hash = hash_bytes(self.labels);
        } else {
            self.labels = message;
            self.labels_hash = hash_scattered(message)?;
        }
        Ok(())
    }
}

/// Hash of labels that have other fields between them, which no known sender writes.
fn hash_scattered(message: &[u8]) -> Result<u64, DecodeError> {
    let mut hashes = Vec::new();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => hashes.push(hash_bytes(cursor.bytes()?)),
            other => cursor.skip(other, 0)?,
        }
    }
    Ok(hash_hashes(hashes.into_iter()))
}

/// Reads an `Exemplar`: labels 1, value 2, timestamp 3.
fn decode_exemplar(message: &[u8]) -> Result<ExemplarView<'_, '_>, DecodeError> {
    let mut exemplar =
        ExemplarView { labels: LabelsView(Repr::Fields(message)), value: 0.0, time: UnixMillis::default() };
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => drop(cursor.bytes()?),
            (2, FIXED64) => exemplar.value = cursor.double()?,
            (3, VARINT) => exemplar.time = UnixMillis(cursor.varint()? as i64),
            other => cursor.skip(other, 0b1110)?,
        }
    }
    Ok(exemplar)
}

/// Reads a `MetricMetadata`: type 1, family 2, help 4, unit 5.
fn decode_metadata(message: &[u8]) -> Result<MetadataView<'_>, DecodeError> {
    let mut metadata = MetadataView::default();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, VARINT) => metadata.metric_type = MetricType::from_number(cursor.varint()?),
            (2, BYTES) => metadata.family = cursor.str(2)?,
            (4, BYTES) => metadata.help = cursor.str(4)?,
            (5, BYTES) => metadata.unit = cursor.str(5)?,
            other => cursor.skip(other, 0b11_0110)?,
        }
    }
    Ok(metadata)
}
