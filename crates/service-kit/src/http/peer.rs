//! One of our own services, by its base address.

use ::http::Method;

use super::{Client, Request};
use crate::config::Secret;
use crate::ready::Check;

/// A service of ours: paths are appended to its address, SERVICE_TOKEN goes along. Clones share connections.
#[derive(Clone, Debug)]
pub struct Peer {
    client: Client,
    base: String,
    token: Option<Secret>,
}

impl Peer {
    /// At `base`, without a trailing slash.
    pub fn new(client: Client, base: impl Into<String>, token: Option<Secret>) -> Self {
        // Our own services may know who the caller is, wherever they run.
        Self { client: client.share_baggage(true), base: base.into(), token }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Begins a request to `path`, which begins with a slash.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer(token),
            None => request,
        }
    }

    /// Begins a GET of `path`.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// Begins a POST to `path`.
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// A check for `/ready` under `name`: its `/health` answers 200. Not its `/ready`: two services that need each other would ask
    /// each other for ever.
    pub fn check(&self, name: &'static str) -> Check {
        let peer = self.clone();
        Check::new(name, move || {
            let request = peer.get("/health").retry(super::Retry::NONE);
            async move {
                match request.send().await {
                    Ok(answer) if answer.status().is_success() => Ok(()),
                    Ok(answer) => Err(format!("/health answered {}", answer.status().as_u16())),
                    Err(error) => Err(error.to_string()),
                }
            }
        })
    }
}
