//! Large dictionaries as several Zstandard frames, so that a reader of ten rows decompresses what these use and not a megabyte.
//!
//! To Zstandard the body of the page is one stream: frames stand one behind the other and the table of ours is a skippable
//! frame (RFC 8878 §3.1.2), which every decoder passes over. Layout, little end first:
//!
//! ```text
//! frame frame … │ 0x184D2A5E u32 │ bytes that follow u32 │ per frame: entries u32, stored bytes u32, body bytes u32 │ frames u32
//! ```

use store_api::StoreError;

use super::compress::Compressor;
use super::thrift::damaged;

/// Bytes of entries in a frame. Below it text compresses noticeably worse; decompressing one takes some 30 µs.
pub(super) const FRAME_BYTES: usize = 32 << 10;
/// Of the sixteen magic numbers for skippable frames, the one that is ours.
const TABLE_MAGIC: u32 = 0x184D_2A5E;
const PLACE_BYTES: usize = 12;
/// Magic, length, number of frames.
const TABLE_BYTES: usize = 12;

/// Where a frame ends in the body of a dictionary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Entries up to there.
    pub entries: u32,
    /// Bytes up to there.
    pub bytes: usize,
}

/// One frame of a stored dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Its first entry in the dictionary.
    pub first: u32,
    /// Its entries.
    pub entries: u32,
    /// Compressed.
    pub stored: &'a [u8],
    /// Its length when decompressed.
    pub length: usize,
}

/// Appends `body` to `out`, a frame for each piece between `cuts`, then the table. The last cut is the end of `body`.
pub(super) fn encode(body: &[u8], cuts: &[Cut], zstd: &mut Compressor, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let mut table = Vec::with_capacity(cuts.len() * PLACE_BYTES);
    let mut start = Cut { entries: 0, bytes: 0 };
    for &cut in cuts {
        let frame = zstd.compress(&body[start.bytes..cut.bytes])?;
        let place = [cut.entries - start.entries, frame.len() as u32, (cut.bytes - start.bytes) as u32];
        place.iter().for_each(|number| table.extend_from_slice(&number.to_le_bytes()));
        out.extend_from_slice(frame);
        start = cut;
    }
    out.extend_from_slice(&TABLE_MAGIC.to_le_bytes());
    out.extend_from_slice(&(table.len() as u32 + 4).to_le_bytes());
    out.extend_from_slice(&table);
    out.extend_from_slice(&(cuts.len() as u32).to_le_bytes());
    Ok(())
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The frames of a stored dictionary of `entries` entries; `None` when it is one frame without a table. `Corrupt` when the table
/// does not describe what is before it.
pub(super) fn decode(stored: &[u8], entries: u32) -> Result<Option<Vec<Frame<'_>>>, StoreError> {
    let Some(end) = stored.len().checked_sub(4) else { return Ok(None) };
    let table_bytes = number(&stored[end..]) as usize * PLACE_BYTES;
    let Some(start) = stored.len().checked_sub(table_bytes + TABLE_BYTES) else { return Ok(None) };
    let header = &stored[start..];
    if number(header) != TABLE_MAGIC || number(&header[4..]) as usize != table_bytes + 4 {
        return Ok(None);
    }
    let (mut rest, mut first) = (&stored[..start], 0u32);
    let mut frames = Vec::with_capacity(table_bytes / PLACE_BYTES);
    for place in stored[start + 8..end].as_chunks::<PLACE_BYTES>().0 {
        let (frame, after) =
            rest.split_at_checked(number(&place[4..]) as usize).ok_or_else(|| damaged("a dictionary ends early"))?;
        let frame = Frame { first, entries: number(place), stored: frame, length: number(&place[8..]) as usize };
        first = first.checked_add(frame.entries).ok_or_else(|| damaged("a dictionary has a wrong size"))?;
        rest = after;
        frames.push(frame);
    }
    if first == entries && rest.is_empty() { Ok(Some(frames)) } else { Err(damaged("a dictionary has a wrong size")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
        let (mut body, mut cuts, mut out) = (Vec::new(), Vec::new(), Vec::new());
        for piece in pieces {
            body.extend_from_slice(piece);
            cuts.push(Cut { entries: cuts.len() as u32 + 1, bytes: body.len() });
        }
        encode(&body, &cuts, &mut Compressor::new(1).expect("starts"), &mut out).expect("encodes");
        (body, out)
    }

    #[test]
    fn is_one_stream_to_any_decoder() {
        let (body, stored) = framed(&[b"first piece first piece", b"", b"third"]);
        assert_eq!(zstd::bulk::decompress(&stored, 1 << 10).expect("decompresses"), body);
        assert_eq!(zstd::stream::decode_all(&*stored).expect("decompresses"), body);
    }

    #[test]
    fn gives_back_the_frames() {
        let (_, stored) = framed(&[b"first piece first piece", b"", b"third"]);
        let frames = decode(&stored, 3).expect("intact").expect("a table");
        let firsts: Vec<_> = frames.iter().map(|frame| (frame.first, frame.entries, frame.length)).collect();
        assert_eq!(firsts, [(0, 1, 23), (1, 1, 0), (2, 1, 5)]);
        assert_eq!(zstd::bulk::decompress(frames[2].stored, 8).expect("decompresses"), b"third");
    }

    #[test]
    fn a_table_that_lies_is_refused_and_other_bytes_are_no_table() {
        let (_, stored) = framed(&[b"first", b"second"]);
        assert!(decode(&stored, 3).is_err());
        let mut longer = stored.clone();
        longer.insert(0, 0);
        assert!(decode(&longer, 2).is_err());
        assert_eq!(decode(&[], 0).expect("nothing"), None);
        assert_eq!(decode(&[255; 64], 2).expect("no table"), None);
        let plain = zstd::bulk::compress(b"one frame", 1).expect("compresses");
        assert_eq!(decode(&plain, 1).expect("no table"), None);
    }
}
