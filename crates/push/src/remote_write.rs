//! Walks over remote write messages.
//!
//! A series' label bytes are hashed, not decoded: a store that knows the hash needs no more. Samples, histograms and exemplars of one
//! series are collected in lists that are used again for the next series.

mod v1;
mod v2;

pub use v1::decode_remote_write_v1;
pub use v2::decode_remote_write_v2;

use model::UnixMillis;
use protowire::Fields;
use protowire::cursor::{Cursor, FIXED64, VARINT};

use crate::error::DecodeError;
use crate::view::SampleView;

/// Most samples, histograms or exemplars of one series in one request; Prometheus sends at most 2,000 samples in a request. An
/// empty sample takes two bytes on the wire and 24 in memory, so there must be some limit.
const PARTS_MAX: usize = 65_536;

fn push<T>(parts: &mut Vec<T>, part: T) -> Result<(), DecodeError> {
    if parts.len() >= PARTS_MAX {
        return Err(DecodeError::TooMany { max: PARTS_MAX });
    }
    parts.push(part);
    Ok(())
}

/// Reads a `Sample`: value 1, timestamp 2, and in 2.0 start timestamp 3.
#[inline]
fn decode_sample(message: &[u8]) -> Result<SampleView, DecodeError> {
    let mut sample = SampleView::default();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, FIXED64) => sample.value = cursor.double()?,
            (2, VARINT) => sample.time = UnixMillis(cursor.varint()? as i64),
            (3, VARINT) => sample.start_time = UnixMillis(cursor.varint()? as i64),
            other => cursor.skip(other, 0b1110)?,
        }
    }
    Ok(sample)
}

/// How many samples and histograms a series holds that could not be read, as far as its bytes make sense.
fn count_samples(series: &[u8], histogram_field: u32) -> u64 {
    let mut samples = 0;
    let mut fields = Fields::new(series);
    while let Ok(Some((field, _))) = fields.next_field() {
        samples += u64::from(field == 2 || field == histogram_field);
    }
    samples
}

#[cfg(test)]
mod tests;
