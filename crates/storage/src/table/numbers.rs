//! Encodings of numbers: integers and, by their bits, doubles.
//!
//! Which encoding is best depends on the data (timestamps in order: differences; the same timestamps series after series: plain
//! bytes that Zstandard finds again; statuses: a dictionary). So a sample from the middle of the chunk is encoded in each way
//! and compressed, and the smallest wins; the whole chunk is encoded once.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::compress::Compressor;
use super::encode::min_max;
use super::header::encoding;
use super::raw::{RawChunk, Rows};
use super::{delta, indexes};

/// Values of a sample: enough to see structure, few enough to cost 2 % an encoding of a chunk of 100,000 rows.
const SAMPLE: usize = 2048;
/// A dictionary is tried when a sample has at most this share of distinct values.
const DISTINCT_SHARE: usize = 4;
/// Plain bytes must be smaller than another encoding by one in this many.
const PLAIN_HANDICAP: usize = 10;
/// Entries at most: 16-bit indexes.
const ENTRIES_MAX: usize = 1 << 16;

/// How numbers are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberKind {
    /// INT32.
    Narrow,
    /// INT64.
    Wide,
    /// The bits of a DOUBLE.
    Double,
}

impl NumberKind {
    fn bytes(self) -> usize {
        if self == Self::Narrow { 4 } else { 8 }
    }
}

/// Distinct numbers and where they stand, with memory kept from chunk to chunk.
#[derive(Default)]
pub(super) struct NumberIndex {
    slots: HashMap<i64, u32, RandomState>,
    near: Vec<u32>,
    /// The distinct numbers.
    entries: Vec<i64>,
    /// For each value its place in `entries`.
    ids: Vec<u32>,
}

impl NumberIndex {
    /// Indexes `values`; false when more than `most` are distinct.
    fn build(&mut self, values: &[i64], most: usize) -> bool {
        self.entries.clear();
        self.ids.clear();
        self.ids.reserve(values.len());
        let Some((least, greatest)) = min_max(values) else { return true };
        // A table over the range needs no hash. It is worth its clearing while the range is of the order of the values.
        let range = greatest.wrapping_sub(least) as u64;
        if range < (values.len() * 2).max(256) as u64 {
            self.near(values, least, range, most)
        } else {
            self.far(values, most)
        }
    }

    fn near(&mut self, values: &[i64], least: i64, range: u64, most: usize) -> bool {
        self.near.clear();
        self.near.resize(range as usize + 1, 0);
        values.iter().for_each(|value| self.near[(value - least) as usize] = 1);
        for (offset, slot) in self.near.iter_mut().enumerate().filter(|(_, slot)| **slot == 1) {
            *slot = self.entries.len() as u32;
            self.entries.push(least + offset as i64);
        }
        self.ids.extend(values.iter().map(|value| self.near[(value - least) as usize]));
        self.entries.len() <= most
    }

    fn far(&mut self, values: &[i64], most: usize) -> bool {
        self.slots.clear();
        let mut previous = (values[0], u32::MAX);
        for &value in values {
            // Runs are common where dictionaries are good, and a comparison is cheaper than a look-up.
            if value != previous.0 || previous.1 == u32::MAX {
                let next = self.entries.len() as u32;
                previous = (value, *self.slots.entry(value).or_insert(next));
                if previous.1 == next {
                    self.entries.push(value);
                    if self.entries.len() > most {
                        return false;
                    }
                }
            }
            self.ids.push(previous.1);
        }
        true
    }
}

fn plain(values: &[i64], kind: NumberKind, out: &mut Vec<u8>) {
    if kind == NumberKind::Narrow {
        values.iter().for_each(|&value| out.extend_from_slice(&(value as i32).to_le_bytes()));
    } else {
        values.iter().for_each(|&value| out.extend_from_slice(&value.to_le_bytes()));
    }
}

/// All first bytes, then all second bytes, and so on.
fn split(values: &[i64], kind: NumberKind, out: &mut Vec<u8>) {
    for shift in (0..kind.bytes()).map(|byte| byte * 8) {
        out.extend(values.iter().map(|value| (value >> shift) as u8));
    }
}

fn put(values: &[i64], kind: NumberKind, with: u8, out: &mut Vec<u8>) {
    match with {
        encoding::DELTA_BINARY_PACKED => delta::encode(values, kind == NumberKind::Narrow, out),
        encoding::BYTE_STREAM_SPLIT => split(values, kind, out),
        _ => plain(values, kind, out),
    }
}

/// Encodes the values of a chunk (nulls left out) into `raw`.
pub(super) fn encode(
    values: &[i64],
    kind: NumberKind,
    rows: Rows<'_>,
    index: &mut NumberIndex,
    zstd: &mut Compressor,
    raw: &mut RawChunk,
) {
    raw.finer = true;
    let length = SAMPLE.min(values.len());
    let start = (values.len() - length) / 2;
    let sample = &values[start..start + length];
    // Other readers know byte streams of integers only since lately, and differences serve those as well.
    let other = if kind == NumberKind::Double { encoding::BYTE_STREAM_SPLIT } else { encoding::DELTA_BINARY_PACKED };
    let mut body = Vec::with_capacity(length * 8 + 64);
    let (mut best, mut least) = (encoding::PLAIN, usize::MAX);
    for candidate in [other, encoding::PLAIN] {
        body.clear();
        put(sample, kind, candidate, &mut body);
        let bytes = zstd.size_of(&body);
        // Plain bytes are eight a value to decompress, so they must be clearly smaller to be worth reading.
        let weight = if candidate == encoding::PLAIN { bytes + bytes / PLAIN_HANDICAP } else { bytes };
        if weight < least {
            (best, least) = (candidate, bytes);
        }
    }
    if index.build(sample, length / DISTINCT_SHARE) {
        body.clear();
        indexes::put_page(&index.ids, indexes::aligned(&index.ids, zstd), &mut body);
        // The entries of the dictionary are shared by the whole chunk; the sample bears its part.
        let entries = (index.entries.len() * kind.bytes()) as u64 * length as u64 / values.len().max(1) as u64;
        let smaller = zstd.size_of(&body) + (entries as usize) < least;
        let most = ENTRIES_MAX.min(values.len() / DISTINCT_SHARE);
        if smaller && index.build(values, most) {
            plain(&index.entries, kind, &mut raw.dictionary);
            return indexes::put_pages(rows, &index.ids, index.entries.len(), zstd, raw);
        }
    }
    raw.put_pages(rows, best, |range, out| put(&values[range], kind, best, out));
}
