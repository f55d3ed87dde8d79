"""Traces, metrics and logs of Python services: one call to start, then ordinary code.

    initialize_telemetry("orders", service_version="1.0.0", app=app)

| module | holds |
|---|---|
| `config`, `exporter_config`, `variables` | every variable of the contract, typed |
| `process` | start, flush, end |
| `spans`, `attributes`, `scope` | TraceContext; the helpers; on whose behalf work is done |
| `logs`, `log_setup` | the JSON line and the same record over OTLP; structlog, logging, uvicorn |
| `libraries`, `asgi` | instrumentations; correlation headers, performance bucket |
| `propagation`, `sampling`, `resource` | what their names say |
| `exporters`, `json_transport`, `masking`, `redaction` | OTLP; secrets |
| `testing` | telemetry into memory |
"""

from .attributes import (
    add_ai_attributes,
    add_business_attributes,
    add_database_attributes,
    add_workflow_attributes,
    hash_api_key,
    performance_bucket,
)
from .config import Config
from .errors import ConfigError
from .process import Report, Telemetry, initialize_telemetry
from .redaction import Redactor, sql
from .spans import TraceContext, record_error, traced

__all__ = [
    "Config",
    "ConfigError",
    "Redactor",
    "Report",
    "Telemetry",
    "TraceContext",
    "add_ai_attributes",
    "add_business_attributes",
    "add_database_attributes",
    "add_workflow_attributes",
    "hash_api_key",
    "initialize_telemetry",
    "performance_bucket",
    "record_error",
    "sql",
    "traced",
]
