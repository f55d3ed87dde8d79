//! An HTTP client: `reqwest` with a CLIENT span, the HTTP metrics and the caller's trace context per request.
//!
//! ```no_run
//! # async fn example() -> Result<(), reqwest::Error> {
//! let client = telemetry::reqwest::Client::from(reqwest::Client::new());
//! let answer = client.get("http://127.0.0.1:8002/bases/b1").template("/bases/{base}").send().await?;
//! # drop(answer);
//! # Ok(())
//! # }
//! ```
//!
//! The span ends with the last byte of the answer's body, or when the answer is dropped. URLs are recorded without user, password
//! and secret parameters, in the span and in errors. Bodies and headers are never recorded.
//!
//! Trace context goes to every host. Baggage (who the caller is) and `X-Correlation-ID` go to hosts of the deployment alone
//! (loopback, private addresses, names without a dot, `.internal` and the like), because a third party must not learn our tenants; see
//! [`Client::share_baggage`].

mod body;
mod call;
mod client;
mod metrics;
mod request;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use request::RequestBuilder;
