"""TraceContext, the helpers, what is handed down, and what the exporters get to see."""

import asyncio
import threading

import pytest
from canaries import all_canaries
from opentelemetry import baggage, context, metrics, propagate, trace
from opentelemetry.trace import SpanKind, StatusCode

import quartet_telemetry as telemetry
from quartet_telemetry import TraceContext, traced

_TRACE, _SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def _parent_of(child, parent):
    return child.parent is not None and child.parent.span_id == parent.context.span_id and (
        child.context.trace_id == parent.context.trace_id
    )


def test_the_span_is_current_inside(memory):
    with TraceContext("outer") as outer:
        assert trace.get_current_span() is outer
        with TraceContext("inner", kind=SpanKind.CLIENT):
            pass
        assert trace.get_current_span() is outer
    assert not trace.get_current_span().get_span_context().is_valid
    assert _parent_of(memory.span("inner"), memory.span("outer"))
    assert memory.span("inner").kind is SpanKind.CLIENT


def test_async_blocks_and_tasks_keep_their_parents(memory):
    async def work(number):
        async with TraceContext(f"task {number}"):
            await asyncio.sleep(0)
            with TraceContext(f"step {number}"):
                await asyncio.sleep(0)

    async def main():
        async with TraceContext("main"):
            await asyncio.gather(*(work(number) for number in range(5)))

    asyncio.run(main())
    for number in range(5):
        assert _parent_of(memory.span(f"task {number}"), memory.span("main"))
        assert _parent_of(memory.span(f"step {number}"), memory.span(f"task {number}"))


def test_errors_are_recorded(memory):
    with pytest.raises(ValueError), TraceContext("fails"):
        raise ValueError("bad answer, password=hunter2")
    span = memory.span("fails")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "ValueError: bad answer, password=[REDACTED:secret]"
    assert span.attributes["error.type"] == "ValueError"
    (event,) = span.events
    assert event.attributes["exception.type"] == "ValueError"
    assert "hunter2" not in str(dict(event.attributes))


def test_functions_are_traced(memory):
    @traced()
    def plain():
        return 1

    @traced("renamed")
    async def coroutine():
        return plain()

    assert asyncio.run(coroutine()) == 1
    assert _parent_of(memory.span("test_functions_are_traced.<locals>.plain"), memory.span("renamed"))


def test_both_dialects_of_a_model_call(memory):
    with TraceContext("chat") as span:
        telemetry.add_ai_attributes(
            span, "google", "gemini-2.0-flash", 12, 3, 0.001234, cached_tokens=4, finish_reason="stop"
        )
    attributes = memory.span("chat").attributes
    expected = {
        "ai.provider": "google",
        "ai.tier": "llm",
        "ai.cost_usd": 0.001234,
        "ai.cost_nanousd": 1_234_000,
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-2.0-flash",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.response.finish_reasons": ("stop",),
    }
    assert {key: attributes[key] for key in expected} == expected


def test_business_reaches_spans_that_start_later_and_services_called(memory):
    headers = {}
    with TraceContext("outer"):
        # In another thread, as FastAPI runs plain dependencies: its context variables are a copy.
        copied = context.get_current()

        def dependency():
            token = context.attach(copied)
            telemetry.add_business_attributes(user_id="u1", tenant_id="t1", api_key_hash="h", cost_center="c")
            context.detach(token)

        thread = threading.Thread(target=dependency)
        thread.start()
        thread.join()
        telemetry.add_workflow_attributes(None, "w", "manual", "running", 1.5)
        with TraceContext("inner"):
            propagate.inject(headers)
    outer, inner = memory.span("outer").attributes, memory.span("inner").attributes
    for attributes in (outer, inner):
        assert (attributes["tenant.id"], attributes["workflow.id"]) == ("t1", "w")
    assert (outer["workflow.status"], outer["workflow.duration_ms"]) == ("running", 1500)
    assert "workflow.status" not in inner
    assert {"user.id=u1", "tenant.id=t1", "api.key_hash=h", "cost.center=c"} <= set(headers["baggage"].split(","))
    with TraceContext("stranger"):
        pass
    assert "tenant.id" not in memory.span("stranger").attributes


