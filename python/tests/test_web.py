"""A FastAPI application with the package, called in-process by httpx."""

import asyncio

import fastapi
import httpx
import pytest
from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode

from quartet_telemetry import TraceContext
from quartet_telemetry.propagation import is_internal, next_host

_TRACE, _SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module", autouse=True)
def routes(app):
    @app.get("/orders/{number}")
    async def order(number: int):
        with TraceContext("look up"):
            return {"number": number}

    @app.get("/plain/{number}")
    def plain(number: int):
        with TraceContext("look up"):
            return {"number": number}

    @app.get("/broken")
    async def broken():
        raise RuntimeError("password=hunter2")

    @app.get("/refused")
    async def refused():
        raise fastapi.HTTPException(503, "later")

    @app.get("/health")
    async def health():
        return {"status": "healthy"}


def _as_if_elsewhere(app):
    """The client's span must be known by headers only, as in a process of its own."""

    async def call(scope, receive, send):
        token = context.attach(Context())
        try:
            await app(scope, receive, send)
        finally:
            context.detach(token)

    return call


def _get(app, path, headers=None):
    async def call():
        transport = httpx.ASGITransport(app=_as_if_elsewhere(app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(call())


def _server(memory):
    (span,) = [span for span in memory.spans() if span.kind is SpanKind.SERVER]
    return span


@pytest.mark.parametrize("path", ["orders", "plain"])
def test_a_request_is_told_everywhere(app, memory, path):
    headers = {
        "traceparent": f"00-{_TRACE}-{_SPAN}-01",
        "X-User-ID": "u1",
        "X-Tenant-ID": "t1",
        "X-API-Key": "what do ya want for nothing?",
        "X-Cost-Center": "c",
        "X-Correlation-ID": "req-1",
    }
    answer = _get(app, f"/{path}/7", headers)
    span = _server(memory)
    assert span.name == f"GET /{path}/{{number}}"
    own = (format(span.context.trace_id, "032x"), format(span.context.span_id, "016x"))
    names = ("X-Correlation-ID", "X-Trace-ID", "X-Span-ID")
    assert [answer.headers[name] for name in names] == ["req-1", *own]
    expected = {
        "user.id": "u1",
        "tenant.id": "t1",
        "api.key_hash": "5bdcc146bf60754e",
        "cost.center": "c",
        "correlation.id": "req-1",
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": f"/{path}/{{number}}",
        "url.path": f"/{path}/7",
    }
    assert {key: span.attributes.get(key) for key in expected} == expected
    # Which one is up to the machine.
    assert span.attributes["performance.bucket"] in ("fast", "normal", "slow", "very_slow")
    inner = memory.span("look up")
    assert inner.parent.span_id == span.context.span_id
    assert (inner.attributes["tenant.id"], inner.attributes["user.id"]) == ("t1", "u1")
    # No spans for the single messages of ASGI.
    assert not [span.name for span in memory.spans() if span.name.endswith(("http send", "http receive"))]


def test_durations_are_measured_in_seconds(app, memory):
    _get(app, "/orders/8")
    points = memory.points("http.server.request.duration")
    (point,) = [point for point in points if point.attributes.get("http.route") == "/orders/{number}"]
    assert 0 < point.sum < 10 * point.count
    assert point.explicit_bounds[0] == 0.005
    assert point.attributes["http.response.status_code"] == 200


def test_failures_have_the_headers_and_the_error(app, memory):
    answer = _get(app, "/broken", {"X-Correlation-ID": "req-2"})
    span = _server(memory)
    assert answer.status_code == 500
    assert answer.headers["X-Correlation-ID"] == "req-2"
    assert answer.headers["X-Trace-ID"] == format(span.context.trace_id, "032x")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] in ("RuntimeError", "500")
    assert span.attributes["http.response.status_code"] == 500
    assert "hunter2" not in "".join(span.to_json() for span in memory.spans())


def test_refusals_are_errors_of_the_server(app, memory):
    assert _get(app, "/refused").status_code == 503
    assert _server(memory).status.status_code is StatusCode.ERROR


def test_ids_that_need_quoting_are_replaced(app, memory):
    answer = _get(app, "/orders/9", {"X-Correlation-ID": "{evil}", "X-Tenant-ID": 'a"b', "X-User-ID": "u" * 129})
    assert len(answer.headers["X-Correlation-ID"]) == 36
    assert not {"tenant.id", "user.id"} & set(_server(memory).attributes)


def test_probes_are_quiet_but_answered_with_an_id(app, memory):
    answer = _get(app, "/health")
    assert answer.status_code == 200 and len(answer.headers["X-Correlation-ID"]) == 36
    assert [span for span in memory.spans() if span.kind is SpanKind.SERVER] == []


def test_requests_do_not_see_each_other(app, memory):
    async def call(client, number):
        return await client.get(f"/orders/{number}", headers={"X-Tenant-ID": f"t{number}"})

    async def main():
        transport = httpx.ASGITransport(app=_as_if_elsewhere(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            await asyncio.gather(*(call(client, number) for number in range(20)))

    asyncio.run(main())
    servers = {span.context.span_id: span.attributes["tenant.id"] for span in memory.spans() if span.kind is SpanKind.SERVER}
    inner = [span for span in memory.spans() if span.name == "look up"]
    assert len(servers) == len(inner) == 20
    assert all(span.attributes["tenant.id"] == servers[span.parent.span_id] for span in inner)


def test_baggage_is_for_the_deployment():
    internal = ("localhost", "127.0.0.1", "[::1]", "10.1.2.3", "airtable-gateway", "gateway.prod.svc", "db.internal")
    assert all(is_internal(host) for host in internal)
    assert not any(is_internal(host) for host in ("generativelanguage.googleapis.com", "8.8.8.8"))


def test_strangers_get_no_baggage(started):
    from opentelemetry import propagate

    from quartet_telemetry import add_business_attributes

    with TraceContext("call"):
        add_business_attributes(user_id="u1")
        sent = [{}, {}]
        for headers, host in zip(sent, ("api.airtable.com", "airtable-gateway")):
            next_host(host)
            propagate.inject(headers)
    assert "traceparent" in sent[0] and "baggage" not in sent[0] and "uberctx-user.id" not in sent[0]
    assert sent[1]["baggage"] == "user.id=u1"
