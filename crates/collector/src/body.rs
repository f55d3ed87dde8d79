//! Reads request bodies and decompresses them, never holding more than the limit.
//!
//! | encoding | names | notes |
//! |---|---|---|
//! | none | absent, `identity`, `none` | |
//! | gzip | `gzip`, `x-gzip` | several members allowed |
//! | deflate | `deflate`, `zlib` | zlib wrapper, or bare deflate as some clients send |
//! | zstd | `zstd` | several frames allowed; window bounded |
//! | snappy | `snappy` | block format only |

use std::io::Read;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http_body::Body as _;
use store_api::{BodyEncoding, EncodedBody};

use crate::ReceiveError;
use crate::in_flight::Reservation;
use crate::offload;

/// For error texts.
pub const ENCODINGS: &str = "identity, gzip, zstd, deflate, snappy";

/// Larger bodies are inflated off the runtime: zlib takes about 500 µs for 128 KiB, zstd for 350 KiB.
const INFLATE_HERE_BYTES_MAX: usize = 256 * 1024;

/// Growth of a buffer whose final size is unknown.
const CHUNK_BYTES: usize = 64 * 1024;

/// Largest zstd window, as a power of two: 8 MiB, what RFC 8878 asks decoders to support at least.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Most bytes that one byte of snappy can stand for (a copy of 64 bytes takes 3), rounded up.
const SNAPPY_RATIO_MAX: usize = 22;

/// How long a sender may pause inside a body: a stalled one must not hold its share of memory.
pub const READ_WAIT_MAX: Duration = Duration::from_secs(20);

/// Of a body that is announced as too large, this much is read and thrown away, so that an HTTP/1.1 client that writes before it
/// reads sees the 413 instead of a broken connection.
const DRAIN_BYTES_MAX: usize = 32 << 20;
/// The same bound in time.
const DRAIN_WAIT_MAX: Duration = Duration::from_secs(2);

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentEncoding {
    /// Not at all.
    Identity,
    /// RFC 1952
    Gzip,
    /// RFC 1950, or bare RFC 1951
    Deflate,
    /// RFC 8878
    Zstd,
    /// Snappy block format
    Snappy,
}

impl ContentEncoding {
    /// Reads the value of `Content-Encoding` or `grpc-encoding`.
    pub fn parse(text: &str) -> Result<Self, ReceiveError> {
        let text = text.trim();
        let named = |name: &str| text.eq_ignore_ascii_case(name);
        match () {
            () if text.is_empty() || named("identity") || named("none") => Ok(Self::Identity),
            () if named("gzip") || named("x-gzip") => Ok(Self::Gzip),
            () if named("zstd") => Ok(Self::Zstd),
            () if named("deflate") || named("zlib") => Ok(Self::Deflate),
            () if named("snappy") => Ok(Self::Snappy),
            () => Err(ReceiveError::UnknownEncoding { encoding: text.to_owned(), supported: ENCODINGS }),
        }
    }

    /// The encoding as the WAL knows it; `None` for those that it does not keep.
    fn stored(self) -> Option<BodyEncoding> {
        match self {
            Self::Gzip => Some(BodyEncoding::Gzip),
            Self::Zstd => Some(BodyEncoding::Zstd),
            Self::Snappy => Some(BodyEncoding::Snappy),
            Self::Identity | Self::Deflate => None,
        }
    }
}

/// A body ready to be handed on.
#[derive(Clone, Debug)]
pub struct Plain {
    /// The decompressed bytes.
    pub body: Bytes,
    /// The bytes as received, where they were compressed in a way that the WAL keeps.
    pub encoded: Option<EncodedBody>,
}

