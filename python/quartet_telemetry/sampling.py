"""Which traces are kept: the environment's share, by trace id, or the caller's decision."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import SpanKind

from .config import SamplerConfig

# Set by the propagator where a caller sent ids and left the decision to us, which only B3 can say.
DEFERRED = otel.create_key("quartet-telemetry-deferred")


class EnvironmentSampler(Sampler):
    """Parent-based by default. A share of new traces, and of those whose caller left the decision to us, is kept."""

    def __init__(self, config: SamplerConfig) -> None:
        self._ratio = TraceIdRatioBased(config.ratio)
        self._inner: Sampler = ParentBased(self._ratio) if config.parent_based else self._ratio

    def should_sample(
        self,
        parent_context: Optional[Context],
        trace_id: int,
        name: str,
        kind: Optional[SpanKind] = None,
        attributes: Any = None,
        links: Optional[Sequence[Any]] = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        sampler = self._ratio if otel.get_value(DEFERRED, parent_context) else self._inner
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        return f"EnvironmentSampler({self._inner.get_description()})"
