//! A gRPC client that sends ready-made bytes in unary calls over one HTTP/2 connection.

use std::net::SocketAddr;

use anyhow::{Context, Result, anyhow};
use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};

/// The export call of traces.
pub const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// The export call of logs.
pub const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
/// The export call of metrics.
pub const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// `grpc-status` of success.
pub const OK: u32 = 0;

/// The end of a call.
#[derive(Clone, Debug)]
pub struct GrpcReply {
    /// `grpc-status`; `None` when the server did not speak gRPC.
    pub status: Option<u32>,
    /// `grpc-message`, still percent-encoded.
    pub message: String,
    /// HTTP status.
    pub http_status: u16,
    /// The answer's message, without its prefix.
    pub body: Vec<u8>,
    /// Trailers, or the headers of an answer that had nothing else.
    pub trailers: HeaderMap,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct GrpcClient {
    sender: SendRequest<Bytes>,
    address: SocketAddr,
}

/// Puts the 5-byte prefix of gRPC before an uncompressed message, so that a benchmark can do this outside its clock.
pub fn frame(message: &[u8]) -> Bytes {
    frame_with_flag(message, 0)
}

/// The same for a message that is compressed already (`grpc-encoding` says how).
pub fn frame_compressed(message: &[u8]) -> Bytes {
    frame_with_flag(message, 1)
}

fn frame_with_flag(message: &[u8], flag: u8) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(flag);
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    framed.freeze()
}

impl GrpcClient {
    /// Connects; the connection is driven by a task of the current tokio runtime.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let socket = tokio::net::TcpStream::connect(address).await.context("cannot connect")?;
        socket.set_nodelay(true)?;
        let (sender, connection) = h2::client::Builder::new()
            .initial_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .handshake::<_, Bytes>(socket)
            .await
            .context("no HTTP/2 handshake")?;
        tokio::spawn(async move {
            // Its failure shows in each call that is under way.
            drop(connection.await);
        });
        Ok(Self { sender, address })
    }

    /// Calls `path` with an already framed message and waits for the answer.
    pub async fn call(&self, path: &str, framed: Bytes, headers: &[(&str, &str)]) -> Result<GrpcReply> {
        let mut request = Request::post(format!("http://{}{path}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut sender = self.sender.clone().ready().await.context("connection lost")?;
        let (response, mut body) = sender.send_request(request.body(())?, false)?;
        // The server may answer (and reset the stream) before it has read everything.
        let sent = send_all(&mut body, framed).await;
        let response = match (response.await, sent) {
            (Ok(response), _) => response,
            (Err(error), _) => return Err(anyhow!(error).context("no answer")),
        };
        let http_status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut stream = response.into_body();
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.data().await {
            let chunk = chunk.context("answer cut short")?;
            drop(stream.flow_control().release_capacity(chunk.len()));
            bytes.extend_from_slice(&chunk);
        }
        let trailers = stream.trailers().await.context("no trailers")?.unwrap_or(headers);
        let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = bytes.split_off(bytes.len().min(5));
        Ok(GrpcReply {
            status: text("grpc-status").parse().ok(),
            message: text("grpc-message"),
            http_status,
            body,
            trailers,
        })
    }
}

async fn send_all(stream: &mut h2::SendStream<Bytes>, mut rest: Bytes) -> Result<()> {
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len());
        let granted = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let granted = granted.ok_or_else(|| anyhow!("stream closed"))??;
        if granted > 0 {
            let part = rest.split_to(granted.min(rest.len()));
            stream.send_data(part, false)?;
        }
    }
    stream.send_data(Bytes::new(), true)?;
    Ok(())
}

/// The same client for code that is not async: it owns a small runtime.
#[derive(Debug)]
pub struct BlockingGrpc {
    runtime: tokio::runtime::Runtime,
    client: GrpcClient,
}

impl BlockingGrpc {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(GrpcClient::connect(address))?;
        Ok(Self { runtime, client })
    }

    /// One call with an unframed message and extra headers.
    pub fn call(&self, path: &str, message: &[u8], headers: &[(&str, &str)]) -> Result<GrpcReply> {
        self.call_framed(path, frame(message), headers)
    }

    /// One call with a message that has its prefix already.
    pub fn call_framed(&self, path: &str, framed: Bytes, headers: &[(&str, &str)]) -> Result<GrpcReply> {
        self.runtime.block_on(self.client.call(path, framed, headers))
    }
}
