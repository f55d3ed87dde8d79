//! Every encoding at the limit, above it, torn and false.

use std::io::Write;

use super::*;
use crate::in_flight::InFlight;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

fn bare_deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

fn encoders() -> Vec<(ContentEncoding, Vec<u8>, Vec<u8>)> {
    let plain: Vec<u8> = (0..300_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
    let snappy = snap::raw::Encoder::new().compress_vec(&plain).expect("memory");
    let zstd = zstd::stream::encode_all(&plain[..], 3).expect("memory");
    vec![
        (ContentEncoding::Identity, plain.clone(), plain.clone()),
        (ContentEncoding::Gzip, gzip(&plain), plain.clone()),
        (ContentEncoding::Deflate, zlib(&plain), plain.clone()),
        (ContentEncoding::Deflate, bare_deflate(&plain), plain.clone()),
        (ContentEncoding::Zstd, zstd, plain.clone()),
        (ContentEncoding::Snappy, snappy, plain),
    ]
}

#[test]
fn each_encoding_gives_the_bytes_back_at_exactly_the_limit_and_none_above_it() {
    for (encoding, packed, plain) in encoders() {
        assert_eq!(inflate(encoding, &packed, plain.len()).expect("within the limit"), plain, "{encoding:?}");
        if encoding != ContentEncoding::Identity {
            let over = inflate(encoding, &packed, plain.len() - 1);
            assert!(matches!(over, Err(ReceiveError::TooLarge { decompressed: true, .. })), "{encoding:?}");
        }
    }
}

#[test]
fn two_gzip_members_and_two_zstd_frames_are_one_body() {
    let members = [gzip(b"one "), gzip(b"two")].concat();
    assert_eq!(inflate(ContentEncoding::Gzip, &members, 100).expect("valid"), b"one two");
    let frames = [zstd::encode_all(&b"one "[..], 1), zstd::encode_all(&b"two"[..], 1)];
    let frames = frames.map(|frame| frame.expect("memory")).concat();
    assert_eq!(inflate(ContentEncoding::Zstd, &frames, 100).expect("valid"), b"one two");
}

#[test]
fn bombs_are_refused_while_they_inflate() {
    // 64 MiB of zeros in a few KiB; nothing near that size may be allocated for a limit of 1 MiB.
    let zeros = vec![0u8; 64 << 20];
    for (encoding, packed) in [
        (ContentEncoding::Gzip, gzip(&zeros)),
        (ContentEncoding::Zstd, zstd::encode_all(&zeros[..], 1).expect("memory")),
        (ContentEncoding::Snappy, snap::raw::Encoder::new().compress_vec(&zeros).expect("memory")),
    ] {
        let refused = inflate(encoding, &packed, 1 << 20);
        assert!(matches!(refused, Err(ReceiveError::TooLarge { .. })), "{encoding:?}");
    }
    // A snappy header that announces 15 MiB over three bytes.
    let lie = [0x80, 0x80, 0xc0, 0x07, 0, 0, 0];
    assert!(matches!(inflate(ContentEncoding::Snappy, &lie, 16 << 20), Err(ReceiveError::Malformed(_))));
}

#[test]
fn torn_and_flipped_bodies_are_errors() {
    for (encoding, packed, plain) in encoders() {
        if encoding == ContentEncoding::Identity {
            continue;
        }
        let torn = inflate(encoding, &packed[..packed.len() / 2], plain.len());
        assert!(torn.is_err(), "{encoding:?}");
        assert!(inflate(encoding, b"not compressed at all", 100).is_err(), "{encoding:?}");
    }
}

#[test]
fn names_of_encodings() {
    for (text, expected) in [
        ("", ContentEncoding::Identity),
        ("Identity", ContentEncoding::Identity),
        ("GZIP", ContentEncoding::Gzip),
        ("zstd", ContentEncoding::Zstd),
        ("deflate", ContentEncoding::Deflate),
        ("snappy", ContentEncoding::Snappy),
    ] {
        assert_eq!(ContentEncoding::parse(text).expect("known"), expected);
    }
    let error = ContentEncoding::parse("br").expect_err("unknown").to_string();
    assert!(error.contains("\"br\"") && error.contains("gzip"), "{error}");
}

#[tokio::test]
async fn bodies_are_read_to_the_limit_with_and_without_an_announced_length() {
    let pool = InFlight::new(1 << 20);
    for length in [None, Some(300_000)] {
        let chunks = (0..30).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7u8; 10_000])));
        let body = Body::from_stream(futures::stream::iter(chunks));
        let mut share = pool.reservation();
        let bytes = read(body, length, 300_000, &mut share).await.expect("within the limit");
        assert_eq!(bytes.len(), 300_000);
        assert!(pool.bytes_used() >= 300_000);
    }
    assert_eq!(pool.bytes_used(), 0);
    let chunks = (0..31).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7u8; 10_000])));
    let body = Body::from_stream(futures::stream::iter(chunks));
    let over = read(body, None, 300_000, &mut pool.reservation()).await;
    assert!(matches!(over, Err(ReceiveError::TooLarge { decompressed: false, .. })));
    let announced = read(Body::empty(), Some(300_001), 300_000, &mut pool.reservation()).await;
    assert!(matches!(announced, Err(ReceiveError::TooLarge { .. })));
}
