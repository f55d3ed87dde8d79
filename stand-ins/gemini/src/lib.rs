//! A local server that answers like the Gemini API: same paths, bodies, errors and streams, without a model behind it.
//!
//! Deterministic: the same seed and request give the same text, whatever came before (only `responseId` counts calls, and the
//! implicit prompt cache remembers prefixes). Faults and delays come from a [`scenario::Scenario`]. Source of the behaviour:
//! upstream-apis.md A and E. Deliberately absent: the `interactions` surface, files, batches, creating cached contents.

mod answer;
mod cache;
mod catalogue;
mod embed;
mod error;
mod fault;
mod generate;
mod random;
mod request;
pub mod scenario;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod tokens;
mod wire;

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use error::Error;
pub use fault::Fault;
use scenario::Scenario;

/// How a stand-in is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Decides texts, arguments and ids.
    pub seed: u64,
    /// Keys that are accepted; empty: any that does not begin with `invalid`.
    pub keys: Vec<String>,
    /// What holds until `/_mock/scenario` says otherwise.
    pub scenario: Scenario,
}

/// The routes, for a server of one's own or for calls in the same process.
pub fn router(options: Options) -> Router {
    server::router(options)
}

/// Serves until `stop` is done; requests under way are finished.
///
/// # Errors
/// [`Error::Serve`] when the listener fails.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    axum::serve(listener, router(options)).with_graceful_shutdown(stop).await?;
    Ok(())
}

/// A stand-in in this process, for tests.
#[derive(Debug)]
pub struct Running {
    /// Where it listens, on loopback.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// What `GEMINI_BASE_URL` has to say.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Finishes the requests under way and ends. (A dropped `Running` ends too, without being waited for.)
    ///
    /// # Errors
    /// [`Error::Serve`] when the server failed.
    pub async fn shutdown(self) -> Result<(), Error> {
        drop(self.stop);
        self.task.await.unwrap_or_else(|error| Err(Error::Serve(std::io::Error::other(error))))
    }
}

/// Starts a stand-in on a free port of loopback.
///
/// # Errors
/// [`Error::Serve`] when no port can be had.
pub async fn start(options: Options) -> Result<Running, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    // An error means that the sender is gone, which is how it says "stop".
    let stopped = async move { stopped.await.unwrap_or_default() };
    let task = tokio::spawn(serve(listener, options, stopped));
    Ok(Running { address, stop, task })
}
