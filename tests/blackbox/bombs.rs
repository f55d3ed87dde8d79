//! Oversized requests and decompression bombs are refused, and memory stays bounded.

use std::io::Write as _;

use anyhow::{Result, ensure};
use quartet_tests::fixture::Fixture;
use testkit::grpc::{self, BlockingGrpc};

const PROTOBUF: &str = "application/x-protobuf";
/// The default limit of a request, also after decompression.
const LIMIT: usize = 16 << 20;
/// What a bomb expands to.
const BOMB: usize = 1 << 30;
/// A server that expanded one bomb would be four times as large.
const MEMORY_KIB: u64 = 256 << 10;

fn gzip_bomb() -> Result<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..BOMB / zeros.len() {
        gzip.write_all(&zeros)?;
    }
    Ok(gzip.finish()?)
}

fn zstd_bomb() -> Result<Vec<u8>> {
    let mut zstd = zstd::Encoder::new(Vec::new(), 1)?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..BOMB / zeros.len() {
        zstd.write_all(&zeros)?;
    }
    Ok(zstd.finish()?)
}

/// A snappy block that says that it expands to a gigabyte: the length stands in front.
fn snappy_bomb() -> Vec<u8> {
    let mut bomb = vec![0x80, 0x80, 0x80, 0x80, 0x04];
    bomb.extend_from_slice(&[0xfe; 4096]);
    bomb
}

#[test]
fn bombs_and_oversized_requests_are_refused() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let bombs = [("gzip", gzip_bomb()?), ("zstd", zstd_bomb()?)];
    let mut http = fixture.server.http("otlp-http")?;
    let grpc = BlockingGrpc::connect(fixture.server.address("otlp-grpc")?)?;
    for (encoding, bomb) in &bombs {
        for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
            let reply = http.send("POST", path, &[("content-type", PROTOBUF), ("content-encoding", encoding)], bomb)?;
            ensure!(matches!(reply.status, 413 | 400), "{encoding} {path}: HTTP {}: {}", reply.status, reply.text());
        }
        let reply = grpc.call_framed(grpc::TRACES, grpc::frame_compressed(bomb), &[("grpc-encoding", encoding)])?;
        // RESOURCE_EXHAUSTED, as for any message over the limit; tonic says OUT_OF_RANGE.
        ensure!(matches!(reply.status, Some(8 | 11)), "{encoding} over gRPC: {:?} {}", reply.status, reply.message);
    }
    let mut mimir = fixture.server.http("mimir")?;
    let reply = mimir.send(
        "POST",
        "/api/v1/push",
        &[("content-type", PROTOBUF), ("content-encoding", "snappy")],
        &snappy_bomb(),
    )?;
    ensure!(matches!(reply.status, 413 | 400), "snappy: HTTP {}: {}", reply.status, reply.text());
    let mut loki = fixture.server.http("loki")?;
    let reply = loki.post("/loki/api/v1/push", PROTOBUF, &snappy_bomb())?;
    ensure!(matches!(reply.status, 413 | 400), "Loki snappy: HTTP {}: {}", reply.status, reply.text());

    let large = vec![0; LIMIT + 1];
    let reply = http.post("/v1/traces", PROTOBUF, &large)?;
    ensure!(reply.status == 413, "oversized: HTTP {}: {}", reply.status, reply.text());
    let reply = grpc.call(grpc::TRACES, &large, &[])?;
    ensure!(matches!(reply.status, Some(8 | 11)), "oversized over gRPC: {:?} {}", reply.status, reply.message);

    let peak = fixture.server.memory_kib("VmHWM")?;
    ensure!(peak < MEMORY_KIB, "peak memory {} MiB", peak >> 10);
    ensure!(fixture.server.alive()? && !fixture.server.panicked(), "{}", fixture.server.log_tail());
    Ok(())
}
