//! Reads a segment back after a start. A torn tail is what a crash leaves: it is cut off silently but for one line of log. A
//! damaged frame in the middle is skipped when a whole frame follows it, so that one flipped bit costs one request.

use std::fs::File;
use std::path::Path;

use model::TenantId;
use store_api::{Payload, StoreError};

use super::frame::{FrameAt, SEGMENT_HEADER_BYTES, decode, frame_at, read_segment_header};
use super::io_error;

/// What a replay found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// Requests handed out.
    pub requests: u64,
    /// Frames left out because their checksum or content is wrong.
    pub damaged: u64,
    /// Bytes of an unfinished frame at the end.
    pub torn_bytes: u64,
}

/// Hands each request of the segment at `path` to `each`, in the order of writing.
pub(crate) fn replay(
    path: &Path,
    generation: u64,
    mut each: impl FnMut(TenantId, Payload),
) -> Result<Replayed, StoreError> {
    let bytes = read_segment(path)?;
    Ok(replay_bytes(&bytes, generation, &mut each))
}

/// As [`replay`], on a segment in memory.
pub(crate) fn replay_bytes(bytes: &[u8], generation: u64, each: &mut impl FnMut(TenantId, Payload)) -> Replayed {
    let mut found = Replayed::default();
    if read_segment_header(bytes) != Some(generation) {
        // A crash between creating the file and writing its header leaves it short; nothing was acknowledged in it.
        found.torn_bytes = bytes.len() as u64;
        return found;
    }
    let mut rest = &bytes[SEGMENT_HEADER_BYTES..];
    while !rest.is_empty() {
        match frame_at(rest) {
            FrameAt::Whole(body, length) => {
                match decode(body) {
                    Ok((tenant, payload)) => {
                        found.requests += 1;
                        each(tenant, payload);
                    }
                    Err(reason) => {
                        found.damaged += 1;
                        tracing::error!(generation, reason, "a frame of the write-ahead log cannot be decoded");
                    }
                }
                rest = &rest[length..];
            }
            FrameAt::Damaged(length) if matches!(frame_at(&rest[length..]), FrameAt::Whole(..)) => {
                found.damaged += 1;
                rest = &rest[length..];
            }
            FrameAt::Damaged(_) | FrameAt::Torn => {
                found.torn_bytes = rest.len() as u64;
                break;
            }
        }
    }
    found
}

fn read_segment(path: &Path) -> Result<Vec<u8>, StoreError> {
    use std::io::Read;
    let read = || {
        let mut file = File::open(path)?;
        let mut bytes = Vec::with_capacity(file.metadata()?.len() as usize);
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| io_error("cannot read", path, source))
}
