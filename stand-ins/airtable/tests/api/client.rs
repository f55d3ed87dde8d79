//! A client of the stand-in for its own tests.

use reqwest::{Method, RequestBuilder};
use serde_json::Value as Json;
use stand_in_airtable::{Options, StandIn};

pub(crate) const CRM: &str = "appSalesCRM000000";
pub(crate) const CONTENT: &str = "appContentPlan000";

pub(crate) struct Client {
    pub(crate) server: std::sync::Arc<StandIn>,
    token: String,
    http: reqwest::Client,
}

impl Client {
    pub(crate) async fn start(options: Options) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = std::sync::Arc::new(stand_in_airtable::start(options).await.unwrap());
        Self { server, token: "patTest".to_owned(), http: reqwest::Client::new() }
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { server: self.server.clone(), token: token.to_owned(), http: self.http.clone() }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().unwrap();
        let request = self.http.request(method, format!("{}{path}", self.server.base_url()));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Json) {
        finish(self.request("GET", path)).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &Json) -> (u16, Json) {
        let request = self.request(method, path).header("content-type", "application/json").body(body.to_string());
        finish(request).await
    }
}

/// Status and body; a body that is no JSON as text.
async fn finish(request: RequestBuilder) -> (u16, Json) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
}
