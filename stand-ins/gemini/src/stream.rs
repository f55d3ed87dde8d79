//! Chunks as bytes: server-sent events with CRLF, or one JSON array sent piece by piece, with pauses and early ends.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use serde_json::Value;

use crate::fault::Fault;
use crate::scenario::{Cut, CutWith, RETRY_DELAY_S, Scenario};
use crate::wire;

/// How the chunks are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `alt=sse`.
    Events,
    /// Otherwise.
    Array,
}

/// One write.
#[derive(Debug)]
enum Write {
    Bytes(Bytes),
    /// End the connection without an end of the body.
    Break,
}

/// The streamed answer.
pub(crate) fn response(chunks: Vec<Value>, framing: Framing, scenario: &Scenario) -> Response {
    let pause = Duration::from_millis(scenario.chunk_latency_ms);
    let writes = writes(chunks, framing, scenario.cut.as_ref());
    let body = stream::unfold((writes, true), move |(mut writes, first)| async move {
        let write = writes.pop_front()?;
        if !first && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let item = match write {
            Write::Bytes(bytes) => Ok(bytes),
            Write::Break => Err(std::io::Error::other("cut on purpose")),
        };
        Some((item, (writes, false)))
    });
    let mut response = Response::new(Body::from_stream(body));
    let content_type = match framing {
        Framing::Events => "text/event-stream",
        Framing::Array => "application/json; charset=UTF-8",
    };
    wire::common_headers(response.headers_mut(), content_type);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    response
}

fn writes(mut chunks: Vec<Value>, framing: Framing, cut: Option<&Cut>) -> VecDeque<Write> {
    let mut broken = false;
    if let Some(cut) = cut {
        chunks.truncate(cut.after);
        match cut.with {
            CutWith::Disconnect => broken = true,
            CutWith::Error => chunks.push(Fault::Internal.error("", RETRY_DELAY_S).body()),
            CutWith::End => {}
        }
    }
    let mut writes = VecDeque::new();
    for (at, chunk) in chunks.iter().enumerate() {
        let text = match framing {
            Framing::Events => format!("data: {chunk}\r\n\r\n"),
            Framing::Array if at == 0 => format!("[{chunk}\n"),
            Framing::Array => format!(",\r\n{chunk}\n"),
        };
        writes.push_back(Write::Bytes(Bytes::from(text)));
    }
    if broken {
        writes.push_back(Write::Break);
    } else if framing == Framing::Array {
        writes.push_back(Write::Bytes(Bytes::from_static(if chunks.is_empty() { b"[]" } else { b"]\n" })));
    }
    writes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(framing: Framing, cut: Option<&Cut>) -> String {
        let writes = writes(vec![json!({"a": 1}), json!({"a": 2})], framing, cut);
        let parts = writes.into_iter().map(|write| match write {
            Write::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Write::Break => "BREAK".to_owned(),
        });
        parts.collect()
    }

    #[test]
    fn events_end_with_two_carriage_returns_and_have_no_done() {
        assert_eq!(text(Framing::Events, None), "data: {\"a\":1}\r\n\r\ndata: {\"a\":2}\r\n\r\n");
    }

    #[test]
    fn an_array_is_one_document() {
        let value: Value = serde_json::from_str(&text(Framing::Array, None)).unwrap();
        assert_eq!(value, json!([{"a": 1}, {"a": 2}]));
    }

    #[test]
    fn cuts_end_as_asked() {
        let cut = |with| Cut { after: 1, with };
        assert_eq!(text(Framing::Events, Some(&cut(CutWith::Disconnect))), "data: {\"a\":1}\r\n\r\nBREAK");
        assert_eq!(text(Framing::Events, Some(&cut(CutWith::End))), "data: {\"a\":1}\r\n\r\n");
        assert!(text(Framing::Array, Some(&cut(CutWith::Error))).contains("\"status\":\"INTERNAL\""));
    }
}
