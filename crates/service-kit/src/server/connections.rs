//! Accepts connections, serves HTTP/1.1 and HTTP/2 without TLS on one port, and drains.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Open connections at a time; more wait in the system's queue. Far above what the services' clients keep open.
const CONNECTIONS_MAX: usize = 10_000;
/// The usual defence against connections that say nothing.
const HEADER_WAIT: Duration = Duration::from_secs(30);
/// An idle HTTP/2 peer that does not answer a ping in [`PING_WAIT`] is gone.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_WAIT: Duration = Duration::from_secs(20);
/// Requests of one HTTP/2 connection at a time; clients queue the rest.
const STREAMS_MAX: u32 = 256;
/// Pause after a failed accept: out of file descriptors, the only lasting reason, does not pass at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until `stop`, then lets requests in flight end until `limit`. Gives how many connections it had to cut.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken, limit: Duration) -> usize {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accept = async {
            // The semaphore is never closed.
            let permit = permits.clone().acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // Ended connections must be taken off, or the set grows for ever.
            Some(_) = connections.join_next() => {}
            (accepted, permit) = accept => match accepted {
                Ok((stream, peer)) => {
                    let serving = serve_connection(stream, peer, router.clone(), stop.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(limit, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_ok() {
        return 0;
    }
    let cut = connections.len();
    connections.shutdown().await;
    cut
}

async fn serve_connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    // Answers are small: waiting to fill a packet would only delay them. Failure changes nothing but speed.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            // Telemetry's `client.address`, and whoever extracts it.
            request.extensions_mut().insert(ConnectInfo(peer));
            let response = router.oneshot(request).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_WAIT);
    builder
        .http2()
        .timer(TokioTimer::new())
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