/// Reads `body` to its end. `length` is the announced length, if any; the share is made as large as the body.
pub async fn read(
    body: Body,
    length: Option<usize>,
    limit: usize,
    share: &mut Reservation,
) -> Result<Bytes, ReceiveError> {
    let too_large = || ReceiveError::TooLarge { limit, decompressed: false };
    let length = length.or_else(|| body.size_hint().exact().and_then(|exact| usize::try_from(exact).ok()));
    if length.is_some_and(|length| length > limit) {
        drain(body.into_data_stream()).await;
        return Err(too_large());
    }
    share.grow_to(length.unwrap_or(CHUNK_BYTES)).await?;
    let mut stream = body.into_data_stream();
    let Some(first) = next_chunk(&mut stream).await? else { return Ok(Bytes::new()) };
    if length == Some(first.len()) {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(length.unwrap_or(first.len()).max(first.len()).min(limit));
    let mut chunk = Some(first);
    while let Some(bytes) = chunk {
        if whole.len() + bytes.len() > limit {
            drain(stream).await;
            return Err(too_large());
        }
        let needed = whole.len() + bytes.len();
        if needed > whole.capacity() {
            let grown = (needed * 2).max(CHUNK_BYTES).min(limit);
            share.grow_to(grown).await?;
            whole.reserve(grown - whole.len());
        }
        whole.extend_from_slice(&bytes);
        chunk = next_chunk(&mut stream).await?;
    }
    Ok(whole.freeze())
}

/// The next piece of a body; `None` at its end.
pub async fn next_chunk(stream: &mut BodyDataStream) -> Result<Option<Bytes>, ReceiveError> {
    match tokio::time::timeout(READ_WAIT_MAX, stream.next()).await {
        Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
        Ok(Some(Err(error))) => Err(ReceiveError::Disconnected(error.to_string())),
        Ok(None) => Ok(None),
        Err(_) => Err(ReceiveError::Disconnected(format!("nothing came for {} s", READ_WAIT_MAX.as_secs()))),
    }
}

async fn drain(mut stream: BodyDataStream) {
    let discard = async {
        let mut left = DRAIN_BYTES_MAX;
        while let Ok(Some(bytes)) = next_chunk(&mut stream).await
            && bytes.len() <= left
        {
            left -= bytes.len();
        }
    };
    // Whether it was drained or the time was up makes no difference to the answer.
    let _ = tokio::time::timeout(DRAIN_WAIT_MAX, discard).await;
}

/// Decompresses `received`; the share grows by what the sender announces before it is inflated.
pub async fn decompress(
    received: Bytes,
    encoding: ContentEncoding,
    limit: usize,
    share: &mut Reservation,
) -> Result<Plain, ReceiveError> {
    if encoding == ContentEncoding::Identity || received.is_empty() {
        return Ok(Plain { body: received, encoded: None });
    }
    let announced = announced_bytes(encoding, &received).min(limit);
    share.grow_to(received.len() + announced).await?;
    let short = announced.max(received.len()) <= INFLATE_HERE_BYTES_MAX;
    let compressed = received.clone();
    let body = Bytes::from(offload::run(short, move || inflate(encoding, &compressed, limit)).await?);
    share.grow_to(received.len() + body.len()).await?;
    let encoded = encoding.stored().map(|encoding| EncodedBody { encoding, bytes: received });
    Ok(Plain { body, encoded })
}

/// What the compressed bytes say about their size once decompressed, or a guess. Untrusted: only sizes buffers.
fn announced_bytes(encoding: ContentEncoding, received: &[u8]) -> usize {
    // Telemetry shrinks 4 to 12 times; 8 saves most of the growing.
    let guess = received.len().saturating_mul(8);
    match encoding {
        ContentEncoding::Identity => received.len(),
        ContentEncoding::Gzip => received.last_chunk::<4>().map_or(guess, |size| u32::from_le_bytes(*size) as usize),
        ContentEncoding::Zstd => match zstd::zstd_safe::get_frame_content_size(received) {
            Ok(Some(size)) => usize::try_from(size).unwrap_or(usize::MAX),
            Ok(None) | Err(_) => guess,
        },
        ContentEncoding::Snappy => snap::raw::decompress_len(received).unwrap_or(0),
        ContentEncoding::Deflate => guess,
    }
}

/// Decompresses `received` into at most `limit` bytes. Never allocates more than `limit` and a constant.
pub fn inflate(encoding: ContentEncoding, received: &[u8], limit: usize) -> Result<Vec<u8>, ReceiveError> {
    let corrupt = |error: &dyn std::fmt::Display| ReceiveError::Malformed(format!("cannot decompress body: {error}"));
    let size = announced_bytes(encoding, received);
    match encoding {
        ContentEncoding::Identity => Ok(received.to_vec()),
        ContentEncoding::Gzip => read_bounded(flate2::bufread::MultiGzDecoder::new(received), size, limit),
        ContentEncoding::Deflate if has_zlib_header(received) => {
            read_bounded(flate2::bufread::ZlibDecoder::new(received), size, limit)
        }
        ContentEncoding::Deflate => read_bounded(flate2::bufread::DeflateDecoder::new(received), size, limit),
        ContentEncoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(received).map_err(|error| corrupt(&error))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|error| corrupt(&error))?;
            read_bounded(decoder, size, limit)
        }
        ContentEncoding::Snappy => {
            let size = snap::raw::decompress_len(received).map_err(|error| corrupt(&error))?;
            if size > limit {
                return Err(ReceiveError::TooLarge { limit, decompressed: true });
            }
            if size > received.len().saturating_mul(SNAPPY_RATIO_MAX) {
                return Err(corrupt(&"snappy block announces more bytes than it can hold"));
            }
            snap::raw::Decoder::new().decompress_vec(received).map_err(|error| corrupt(&error))
        }
    }
}

/// RFC 1950: compression method 8, and the first two bytes a multiple of 31.
fn has_zlib_header(received: &[u8]) -> bool {
    matches!(received, [first, second, ..]
        if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31))
}

fn read_bounded(mut decoder: impl Read, size_hint: usize, limit: usize) -> Result<Vec<u8>, ReceiveError> {
    // The hint is the sender's word: an honest one saves growing, a false one costs 1 MiB at most. One byte more than is
    // needed, so that the end is seen without growing.
    let mut out = Vec::with_capacity(size_hint.min(limit).min(1 << 20) + 1);
    while out.len() <= limit {
        if out.len() == out.capacity() {
            let grown = (out.capacity() * 2).max(CHUNK_BYTES).min(limit + 1);
            out.reserve_exact(grown - out.len());
        }
        let room = (out.capacity() - out.len()) as u64;
        match (&mut decoder).take(room).read_to_end(&mut out) {
            Ok(read) if (read as u64) < room && out.len() <= limit => return Ok(out),
            Ok(_) => {}
            Err(error) => return Err(ReceiveError::Malformed(format!("cannot decompress body: {error}"))),
        }
    }
    Err(ReceiveError::TooLarge { limit, decompressed: true })
}

#[cfg(test)]
mod tests;
