//! Sends ready-made requests over two connections, each of which waits for the answer before it sends the next.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use testkit::grpc::{self, GrpcClient};
use testkit::http::HttpClient;

use crate::generate::Chunk;

/// A refusal for lack of memory is repeated after this long, as a client with retries does.
const RETRY: Duration = Duration::from_millis(50);
/// After so many refusals of one request the server is stuck.
const RETRIES_MAX: u32 = 1_200;

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// gRPC call of this path.
    Grpc(&'static str),
    /// POST of protobuf to this path.
    Http(&'static str),
    /// POST of snappy-compressed remote write 1.0 to this path.
    RemoteWrite(&'static str),
}

/// What sending a chunk took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// From the first byte to the last answer.
    pub(crate) wall: Duration,
    /// Requests that were refused for a moment and repeated.
    pub(crate) retried: u64,
}

/// Sends all requests of `chunk`; fails unless each is accepted in full.
pub(crate) fn send(address: SocketAddr, transport: Transport, chunk: Chunk) -> Result<Sent> {
    let started = Instant::now();
    let retried = std::thread::scope(|scope| {
        let lanes = chunk.lanes.map(|lane| {
            scope.spawn(move || match transport {
                Transport::Grpc(path) => send_grpc(address, path, lane),
                Transport::Http(path) => send_http(address, path, &[("content-type", "application/x-protobuf")], lane),
                Transport::RemoteWrite(path) => send_http(address, path, &REMOTE_WRITE_HEADERS, lane),
            })
        });
        let joined = lanes.map(|lane| lane.join().map_err(|_| anyhow!("a sender panicked"))?);
        joined.into_iter().sum::<Result<u64>>()
    })?;
    Ok(Sent { wall: started.elapsed(), retried })
}

const REMOTE_WRITE_HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-write-version", "0.1.0"),
];

fn send_grpc(address: SocketAddr, path: &str, lane: Vec<Bytes>) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = GrpcClient::connect(address).await?;
        let mut retried = 0;
        for request in lane {
            let framed = grpc::frame(&request);
            let mut attempts = 0;
            loop {
                let reply = client.call(path, framed.clone(), &[]).await?;
                match reply.status {
                    Some(grpc::OK) if reply.body.is_empty() => break,
                    Some(grpc::OK) => bail!("only a part was accepted: {}", String::from_utf8_lossy(&reply.body)),
                    // RESOURCE_EXHAUSTED and UNAVAILABLE ask to come again.
                    Some(8 | 14) if attempts < RETRIES_MAX => {
                        attempts += 1;
                        retried += 1;
                        tokio::time::sleep(RETRY).await;
                    }
                    other => bail!("gRPC status {other:?}: {}", reply.message),
                }
            }
        }
        Ok(retried)
    })
}

fn send_http(address: SocketAddr, path: &str, headers: &[(&str, &str)], lane: Vec<Bytes>) -> Result<u64> {
    let mut client = HttpClient::new(address);
    let mut retried = 0;
    for request in lane {
        let mut attempts = 0;
        loop {
            let reply = client.send("POST", path, headers, &request).context("cannot send")?;
            match reply.status {
                // A partial success of OTLP has a body; full success has none.
                200 | 204 if reply.body.is_empty() => break,
                200 => bail!("only a part was accepted: {}", reply.text()),
                429 | 503 if attempts < RETRIES_MAX => {
                    attempts += 1;
                    retried += 1;
                    std::thread::sleep(RETRY);
                }
                status => bail!("HTTP {status}: {}", reply.text()),
            }
        }
    }
    Ok(retried)
}
