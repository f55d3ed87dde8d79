"""Masks secrets in what the exporters send: names, attributes, events, messages and bodies, on every signal.

Each class stands before an official exporter. It is the last stop in the process, so it sees what any instrumentation recorded. It also
removes literals of SQL, prompts unless asked for, and the two spans per request that ASGI instrumentation adds; and counts.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, Dict, Mapping, Optional, Sequence

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status

from .config import Config
from .redaction import Redactor, sql

_STATEMENTS = ("db.statement", "db.query.text")
_URLS = ("http.url", "url.full", "http.target", "url.query")
_CONTENT = (
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
)


class Masks:
    """The masks of one process."""

    def __init__(self, config: Config) -> None:
        self._redactor = Redactor(config.redact_emails, config.redact_cards)
        self._careful = Redactor(emails=True, cards=True)
        self._query_text = config.query_text
        self._content = config.capture_content

    def text(self, text: str) -> str:
        """A name or message."""
        return self._redactor.text(text)

    def attributes(self, attributes: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
        """Attributes without secrets; None when nothing had to change."""
        if not attributes:
            return None
        masked = {}
        redis = "redis" in (attributes.get("db.system"), attributes.get("db.system.name"))
        for key, value in attributes.items():
            kept = self._value(key, value, redis)
            if kept is not None:
                masked[key] = kept
        return masked if masked != dict(attributes) else None

    def _value(self, key: str, value: Any, redis: bool) -> Any:
        if key in _STATEMENTS and isinstance(value, str):
            if not self._query_text:
                return None
            # Keys of a cache hold ids of users and sessions.
            value = " ".join([value.split(" ")[0], *("?" * value.count(" "))]) if redis else sql(value)
        elif key.startswith(_CONTENT):
            if self._content == "off":
                return None
            if self._content == "redacted":
                return self._careful.value(key, value)
        elif key in _URLS and isinstance(value, str):
            return self._redactor.url(value)
        return self._redactor.value(key, value)


def bounded(attributes: Mapping[str, Any]) -> BoundedAttributes:
    """As the SDK holds attributes."""
    return BoundedAttributes(attributes=dict(attributes))


class MaskingSpanExporter(SpanExporter):
    """Spans."""

    def __init__(self, inner: SpanExporter, masks: Masks) -> None:
        self._inner, self._masks = inner, masks
        self.delivered = 0
        self.left_out = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        kept = [self._masked(span) for span in spans if not _is_asgi_event(span)]
        result = self._inner.export(kept) if kept else SpanExportResult.SUCCESS
        if result is SpanExportResult.SUCCESS:
            self.delivered += len(kept)
        self.left_out += len(spans) - len(kept)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def _masked(self, span: ReadableSpan) -> ReadableSpan:
        masks = self._masks
        changed: Dict[str, Any] = {}
        name = masks.text(span.name)
        attributes = masks.attributes(span.attributes)
        events = [self._event(event) for event in span.events]
        links = [self._link(link) for link in span.links]
        description = span.status.description
        if name != span.name:
            changed["_name"] = name
        if attributes is not None:
            changed["_attributes"] = bounded(attributes)
        if any(new is not old for new, old in zip(events, span.events)):
            changed["_events"] = _like(span._events, events)
        if any(new is not old for new, old in zip(links, span.links)):
            changed["_links"] = _like(span._links, links)
        if description and masks.text(description) != description:
            changed["_status"] = Status(span.status.status_code, masks.text(description))
        if not changed:
            return span
        # Public constructors forget the counts of what limits dropped; the copy keeps them.
        masked = copy.copy(span)
        masked.__dict__.update(changed)
        return masked

    def _event(self, event: Event) -> Event:
        name, attributes = self._masks.text(event.name), self._masks.attributes(event.attributes)
        if name == event.name and attributes is None:
            return event
        kept = event.attributes if attributes is None else bounded(attributes)
        return Event(name, attributes=kept, timestamp=event.timestamp)

    def _link(self, link: Link) -> Link:
        attributes = self._masks.attributes(link.attributes)
        return link if attributes is None else Link(link.context, bounded(attributes))


def _like(old: Any, new: Sequence[Any]) -> Any:
    made = copy.copy(old)
    if hasattr(made, "_dq"):
        made._dq = type(old._dq)(new, maxlen=old._dq.maxlen)
        return made
    return list(new)


def _is_asgi_event(span: ReadableSpan) -> bool:
    """`… http send` and `… http receive`, two to three a request: they say nothing that the server span does not say."""
    attributes = span.attributes or {}
    return span.kind is SpanKind.INTERNAL and ("asgi.event.type" in attributes or str(attributes.get("type", "")).startswith("http."))


class MaskingLogExporter:
    """Log records; duck-typed, since the exporter's base class has changed its name."""

    def __init__(self, inner: Any, masks: Masks) -> None:
        self._inner, self._masks = inner, masks

    def export(self, batch: Sequence[Any]) -> Any:
        return self._inner.export([self._masked(item) for item in batch])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        flush = getattr(self._inner, "force_flush", None)
        return bool(flush(timeout_millis)) if flush else True

    def _masked(self, item: Any) -> Any:
        record = item.log_record
        attributes = self._masks.attributes(record.attributes)
        body = self._masks._redactor.value("", record.body)
        if attributes is None and body == record.body:
            return item
        masked = copy.copy(record)
        masked.body = body
        if attributes is not None:
            masked.attributes = bounded(attributes)
        if dataclasses.is_dataclass(item):
            return dataclasses.replace(item, log_record=masked)
        changed = copy.copy(item)
        changed.log_record = masked
        return changed


class MaskingMetricExporter(MetricExporter):
    """Points of metrics: they have few attributes, but anyone can put a URL into one."""

    def __init__(self, inner: MetricExporter, masks: Masks) -> None:
        super().__init__(inner._preferred_temporality, inner._preferred_aggregation)
        self._inner, self._masks = inner, masks

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        return self._inner.export(self._masked(metrics_data), timeout_millis=timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._inner.shutdown(timeout_millis=timeout_millis, **kwargs)

    def _masked(self, data: MetricsData) -> MetricsData:
        replace = dataclasses.replace

        def point(old: Any) -> Any:
            attributes = self._masks.attributes(old.attributes)
            return old if attributes is None else replace(old, attributes=attributes)

        def metric(old: Any) -> Any:
            points = [point(item) for item in old.data.data_points]
            same = all(new is item for new, item in zip(points, old.data.data_points))
            return old if same else replace(old, data=replace(old.data, data_points=points))

        def metrics_scope(old: Any) -> Any:
            return replace(old, metrics=[metric(item) for item in old.metrics])

        def resource(old: Any) -> Any:
            return replace(old, scope_metrics=[metrics_scope(item) for item in old.scope_metrics])

        return replace(data, resource_metrics=[resource(item) for item in data.resource_metrics])
