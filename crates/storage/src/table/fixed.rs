//! Encodings of values of fixed width: ids.
//!
//! Equal neighbours make a run, and where rows are sorted by id each run is one dictionary entry: a trace id costs its bytes
//! once. Ids of their own (span ids) stay plain.

use super::compress::Compressor;
use super::header::encoding;
use super::raw::{RawChunk, Rows};
use super::{ColumnSpec, bloom, indexes};

/// Encodes the values of a chunk, nulls left out.
pub(super) fn encode(
    bytes: &[u8],
    width: usize,
    spec: &ColumnSpec,
    rows: Rows<'_>,
    ids: &mut Vec<u32>,
    zstd: &mut Compressor,
    raw: &mut RawChunk,
) {
    match width {
        16 => runs(bytes.as_chunks::<16>().0.iter(), spec.bloom, ids, raw),
        8 => runs(bytes.as_chunks::<8>().0.iter(), spec.bloom, ids, raw),
        _ => runs(bytes.chunks_exact(width), spec.bloom, ids, raw),
    }
    let entries = ids.last().map_or(0, |&last| last as usize + 1);
    if entries > 0 && entries * 2 <= ids.len() {
        let mut previous = u32::MAX;
        for (value, &id) in bytes.chunks_exact(width).zip(&*ids) {
            if id != previous {
                raw.dictionary.extend_from_slice(value);
                previous = id;
            }
        }
        indexes::put_pages(rows, ids, entries, zstd, raw);
    } else {
        raw.put_pages(rows, encoding::PLAIN, |range, out| {
            out.extend_from_slice(&bytes[range.start * width..range.end * width]);
        });
    }
    if spec.page_index {
        match width {
            16 => bounds(bytes.as_chunks::<16>().0, |value| value, raw),
            8 => bounds(bytes.as_chunks::<8>().0, |value| value, raw),
            _ => bounds(&bytes.chunks_exact(width).collect::<Vec<_>>(), |value| value, raw),
        }
    }
}

/// Numbers the runs of equal neighbours.
fn runs<T: AsRef<[u8]> + PartialEq + Copy>(
    values: impl Iterator<Item = T>,
    bloom: bool,
    ids: &mut Vec<u32>,
    raw: &mut RawChunk,
) {
    ids.clear();
    ids.reserve(values.size_hint().0);
    let (mut previous, mut runs) = (None, 0u32);
    for value in values {
        if previous != Some(value) {
            runs += 1;
            if bloom {
                raw.hashes.push(bloom::hash(value.as_ref()));
            }
            previous = Some(value);
        }
        ids.push(runs - 1);
    }
}

fn bounds<T: Ord>(values: &[T], bytes: impl Fn(&T) -> &[u8], raw: &mut RawChunk) {
    let mut start = 0;
    for page in &raw.pages {
        let end = start + (page.rows - page.nulls) as usize;
        let bounds = values[start..end].split_first().map(|(first, rest)| {
            let (mut least, mut greatest) = (first, first);
            for value in rest {
                if value > greatest {
                    greatest = value;
                } else if value < least {
                    least = value;
                }
            }
            (bytes(least).into(), bytes(greatest).into())
        });
        raw.bounds.pages.push(bounds.unwrap_or_default());
        start = end;
    }
}
