"""The official OTLP exporters, set up from the configuration."""

from __future__ import annotations

from typing import Any, Dict, Optional

from .exporter_config import GRPC, HTTP_JSON, ExporterConfig


def make(signal: str, config: ExporterConfig, delta: bool = False) -> Any:
    """The exporter of `traces`, `metrics` or `logs`."""
    arguments: Dict[str, Any] = {
        "endpoint": config.endpoint,
        "headers": dict(config.headers) or None,
        "timeout": config.timeout_seconds,
    }
    if signal == "metrics" and delta:
        arguments["preferred_temporality"] = _delta()
    if config.protocol == GRPC:
        return _grpc(signal, config, arguments)
    return _http(signal, config, arguments)


def _grpc(signal: str, config: ExporterConfig, arguments: Dict[str, Any]) -> Any:
    import grpc

    if signal == "traces":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Exporter
    elif signal == "metrics":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as Exporter
    else:
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as Exporter
    arguments["headers"] = tuple(config.headers.items()) or None
    arguments["insecure"] = config.insecure
    arguments["compression"] = grpc.Compression.Gzip if config.gzip else grpc.Compression.NoCompression
    if not config.insecure:
        files = (config.authority_file, config.key_file, config.certificate_file)
        arguments["credentials"] = grpc.ssl_channel_credentials(*(_read(path) for path in files))
    return Exporter(**arguments)


def _http(signal: str, config: ExporterConfig, arguments: Dict[str, Any]) -> Any:
    import requests
    from opentelemetry.exporter.otlp.proto.http import Compression

    if signal == "traces":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Exporter
    elif signal == "metrics":
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as Exporter
    else:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as Exporter
    session = requests.Session()
    if config.protocol == HTTP_JSON:
        from .json_transport import JsonAdapter

        # The official exporters write protobuf only; the adapter translates what they are about to send.
        session.mount("http://", JsonAdapter(signal))
        session.mount("https://", JsonAdapter(signal))
    if config.certificate_file and config.key_file:
        session.cert = (config.certificate_file, config.key_file)
    gzip = config.gzip and config.protocol != HTTP_JSON
    return Exporter(
        **arguments,
        certificate_file=config.authority_file,
        compression=Compression.Gzip if gzip else Compression.NoCompression,
        session=session,
    )


def _read(path: Optional[str]) -> Optional[bytes]:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


def _delta() -> Dict[type, Any]:
    from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
    from opentelemetry.sdk.metrics.export import AggregationTemporality

    return dict.fromkeys((Counter, Histogram, ObservableCounter), AggregationTemporality.DELTA)
