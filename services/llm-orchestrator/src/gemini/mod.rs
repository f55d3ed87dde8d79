//! The client of the Gemini API: generate, stream, count, embed, with time-outs and retries.
//!
//! | module | owns |
//! |---|---|
//! | `answer` | what comes back, whole or in chunks |
//! | `fault` | what an error answer says |
//! | `sse` | the framing of streams |
//!
//! The key goes into the header `x-goog-api-key`, never into a URL. An attempt that was refused with a status used nothing, so trying again cannot be
//! billed twice; an attempt that broke off may have been, so it is not repeated.

mod answer;
mod fault;
mod sse;

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use http::StatusCode;
use serde_json::{Value, json};
use service_kit::config::Secret;
use service_kit::http::{Client as Http, Error as HttpError, Request, Response, Retry};

pub(crate) use answer::{Answer, FunctionCall};
pub(crate) use fault::Fault;

/// An error body that is read; the rest says nothing more.
const FAULT_BYTES_MAX: usize = 64 * 1024;
/// An answer that is read whole.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// First pause between attempts, doubled each time, with jitter.
const PAUSE_FIRST: Duration = Duration::from_millis(500);

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Gemini refused it, or a front end did.
    #[error("the model's provider answered {}: {}", .0.status.as_u16(), .0.message)]
    Refused(Fault),
    /// No answer came.
    #[error("the model's provider gave no answer: {0}")]
    Http(#[from] HttpError),
    /// The answer is not JSON.
    #[error("the model's provider gave an answer that cannot be read")]
    Unreadable,
    /// A stream ended without its last chunk.
    #[error("the model's answer broke off")]
    BrokeOff,
}

impl Error {
    /// The value of `error.type`: a status, or one of four words.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Refused(fault) => fault.status.as_u16().to_string(),
            Self::Http(HttpError::Timeout(_)) => "timeout".to_owned(),
            Self::Http(HttpError::Connect(_)) => "connection_refused".to_owned(),
            Self::Http(_) | Self::BrokeOff => "connection_broken".to_owned(),
            Self::Unreadable => "invalid_response".to_owned(),
        }
    }

    /// What spans and log lines say. The reason why a request is wrong quotes the request, and not always in one piece, so that no mask
    /// recognises a secret in it; Google's word for it says enough.
    pub(crate) fn logged(&self) -> String {
        match self {
            Self::Refused(fault) if matches!(fault.status.as_u16(), 400 | 404) => {
                format!("the model's provider answered {} {}", fault.status.as_u16(), fault.code)
            }
            other => other.to_string(),
        }
    }

    /// Whether it is sure that nothing was used.
    pub(crate) fn used_nothing(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Http(HttpError::Connect(_) | HttpError::Request(_)))
    }
}

/// How the API is reached.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Base address without a trailing slash.
    pub(crate) base_url: String,
    /// API key; without one Gemini answers 403.
    pub(crate) key: Option<Secret>,
    /// For one attempt of a call that is answered whole.
    pub(crate) timeout: Duration,
    /// For the head of a stream, and for each piece of it.
    pub(crate) stream_timeout: Duration,
    /// Attempts after the first.
    pub(crate) retries: usize,
    /// Longest pause; when Gemini asks for a longer one, the caller is told instead.
    pub(crate) pause_max: Duration,
}

/// A client. Clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Gemini {
    http: Http,
    settings: Settings,
}

impl Gemini {
    /// A client on top of the service's HTTP client.
    pub(crate) fn new(http: Http, settings: Settings) -> Self {
        // Retries are made here, where the error's body is understood.
        Self { http: http.retry(Retry::NONE), settings }
    }

    /// Base address.
    pub(crate) fn base_url(&self) -> &str {
        &self.settings.base_url
    }

    /// A whole answer.
    pub(crate) async fn generate(&self, model: &str, body: &Value) -> Result<Value, Error> {
        self.post(model, "generateContent", body).await
    }

    /// An answer in chunks. The first bytes have not been read yet.
    pub(crate) async fn stream(&self, model: &str, body: &Value) -> Result<Chunks, Error> {
        let begin = || {
            let request = self.request(model, "streamGenerateContent", body).query("alt", "sse");
            request.streamed().timeout(self.settings.stream_timeout)
        };
        let response = self.attempts(begin).await?;
        Ok(Chunks { response, events: sse::Events::default(), ready: Vec::new().into_iter(), ended: false })
    }

    /// How many tokens the contents of a prompt are. Costs nothing.
    pub(crate) async fn count_tokens(&self, model: &str, contents: &[Value]) -> Result<u64, Error> {
        let counted = self.post(model, "countTokens", &json!({"contents": contents})).await?;
        counted.get("totalTokens").and_then(Value::as_u64).ok_or(Error::Unreadable)
    }

