//! Encodings of numbers: integers and, by their bits, doubles.
//!
//! Which encoding is best depends on the data (timestamps in order: differences; the same timestamps series after series: plain
//! bytes that Zstandard finds again; statuses: a dictionary). So a sample from the middle of the chunk is encoded in each way
//! and compressed, and the smallest wins; the whole chunk is encoded once.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::compress::Compressor;
use super::layout::encoding;
use super::raw::{RawChunk, Rows};
use super::{delta, indexes};

/// Values of a sample: enough to see a page's structure, few enough to cost 2-3 % of a chunk of 100,000 rows.
const SAMPLE: usize = 4096;
/// A dictionary is tried when a sample has at most this share of distinct values.
const DISTINCT_SHARE: usize = 4;
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

/// Numbers to numbers, kept from chunk to chunk.
pub(super) type Slots = HashMap<i64, u32, RandomState>;

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

/// Numbers by first appearance; false when there are more than `most`.
fn index(values: &[i64], most: usize, slots: &mut Slots, ids: &mut Vec<u32>) -> bool {
    slots.clear();
    ids.clear();
    ids.reserve(values.len());
    let mut previous = (0, u32::MAX);
    for &value in values {
        // Runs are common where dictionaries are good, and a comparison is cheaper than a look-up.
        if (value, true) != (previous.0, previous.1 != u32::MAX) {
            let next = slots.len() as u32;
            previous = (value, *slots.entry(value).or_insert(next));
            if slots.len() > most {
                return false;
            }
        }
        ids.push(previous.1);
    }
    true
}

/// Encodes the values of a chunk (nulls left out) into `raw`.
pub(super) fn encode(
    values: &[i64],
    kind: NumberKind,
    rows: Rows<'_>,
    (slots, ids): (&mut Slots, &mut Vec<u32>),
    zstd: &mut Compressor,
    raw: &mut RawChunk,
) {
    let length = (values.len() / 16).max(1024).min(SAMPLE).min(values.len());
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
        if bytes < least {
            (best, least) = (candidate, bytes);
        }
    }
    if index(sample, length / DISTINCT_SHARE, slots, ids) {
        body.clear();
        indexes::put_page(ids, indexes::aligned(ids, zstd), &mut body);
        // The entries of the dictionary are shared by the whole chunk; the sample bears its part.
        let entries = (slots.len() * kind.bytes()) as u64 * length as u64 / values.len().max(1) as u64;
        let smaller = zstd.size_of(&body) + (entries as usize) < least;
        let most = ENTRIES_MAX.min(values.len() / DISTINCT_SHARE);
        if smaller && index(values, most, slots, ids) {
            let mut entries = vec![0; slots.len()];
            slots.iter().for_each(|(&value, &slot)| entries[slot as usize] = value);
            plain(&entries, kind, &mut raw.dictionary);
            return indexes::put_pages(rows, ids, entries.len(), zstd, raw);
        }
    }
    raw.put_pages(rows, best, |range, out| put(&values[range], kind, best, out));
}
