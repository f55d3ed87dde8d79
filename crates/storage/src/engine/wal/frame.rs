//! The byte format of a segment: a header, then frames. Drawn in `docs/formats/wal.md`.
//!
//! ```text
//! segment header  "QTWAL\0" · version u16 · generation u64                                        16 bytes
//! frame           length u32 · crc32 u32 · body                                                   8 + length bytes
//! body            format u8 · encoding u8 · tenant length u8 · 0 · plain length u32 · received u64 · tenant · payload
//! ```
//! All numbers are little-endian. `length` counts the body, the CRC-32 (IEEE) covers it.

use std::io::Read;

use bytes::Bytes;
use model::{TenantId, UnixNanos};
use store_api::{BodyEncoding, Payload, WireFormat};

/// Bytes of the segment header.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 16;
/// Bytes of a frame before its body.
pub(crate) const FRAME_PREFIX_BYTES: usize = 8;
const BODY_HEADER_BYTES: usize = 16;
const MAGIC: &[u8; 6] = b"QTWAL\0";
const VERSION: u16 = 1;
/// Our own compression of payloads that came uncompressed; the other encodings are [`BodyEncoding`]'s numbers.
const ENCODING_LZ4: u8 = 16;
/// Largest plain payload that a frame may announce: guards replay against a damaged length. Receivers refuse far less.
const PLAIN_BYTES_MAX: usize = 1 << 30;
/// Below this, compression saves less than a disk sector.
const COMPRESS_BYTES_MIN: usize = 512;

/// The header of a segment.
pub(crate) fn segment_header(generation: u64) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    header[..6].copy_from_slice(MAGIC);
    header[6..8].copy_from_slice(&VERSION.to_le_bytes());
    header[8..].copy_from_slice(&generation.to_le_bytes());
    header
}

/// The generation that a segment header names; `None` when it is not one of ours.
pub(crate) fn read_segment_header(header: &[u8]) -> Option<u64> {
    let header: &[u8; SEGMENT_HEADER_BYTES] = header.first_chunk()?;
    let version = u16::from_le_bytes([header[6], header[7]]);
    (header[..6] == *MAGIC && version == VERSION).then(|| read_u64(&header[8..]))
}

/// Encodes one request as a frame at the start of `buffer`, which grows as needed and is meant to be used again; returns the frame's
/// length. Bytes that came compressed are kept so; others are compressed with LZ4, which costs less CPU than writing them
/// plain costs in page cache and write-back.
pub(crate) fn encode_into(buffer: &mut Vec<u8>, tenant: &TenantId, payload: &Payload) -> usize {
    let name = tenant.as_str().as_bytes();
    let payload_start = FRAME_PREFIX_BYTES + BODY_HEADER_BYTES + name.len();
    let sent_bytes = payload.encoded.as_ref().map_or(0, |encoded| encoded.bytes.len());
    let room = payload_start + sent_bytes.max(lz4_flex::block::get_maximum_output_size(payload.body.len()));
    if buffer.len() < room {
        buffer.resize(room, 0);
    }
    buffer[FRAME_PREFIX_BYTES + BODY_HEADER_BYTES..payload_start].copy_from_slice(name);
    let (encoding, used) = put_payload(&mut buffer[payload_start..], payload);
    let end = payload_start + used;
    let header = &mut buffer[FRAME_PREFIX_BYTES..FRAME_PREFIX_BYTES + BODY_HEADER_BYTES];
    header[..4].copy_from_slice(&[payload.format as u8, encoding, name.len() as u8, 0]);
    header[4..8].copy_from_slice(&(payload.body.len() as u32).to_le_bytes());
    header[8..16].copy_from_slice(&payload.received.0.to_le_bytes());
    let crc = crc32fast::hash(&buffer[FRAME_PREFIX_BYTES..end]);
    buffer[..4].copy_from_slice(&((end - FRAME_PREFIX_BYTES) as u32).to_le_bytes());
    buffer[4..8].copy_from_slice(&crc.to_le_bytes());
    end
}

/// As [`encode_into`], into a buffer of its own.
#[cfg(test)]
pub(crate) fn encode(tenant: &TenantId, payload: &Payload) -> Vec<u8> {
    let mut frame = Vec::new();
    let length = encode_into(&mut frame, tenant, payload);
    frame.truncate(length);
    frame
}

