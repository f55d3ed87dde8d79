//! One page as read: checked, decompressed, its levels split from its values.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use store_api::StoreError;

use super::header::{PageHeader, PageKind};
use super::layout::Codec;
use super::thrift::damaged;
use super::{frames, rle};

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

/// Checks the page that `bytes` holds from its header to its end; gives header and stored body.
fn check(bytes: &[u8], kind: PageKind) -> Result<(PageHeader, &[u8]), StoreError> {
    let (header, header_bytes) = PageHeader::decode(bytes)?;
    let stored = &bytes[header_bytes..];
    if header.kind != kind || stored.len() != header.compressed as usize {
        return Err(damaged("a page is not where the index says"));
    }
    if header.crc.is_some_and(|crc| crc != crc32fast::hash(stored)) {
        return Err(StoreError::Corrupt("a page has a wrong checksum".into()));
    }
    Ok((header, stored))
}

fn body<'a>(header: &PageHeader, stored: &'a [u8], codec: Codec) -> Result<Cow<'a, [u8]>, StoreError> {
    match codec {
        Codec::Zstd => decompress(stored, header.uncompressed as usize).map(Cow::Owned),
        Codec::Plain if header.uncompressed == header.compressed => Ok(Cow::Borrowed(stored)),
        Codec::Plain => Err(damaged("a page has a wrong size")),
    }
}

/// Checks the page that `bytes` holds from its header to its end; gives header and body. Not for dictionaries of strings.
pub(super) fn open(bytes: &[u8], kind: PageKind, codec: Codec) -> Result<(PageHeader, Cow<'_, [u8]>), StoreError> {
    let (header, stored) = check(bytes, kind)?;
    let body = body(&header, stored, codec)?;
    Ok((header, body))
}

/// Entries of a dictionary page of strings, as far as someone wants them.
pub(super) struct Strings<'a> {
    /// Entries of the whole dictionary.
    pub entries: u32,
    /// The pieces wanted, in order: first entry, number of entries, bodies.
    pub pieces: Vec<(u32, u32, Cow<'a, [u8]>)>,
}

/// Checks a dictionary page of strings and decompresses the pieces of which `wants` says that an entry of them (first to end) is
/// needed. A dictionary that is one frame is one piece.
pub(super) fn open_strings(
    bytes: &[u8],
    codec: Codec,
    mut wants: impl FnMut(Range<u32>) -> bool,
) -> Result<Strings<'_>, StoreError> {
    let (header, stored) = check(bytes, PageKind::Dictionary)?;
    let entries = header.values;
    // Each entry has its length before it, so a count that needs more than there is cannot make a reader allocate.
    if entries as usize > header.uncompressed as usize / 4 {
        return Err(damaged("a dictionary has a wrong size"));
    }
    if codec == Codec::Zstd
        && let Some(frames) = frames::decode(stored, entries)?
    {
        if frames.iter().map(|frame| frame.length).sum::<usize>() != header.uncompressed as usize {
            return Err(damaged("a dictionary has a wrong size"));
        }
        let wanted = frames.iter().filter(|frame| wants(frame.first..frame.first + frame.entries));
        let pieces = wanted.map(|frame| {
            decompress(frame.stored, frame.length).map(|body| (frame.first, frame.entries, Cow::Owned(body)))
        });
        return Ok(Strings { entries, pieces: pieces.collect::<Result<_, _>>()? });
    }
    Ok(Strings { entries, pieces: vec![(0, entries, body(&header, stored, codec)?)] })
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
