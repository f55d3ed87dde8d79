"""Against the real binary: two FastAPI services take part in a caller's trace, and Tempo, Loki and Prometheus give it back."""

import json
import re
import sys
import time
import urllib.parse
from pathlib import Path

import pytest
from processes import Quartet, binary, free_port, get, python, until

_EXAMPLE = str(Path(__file__).resolve().parents[1] / "examples/shop.py")
_SPAN = "00f067aa0ba902b7"
_SECRET = "sk-proj-" + "aB3dE6gH" * 6


def _headers(form, trace):
    if form == "b3":
        return {"X-B3-TraceId": trace, "X-B3-SpanId": _SPAN, "X-B3-Sampled": "1"}
    if form == "jaeger":
        return {"uber-trace-id": f"{trace}:{_SPAN}:0:1"}
    return {"traceparent": f"00-{trace}-{_SPAN}-01"}


_FORMS = {form: f"{number:032x}" for number, form in enumerate(("w3c", "b3", "jaeger"), 0xABC001)}
_PROTOCOLS = {"grpc": "otlp-grpc", "http/protobuf": "otlp-http", "http/json": "otlp-http"}


@pytest.fixture(scope="module")
def quartet(tmp_path_factory):
    path = binary()
    if path is None:
        sys.stderr.write("SKIPPED: no quartet binary; cargo build -p quartet, or set QUARTET_BIN\n")
        pytest.skip("no quartet binary")
    with Quartet(path, tmp_path_factory.mktemp("quartet")) as server:
        yield server.urls


def _service(quartet, protocol, name, **variables):
    common = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": quartet[_PROTOCOLS[protocol]],
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_SERVICE_NAME": name,
        "TELEMETRY_KEY_SALT": "Jefe",
        # Only what the end of the process sends shows that it sends.
        "OTEL_METRIC_EXPORT_INTERVAL": "60000",
    }
    return python([_EXAMPLE], {**common, **variables})


def _spans(tempo, trace):
    """All spans of a trace by name, with service and attributes."""
    body, _ = get(f"{tempo}/api/traces/{trace}")
    found = {}
    for batch in body.get("batches") or body.get("resourceSpans") or body["trace"]["resourceSpans"]:
        resource = _flat(batch["resource"]["attributes"])
        for scope in batch["scopeSpans"]:
            for span in scope["spans"]:
                key = (resource["service.name"], span["name"])
                found[key] = {**span, "attributes": _flat(span.get("attributes", []))}
    return found


def _flat(attributes):
    return {pair["key"]: next(iter(pair["value"].values())) for pair in attributes}


def _hex(text):
    """Tempo's JSON writes ids in base64 or in hexadecimal."""
    import base64

    return text if re.fullmatch("[0-9a-f]{16}", text) else base64.b64decode(text).hex()


@pytest.mark.parametrize("protocol", _PROTOCOLS)
def test_two_services_take_part_in_the_callers_trace(quartet, protocol):
    suffix = protocol.replace("/", "-")
    stock_port, orders_port = free_port(), free_port()
    stock_name, orders_name = f"stock-{suffix}", f"orders-{suffix}"
    traces = {form: f"{list(_PROTOCOLS).index(protocol) + 1:x}{trace[1:]}" for form, trace in _FORMS.items()}
    stock = _service(quartet, protocol, stock_name, PORT=str(stock_port))
    orders = _service(
        quartet, protocol, orders_name, PORT=str(orders_port), STOCK_URL=f"http://127.0.0.1:{stock_port}"
    )
    with stock, orders:
        for port in (stock_port, orders_port):
            until("answer of the service", lambda port=port: get(f"http://127.0.0.1:{port}/health"))
        url = f"http://127.0.0.1:{orders_port}/orders/7?api_key={_SECRET}"
        for form, trace in traces.items():
            business = {"X-Tenant-ID": "acme", "X-API-Key": "what do ya want for nothing?"}
            body, headers = get(url, {**_headers(form, trace), **business})
            assert body == {"number": 7, "article": "teapot", "in_stock": 3}
            assert headers["x-trace-id"] == trace
        ends = [orders.stop(), stock.stop()]
    for code, out, error in ends:
        assert code in (0, -15), error
        assert "were not delivered" not in error, error
        lines = [json.loads(line) for line in out.splitlines()]
        assert _SECRET not in out
        assert {line["trace_id"] for line in lines if line["message"].endswith("looked up")} == set(traces.values())
    for trace in traces.values():
        _check_trace(quartet, trace, orders_name, stock_name)
    _check_logs(quartet, orders_name, set(traces.values()))
    _check_metrics(quartet, orders_name)


