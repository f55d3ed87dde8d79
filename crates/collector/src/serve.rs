//! Runs a router on a listener: HTTP/1.1 and HTTP/2 without TLS on one port, and a drain that loses no answer.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

/// What one HTTP/2 stream may send ahead of being read. A batch of an SDK or collector fits, so it arrives in one go.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same for all streams of a connection together; also the most memory that a connection can hold unread.
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// Fewer, larger frames cost less than HTTP/2's 16 KiB ones; clients that know better use them.
const FRAME_BYTES_MAX: u32 = 256 << 10;
/// Calls of one connection at a time; gRPC clients queue the rest.
const STREAMS_MAX: u32 = 256;
/// An idle HTTP/2 peer that does not answer a ping in [`PING_WAIT`] is gone.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_WAIT: Duration = Duration::from_secs(20);
/// Slow headers: the usual defence against connections that say nothing.
const HEADER_WAIT: Duration = Duration::from_secs(30);
/// Pause after a failed accept: out of file descriptors, the only lasting reason, does not pass at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until `stop`, then lets those that are open finish their requests. Ends when the last one is closed: the
/// caller sets the deadline by dropping the future.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    // A panic is a defect of ours; it must cost one request, not the connection with all its other requests.
    let router = router.layer(CatchPanicLayer::new());
    let connections = TaskTracker::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, router.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn serve_connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    // Answers are small: waiting to fill a packet would only delay them. Failure changes nothing but speed.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let response = router.oneshot(request.map(Body::new)).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_WAIT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_WAIT);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        // Peers that go away in the middle of something are everyday life.
        tracing::debug!(%error, "connection ended");
    }
}
