//! An answer's body that holds a permit until it ends or is dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

/// See [the module](self).
pub(super) struct Held {
    body: Body,
    permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    pub(super) fn new(body: Body, permit: OwnedSemaphorePermit) -> Self {
        // An empty body may never be polled.
        let permit = (!http_body::Body::is_end_stream(&body)).then_some(permit);
        Self { body, permit }
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.permit = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
