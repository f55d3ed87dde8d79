//! Tag names and tag values, in the old flat form (v1) and the scoped and typed one (v2).

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use model::TenantId;
use protowire::Writer;
use store_api::{ReadStats, TagNames, TagValue};

use super::TempoState;
use super::identifier::{Identifier, parse_identifier, parse_legacy};
use super::negotiate::{Encoding, protobuf_response};
use super::trace::range;
use crate::error::TextError;
use crate::face::json_response;
use crate::json::Json;
use crate::number::format_float;
use crate::params::Params;
use crate::tenant::Tenant;

/// Most values in an answer when the client sets no limit; Tempo limits bytes instead (5 MB).
const VALUES_MAX: usize = 50_000;

/// What Tempo lists below the scope `intrinsic`, in its order.
const INTRINSICS: [&str; 25] = [
    "duration",
    "name",
    "status",
    "statusMessage",
    "kind",
    "rootServiceName",
    "rootName",
    "traceDuration",
    "event:name",
    "event:timeSinceStart",
    "link:spanID",
    "link:traceID",
    "instrumentation:name",
    "instrumentation:version",
    "trace:id",
    "trace:duration",
    "trace:rootName",
    "trace:rootService",
    "span:id",
    "span:parentID",
    "span:status",
    "span:statusMessage",
    "span:duration",
    "span:name",
    "span:kind",
];

