"""The line of the seed, and the same record over OTLP."""

import io
import json
import logging

import pytest
import structlog
from canaries import all_canaries

from quartet_telemetry import Redactor, TraceContext
from quartet_telemetry.logs import Sink, timestamp


def _lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_the_seeds_line():
    stream = io.StringIO()
    sink = Sink("llm-orchestrator", "1.0.0", Redactor(), stream=stream)
    fields = {"ai_provider": "google", "ai_cost_usd": 0.001234, "duration_ms": 450}
    sink.emit("app", logging.INFO, 'LLM API call "completed"', fields, 1_736_337_600_000_000_000)
    assert stream.getvalue() == (
        '{"timestamp":"2025-01-08T12:00:00.000Z","level":"INFO","service":{"name":"llm-orchestrator","version":"1.0.0"},'
        '"message":"LLM API call \\"completed\\"",'
        '"context":{"ai_provider":"google","ai_cost_usd":0.001234,"duration_ms":450}}\n'
    )
    assert timestamp(951_782_399_999_999_999) == "2000-02-28T23:59:59.999Z"


def test_text_for_eyes():
    stream = io.StringIO()
    Sink("a", "1", Redactor(), "text", stream).emit("app", logging.WARNING, "two\nlines", {"n": 1}, 0)
    assert stream.getvalue() == "1970-01-01T00:00:00.000Z WARN  a: two\\nlines n=1\n"


def test_structlog_and_logging_give_the_same_record(memory, capsys):
    log = structlog.get_logger("app").bind(tenant="t1")
    with TraceContext("work") as span:
        log.info("LLM API call completed", ai_provider="google", ai_cost_usd=0.001234, models=["a", "b"], nested={"a": 1})
        logging.getLogger("lib").warning("slow %s", "call", extra={"attempt": 2})
    log.debug("not seen")
    first, second = _lines(capsys.readouterr().out)
    ids = span.get_span_context()
    assert list(first) == ["timestamp", "level", "service", "message", "trace_id", "span_id", "context"]
    assert first["service"] == {"name": "tests", "version": "1.2.3"}
    assert first["trace_id"] == format(ids.trace_id, "032x") and first["span_id"] == format(ids.span_id, "016x")
    assert first["context"]["ai_cost_usd"] == 0.001234 and first["context"]["tenant"] == "t1"
    assert (second["level"], second["message"], second["context"]["attempt"]) == ("WARN", "slow call", 2)
    one, two = memory.logs()
    assert (one.body, one.severity_text, one.trace_id, one.span_id) == (
        "LLM API call completed",
        "INFO",
        ids.trace_id,
        ids.span_id,
    )
    assert dict(one.attributes)["nested"] == '{"a":1}' and list(one.attributes["models"]) == ["a", "b"]
    assert (two.body, two.attributes["attempt"], two.severity_number.value) == ("slow call", 2, 13)
    assert first["timestamp"] == timestamp(one.timestamp)


def test_outside_of_a_span_there_are_no_ids(memory, capsys):
    structlog.get_logger().error("alone")
    (line,) = _lines(capsys.readouterr().out)
    assert "trace_id" not in line and "span_id" not in line and line["context"] == {}
    assert not memory.logs()[0].trace_id


@pytest.mark.parametrize("logger", [structlog.get_logger("app"), logging.getLogger("app")], ids=["structlog", "logging"])
def test_exceptions_have_their_parts(memory, capsys, logger):
    try:
        raise KeyError("password=hunter2")
    except KeyError:
        logger.exception("failed")
    (line,) = _lines(capsys.readouterr().out)
    assert line["level"] == "ERROR" and line["context"]["exception.type"] == "KeyError"
    assert "test_exceptions_have_their_parts" in line["context"]["exception.stacktrace"]
    assert "hunter2" not in json.dumps(line)


def test_no_canary_leaves_in_logs(memory, capsys):
    canaries = all_canaries(8)
    for canary in canaries:
        structlog.get_logger("app").info(f"message {canary.text}", **{"a": canary.text, canary.key: canary.text})
        logging.getLogger("app").error("message %s", canary.text, extra={"deep": {"list": [canary.text]}})
    seen = capsys.readouterr().out + "".join(f"{record.body}{dict(record.attributes)}" for record in memory.logs())
    assert [canary.name for canary in canaries if canary.secret in seen] == []
    assert len(memory.logs()) == 2 * len(canaries)