    /// Vectors of texts, in their order, and the body that says what it used.
    pub(crate) async fn embed(
        &self,
        model: &str,
        texts: &[String],
        dimensions: Option<u32>,
    ) -> Result<(Vec<Value>, Value), Error> {
        let one = |text: &String| {
            let mut request = json!({"model": format!("models/{model}"), "content": {"parts": [{"text": text}]}});
            if let Some(dimensions) = dimensions {
                request["outputDimensionality"] = json!(dimensions);
            }
            request
        };
        let requests: Vec<_> = texts.iter().map(one).collect();
        let answer = match requests.as_slice() {
            [single] => self.post(model, "embedContent", single).await?,
            _ => self.post(model, "batchEmbedContents", &json!({"requests": requests})).await?,
        };
        let single = answer.get("embedding").map(std::slice::from_ref);
        let many = single.or_else(|| answer.get("embeddings").and_then(Value::as_array).map(Vec::as_slice));
        let vectors: Vec<Value> = many.into_iter().flatten().filter_map(|one| one.get("values").cloned()).collect();
        if vectors.len() == texts.len() { Ok((vectors, answer)) } else { Err(Error::Unreadable) }
    }

    /// Whether the API answers and takes the key.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let url = format!("{}/v1beta/models", self.settings.base_url);
        let response =
            self.keyed(self.http.get(url).query("pageSize", 1)).send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(format!("the Gemini API answers {}", status.as_u16())) }
    }

    async fn post(&self, model: &str, method: &'static str, body: &Value) -> Result<Value, Error> {
        let response = self.attempts(|| self.request(model, method, body).timeout(self.settings.timeout)).await?;
        let bytes = response.bytes(ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&bytes).map_err(|_| Error::Unreadable)
    }

    fn request(&self, model: &str, method: &'static str, body: &Value) -> Request {
        let url = format!("{}/v1beta/models/{model}:{method}", self.settings.base_url);
        let template = match method {
            "generateContent" => "/v1beta/models/{model}:generateContent",
            "streamGenerateContent" => "/v1beta/models/{model}:streamGenerateContent",
            "countTokens" => "/v1beta/models/{model}:countTokens",
            "embedContent" => "/v1beta/models/{model}:embedContent",
            _ => "/v1beta/models/{model}:batchEmbedContents",
        };
        self.keyed(self.http.post(url).template(template).json(body))
    }

    fn keyed(&self, request: Request) -> Request {
        match &self.settings.key {
            Some(key) => request.secret_header("x-goog-api-key", key),
            None => request,
        }
    }

    async fn attempts(&self, begin: impl Fn() -> Request) -> Result<Response, Error> {
        let pauses = ExponentialBuilder::default().with_min_delay(PAUSE_FIRST).with_max_delay(self.settings.pause_max);
        let mut pauses = pauses.with_max_times(self.settings.retries).with_jitter().build();
        loop {
            let error = match begin().send().await {
                Ok(response) if response.status() == StatusCode::OK => return Ok(response),
                Ok(response) => Error::Refused(refusal(response).await),
                Err(error) => Error::Http(error),
            };
            let pause = match &error {
                Error::Refused(fault) if fault.retryable() => fault.retry_after.unwrap_or_default(),
                Error::Http(HttpError::Connect(_)) => Duration::ZERO,
                _ => return Err(error),
            };
            match pauses.next() {
                Some(usual) if pause <= self.settings.pause_max => {
                    let pause = pause.max(usual);
                    tracing::warn!(error = %error, pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "LLM API call is tried again");
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error),
            }
        }
    }
}

/// The chunks of a streamed answer.
#[derive(Debug)]
pub(crate) struct Chunks {
    response: Response,
    events: sse::Events,
    ready: std::vec::IntoIter<Vec<u8>>,
    ended: bool,
}

impl Chunks {
    /// The next chunk; `None` at the end of the stream, be it the proper end or not.
    ///
    /// # Errors
    /// A broken connection, an error that Gemini put into the stream, an event that is no JSON.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>, Error> {
        loop {
            if let Some(event) = self.ready.next() {
                let chunk: Value = serde_json::from_slice(&event).map_err(|_| Error::Unreadable)?;
                return match chunk.get("error") {
                    Some(error) => Err(Error::Refused(Fault::in_stream(error))),
                    None => Ok(Some(chunk)),
                };
            }
            if self.ended {
                return Ok(None);
            }
            let events = match self.response.chunk().await? {
                Some(bytes) => self.events.push(&bytes).map_err(|_| Error::Unreadable)?,
                None => {
                    self.ended = true;
                    self.events.end().into_iter().collect()
                }
            };
            self.ready = events.into_iter();
        }
    }
}

async fn refusal(response: Response) -> Fault {
    let status = response.status();
    let retry_after =
        response.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // A body that cannot be read leaves the status, which says enough.
    let body = response.bytes(FAULT_BYTES_MAX).await.unwrap_or_default();
    Fault::read(status, retry_after.as_deref(), &body)
}
