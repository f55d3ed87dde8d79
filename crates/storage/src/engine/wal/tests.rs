//! Frames survive what a crash or a bad disk does to a segment.

use bytes::Bytes;
use model::{TenantId, UnixNanos};
use proptest::prelude::*;
use store_api::{BodyEncoding, EncodedBody, Payload, WireFormat};

use super::frame::{FrameAt, decode, encode, frame_at, segment_header};
use super::replay::{Replayed, replay_bytes};
use super::writer::{Durability, WalWriter};

fn payload(body: &[u8]) -> Payload {
    Payload { format: WireFormat::OtlpLogs, body: Bytes::copy_from_slice(body), encoded: None, received: UnixNanos(77) }
}

fn segment(bodies: &[&[u8]]) -> Vec<u8> {
    let mut bytes = segment_header(3).to_vec();
    bodies.iter().for_each(|body| bytes.extend(encode(&TenantId::default(), &payload(body))));
    bytes
}

fn replayed(bytes: &[u8]) -> (Vec<Vec<u8>>, Replayed) {
    let mut bodies = Vec::new();
    let found = replay_bytes(bytes, 3, &mut |_, payload| bodies.push(payload.body.to_vec()));
    (bodies, found)
}

#[test]
fn each_encoding_comes_back_plain() {
    let plain = b"the quick brown fox ".repeat(100);
    let zstd = zstd::bulk::compress(&plain, 1).expect("compresses");
    let snappy = snap::raw::Encoder::new().compress_vec(&plain).expect("compresses");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &plain).expect("compresses");
    let gzip = gzip.finish().expect("compresses");
    let bodies = [(BodyEncoding::Zstd, zstd), (BodyEncoding::Snappy, snappy), (BodyEncoding::Gzip, gzip)];
    for (encoding, bytes) in bodies {
        let mut sent = payload(&plain);
        sent.encoded = Some(EncodedBody { encoding, bytes: bytes.into() });
        let frame = encode(&TenantId::default(), &sent);
        let FrameAt::Whole(body, length) = frame_at(&frame) else { panic!("{encoding:?}: not whole") };
        assert_eq!(length, frame.len());
        let (tenant, read) = decode(body).expect("decodes");
        assert_eq!((tenant, read.body.as_ref(), read.received), (TenantId::default(), &plain[..], UnixNanos(77)));
    }
    let frame = encode(&TenantId::default(), &payload(&plain));
    assert!(frame.len() < plain.len() / 4, "LZ4 shrinks it");
}

#[test]
fn a_torn_tail_loses_only_the_last_request() {
    let whole = segment(&[b"one", b"two", b"three"]);
    let last = encode(&TenantId::default(), &payload(b"three")).len();
    for cut in 1..last {
        let (bodies, found) = replayed(&whole[..whole.len() - cut]);
        assert_eq!(bodies, [b"one".to_vec(), b"two".to_vec()], "cut {cut}");
        assert_eq!(found.torn_bytes, (last - cut) as u64);
    }
}

#[test]
fn a_flipped_bit_loses_only_its_request() {
    let mut bytes = segment(&[b"one", b"two", b"three"]);
    let one = encode(&TenantId::default(), &payload(b"one")).len();
    bytes[16 + one + 30] ^= 4;
    let (bodies, found) = replayed(&bytes);
    assert_eq!(bodies, [b"one".to_vec(), b"three".to_vec()]);
    assert_eq!(found.damaged, 1);
}

proptest! {
    #[test]
    fn replay_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..200, flip in any::<u8>()) {
        let (_, found) = replayed(&bytes);
        prop_assert_eq!(found.requests, 0);
        let mut good = segment(&[b"one", &[7; 900], b"three"]);
        let at = at % good.len();
        good[at] ^= flip;
        good.append(&mut bytes);
        let (bodies, _) = replayed(&good);
        prop_assert!(bodies.iter().all(|body| body == b"one" || body == b"three" || body == &[7; 900]));
    }
}

#[tokio::test]
async fn appends_are_durable_across_rotation() {
    for durability in [Durability::Fsync, Durability::Buffered] {
        let folder = tempfile::tempdir().expect("a folder");
        let wal = WalWriter::open("test", folder.path(), 1, durability).expect("opens");
        let (first, ()) = wal.append(&encode(&TenantId::default(), &payload(b"a")), || ()).expect("appends");
        wal.durable(first).await.expect("durable");
        wal.rotate(2, || ()).expect("rotates");
        let (second, ()) = wal.append(&encode(&TenantId::default(), &payload(b"b")), || ()).expect("appends");
        wal.durable(second).await.expect("durable");
        wal.durable(first).await.expect("an older generation is durable as a whole");
        assert_eq!((first.generation, second.generation), (1, 2));
        assert_eq!(super::list_generations(folder.path()).expect("lists"), [1, 2]);
        for (generation, body) in [(1, b"a"), (2, b"b")] {
            let mut bodies = Vec::new();
            let path = super::segment_path(folder.path(), generation);
            super::replay::replay(&path, generation, |_, p| bodies.push(p.body)).expect("replays");
            assert_eq!(bodies, [&body[..]]);
        }
    }
}
