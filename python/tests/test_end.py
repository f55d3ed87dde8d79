"""Ends of small programs: what had ended is delivered, or said to be lost; a dead collector does not hold the end up."""

import threading
import time
from concurrent import futures

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages, trace_service_pb2_grpc as services
from processes import free_port, python

_START = """
import asyncio, os, signal, sys, threading, time
from quartet_telemetry import TraceContext, initialize_telemetry
telemetry = initialize_telemetry("small", instrument=False)
for number in range(100):
    with TraceContext(f"span {number}"):
        pass
"""


class _Collector(services.TraceServiceServicer):
    def __init__(self):
        self.names = []

    def Export(self, request, _context):
        for resource in request.resource_spans:
            self.names += [span.name for scope in resource.scope_spans for span in scope.spans]
        return messages.ExportTraceServiceResponse()


@pytest.fixture
def collector():
    server = grpc.server(futures.ThreadPoolExecutor(2))
    taken = _Collector()
    services.add_TraceServiceServicer_to_server(taken, server)
    taken.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield taken
    server.stop(None)


def _run(code, port):
    quiet = {"OTEL_LOGS_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_BSP_EXPORT_TIMEOUT": "3000"}
    with python(["-c", _START + code], {**quiet, **where}) as process:
        return process.wait()


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise RuntimeError('x')", 1),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -15),
        ("asyncio.get_event_loop_policy().new_event_loop().run_until_complete(asyncio.sleep(0))", 0),
    ],
    ids=["return", "exit", "exception", "sigterm", "asyncio"],
)
def test_spans_that_ended_are_delivered(collector, end, code):
    found, _, error = _run(end, collector.port)
    assert found == code, error
    assert sorted(collector.names) == sorted(f"span {number}" for number in range(100))
    assert "not delivered" not in error


def test_a_dead_collector_costs_a_deadline_and_is_told():
    began = time.monotonic()
    code, _, error = _run("", free_port())
    assert code == 0
    assert "telemetry: 100 of 100 spans were not delivered" in error
    # 3 s to flush, 1 s to stop, the start of Python on a busy machine.
    assert time.monotonic() - began < 30


def test_a_sleeping_collector_does_not_slow_the_caller():
    # Takes connections and never answers.
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        port = listener.getsockname()[1]
        code, out, _ = _run(
            """
began = time.perf_counter()
for number in range(5000):
    with TraceContext("span"):
        pass
print(f"{(time.perf_counter() - began) / 5000:.6f}")
print(threading.active_count())
""",
            port,
        )
    # Between them stand the exporter's complaints.
    seconds, threads = [line for line in out.splitlines() if not line.startswith("{")]
    assert code == 0 and float(seconds) < 0.002 and int(threads) < 10
    assert threading.active_count() < 20
