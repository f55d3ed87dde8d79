//! Doors for the fuzz targets in `fuzz/`; not part of the crate's API.

use bytes::Bytes;
use model::{TenantId, UnixNanos};
use store_api::{Payload, WireFormat};

use crate::engine::wal::frame::{encode_into, segment_header};
use crate::engine::wal::replay::replay_bytes;

/// Replays `bytes` in three ways: as a whole segment, as what follows a good header, and behind a good request, which must be
/// found whatever follows it.
pub fn replay_segment(bytes: &[u8]) {
    let generation = 7;
    replay_bytes(bytes, generation, &mut |_, _| {});
    let mut segment = segment_header(generation).to_vec();
    segment.extend_from_slice(bytes);
    replay_bytes(&segment, generation, &mut |_, _| {});
    let body = Bytes::from_static(b"a request that was acknowledged");
    let payload = Payload { format: WireFormat::OtlpTraces, body: body.clone(), encoded: None, received: UnixNanos(1) };
    let mut segment = segment_header(generation).to_vec();
    let mut frame = Vec::new();
    let length = encode_into(&mut frame, &TenantId::default(), &payload);
    segment.extend_from_slice(&frame[..length]);
    segment.extend_from_slice(bytes);
    let mut first = None;
    replay_bytes(&segment, generation, &mut |_, payload| first = first.take().or(Some(payload.body)));
    assert_eq!(first.as_ref(), Some(&body), "a whole request is found");
}
