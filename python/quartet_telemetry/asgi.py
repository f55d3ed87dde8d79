"""What the official ASGI instrumentation lacks: correlation headers, business attributes, performance bucket, today's names.

Two layers. `Answer` is the outermost of the application, so that error pages have the headers too; `Request` runs inside of the
server span.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import Any, Awaitable, Callable, Dict, List, MutableMapping, Optional, Tuple

from opentelemetry import baggage, context as otel, metrics, trace

from . import scope as business
from .attributes import hash_api_key, performance_bucket

_Scope = MutableMapping[str, Any]
_Call = Callable[..., Awaitable[Any]]
_KEY = "quartet_telemetry.headers"
# Ids, names and mail addresses; nothing that needs quoting in a header, a query or a log. Four UUIDs long.
_PLAIN = re.compile(r"[A-Za-z0-9\-_.:@/+=|]{1,128}")
_METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}


class Answer:
    """Puts `X-Correlation-ID`, `X-Trace-ID` and `X-Span-ID` on every answer."""

    def __init__(self, app: _Call) -> None:
        self.app = app

    async def __call__(self, scope: _Scope, receive: _Call, send: _Call) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers: Dict[str, str] = {"x-correlation-id": _correlation(_headers(scope))}
        scope[_KEY] = headers

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                ours = [(name.encode(), value.encode()) for name, value in headers.items()]
                known = {name for name, _ in ours}
                theirs = [pair for pair in message.get("headers", ()) if pair[0].lower() not in known]
                message = {**message, "headers": theirs + ours}
            await send(message)

        await self.app(scope, receive, send_with_headers)


class Request:
    """Tells the server span, and all below it, on whose behalf the request comes."""

    def __init__(self, app: _Call, old_names: bool = False) -> None:
        self.app = app
        self._duration = None
        if old_names:
            meter = metrics.get_meter("quartet_telemetry")
            self._duration = meter.create_histogram(
                "http.server.request.duration", unit="s", description="Duration of HTTP server requests."
            )

    async def __call__(self, scope: _Scope, receive: _Call, send: _Call) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        span, headers = trace.get_current_span(), _headers(scope)
        answer = scope.get(_KEY, {})
        correlation = _caller_correlation(headers) or answer.get("x-correlation-id") or str(uuid.uuid4())
        answer["x-correlation-id"] = correlation
        ids = span.get_span_context()
        if ids.is_valid:
            answer["x-trace-id"] = trace.format_trace_id(ids.trace_id)
            answer["x-span-id"] = trace.format_span_id(ids.span_id)
        entries = _business(headers)
        span.set_attributes({**entries, business.CORRELATION_ID: correlation, **_request_attributes(scope)})
        token = otel.attach(business.with_slot(baggage.set_baggage(business.CORRELATION_ID, correlation)))
        business.remember(entries)
        started = time.perf_counter()
        status, finished = 500, False

        def finish() -> None:
            nonlocal finished
            if not finished:
                finished = True
                self._finish(span, scope, status, time.perf_counter() - started)

        async def send_and_look(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                # New versions end the span with the last piece of the body.
                finish()
            await send(message)

        try:
            await self.app(scope, receive, send_and_look)
        except Exception as error:
            span.set_attribute("error.type", type(error).__qualname__)
            raise
        finally:
            otel.detach(token)
            finish()

    def _finish(self, span: trace.Span, scope: _Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        facts: Dict[str, Any] = {"http.response.status_code": status}
        if route:
            facts["http.route"] = route
        span.set_attributes({**facts, "performance.bucket": performance_bucket(seconds * 1000)})
        if self._duration is not None and span.get_span_context().is_valid:
            request = {"http.request.method": _method(scope), "url.scheme": scope.get("scheme", "http")}
            self._duration.record(seconds, {**request, **facts})


def _headers(scope: _Scope) -> Dict[str, str]:
    pairs: List[Tuple[bytes, bytes]] = scope.get("headers", [])
    return {name.decode("latin-1").lower(): value.decode("latin-1").strip() for name, value in pairs}


def _plain(value: Optional[str]) -> Optional[str]:
    return value if value and _PLAIN.fullmatch(value) else None


def _correlation(headers: Dict[str, str]) -> str:
    return _plain(headers.get("x-correlation-id")) or str(uuid.uuid4())


def _caller_correlation(headers: Dict[str, str]) -> Optional[str]:
    """The id of the header, or the one that came in the caller's baggage."""
    carried = baggage.get_baggage(business.CORRELATION_ID)
    return _plain(headers.get("x-correlation-id")) or _plain(carried if isinstance(carried, str) else None)


def _business(headers: Dict[str, str]) -> Dict[str, str]:
    """What the business headers say; the key only as a hash."""
    names = {"user.id": "x-user-id", "tenant.id": "x-tenant-id", "cost.center": "x-cost-center"}
    found = {key: _plain(headers.get(name)) for key, name in names.items()}
    key = headers.get("x-api-key")
    found["api.key_hash"] = hash_api_key(key) if key else None
    return {key: value for key, value in found.items() if value}


def _method(scope: _Scope) -> str:
    method = scope.get("method", "")
    return method if method in _METHODS else "_OTHER"


def _request_attributes(scope: _Scope) -> Dict[str, Any]:
    return {
        "http.request.method": _method(scope),
        "url.path": scope.get("path", ""),
        "url.scheme": scope.get("scheme", "http"),
    }
