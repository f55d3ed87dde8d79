"""OTLP as JSON over HTTP: turns the protobuf body of a request into JSON on its way out."""

from __future__ import annotations

import base64
import json
from typing import Any

import requests
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from requests.adapters import HTTPAdapter

_MESSAGES = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
# OTLP writes these in hexadecimal, where JSON of protobuf says base64.
_IDS = ("traceId", "spanId", "parentSpanId")


class JsonAdapter(HTTPAdapter):
    """Sends what it gets as OTLP/JSON."""

    def __init__(self, signal: str) -> None:
        super().__init__()
        self._message = _MESSAGES[signal]

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        body = request.body if isinstance(request.body, bytes) else b""
        fields = MessageToDict(self._message.FromString(body), use_integers_for_enums=True)
        request.body = json.dumps(_with_hex_ids(fields), separators=(",", ":")).encode()
        request.headers["Content-Type"] = "application/json"
        request.headers["Content-Length"] = str(len(request.body))
        return super().send(request, *args, **kwargs)


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(item).hex() if key in _IDS and isinstance(item, str) else _with_hex_ids(item)
        for key, item in value.items()
    }