def test_baggage_of_callers_marks_spans_by_known_keys_only(memory):
    received = propagate.extract({"traceparent": f"00-{_TRACE}-{_SPAN}-01", "baggage": "tenant.id=t9,spy=1"})
    token = context.attach(received)
    with TraceContext("called"):
        assert baggage.get_baggage("spy") == "1"
    context.detach(token)
    span = memory.span("called")
    assert span.attributes["tenant.id"] == "t9" and "spy" not in span.attributes
    assert trace.format_trace_id(span.context.trace_id) == _TRACE


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": f"00-{_TRACE}-{_SPAN}-01"},
        {"x-b3-traceid": _TRACE, "x-b3-spanid": _SPAN, "x-b3-sampled": "1"},
        # The decision is left to us.
        {"x-b3-traceid": _TRACE, "x-b3-spanid": _SPAN},
        {"uber-trace-id": f"{_TRACE}:{_SPAN}:0:1"},
        # The first of OTEL_PROPAGATORS wins.
        {"traceparent": f"00-{_TRACE}-{_SPAN}-01", "uber-trace-id": f"{'7' * 32}:{'7' * 16}:0:1"},
    ],
    ids=["w3c", "b3", "b3 deferred", "jaeger", "two"],
)
def test_callers_of_each_format(memory, headers):
    token = context.attach(propagate.extract(headers))
    with TraceContext("called"):
        sent = {}
        propagate.inject(sent)
    context.detach(token)
    span = memory.span("called")
    assert trace.format_trace_id(span.context.trace_id) == _TRACE
    assert trace.format_span_id(span.parent.span_id) == _SPAN
    own = trace.format_span_id(span.context.span_id)
    assert sent["traceparent"] == f"00-{_TRACE}-{own}-01"
    assert (sent["x-b3-traceid"], sent["x-b3-spanid"], sent["x-b3-sampled"]) == (_TRACE, own, "1")
    assert sent["uber-trace-id"].startswith(f"{_TRACE}:{own}:")


def test_statements_lose_their_literals(memory):
    with TraceContext("query") as span:
        telemetry.add_database_attributes(span, "SELECT", "users", 1, "SELECT * FROM users WHERE name = 'ana'", system="sqlite")
        span.set_attribute("db.statement", "SELECT 'ana'")
    attributes = memory.span("query").attributes
    assert attributes["db.query.text"] == "SELECT * FROM users WHERE name = ?"
    assert attributes["db.statement"] == "SELECT ?"
    assert (attributes["db.system.name"], attributes["db.rows_affected"], attributes["db.sql.table"]) == ("sqlite", 1, "users")
    with TraceContext("cache") as span:
        span.set_attributes({"db.system": "redis", "db.statement": "SET session:42 ana"})
    assert memory.span("cache").attributes["db.statement"] == "SET ? ?"


def test_hashes_are_those_of_the_rust_crate(started):
    # RFC 4231, test case 2, cut to 8 bytes; crates/telemetry/src/attributes.rs has the same.
    assert telemetry.hash_api_key("what do ya want for nothing?") == "5bdcc146bf60754e"


def test_buckets(started):
    bounds = [0, 99, 100, 499, 500, 1999, 2000, 9999, 10_000]
    names = "fast fast normal normal slow slow very_slow very_slow timeout_risk".split()
    assert [telemetry.performance_bucket(bound) for bound in bounds] == names


def test_no_canary_leaves_in_spans_or_metrics(memory):
    counter = metrics.get_meter("tests").create_counter("canaries")
    canaries = all_canaries(7)
    for canary in canaries:
        with TraceContext(f"span {canary.text}") as span:
            span.set_attribute("note", canary.text)
            span.set_attribute(canary.key if canary.key != "note" else "list", [canary.text])
            span.add_event("event", {canary.key: canary.text})
        counter.add(1, {"text": canary.text})
    seen = "".join(span.to_json() for span in memory.spans())
    assert len(memory.spans()) == len(canaries)
    assert [canary.name for canary in canaries if canary.secret in seen] == []


def test_prompts_stay_at_home(memory):
    with TraceContext("chat") as span:
        span.set_attributes({"gen_ai.prompt.0.content": "hello", "gen_ai.usage.input_tokens": 1})
    assert dict(memory.span("chat").attributes) == {"gen_ai.usage.input_tokens": 1}
