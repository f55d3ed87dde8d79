"""A FastAPI program with httpx, SQLAlchemy, Redis and structured logs, as the seed's services are.

It sends traces, metrics and logs over the protocol of its first argument (grpc or http) and, at the same time, records them in
memory; then it reads everything back through the faces (readback.py) and compares. Exit code 0 means that all is equal.
"""

import logging
import os
import sys
import threading
import time
import uuid

import fastapi
import httpx
import redis
import sqlalchemy
import structlog
import uvicorn
from opentelemetry import baggage, metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.context import attach, detach
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs import export as log_export
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

import readback

PROTOCOL = sys.argv[1]
SERVICE = f"llm-orchestrator-{PROTOCOL}"
# The name changed; the pinned version has the old one only.
InMemoryLogs = getattr(log_export, "InMemoryLogRecordExporter", None) or log_export.InMemoryLogExporter


def exporters():
    """Span, log and metric exporters of the protocol."""
    if PROTOCOL == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        where = {"endpoint": "http://" + os.environ["QUARTET_OTLP_GRPC"], "insecure": True}
        return OTLPSpanExporter(**where), OTLPLogExporter(**where), OTLPMetricExporter(**where)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = "http://" + os.environ["QUARTET_OTLP_HTTP"]
    return (
        OTLPSpanExporter(endpoint=base + "/v1/traces", compression=Compression.Gzip),
        OTLPLogExporter(endpoint=base + "/v1/logs"),
        OTLPMetricExporter(endpoint=base + "/v1/metrics"),
    )


def set_up():
    """Providers that export and record; returns what records."""
    resource = Resource.create(
        {
            "service.name": SERVICE,
            "service.version": "1.0.0",
            "service.instance.id": str(uuid.uuid4()),
            "service.port": 8003,
            "service.layer": "ai-processing",
            "deployment.environment": "development",
        }
    )
    span_exporter, log_exporter, metric_exporter = exporters()
    spans, logs, points = InMemorySpanExporter(), InMemoryLogs(), InMemoryMetricReader()
    tracers = TracerProvider(resource=resource, span_limits=SpanLimits(max_events=64))
    tracers.add_span_processor(BatchSpanProcessor(span_exporter))
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(tracers)
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(log_export.BatchLogRecordProcessor(log_exporter))
    loggers.add_log_record_processor(log_export.SimpleLogRecordProcessor(logs))
    set_logger_provider(loggers)
    handler = LoggingHandler(level=logging.INFO, logger_provider=loggers)
    logging.getLogger("app").addHandler(handler)
    logging.getLogger("app").setLevel(logging.INFO)
    # Exported when told to, so that both readers see the same state.
    periodic = PeriodicExportingMetricReader(metric_exporter, export_interval_millis=3_600_000)
    meters = MeterProvider(resource=resource, metric_readers=[periodic, points])
    metrics.set_meter_provider(meters)
    return tracers, loggers, meters, spans, logs, points


def make_app(address):
    """The service: each request touches each instrumented library."""
    app = fastapi.FastAPI()
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool, connect_args={"check_same_thread": False})
    cache = redis.Redis(port=int(os.environ["REDIS_PORT"]))
    client = httpx.Client()
    SQLAlchemyInstrumentor().instrument(engine=engine)
    RedisInstrumentor().instrument()
    HTTPXClientInstrumentor().instrument()
    FastAPIInstrumentor.instrument_app(app)
    log = structlog.wrap_logger(
        logging.getLogger("app"),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
    )
    meter = metrics.get_meter("app", "1.0.0")
    cost = meter.create_counter("llm.cost", unit="USD", description="Cost of model calls")
    calls = meter.create_counter("llm.calls", unit="{call}", description="Model calls")
    sessions = meter.create_up_down_counter("chat.sessions", unit="1")
    latency = meter.create_histogram("llm.latency", unit="s", description="Time of model calls")
    meter.create_observable_gauge("queue.size", callbacks=[lambda _: [metrics.Observation(7, {"queue": "default"})]], unit="By")
    tracer = trace.get_tracer("app", "1.0.0")

    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE IF NOT EXISTS sessions (id INTEGER, name TEXT)"))

    @app.get("/inner/{number}")
    def inner(number: int):
        cache.set(f"session:{number}", "x")
        return {"cached": cache.get(f"session:{number}").decode()}

    @app.post("/chat/{number}")
    def chat(number: int):
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("INSERT INTO sessions VALUES (:id, :name)"), {"id": number, "name": "n"})
        client.get(f"{address}/inner/{number}")
        link = Link(trace.get_current_span().get_span_context(), {"why": "follows"})
        with tracer.start_as_current_span("gemini.chat_completion", kind=SpanKind.CLIENT, links=[link]) as span:
            span.set_attributes(
                {
                    "ai.provider": "google",
                    "ai.tokens.input": 120 + number,
                    "ai.cost_usd": 0.001234,
                    "ai.stream": number % 2 == 0,
                    "ai.stops": ["stop", "length"],
                    "ai.scores": [0.5, 1.25],
                    "ai.ids": [1, 2, 3],
                    "ai.flags": [True, False],
                    "text": "Grüße \N{ROCKET} \"quoted\"",
                }
            )
            span.add_event("first token", {"after_ms": 12.5})
            log.info("LLM API call completed", ai_provider="google", ai_cost_usd=0.001234, number=number)
            logging.getLogger("app").warning("slow call %d", number, extra={"attempt": number, "final": True, "share": 0.25})
            cost.add(0.001234, {"model": "gemini", "ok": True})
            calls.add(1, {"model": "gemini", "status.code": 200})
            sessions.add(1 if number % 2 else -1, {"kind": "chat"})
            latency.record(0.05 * number, {"model": "gemini"})
            try:
                if number % 3 == 0:
                    raise ValueError(f"bad answer {number}")
                span.set_status(Status(StatusCode.OK))
            except ValueError as error:
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, "bad answer"))
                logging.getLogger("app").exception("call failed")
        return {"number": number}

    return app


def serve(app, port):
    """Runs the service in a thread; returns what stops it."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "uvicorn did not start"
        time.sleep(0.01)

    def stop():
        server.should_exit = True
        thread.join()

    return stop


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    tracers, loggers, meters, spans, logs, points = set_up()
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    stop = serve(make_app(address), port)
    token = attach(baggage.set_baggage("tenant.id", "t1"))
    with httpx.Client() as client:
        for number in range(1, 7):
            assert client.post(f"{address}/chat/{number}").status_code == 200
        assert client.get(f"{address}/missing").status_code == 404
    detach(token)
    stop()
    # A timeout of the pinned version is in milliseconds, as its name says.
    assert tracers.force_flush(30_000), "spans were not exported"
    assert loggers.force_flush(30_000) is not False, "logs were not exported"
    assert meters.force_flush(30_000), "metrics were not exported"
    faults = readback.check_spans(spans.get_finished_spans())
    faults += readback.check_logs(SERVICE, logs.get_finished_logs())
    faults += readback.check_metrics(points.get_metrics_data())
    print("\n".join(faults[:40]))
    print(f"{len(faults)} differences")
    # The providers' exporters have nothing left; a second export at exit would only take time.
    sys.stdout.flush()
    os._exit(1 if faults else 0)


main()
