//! A collector that takes OTLP over HTTP, counts spans, answers 200 and forgets. And one that never answers.
//!
//! Its threads live as long as the program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

/// Larger requests than any batch here.
const BODY_MAX: usize = 64 << 20;

/// See the module.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    spans: Arc<AtomicU64>,
}

impl Sink {
    /// On a free port.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let spans = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&spans);
        thread::Builder::new().name("sink".to_owned()).spawn(move || {
            for socket in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                // A client that goes away ends its thread.
                thread::spawn(move || serve(socket, &count));
            }
        })?;
        Ok(Self { address, spans })
    }

    /// Spans that came so far.
    pub(crate) fn spans(&self) -> u64 {
        self.spans.load(Ordering::Acquire)
    }

    /// Returns when `total` spans have come.
    pub(crate) fn wait(&self, total: u64) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.spans() < total {
            if Instant::now() > deadline {
                bail!("{} of {total} spans arrived: the others were dropped", self.spans());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// Listens, accepts, and says nothing.
pub(crate) fn start_silent() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::Builder::new().name("silent".to_owned()).spawn(move || {
        // Kept open, so that clients wait.
        let mut sockets = Vec::new();
        for socket in listener.incoming().flatten() {
            sockets.push(socket);
        }
    })?;
    Ok(address)
}

/// An address on which nobody listens.
pub(crate) fn closed_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn serve(socket: TcpStream, count: &AtomicU64) -> Result<()> {
    socket.set_nodelay(true)?;
    let mut socket = BufReader::new(socket);
    let mut line = String::new();
    loop {
        line.clear();
        if socket.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let is_traces = line.contains("/v1/traces");
        let mut length = 0;
        while line.trim_end() != "" {
            line.clear();
            socket.read_line(&mut line)?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse::<usize>().context("content-length is no number")?.min(BODY_MAX);
            }
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body)?;
        let spans = if is_traces { count_spans(&body)? } else { 0 };
        socket
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")?;
        count.fetch_add(spans, Ordering::AcqRel);
    }
}

fn count_spans(body: &[u8]) -> Result<u64> {
    let request = ExportTraceServiceRequest::decode(body)?;
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    Ok(scopes.map(|scope| scope.spans.len() as u64).sum())
}
