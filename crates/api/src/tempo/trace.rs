//! Trace by id.
//!
//! v1 answers 404 with an empty body when there is no such trace; v2 answers 200 with an empty trace, because Grafana takes a
//! 404 there for a server without v2 and asks again.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use model::{Span, TenantId, TimeRange, TraceId, UnixNanos};
use otlp::encode;
use protowire::Writer;
use store_api::ReadStats;

use super::TempoState;
use super::negotiate::{Encoding, protobuf_response};
use super::{size, trace_json};
use crate::error::TextError;
use crate::face::json_response;
use crate::json::Json;
use crate::params::Params;
use crate::tenant::Tenant;
use crate::time::tempo_secs;

/// Most bytes of one trace in an answer, as protobuf. Tempo refuses traces over 5 MB when they are written; we do not, so what
/// is stored must be readable, up to what a browser can still show.
const TRACE_BYTES_MAX: usize = 64 << 20;

/// `PartialStatus.PARTIAL` of tempopb.
const PARTIAL: u64 = 1;

pub(super) async fn by_id_v1(
    State(state): State<TempoState>,
    Path(id): Path<String>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, TextError> {
    answer(&state, tenant, &id, &params, Encoding::of(&headers), render_v1).await
}

pub(super) async fn by_id_v2(
    State(state): State<TempoState>,
    Path(id): Path<String>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, TextError> {
    if let Some(query) = params.get("q") {
        return Err(TextError::bad_request(format!("trimming a trace by a filter is not supported yet: q={query}")));
    }
    answer(&state, tenant, &id, &params, Encoding::of(&headers), render_v2).await
}

fn render_v1(found: &Found, encoding: Encoding) -> Result<Response, TextError> {
    if found.spans.is_empty() {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    if let Some(message) = &found.too_large {
        return Err(TextError::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    if encoding == Encoding::Protobuf {
        // `tempopb.Trace` is `TracesData` on the wire.
        return Ok(protobuf_response(encode::traces_data(&found.spans)));
    }
    let mut json = Json::new();
    trace_json::write_trace(&mut json, "batches", &found.spans);
    Ok(json_response(json.into_string()))
}

fn render_v2(found: &Found, encoding: Encoding) -> Result<Response, TextError> {
    if encoding == Encoding::Protobuf {
        return Ok(protobuf_response(encode_v2(found)));
    }
    let mut json = Json::new();
    json.object(|json| {
        json.key("trace");
        trace_json::write_trace(json, "resourceSpans", &found.spans);
        json.key("metrics").object(|json| {
            if found.stats.inspected_bytes > 0 {
                json.key("inspectedBytes").quoted(found.stats.inspected_bytes);
            }
        });
        if let Some(message) = &found.too_large {
            json.key("status").str("PARTIAL").key("message").str(message);
        }
    });
    Ok(json_response(json.into_string()))
}

fn encode_v2(found: &Found) -> Vec<u8> {
    let mut out = Writer::new();
    out.message(1, |out| encode::write_traces_data(&encode::group(&found.spans), out));
    out.message(2, |out| {
        if found.stats.inspected_bytes > 0 {
            out.varint(1, found.stats.inspected_bytes);
        }
    });
    if let Some(message) = &found.too_large {
        out.varint(3, PARTIAL).str(4, message);
    }
    out.into_bytes()
}

/// What a look-up gave.
struct Found {
    spans: Vec<Span>,
    stats: ReadStats,
    /// Set when spans were left out.
    too_large: Option<String>,
}

/// Reads a trace and renders it, both off the runtime: a large one takes milliseconds.
async fn answer(
    state: &TempoState,
    tenant: TenantId,
    id: &str,
    params: &Params,
    encoding: Encoding,
    render: fn(&Found, Encoding) -> Result<Response, TextError>,
) -> Result<Response, TextError> {
    let id = TraceId::parse(id).ok_or_else(|| {
        TextError::bad_request(format!("trace IDs can only contain hex characters and at most 32 of them: {id:?}"))
    })?;
    let range = range(params)?;
    check_mode(params)?;
    let source = state.spans.clone();
    let read = state.face.read(move || {
        let (spans, stats) = source.trace(&tenant, id, range)?;
        Ok(render(&limit_size(spans, stats), encoding))
    });
    read.await?
}

/// Leaves out the last spans of a trace that is too large.
fn limit_size(mut spans: Vec<Span>, stats: ReadStats) -> Found {
    let mut bytes = 0;
    let fitting = spans.iter().take_while(|span| {
        bytes += size::size_estimate(span);
        bytes <= TRACE_BYTES_MAX
    });
    let fitting = fitting.count();
    let too_large = (fitting < spans.len()).then(|| {
        let left_out = spans.len() - fitting;
        format!("trace exceeds the limit of {TRACE_BYTES_MAX} bytes: {left_out} of {} spans left out", spans.len())
    });
    spans.truncate(fitting);
    Found { spans, stats, too_large }
}

fn check_mode(params: &Params) -> Result<(), TextError> {
    match params.get("mode") {
        None | Some("all" | "ingesters" | "blocks" | "external") => Ok(()),
        Some(other) => Err(TextError::bad_request(format!("invalid value for mode {other}"))),
    }
}

/// The optional hint `start` and `end`, in whole seconds; without them everything.
pub(super) fn range(params: &Params) -> Result<TimeRange, TextError> {
    let secs = |name: &str| -> Result<Option<u32>, TextError> {
        let Some(text) = params.get(name) else { return Ok(None) };
        let bad = || TextError::bad_request(format!("invalid {name}: {text:?} is not a Unix time in whole seconds"));
        tempo_secs(text).map(Some).ok_or_else(bad)
    };
    let (start, end) = (secs("start")?.unwrap_or(0), secs("end")?.unwrap_or(0));
    if start == 0 && end == 0 {
        return Ok(TimeRange::ALL);
    }
    if end <= start {
        return Err(TextError::bad_request(format!(
            "http parameter start must be before end. received start={start} end={end}"
        )));
    }
    let last = UnixNanos(UnixNanos::from_secs(u64::from(end)).0 + 999_999_999);
    Ok(TimeRange::new(UnixNanos::from_secs(u64::from(start)), last))
}
