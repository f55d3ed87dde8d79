//! One page as read: checked, decompressed, its levels split from its values.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use store_api::StoreError;

use super::header::{PageHeader, PageKind};
use super::layout::Codec;
use super::rle;
use super::thrift::damaged;

thread_local! {
    /// A context takes 150 KiB and some microseconds to make, which would show in point reads.
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

fn decompress(frame: &[u8], length: usize) -> Result<Vec<u8>, StoreError> {
    // The frame is under the page's checksum, the header is not: trust a length only when both agree on it.
    if !matches!(zstd::zstd_safe::get_frame_content_size(frame), Ok(Some(size)) if size == length as u64) {
        return Err(damaged("a page has a wrong size"));
    }
    ZSTD.with_borrow_mut(|slot| {
        if slot.is_none() {
            let made = zstd::bulk::Decompressor::new();
            *slot = Some(made.map_err(|source| StoreError::Io { context: "cannot start zstd".into(), source })?);
        }
        let zstd = slot.as_mut().expect("filled above");
        let mut body = Vec::with_capacity(length);
        zstd.decompress_to_buffer(frame, &mut body).map_err(|_| damaged("a page does not decompress"))?;
        if body.len() == length { Ok(body) } else { Err(damaged("a page has a wrong size")) }
    })
}

/// Checks the page that `bytes` holds from its header to its end; gives header and body.
pub(super) fn open(bytes: &[u8], kind: PageKind, codec: Codec) -> Result<(PageHeader, Cow<'_, [u8]>), StoreError> {
    let (header, header_bytes) = PageHeader::decode(bytes)?;
    let stored = &bytes[header_bytes..];
    if header.kind != kind || stored.len() != header.compressed as usize {
        return Err(damaged("a page is not where the index says"));
    }
    if header.crc.is_some_and(|crc| crc != crc32fast::hash(stored)) {
        return Err(StoreError::Corrupt("a page has a wrong checksum".into()));
    }
    let body = match codec {
        Codec::Zstd => Cow::Owned(decompress(stored, header.uncompressed as usize)?),
        Codec::Plain if header.uncompressed == header.compressed => Cow::Borrowed(stored),
        Codec::Plain => return Err(damaged("a page has a wrong size")),
    };
    Ok((header, body))
}

/// Levels of a page: which of its rows have a value.
pub(super) struct Levels {
    /// One a row; empty when all have a value.
    levels: Vec<u32>,
    rows: usize,
}

impl Levels {
    /// Takes the levels off the front of `body`, which must be of a page of `rows` rows.
    pub(super) fn take(body: &mut &[u8], rows: usize, optional: bool) -> Result<Self, StoreError> {
        let mut levels = Vec::new();
        if optional {
            let early = || damaged("a page ends early");
            let (length, rest) = body.split_first_chunk::<4>().ok_or_else(early)?;
            let (packed, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(early)?;
            *body = rest;
            rle::decode(packed, 1, rows, &mut levels)?;
            if levels.iter().all(|&level| level == 1) {
                levels.clear();
            }
        }
        Ok(Self { levels, rows })
    }

    /// Number of values in the page.
    pub(super) fn values(&self) -> usize {
        if self.levels.is_empty() { self.rows } else { count(&self.levels) }
    }

    /// The levels of some rows (empty when all rows of the page have values), and the range of their values.
    pub(super) fn slice(&self, rows: Range<usize>) -> (&[u32], Range<usize>) {
        if self.levels.is_empty() {
            return (&[], rows);
        }
        let before = count(&self.levels[..rows.start]);
        let levels = &self.levels[rows];
        (levels, before..before + count(levels))
    }
}

fn count(levels: &[u32]) -> usize {
    levels.iter().map(|&level| (level & 1) as usize).sum()
}
