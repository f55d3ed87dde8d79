//! A blocking HTTP/1.1 client over one kept-alive socket: what goes out is exactly what the test says.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// Body, de-chunked, otherwise as sent.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; invalid bytes are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("HTTP {} is not JSON: {}", self.status, self.text()))
    }

    /// Itself when the status is 2xx, else an error with the body's text.
    pub fn ok(self) -> Result<Self> {
        if (200..300).contains(&self.status) { Ok(self) } else { bail!("HTTP {}: {}", self.status, self.text()) }
    }
}

/// The client; opens its socket when first used and again when the server closed it.
#[derive(Debug)]
pub struct HttpClient {
    address: SocketAddr,
    socket: Option<BufReader<TcpStream>>,
    /// How long a read or write may take.
    pub timeout: Duration,
}

impl HttpClient {
    /// For the server at `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, socket: None, timeout: Duration::from_secs(60) }
    }

    /// `GET path`.
    pub fn get(&mut self, path: &str) -> Result<Reply> {
        self.send("GET", path, &[], b"")
    }

    /// `POST path` with a body of this content type.
    pub fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> Result<Reply> {
        self.send("POST", path, &[("content-type", content_type)], body)
    }

    /// Any request. A kept-alive socket that the server closed meanwhile is opened anew, once.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Reply> {
        let reused = self.socket.is_some();
        match self.exchange(method, path, headers, body) {
            Err(error) if reused && closed_before_answer(&error) => self.exchange(method, path, headers, body),
            other => other,
        }
    }

    fn exchange(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Reply> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => BufReader::with_capacity(64 << 10, self.connect()?),
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" || !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut out = head.into_bytes();
        out.extend_from_slice(body);
        // A server may refuse a large body and close before it has read all of it; its answer is then still there to read.
        let written = socket.get_mut().write_all(&out);
        let reply = match (read_reply(&mut socket, method), written) {
            (Ok(reply), _) => reply,
            (Err(_), Err(error)) => return Err(error.into()),
            (Err(error), Ok(())) => return Err(error),
        };
        if !reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.socket = Some(socket);
        }
        Ok(reply)
    }

    fn connect(&self) -> Result<TcpStream> {
        let socket = TcpStream::connect_timeout(&self.address, self.timeout)
            .with_context(|| format!("cannot connect to {}", self.address))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(self.timeout))?;
        socket.set_write_timeout(Some(self.timeout))?;
        Ok(socket)
    }
}

fn closed_before_answer(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|io| {
        matches!(io.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
    })
}

fn read_reply(socket: &mut BufReader<TcpStream>, method: &str) -> Result<Reply> {
    loop {
        let reply = read_one(socket, method)?;
        // 100-continue and its like announce the real answer.
        if reply.status >= 200 {
            return Ok(reply);
        }
    }
}

fn read_one(socket: &mut BufReader<TcpStream>, method: &str) -> Result<Reply> {
    let start = read_line(socket)?;
    let status = start.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut reply = Reply { status: status.ok_or_else(|| anyhow!("not HTTP/1.1: {start:?}"))?, ..Reply::default() };
    loop {
        let line = read_line(socket)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| anyhow!("not a header: {line:?}"))?;
        reply.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if method == "HEAD" || reply.status < 200 || reply.status == 204 || reply.status == 304 {
        return Ok(reply);
    }
    if reply.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        reply.body = read_chunks(socket)?;
    } else if let Some(length) = reply.header("content-length") {
        reply.body = vec![0; length.parse().context("content-length is not a number")?];
        socket.read_exact(&mut reply.body)?;
    } else {
        socket.read_to_end(&mut reply.body)?;
        reply.headers.push(("connection".to_owned(), "close".to_owned()));
    }
    Ok(reply)
}

fn read_chunks(socket: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(socket)?;
        let digits = line.split(';').next().unwrap_or_default();
        let length =
            usize::from_str_radix(digits.trim(), 16).with_context(|| format!("not a chunk length: {line:?}"))?;
        let start = body.len();
        body.resize(start + length, 0);
        socket.read_exact(&mut body[start..])?;
        while length == 0 && !read_line(socket)?.is_empty() {}
        if length == 0 {
            return Ok(body);
        }
        read_line(socket)?;
    }
}

fn read_line(socket: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = Vec::new();
    if socket.read_until(b'\n', &mut line)? == 0 {
        return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
    }
    let text = String::from_utf8_lossy(&line);
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Percent-encodes a query-string value.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