def _check_trace(quartet, trace, orders, stock):
    wanted = {(orders, "GET /orders/{number}"), (orders, "suggest a text"), (stock, "GET /stock/{article}")}
    found = until("trace", lambda: _spans(quartet["tempo"], trace))
    until(f"{wanted} in {set(found)}", lambda: wanted <= set(_spans(quartet["tempo"], trace)))
    found = _spans(quartet["tempo"], trace)
    server = found[orders, "GET /orders/{number}"]
    called = found[stock, "GET /stock/{article}"]
    assert _hex(server["parentSpanId"]) == _SPAN
    clients = [span for (service, name), span in found.items() if service == orders and "GET" in name and span is not server]
    assert _hex(called["parentSpanId"]) in [_hex(span["spanId"]) for span in clients]
    for span in (server, called, found[orders, "suggest a text"]):
        assert span["attributes"]["tenant.id"] == "acme"
        assert span["attributes"]["user.id"] == "ana"
        assert span["attributes"]["api.key_hash"] == "5bdcc146bf60754e"
    assert found[orders, "suggest a text"]["attributes"]["gen_ai.usage.input_tokens"] in (120, "120")
    queries = [span for (service, name), span in found.items() if service == orders and name.startswith("SELECT")]
    text = queries[0]["attributes"].get("db.query.text") or queries[0]["attributes"]["db.statement"]
    assert text == "SELECT article FROM orders WHERE id = ?"
    assert server["attributes"]["performance.bucket"]
    assert _SECRET not in json.dumps(list(found.values()))


def _check_logs(quartet, service, traces):
    query = urllib.parse.urlencode(
        {"query": f'{{service_name="{service}", environment="development"}} |= "order looked up"', "limit": "50"}
    )

    def look():
        body, _ = get(f"{quartet['loki']}/loki/api/v1/query_range?{query}")
        return {
            {**stream["stream"], **(value[2] if len(value) > 2 else {})}.get("trace_id")
            for stream in body["data"]["result"]
            for value in stream["values"]
        } or None

    assert until("log line", look) == traces
    every = urllib.parse.urlencode({"query": f'{{service="{service}"}}', "limit": "500"})
    body, _ = get(f"{quartet['loki']}/loki/api/v1/query_range?{every}")
    assert body["data"]["result"] and _SECRET not in json.dumps(body)
    assert all(stream["stream"]["level"] for stream in body["data"]["result"])


def _check_metrics(quartet, service):
    query = urllib.parse.urlencode(
        {"query": f'http_server_request_duration_seconds_count{{service_name="{service}"}}', "time": str(time.time())}
    )

    def look():
        for base in ("/prometheus/api/v1/query", "/api/v1/query"):
            try:
                body, _ = get(f"{quartet['mimir']}{base}?{query}")
            except urllib.error.HTTPError:
                continue
            return [float(item["value"][1]) for item in body["data"]["result"]] or None
        return None

    assert sum(until("metric", look)) == 3


def test_a_bad_variable_ends_the_start_and_is_named():
    start = "from quartet_telemetry import initialize_telemetry; initialize_telemetry('orders')"
    with python(["-c", start], {"OTEL_PROPAGATORS": "tracecontext,xray"}) as process:
        code, _, error = process.wait()
    assert code != 0
    assert "OTEL_PROPAGATORS" in error and "`xray`" in error, error
