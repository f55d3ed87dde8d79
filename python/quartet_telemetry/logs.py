"""Log records: one record, two ways out. A JSON line on stdout in the format of the contract, and the same over OTLP.

structlog's loggers and the standard library's end here. A line holds timestamp, level, service, message, trace_id and span_id (absent
outside of a span) and context, which holds the fields.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional, TextIO, Tuple

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber

from .config import TRACE_LEVEL
from .redaction import Redactor

try:
    # Until 1.38 the SDK had a record of its own.
    from opentelemetry.sdk._logs import LogRecord as _Record

    _HAS_RESOURCE = True
except ImportError:
    from opentelemetry._logs import LogRecord as _Record  # type: ignore[assignment]

    _HAS_RESOURCE = False

# Level of Python, name in the line, number of OpenTelemetry.
_LEVELS: Tuple[Tuple[int, str, SeverityNumber], ...] = (
    (logging.CRITICAL, "FATAL", SeverityNumber.FATAL),
    (logging.ERROR, "ERROR", SeverityNumber.ERROR),
    (logging.WARNING, "WARN", SeverityNumber.WARN),
    (logging.INFO, "INFO", SeverityNumber.INFO),
    (logging.DEBUG, "DEBUG", SeverityNumber.DEBUG),
    (TRACE_LEVEL, "TRACE", SeverityNumber.TRACE),
)
# What these say is about the sending of logs, so it is not sent.
_TRANSPORT = ("opentelemetry", "urllib3", "grpc", "requests")
# What every record of the standard library has; the rest came with `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "taskName", "otelSpanID", "otelTraceID", "otelServiceName", "otelTraceSampled", "color_message",
}  # fmt: skip


class Sink:
    """Where records end."""

    def __init__(
        self,
        service: str,
        version: str,
        redactor: Redactor,
        form: str = "json",
        stream: Optional[TextIO] = None,
        provider: Any = None,
        resource: Any = None,
    ) -> None:
        self._service, self._version = service, version
        self._redactor, self._form, self._stream = redactor, form, stream
        self._provider, self._resource = provider, resource

    def emit(self, logger: str, level: int, message: str, fields: Mapping[str, Any], nanos: Optional[int] = None) -> None:
        """Writes one record both ways."""
        nanos = time.time_ns() if nanos is None else nanos
        name, number = next(((n, s) for least, n, s in _LEVELS if level >= least), ("TRACE", SeverityNumber.TRACE))
        message = self._redactor.text(message)
        fields = {key: self._redactor.value(key, value) for key, value in fields.items()}
        ids = trace.get_current_span().get_span_context()
        line: Dict[str, Any] = {
            "timestamp": timestamp(nanos),
            "level": name,
            "service": {"name": self._service, "version": self._version},
            "message": message,
        }
        if ids.is_valid:
            line["trace_id"] = trace.format_trace_id(ids.trace_id)
            line["span_id"] = trace.format_span_id(ids.span_id)
        line["context"] = fields
        self._write(_json(line) if self._form == "json" else _text(line, fields))
        if self._provider is not None and not logger.startswith(_TRANSPORT):
            self._send(logger, nanos, name, number, message, fields, ids)

    def _write(self, line: str) -> None:
        stream = self._stream or sys.stdout
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError):
            # A closed stdout must not end a service.
            pass

    def _send(
        self, logger: str, nanos: int, name: str, number: SeverityNumber, message: str, fields: Mapping[str, Any], ids: Any
    ) -> None:
        arguments: Dict[str, Any] = {
            "timestamp": nanos,
            "observed_timestamp": nanos,
            "severity_text": name,
            "severity_number": number,
            "body": message,
            "attributes": {key: _attribute(value) for key, value in fields.items() if value is not None},
        }
        if _HAS_RESOURCE:
            arguments.update(
                trace_id=ids.trace_id, span_id=ids.span_id, trace_flags=ids.trace_flags, resource=self._resource
            )
        self._provider.get_logger(logger or "root").emit(_Record(**arguments))


def timestamp(nanos: int) -> str:
    """RFC 3339 in UTC with milliseconds: `2025-01-08T12:00:00.000Z`."""
    moment = datetime.fromtimestamp(nanos // 1_000_000_000, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanos // 1_000_000 % 1000:03d}Z"


def exception_fields(error: BaseException) -> Dict[str, Any]:
    """An exception as the conventions name its parts."""
    trace_back = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {
        "exception.type": type(error).__qualname__,
        "exception.message": str(error),
        "exception.stacktrace": trace_back,
    }


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def _text(line: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    parts = [f"{line['timestamp']} {line['level']:5} {line['service']['name']}: {line['message']}"]
    parts += [f"{key}={value}" for key, value in fields.items()]
    parts += [f"{key}={line[key]}" for key in ("trace_id", "span_id") if key in line]
    return " ".join(parts).replace("\n", "\\n")


def _attribute(value: Any) -> Any:
    """What OTLP attributes can hold; the rest as JSON."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)) and value and len({type(item) for item in value}) == 1:
        if isinstance(value[0], (bool, int, float, str)):
            return list(value)
    return _json(value)


class SinkHandler(logging.Handler):
    """The standard library's records."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
            if record.exc_info and record.exc_info[1]:
                fields.update(exception_fields(record.exc_info[1]))
            fields.setdefault("logger", record.name)
            self._sink.emit(record.name, record.levelno, record.getMessage(), fields, int(record.created * 1e9))
        except Exception:  # noqa: BLE001 - logging never ends a program
            self.handleError(record)
