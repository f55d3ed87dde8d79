//! Requests to a child over kept-alive connections, as fast as it answers or at a rate.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

/// What callers of our services send: a trace, and for whom they ask.
const REQUEST: &[u8] = b"GET /orders/7?expand=lines HTTP/1.1\r\nhost: 127.0.0.1:8003\r\nuser-agent: load/1\r\naccept: */*\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nx-user-id: u-1\r\nx-tenant-id: acme\r\n\r\n";
/// The server's answers are far shorter.
const ANSWER_MAX: usize = 4096;
pub(crate) const CONNECTIONS: usize = 4;

/// Open connections to one server.
pub(crate) struct Client(Vec<Connection>);

struct Connection {
    socket: TcpStream,
    buffer: [u8; ANSWER_MAX],
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let open = |_| {
            let socket = TcpStream::connect(address)?;
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(Duration::from_secs(20)))?;
            Ok(Connection { socket, buffer: [0; ANSWER_MAX] })
        };
        Ok(Self((0..CONNECTIONS).map(open).collect::<Result<_>>()?))
    }

    /// `requests` in all, each connection sending the next when it has its answer.
    pub(crate) fn burst(&mut self, requests: u64) -> Result<()> {
        let each = requests / CONNECTIONS as u64;
        self.together(|connection| (0..each).try_for_each(|_| connection.exchange()))?;
        Ok(())
    }

    /// `requests` in all at `per_second` in all; how long each took. One that is late does not delay those after it by more than it
    /// must: the clock of a connection goes on.
    pub(crate) fn paced(&mut self, requests: u64, per_second: u64) -> Result<Vec<Duration>> {
        let each = u32::try_from(requests / CONNECTIONS as u64)?;
        let interval = Duration::from_secs(CONNECTIONS as u64) / u32::try_from(per_second)?;
        let latencies = self.together(|connection| {
            let begin = Instant::now();
            let mut latencies = Vec::with_capacity(each as usize);
            for request in 0..each {
                thread::sleep((begin + interval * request).saturating_duration_since(Instant::now()));
                let sent = Instant::now();
                connection.exchange()?;
                latencies.push(sent.elapsed());
            }
            Ok(latencies)
        })?;
        Ok(latencies.concat())
    }

    fn together<T: Send>(&mut self, work: impl Fn(&mut Connection) -> Result<T> + Sync) -> Result<Vec<T>> {
        thread::scope(|scope| {
            let threads: Vec<_> = self.0.iter_mut().map(|connection| scope.spawn(|| work(connection))).collect();
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a client panicked"))?).collect()
        })
    }
}

impl Connection {
    fn exchange(&mut self) -> Result<()> {
        self.socket.write_all(REQUEST)?;
        let mut read = 0;
        loop {
            let more = self.socket.read(&mut self.buffer[read..])?;
            ensure!(more > 0, "the server closed the connection");
            read += more;
            let text = std::str::from_utf8(&self.buffer[..read])?;
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                ensure!(head.starts_with("HTTP/1.1 200"), "not 200: {head}");
                let length = head.split("content-length: ").nth(1).context("an answer without length")?;
                let length: usize = length.split("\r\n").next().unwrap_or_default().parse()?;
                if body.len() == length {
                    return Ok(());
                }
            }
        }
    }
}
