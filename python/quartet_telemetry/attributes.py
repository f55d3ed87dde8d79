"""The helpers of the services' contract: they set attributes on a span, the current one unless another is given."""

from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from typing import Any, Dict, Optional, Union

from opentelemetry import trace
from opentelemetry.trace import Span

from . import scope, state
from .redaction import sql

# The conventions' names for the providers that the services know; others are passed on.
_PROVIDERS = {
    "google": "gcp.gemini",
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
}


def add_ai_attributes(
    span: Optional[Span] = None,
    provider: str = "",
    model: str = "",
    input_tokens: Optional[int] = None,
    output_tokens: Optional[int] = None,
    cost_usd: Union[float, Decimal, None] = None,
    *,
    response_model: Optional[str] = None,
    operation: Optional[str] = None,
    cached_tokens: Optional[int] = None,
    reasoning_tokens: Optional[int] = None,
    finish_reason: Optional[str] = None,
    response_id: Optional[str] = None,
) -> None:
    """Sets `ai.*` and `gen_ai.*` for one call of a model. `input_tokens` includes cached ones; `cost_usd` is None without a price."""
    attributes: Dict[str, Any] = {
        "ai.provider": provider,
        "ai.model": model,
        "ai.tier": "llm",
        "ai.input_tokens": input_tokens,
        "ai.output_tokens": output_tokens,
        "ai.cached_tokens": cached_tokens,
        "ai.reasoning_tokens": reasoning_tokens,
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": model,
        "gen_ai.response.model": response_model,
        "gen_ai.response.id": response_id,
        "gen_ai.operation.name": operation,
        "gen_ai.usage.input_tokens": input_tokens,
        "gen_ai.usage.output_tokens": output_tokens,
        "gen_ai.usage.cache_read.input_tokens": cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": reasoning_tokens,
        "gen_ai.response.finish_reasons": (finish_reason,) if finish_reason else None,
    }
    if cost_usd is not None and state.config().cost_tracking:
        # The float is for people; sums are made of the integer.
        attributes["ai.cost_usd"] = float(cost_usd)
        attributes["ai.cost_nanousd"] = round(Decimal(str(cost_usd)) * 1_000_000_000)
    _set(span, attributes)


def add_business_attributes(
    span: Optional[Span] = None,
    user_id: Optional[str] = None,
    tenant_id: Optional[str] = None,
    api_key_hash: Optional[str] = None,
    cost_center: Optional[str] = None,
) -> None:
    """Sets user, tenant, key hash (of `hash_api_key`, never the key) and cost centre, and hands them down: to spans that begin in this
    request or TraceContext from now on, and by baggage to those of services that it calls."""
    given = {"user.id": user_id, "tenant.id": tenant_id, "api.key_hash": api_key_hash, "cost.center": cost_center}
    entries = {key: str(value) for key, value in given.items() if value is not None}
    _set(span, dict(entries))
    scope.remember(entries)


def add_workflow_attributes(
    span: Optional[Span] = None,
    workflow_id: str = "",
    workflow_type: str = "",
    status: str = "",
    duration: Optional[float] = None,
    *,
    duration_ms: Optional[int] = None,
) -> None:
    """Sets `workflow.*`; id and type are handed down as those of `add_business_attributes`. `duration` is in seconds."""
    if duration_ms is None and duration is not None:
        duration_ms = round(duration * 1000)
    entries = {"workflow.id": str(workflow_id), "workflow.type": workflow_type}
    _set(span, {**entries, "workflow.status": status, "workflow.duration_ms": duration_ms})
    scope.remember({key: value for key, value in entries.items() if value})


def add_database_attributes(
    span: Optional[Span] = None,
    operation: str = "",
    table: Optional[str] = None,
    rows_affected: Optional[int] = None,
    query: Optional[str] = None,
    *,
    system: str = "",
) -> None:
    """Sets `db.*` under today's names and the contract's. Literals of `query` are removed always; it is absent in production unless
    TELEMETRY_QUERY_TEXT asks for it."""
    attributes: Dict[str, Any] = {
        "db.system.name": system or None,
        "db.system": system or None,
        "db.operation.name": operation,
        "db.operation": operation,
        "db.collection.name": table,
        "db.sql.table": table,
        "db.rows_affected": rows_affected,
    }
    if query and state.config().query_text:
        attributes["db.query.text"] = sql(query)
    _set(span, attributes)


def hash_api_key(api_key: str) -> str:
    """HMAC-SHA-256 by the deployment's salt (TELEMETRY_KEY_SALT), 16 hex characters: tells callers apart, holds no part of the key.
    The Rust services compute the same."""
    return hmac.new(state.salt(), api_key.encode(), hashlib.sha256).hexdigest()[:16]


def performance_bucket(duration_ms: float) -> str:
    """`fast`, `normal`, `slow`, `very_slow` or `timeout_risk`; limits by PERFORMANCE_THRESHOLD_* (100, 500, 2000, 10000 ms)."""
    names = ("fast", "normal", "slow", "very_slow")
    for name, limit in zip(names, state.config().thresholds_ms):
        if duration_ms < limit:
            return name
    return "timeout_risk"


def _set(span: Optional[Span], attributes: Dict[str, Any]) -> None:
    span = trace.get_current_span() if span is None else span
    for key, value in attributes.items():
        if value is not None:
            span.set_attribute(key, value)