/// Puts the payload at the start of `target`; returns its encoding and length.
fn put_payload(target: &mut [u8], payload: &Payload) -> (u8, usize) {
    let (encoding, bytes) = match &payload.encoded {
        Some(encoded) => (encoded.encoding as u8, &encoded.bytes),
        None => {
            if payload.body.len() >= COMPRESS_BYTES_MIN
                && let Ok(used) = lz4_flex::block::compress_into(&payload.body, target)
                && used < payload.body.len()
            {
                return (ENCODING_LZ4, used);
            }
            (BodyEncoding::Identity as u8, &payload.body)
        }
    };
    target[..bytes.len()].copy_from_slice(bytes);
    (encoding, bytes.len())
}

/// What stands at some offset of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FrameAt<'a> {
    /// A whole frame: its body, and the bytes it takes.
    Whole(&'a [u8], usize),
    /// A frame with a wrong checksum that announces so many bytes.
    Damaged(usize),
    /// Fewer bytes than the frame announces, or none at all.
    Torn,
}

/// Looks at the frame that begins at `bytes`.
pub(crate) fn frame_at(bytes: &[u8]) -> FrameAt<'_> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<FRAME_PREFIX_BYTES>() else { return FrameAt::Torn };
    let length = read_u32(&prefix[..4]) as usize;
    if length < BODY_HEADER_BYTES || length > rest.len() {
        return FrameAt::Torn;
    }
    let body = &rest[..length];
    if crc32fast::hash(body) != read_u32(&prefix[4..]) {
        return FrameAt::Damaged(FRAME_PREFIX_BYTES + length);
    }
    FrameAt::Whole(body, FRAME_PREFIX_BYTES + length)
}

/// Decodes a frame's body; the text says what is wrong.
pub(crate) fn decode(body: &[u8]) -> Result<(TenantId, Payload), String> {
    let (header, rest) = body.split_first_chunk::<BODY_HEADER_BYTES>().ok_or("the body is too short")?;
    let format = wire_format(header[0]).ok_or_else(|| format!("unknown format {}", header[0]))?;
    let plain_length = read_u32(&header[4..8]) as usize;
    let received = UnixNanos(read_u64(&header[8..16]));
    let (name, payload) = rest.split_at_checked(usize::from(header[2])).ok_or("the tenant is cut")?;
    let name = std::str::from_utf8(name).map_err(|_| "the tenant is not UTF-8")?;
    let tenant = TenantId::new(name).map_err(|error| error.to_string())?;
    let plain = decompress(header[1], payload, plain_length)?;
    Ok((tenant, Payload { format, body: Bytes::from(plain), encoded: None, received }))
}

fn decompress(encoding: u8, payload: &[u8], plain_length: usize) -> Result<Vec<u8>, String> {
    const IDENTITY: u8 = BodyEncoding::Identity as u8;
    const GZIP: u8 = BodyEncoding::Gzip as u8;
    const ZSTD: u8 = BodyEncoding::Zstd as u8;
    const SNAPPY: u8 = BodyEncoding::Snappy as u8;
    if plain_length > PLAIN_BYTES_MAX {
        return Err(format!("{plain_length} bytes announced"));
    }
    let plain = match encoding {
        IDENTITY => payload.to_vec(),
        ENCODING_LZ4 => lz4_flex::block::decompress(payload, plain_length).map_err(|e| e.to_string())?,
        GZIP => read_all(flate2::read::MultiGzDecoder::new(payload), plain_length)?,
        ZSTD => read_all(zstd::stream::read::Decoder::new(payload).map_err(|e| e.to_string())?, plain_length)?,
        SNAPPY => snap::raw::Decoder::new().decompress_vec(payload).map_err(|e| e.to_string())?,
        other => return Err(format!("unknown encoding {other}")),
    };
    if plain.len() == plain_length {
        Ok(plain)
    } else {
        Err("the payload has another length than announced".to_owned())
    }
}

fn read_all(from: impl Read, plain_length: usize) -> Result<Vec<u8>, String> {
    let mut plain = Vec::with_capacity(plain_length);
    from.take(plain_length as u64 + 1).read_to_end(&mut plain).map_err(|e| e.to_string())?;
    Ok(plain)
}

fn wire_format(number: u8) -> Option<WireFormat> {
    [
        WireFormat::OtlpTraces,
        WireFormat::OtlpLogs,
        WireFormat::OtlpMetrics,
        WireFormat::RemoteWriteV1,
        WireFormat::RemoteWriteV2,
        WireFormat::LokiPush,
    ]
    .into_iter()
    .find(|format| *format as u8 == number)
}

fn read_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes.first_chunk().expect("callers pass four bytes"))
}

fn read_u64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("callers pass eight bytes"))
}
