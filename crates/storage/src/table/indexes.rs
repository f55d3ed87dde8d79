//! Pages of dictionary indexes.

use super::compress::Compressor;
use super::header::encoding;
use super::raw::{RawChunk, Rows};
use super::rle;

/// Indexes of a sample to choose the width by.
const SAMPLE: usize = 2048;

/// Writes the values of one index page: width, then runs or packed values. With `aligned` the width is whole bytes.
pub(super) fn put_page(ids: &[u32], aligned: bool, out: &mut Vec<u8>) {
    let mut width = rle::bit_width(rle::greatest(ids.iter().copied()));
    if aligned {
        width = width.next_multiple_of(8);
    }
    out.push(width as u8);
    rle::encode(ids, width, out);
}

/// Whether these indexes compress better at whole bytes. Packed bits are short, but Zstandard sees bytes: skewed or repeating
/// indexes often end up smaller when each has bytes of its own.
pub(super) fn aligned(ids: &[u32], zstd: &mut Compressor) -> bool {
    let width = rle::bit_width(rle::greatest(ids.iter().copied()));
    if width.is_multiple_of(8) {
        return false;
    }
    let mut body = Vec::with_capacity(ids.len() * 4);
    put_page(ids, false, &mut body);
    let packed = zstd.size_of(&body);
    body.clear();
    put_page(ids, true, &mut body);
    // Whole bytes cost the reader more to decompress; a tie is not worth it.
    zstd.size_of(&body) * 100 < packed * 97
}

/// Writes all index pages of a chunk whose dictionary has `entries` entries.
pub(super) fn put_pages(rows: Rows<'_>, ids: &[u32], entries: usize, zstd: &mut Compressor, raw: &mut RawChunk) {
    if entries == 0 {
        // Nulls only. A dictionary page without entries, or index pages without a dictionary, confuse some readers.
        return raw.put_pages(rows, encoding::PLAIN, |_, _| ());
    }
    raw.entries = entries as u32;
    raw.finer = true;
    let start = ids.len().saturating_sub(SAMPLE) / 2;
    let aligned = aligned(&ids[start..ids.len().min(start + SAMPLE)], zstd);
    raw.put_pages(rows, encoding::RLE_DICTIONARY, |range, out| put_page(&ids[range], aligned, out));
}
