"""Trace context and baggage in and out of headers, in the formats of OTEL_PROPAGATORS.

Writing: all formats. Reading: the first format of the list that has a valid span wins; baggage is read by every format that has any.
Baggage and `X-Correlation-ID` go to services of the deployment only (loopback, private addresses, names without a dot).
"""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar
from typing import Any, List, Optional, Sequence, Set

from opentelemetry import baggage, context as otel, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

from . import scope
from .sampling import DEFERRED

_CORRELATION_HEADER = "x-correlation-id"
# The host that the next injection is for; None where the caller of `inject` does not say.
_host: ContextVar[Optional[str]] = ContextVar("quartet-telemetry-host", default=None)
_SUFFIXES = (".local", ".internal", ".svc", ".localhost", ".cluster.local")


def next_host(host: Optional[str]) -> None:
    """Says for whom headers are about to be written."""
    _host.set(host)


def is_internal(host: str) -> bool:
    """True for hosts of the deployment: loopback, private addresses, names without a dot or below `.internal`, `.svc`, `.local`."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        return address.is_private or address.is_loopback
    except ValueError:
        return "." not in host or host.endswith(_SUFFIXES)


class Propagator(TextMapPropagator):
    """The formats of OTEL_PROPAGATORS in one."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._formats: List[TextMapPropagator] = [_format(name) for name in names]

    def extract(self, carrier: CarrierT, context: Optional[Context] = None, getter: Getter[Any] = default_getter) -> Context:
        context = otel.get_current() if context is None else context
        settled = False
        for name, form in zip(self._names, self._formats):
            found = form.extract(carrier, Context(), getter)
            for key, value in baggage.get_all(found).items():
                context = baggage.set_baggage(key, value, context)
            span = trace.get_current_span(found)
            if not settled and span.get_span_context().is_valid:
                settled = True
                context = trace.set_span_in_context(span, context)
                if name in ("b3", "b3multi") and _is_deferred(carrier, getter):
                    context = otel.set_value(DEFERRED, True, context)
        return context

    def inject(self, carrier: CarrierT, context: Optional[Context] = None, setter: Setter[Any] = default_setter) -> None:
        host = _host.get()
        _host.set(None)
        if host is not None and not is_internal(host):
            context = baggage.clear(otel.get_current() if context is None else context)
        else:
            context = scope.merged(context)
            correlation = baggage.get_baggage(scope.CORRELATION_ID, context)
            if isinstance(correlation, str):
                setter.set(carrier, _CORRELATION_HEADER, correlation)
        for form in self._formats:
            form.inject(carrier, context, setter)

    @property
    def fields(self) -> Set[str]:
        return {_CORRELATION_HEADER}.union(*(form.fields for form in self._formats))


def _is_deferred(carrier: CarrierT, getter: Getter[Any]) -> bool:
    single = getter.get(carrier, "b3")
    if single:
        return single[0].count("-") == 1
    return not getter.get(carrier, "x-b3-sampled") and not getter.get(carrier, "x-b3-flags")


def _format(name: str) -> TextMapPropagator:
    # Imported here: `opentelemetry.propagate` reads OTEL_PROPAGATORS when it is imported and stops without naming the variable.
    if name == "tracecontext":
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        return TraceContextTextMapPropagator()
    if name == "baggage":
        from opentelemetry.baggage.propagation import W3CBaggagePropagator

        return W3CBaggagePropagator()
    if name == "jaeger":
        from opentelemetry.propagators.jaeger import JaegerPropagator

        return JaegerPropagator()
    from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat

    return B3SingleFormat() if name == "b3" else B3MultiFormat()
