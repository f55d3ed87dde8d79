"""Telemetry into memory, for tests of services.

    memory = InMemory.start("my-service")
    ...
    span = memory.span("GET /orders/{id}")
    assert span.attributes["tenant.id"] == "t1"
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional

from opentelemetry.sdk._logs import export as log_export
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from .process import Telemetry, initialize_telemetry

# The name changed; pinned versions have the old one only.
_InMemoryLogs: Any = getattr(log_export, "InMemoryLogRecordExporter", None) or getattr(log_export, "InMemoryLogExporter")


class InMemory:
    """What was recorded, as the exporters would send it: masked. One per process, as OpenTelemetry's providers are."""

    def __init__(self, telemetry: Telemetry, spans: InMemorySpanExporter, logs: Any, metrics: InMemoryMetricReader) -> None:
        self.telemetry = telemetry
        self._spans, self._logs, self._metrics = spans, logs, metrics

    @classmethod
    def start(cls, service_name: str, environ: Optional[Mapping[str, str]] = None, **arguments: Any) -> "InMemory":
        """`initialize_telemetry` with exporters into memory."""
        spans, logs, metrics = InMemorySpanExporter(), _InMemoryLogs(), InMemoryMetricReader()
        telemetry = initialize_telemetry(
            service_name, environ=environ or {}, span_exporter=spans, log_exporter=logs, metric_reader=metrics, **arguments
        )
        return cls(telemetry, spans, logs, metrics)

    def clear(self) -> None:
        """Forgets spans and logs."""
        self.telemetry.flush()
        self._spans.clear()
        self._logs.clear()

    def spans(self) -> List[ReadableSpan]:
        """All spans that ended, in that order."""
        self.telemetry.flush()
        return list(self._spans.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """The only span of that name; fails with the names that there are."""
        spans = self.spans()
        found = [span for span in spans if span.name == name]
        assert len(found) == 1, f"{len(found)} spans are named {name!r}; there are {[span.name for span in spans]}"
        return found[0]

    def logs(self) -> List[Any]:
        """All log records."""
        self.telemetry.flush()
        return [item.log_record for item in self._logs.get_finished_logs()]

    def points(self, name: str) -> List[Any]:
        """All points of a metric."""
        data = self._metrics.get_metrics_data()
        resources = data.resource_metrics if data else []
        every = [metric for resource in resources for scope in resource.scope_metrics for metric in scope.metrics]
        return [point for metric in every if metric.name == name for point in metric.data.data_points]
