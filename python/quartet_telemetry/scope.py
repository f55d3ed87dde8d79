"""On whose behalf work is done: entries that every span below carries, here and in services that are called.

They travel in W3C baggage. A context cannot be changed, though, and a handler learns the user only after its span has begun; so the
context of a request (and of an outermost TraceContext) holds a slot, into which the helpers write. Spans that start below read baggage,
then the slot; what is sent to other services is baggage with the slot merged in.
"""

from __future__ import annotations

from typing import Dict, Mapping, Optional

from opentelemetry import baggage, context as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

# The keys that spans copy from baggage. Others travel on, but mark no span: baggage of strangers must not fill our stores.
KEYS = ("user.id", "tenant.id", "api.key_hash", "cost.center", "workflow.id", "workflow.type", "workflow.execution_id")
CORRELATION_ID = "correlation.id"
# Longer values are not ids.
_VALUE_MAX = 256
_SLOT = otel.create_key("quartet-telemetry-slot")


def with_slot(context: Optional[Context] = None) -> Context:
    """The context with a slot of its own, in which what an outer one knows is kept."""
    return otel.set_value(_SLOT, dict(_slot(context) or {}), context)


def has_slot() -> bool:
    """True inside of a request or a TraceContext."""
    return _slot(None) is not None


def remember(entries: Mapping[str, str]) -> None:
    """Leaves entries for spans that start later and for services that are called, if the current context has a slot."""
    slot = _slot(None)
    if slot is not None:
        slot.update({key: value[:_VALUE_MAX] for key, value in entries.items()})


def known(context: Optional[Context] = None) -> Dict[str, str]:
    """What the context carries under the keys of the contract."""
    found = {}
    for key in (*KEYS, CORRELATION_ID):
        value = baggage.get_baggage(key, context)
        if isinstance(value, str) and len(value) <= _VALUE_MAX:
            found[key] = value
    found.update(_slot(context) or {})
    return found


def merged(context: Optional[Context]) -> Context:
    """The context with the slot's entries in its baggage, for those who are called."""
    context = otel.get_current() if context is None else context
    for key, value in (_slot(context) or {}).items():
        context = baggage.set_baggage(key, value, context)
    return context


def _slot(context: Optional[Context]) -> Optional[Dict[str, str]]:
    slot = otel.get_value(_SLOT, context)
    return slot if isinstance(slot, dict) else None


class ScopeSpanProcessor(SpanProcessor):
    """Copies the entries onto each span that starts, and counts spans that end."""

    def __init__(self) -> None:
        self.ended = 0

    def on_start(self, span: Span, parent_context: Optional[Context] = None) -> None:
        for key, value in known(parent_context).items():
            if key in KEYS:
                span.set_attribute(key, value)

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self.ended += 1

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True
