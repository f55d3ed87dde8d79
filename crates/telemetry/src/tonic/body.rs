//! A body that ends its call with the trailers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use super::call::Call;

pub(super) struct Traced {
    inner: Body,
    call: Call,
}

impl Traced {
    /// Hands `call` to the body of `response`, unless the head says already how the call ended.
    pub(super) fn wrap<B>(response: http::Response<B>, mut call: Call) -> http::Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = response.into_parts();
        let body = Body::new(body);
        if call.end_by(&parts.headers) {
            return http::Response::from_parts(parts, body);
        }
        http::Response::from_parts(parts, Body::new(Self { inner: body, call }))
    }
}

impl http_body::Body for Traced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = {
            let _scope = self.call.context().clone().attach();
            Pin::new(&mut self.inner).poll_frame(cx)
        };
        let frame = ready!(polled);
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.end_by(trailers);
                }
            }
            Some(Err(status)) => self.call.end(Some(status.code()), None),
            // No status anywhere: the peer broke the protocol.
            None => self.call.end(None, Some("missing_status")),
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
