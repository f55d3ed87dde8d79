"""TraceContext: a span that is current inside its block."""

from __future__ import annotations

import functools
import inspect
from types import TracebackType
from typing import Any, Callable, List, Optional, Type, TypeVar

from opentelemetry import context as otel, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import Attributes

from . import scope, state

F = TypeVar("F", bound=Callable[..., Any])


class TraceContext:
    """Opens a span and makes it current, so that spans, log lines and calls inside are its children.

    Use it with `with` or `async with`; it gives the span. An exception that leaves the block is recorded and makes the span's status an
    error. The same object may be used again, also inside itself.
    """

    def __init__(self, name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes = None) -> None:
        self._name, self._kind, self._attributes = name, kind, attributes
        self._open: List[Any] = []

    def __enter__(self) -> Span:
        context = otel.get_current() if scope.has_slot() else scope.with_slot()
        span = state.tracer().start_span(self._name, context=context, kind=self._kind, attributes=self._attributes)
        self._open.append((span, otel.attach(trace.set_span_in_context(span, context))))
        return span

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace_back: Optional[TracebackType]
    ) -> None:
        span, token = self._open.pop()
        otel.detach(token)
        if isinstance(error, Exception):
            record_error(span, error)
        span.end()

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace_back: Optional[TracebackType]
    ) -> None:
        self.__exit__(kind, error, trace_back)


def record_error(span: Span, error: BaseException) -> None:
    """Records an exception as an event, and the span's status as an error."""
    span.record_exception(error)
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))


def traced(name: Optional[str] = None, kind: SpanKind = SpanKind.INTERNAL) -> Callable[[F], F]:
    """A decorator: each call of the function, coroutine functions included, runs in a TraceContext."""

    def decorate(function: F) -> F:
        label = name or function.__qualname__
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                with TraceContext(label, kind):
                    return await function(*args, **kwargs)

            return run_async  # type: ignore[return-value]

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with TraceContext(label, kind):
                return function(*args, **kwargs)

        return run  # type: ignore[return-value]

    return decorate
