//! Bodies that count their bytes; the answer's ends its exchange.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};

use super::exchange::{End, Exchange};

type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

/// A request's body that adds what is read to a counter.
pub(super) struct Counted {
    inner: Body,
    bytes: Arc<AtomicU64>,
}

impl Counted {
    /// Wraps `body` unless it is empty.
    pub(super) fn wrap(body: Body, bytes: Arc<AtomicU64>) -> Body {
        if body.is_end_stream() { body } else { Body::new(Self { inner: body, bytes }) }
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.bytes.fetch_add(length(frame), Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body: the exchange ends with its last byte.
pub(super) struct Answer {
    inner: Body,
    exchange: Exchange,
    sent: u64,
    /// The length that was announced, after which hyper stops asking.
    announced: Option<u64>,
}

impl Answer {
    /// Wraps `body`; an empty one ends the exchange at once.
    pub(super) fn wrap(body: Body, mut exchange: Exchange) -> Body {
        if body.is_end_stream() {
            exchange.end(End::Complete, 0);
            return body;
        }
        let announced = body.size_hint().exact();
        Body::new(Self { inner: body, exchange, sent: 0, announced })
    }

    /// Polls the inner body in the span's context; a panic in it becomes an error, which closes the connection.
    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Polled {
        let _scope = self.exchange.context().clone().attach();
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.inner).poll_frame(cx))) {
            Ok(polled) => polled,
            Err(payload) => {
                self.exchange.panicked(&*payload);
                self.exchange.end(End::Panic, self.sent);
                Poll::Ready(Some(Err(axum::Error::new("the response body panicked"))))
            }
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let frame = ready!(self.poll_inner(cx));
        match &frame {
            Some(Ok(frame)) => {
                self.sent += length(frame);
                // hyper does not ask again after the last frame of a body that knows its end.
                if self.inner.is_end_stream() {
                    let sent = self.sent;
                    self.exchange.end(End::Complete, sent);
                }
            }
            Some(Err(_)) => {
                let sent = self.sent;
                self.exchange.end(End::Broken, sent);
            }
            None => {
                let sent = self.sent;
                self.exchange.end(End::Complete, sent);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let whole = self.exchange.head_only() || self.announced == Some(self.sent);
        self.exchange.end(if whole { End::Complete } else { End::Disconnected }, self.sent);
    }
}

fn length(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| data.len() as u64)
}
