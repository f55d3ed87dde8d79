//! The answer's body: counts, and ends the call with its last byte.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::reqwest::{Body, Error, Response, ResponseBuilderExt as _};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use super::call::{Call, kind_of};

/// Hands `call` to the body of `response`.
pub(super) fn wrap(response: Response, mut call: Call) -> Response {
    call.answered(&response);
    let url = response.url().clone();
    let (mut parts, body) = ::http::Response::from(response).into_parts();
    if body.is_end_stream() {
        call.end(0);
    }
    // `reqwest` keeps the final URL outside of what it converts.
    if let Ok(carrier) = ::http::Response::builder().url(url).body(()) {
        parts.extensions.extend(carrier.into_parts().0.extensions);
    }
    let body = Body::wrap(Counted { inner: body, call, received: 0 });
    ::http::Response::from_parts(parts, body).into()
}

struct Counted {
    inner: Body,
    call: Call,
    received: u64,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = {
            let _scope = self.call.context().clone().attach();
            Pin::new(&mut self.inner).poll_frame(cx)
        };
        let frame = ready!(polled);
        match &frame {
            Some(Ok(frame)) => self.received += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(error)) => {
                let kind = if error.is_timeout() { kind_of(error) } else { "response_body" };
                self.call.failed(kind);
            }
            None => {}
        }
        let last = !matches!(frame, Some(Ok(_))) || self.inner.is_end_stream();
        if last {
            let received = self.received;
            self.call.end(received);
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

impl Drop for Counted {
    fn drop(&mut self) {
        // An answer whose body nobody wanted (the status was enough) is no failure; one that was cut off in the middle is none either,
        // since it was the caller who stopped.
        self.call.end(self.received);
    }
}
