//! Extractors whose refusals are [`Problem`]s that name the field.
//!
//! * not JSON at all, or cut off: 400; a wrong content type: 415; too large: 413
//! * a field of a wrong type, unknown or missing: 422 with its path, as `messages[0].role`
//! * a value outside its rules (`garde`): 422 with every field that breaks one

use ::http::header::CONTENT_TYPE;
use ::http::request::Parts;
use ::http::{HeaderMap, StatusCode};
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, RawPathParams, Request};
use bytes::Bytes;
use garde::Validate;
use serde::de::DeserializeOwned;

use crate::problem::{FieldError, Problem};
use crate::server::BodyLimit;

/// Field errors told at most: a body with a million wrong items must not give an answer with a million errors.
const ERRORS_MAX: usize = 50;

/// A JSON body that was checked against its type and its rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct ValidJson<T>(pub T);

/// A query string that was checked. Repeated keys fill a `Vec`; a field that is `Option` or has a serde default may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct ValidQuery<T>(pub T);

/// Path parameters whose type errors name the parameter. No rules beyond the type: a path that breaks a rule is a 404 of the handler.
#[derive(Debug, Clone, Copy, Default)]
pub struct ValidPath<T>(pub T);

impl<T, S> FromRequest<S> for ValidJson<T>
where
    T: DeserializeOwned + Validate,
    T::Context: Default,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "the body must be JSON: set Content-Type to application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail));
        }
        let limit = request.extensions().get::<BodyLimit>().copied();
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(rejection, limit))?;
        json(&bytes).map(Self)
    }
}

impl<T, S> FromRequestParts<S> for ValidQuery<T>
where
    T: DeserializeOwned + Validate,
    T::Context: Default,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

impl<T, S> FromRequestParts<S> for ValidPath<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(failed)) => {
                Err(path_problem(failed.kind(), &only_parameter(parts, state).await))
            }
            Err(other) => Err(Problem::internal(&other)),
        }
    }
}

/// Reads and checks a JSON document, for bodies that arrive in another way than [`ValidJson`].
///
/// # Errors
/// 400 when it is not JSON, 422 when a field is wrong.
pub fn json<T>(bytes: &[u8]) -> Result<T, Problem>
where
    T: DeserializeOwned + Validate,
    T::Context: Default,
{
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() { wrong(&path, "body", reason(&cause)) } else { malformed(&cause) }
    })?;
    deserializer.end().map_err(|cause| malformed(&cause))?;
    check(value, "body")
}

/// Reads and checks a query string.
///
/// # Errors
/// 422 when a field is wrong.
pub fn query<T>(text: &str) -> Result<T, Problem>
where
    T: DeserializeOwned + Validate,
    T::Context: Default,
{
    let deserializer = serde_html_form::Deserializer::from_bytes(text.as_bytes());
    let value: T = serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        wrong(&path, "query", error.into_inner().to_string())
    })?;
    check(value, "query")
}

fn check<T>(value: T, whole: &str) -> Result<T, Problem>
where
    T: Validate,
    T::Context: Default,
{
    let Err(report) = value.validate() else { return Ok(value) };
    let one = |(path, error): &(garde::Path, garde::Error)| FieldError {
        field: field_name(&path.to_string(), whole),
        reason: error.to_string(),
    };
    Err(Problem::validation(report.iter().take(ERRORS_MAX).map(one).collect()))
}

/// serde blames the object when a field is missing, and names the field in its sentence only.
fn wrong(path: &str, whole: &str, reason: String) -> Problem {
    let missing = reason.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match (missing, field_name(path, whole)) {
        (None, field) => Problem::invalid(field, reason),
        (Some(missing), parent) if parent == whole => Problem::invalid(missing, "is required"),
        (Some(missing), parent) => Problem::invalid(format!("{parent}.{missing}"), "is required"),
    }
}

/// serde and garde call the whole document "." or nothing.
fn field_name(path: &str, whole: &str) -> String {
    if matches!(path, "" | "." | "?") { whole.to_owned() } else { path.to_owned() }
}

/// serde_json's sentence without its position, which means nothing to whoever built the document from objects.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    in_json_words(&text[..end])
}

/// serde's sentence with the names that a client knows: its program has no `struct ChatRequest` and no `u32`.
fn in_json_words(text: &str) -> String {
    let Some((told, expected)) = text.rsplit_once(", expected ") else { return text.to_owned() };
    let expected = match expected {
        "f32" | "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative and not too large",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number, not too large",
        "a map" => "an object",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "an object",
        _ => return text.to_owned(),
    };
    format!("{told}, expected {expected}")
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed-json", format!("the body is not JSON: {error}"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
}

fn unreadable(rejection: BytesRejection, limit: Option<BodyLimit>) -> Problem {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => match limit {
            Some(BodyLimit(bytes)) => Problem::too_large(bytes),
            None => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the request body is too large"),
        },
        _ => Problem::bad_request("the request body ended early"),
    }
}

/// The name of a route's parameter when it has one alone: axum does not say it of a path that is read as one value.
async fn only_parameter<S: Send + Sync>(parts: &mut Parts, state: &S) -> String {
    let parameters = RawPathParams::from_request_parts(parts, state).await;
    let names: Vec<String> = parameters.iter().flatten().map(|(name, _)| name.to_owned()).collect();
    if let [name] = &names[..] { name.clone() } else { "path".to_owned() }
}

fn path_problem(kind: &ErrorKind, whole: &str) -> Problem {
    match kind {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
            Problem::invalid(key.clone(), format!("must be of type {expected_type}"))
        }
        ErrorKind::DeserializeError { key, message, .. } => Problem::invalid(key.clone(), message.clone()),
        ErrorKind::InvalidUtf8InPathParam { key } => Problem::invalid(key.clone(), "is not valid UTF-8"),
        ErrorKind::ParseError { expected_type, .. } => {
            Problem::invalid(whole, format!("must be of type {expected_type}"))
        }
        ErrorKind::ParseErrorAtIndex { index, expected_type, .. } => {
            Problem::invalid(format!("path[{index}]"), format!("must be of type {expected_type}"))
        }
        ErrorKind::Message(message) => Problem::invalid(whole, message.clone()),
        // A handler that asks for parameters which its route does not have is a defect of ours.
        other => Problem::internal(&other.to_string()),
    }
}

#[cfg(test)]
#[path = "extract/tests.rs"]
mod tests;