pub(super) async fn names_v1(
    State(state): State<TempoState>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, TextError> {
    let (scopes, stats) = scoped_names(&state, tenant, &params).await?;
    let wants_intrinsics = params.get("scope") == Some("intrinsic");
    let names: BTreeSet<&str> = scopes
        .iter()
        .filter(|scope| scope.name != "intrinsic" || wants_intrinsics)
        .flat_map(|scope| scope.tags.iter().map(String::as_str))
        .collect();
    if Encoding::of(&headers) == Encoding::Protobuf {
        let mut out = Writer::new();
        names.iter().for_each(|name| {
            out.str(1, name);
        });
        encode_metrics(&mut out, stats);
        return Ok(protobuf_response(out.into_bytes()));
    }
    let mut json = Json::new();
    json.object(|json| {
        if !names.is_empty() {
            json.key("tagNames").array(|json| {
                names.iter().for_each(|name| {
                    json.str(name);
                })
            });
        }
        write_metrics(json, stats);
    });
    Ok(json_response(json.into_string()))
}

pub(super) async fn names_v2(
    State(state): State<TempoState>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, TextError> {
    let (scopes, stats) = scoped_names(&state, tenant, &params).await?;
    if Encoding::of(&headers) == Encoding::Protobuf {
        let mut out = Writer::new();
        for scope in &scopes {
            out.message(1, |out| {
                out.str(1, scope.name);
                scope.tags.iter().for_each(|tag| {
                    out.str(2, tag);
                });
            });
        }
        encode_metrics(&mut out, stats);
        return Ok(protobuf_response(out.into_bytes()));
    }
    let mut json = Json::new();
    json.object(|json| {
        json.key("scopes").array(|json| {
            for scope in &scopes {
                json.object(|json| {
                    json.key("name").str(scope.name);
                    json.key("tags").array(|json| {
                        scope.tags.iter().for_each(|tag| {
                            json.str(tag);
                        })
                    });
                });
            }
        });
        write_metrics(json, stats);
    });
    Ok(json_response(json.into_string()))
}

/// Tags of one scope.
struct ScopeTags {
    name: &'static str,
    tags: Vec<String>,
}

async fn scoped_names(
    state: &TempoState,
    tenant: TenantId,
    params: &Params,
) -> Result<(Vec<ScopeTags>, ReadStats), TextError> {
    let scope = params.get("scope").unwrap_or("none").to_owned();
    let known = ["resource", "span", "event", "link", "instrumentation", "intrinsic", "none"];
    if !known.contains(&scope.as_str()) {
        return Err(TextError::bad_request(format!("invalid scope: {scope}")));
    }
    let range = range(params)?;
    let limit = limit(params)?.unwrap_or(usize::MAX);
    let (names, stats) = if scope == "intrinsic" {
        Default::default()
    } else {
        let source = state.spans.clone();
        state.face.read(move || source.tag_names(&tenant, range)).await?
    };
    let TagNames { resource, span, event, link, instrumentation } = names;
    let intrinsics = INTRINSICS.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all = [
        ("resource", resource.into_iter().collect()),
        ("span", span.into_iter().collect()),
        ("event", event.into_iter().collect()),
        ("link", link.into_iter().collect()),
        ("instrumentation", instrumentation.into_iter().collect::<Vec<_>>()),
        ("intrinsic", intrinsics),
    ];
    let wanted = all.into_iter().filter(|(name, tags)| (scope == "none" || scope == *name) && !tags.is_empty());
    let cut = wanted.map(|(name, tags)| ScopeTags { name, tags: tags.into_iter().take(limit).collect() });
    Ok((cut.collect(), stats))
}

pub(super) async fn values_v1(
    State(state): State<TempoState>,
    Path(path): Path<String>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, TextError> {
    let identifier = parse_legacy(tag_of(&path)?);
    let (values, stats) = read_values(&state, tenant, identifier, &params).await?;
    let texts: BTreeSet<String> = values.iter().map(|value| typed(value).1).collect();
    if Encoding::of(&headers) == Encoding::Protobuf {
        let mut out = Writer::new();
        texts.iter().for_each(|text| {
            out.str(1, text);
        });
        encode_metrics(&mut out, stats);
        return Ok(protobuf_response(out.into_bytes()));
    }
    let mut json = Json::new();
    json.object(|json| {
        json.key("tagValues").array(|json| {
            texts.iter().for_each(|text| {
                json.str(text);
            })
        });
        write_metrics(json, stats);
    });
    Ok(json_response(json.into_string()))
}

/// The filter `q` is accepted and not applied: Tempo too reads it leniently, down to no filter at all, so the answer may
/// only hold more than was asked for.
pub(super) async fn values_v2(
    State(state): State<TempoState>,
    Path(path): Path<String>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, TextError> {
    let identifier = parse_identifier(tag_of(&path)?).map_err(TextError::bad_request)?;
    let (values, stats) = read_values(&state, tenant, identifier, &params).await?;
    let values = values.iter().map(typed);
    if Encoding::of(&headers) == Encoding::Protobuf {
        let mut out = Writer::new();
        for (kind, text) in values {
            out.message(1, |out| {
                out.str(1, kind).str(2, &text);
            });
        }
        encode_metrics(&mut out, stats);
        return Ok(protobuf_response(out.into_bytes()));
    }
    let mut json = Json::new();
    json.object(|json| {
        json.key("tagValues").array(|json| {
            for (kind, text) in values {
                json.object(|json| {
                    json.key("type").str(kind).key("value").str(&text);
                });
            }
        });
        write_metrics(json, stats);
    });
    Ok(json_response(json.into_string()))
}

/// The tag in the rest of the path, which ends in `/values`.
fn tag_of(path: &str) -> Result<&str, TextError> {
    let tag = path.strip_suffix("/values").filter(|tag| !tag.is_empty());
    tag.ok_or_else(|| TextError::new(StatusCode::NOT_FOUND, "404 page not found"))
}

async fn read_values(
    state: &TempoState,
    tenant: TenantId,
    identifier: Identifier,
    params: &Params,
) -> Result<(Vec<TagValue>, ReadStats), TextError> {
    let range = range(params)?;
    let limit = limit(params)?.unwrap_or(VALUES_MAX).min(VALUES_MAX);
    match identifier {
        Identifier::Unlisted => Ok(Default::default()),
        Identifier::Keywords(words) => {
            Ok((words.iter().take(limit).map(|word| TagValue::Keyword(word)).collect(), ReadStats::default()))
        }
        Identifier::Tag(tag) => {
            let source = state.spans.clone();
            Ok(state.face.read(move || source.tag_values(&tenant, &tag, range, limit)).await?)
        }
    }
}

/// `limit`; 0 means none, as an absent one does.
fn limit(params: &Params) -> Result<Option<usize>, TextError> {
    let Some(text) = params.get("limit") else { return Ok(None) };
    let limit: usize = text.parse().map_err(|_| TextError::bad_request(format!("invalid limit: {text:?}")))?;
    Ok((limit > 0).then_some(limit))
}

/// Tempo's name of a value's type and the value as text. Grafana quotes by the type when it builds a query.
fn typed(value: &TagValue) -> (&'static str, String) {
    match value {
        TagValue::Str(text) => ("string", text.clone()),
        TagValue::Int(number) => ("int", number.to_string()),
        TagValue::Double(bits) => ("float", format_float(f64::from_bits(*bits))),
        TagValue::Bool(flag) => ("bool", flag.to_string()),
        TagValue::Keyword(word) => ("keyword", (*word).to_owned()),
    }
}

fn write_metrics(json: &mut Json, stats: ReadStats) {
    json.key("metrics").object(|json| {
        if stats.inspected_bytes > 0 {
            json.key("inspectedBytes").quoted(stats.inspected_bytes);
        }
        json.key("totalJobs").raw(1).key("completedJobs").raw(1);
    });
}

/// `MetadataMetrics` of tempopb: inspectedBytes=1, totalJobs=2, completedJobs=3, in field 2 of each of the four responses.
fn encode_metrics(out: &mut Writer, stats: ReadStats) {
    out.message(2, |out| {
        if stats.inspected_bytes > 0 {
            out.varint(1, stats.inspected_bytes);
        }
        out.varint(2, 1).varint(3, 1);
    });
}
