"""Start and end of telemetry in a process."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from . import exporters, libraries, log_setup, resource as resources, state
from .config import Config
from .logs import Sink
from .masking import MaskingLogExporter, MaskingMetricExporter, MaskingSpanExporter, Masks
from .sampling import EnvironmentSampler
from .scope import ScopeSpanProcessor

_log = logging.getLogger(__name__)
# Of the conventions for durations in seconds; the SDK's defaults are meant for milliseconds.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_started: Optional["Telemetry"] = None


@dataclass(frozen=True)
class Report:
    """Sampled spans that ended, and those of them that the collector did not get."""

    ended: int
    lost: int


class Telemetry:
    """What runs in this process."""

    def __init__(self, config: Config, resource: Resource) -> None:
        self.config = config
        self.resource = resource
        self.instrumented: List[str] = []
        self.counts = ScopeSpanProcessor()
        self.span_exporter: Optional[MaskingSpanExporter] = None
        self.tracers: Any = None
        self.meters: Any = None
        self.loggers: Any = None
        self._stopped = False

    def flush(self, seconds: Optional[float] = None) -> bool:
        """Sends what waits; false when that did not end within `seconds` (OTEL_BSP_EXPORT_TIMEOUT)."""
        return self._within(seconds, lambda millis: [p.force_flush(millis) for p in self._providers()])

    def shutdown(self, seconds: Optional[float] = None) -> Report:
        """Sends what waits and stops, within `seconds`; says on stderr what was lost. Called at exit and at SIGTERM by itself."""
        if not self._stopped:
            self._stopped = True
            self._within(seconds, lambda millis: [p.force_flush(millis) for p in self._providers()])
            self._within(1.0, lambda _millis: [p.shutdown() for p in self._providers()])
            report = self.report()
            if report.lost:
                sys.stderr.write(f"telemetry: {report.lost} of {report.ended} spans were not delivered\n")
        return self.report()

    def report(self) -> Report:
        """Counts so far; what still waits counts as lost."""
        delivered = self.span_exporter.delivered + self.span_exporter.left_out if self.span_exporter else self.counts.ended
        return Report(self.counts.ended, max(0, self.counts.ended - delivered))

    def _providers(self) -> List[Any]:
        return [provider for provider in (self.tracers, self.loggers, self.meters) if provider is not None]

    def _within(self, seconds: Optional[float], work: Callable[[int], Any]) -> bool:
        """Exporters of old versions retry for a minute whatever time-out they are given; so they get a thread and a deadline."""
        limit = self.config.exit_deadline_ms / 1000 if seconds is None else seconds
        results: List[Any] = []
        thread = threading.Thread(target=lambda: results.append(work(int(limit * 1000))), name="telemetry-flush", daemon=True)
        thread.start()
        thread.join(limit)
        return bool(results)


def initialize_telemetry(
    service_name: str,
    service_version: Optional[str] = None,
    service_port: Optional[int] = None,
    service_type: Optional[str] = None,
    service_layer: Optional[str] = None,
    *,
    service_tier: Optional[str] = None,
    app: Any = None,
    engine: Any = None,
    resource_attributes: Optional[Mapping[str, Any]] = None,
    instrument: bool = True,
    environ: Optional[Mapping[str, str]] = None,
    span_exporter: Optional[SpanExporter] = None,
    log_exporter: Any = None,
    metric_reader: Optional[MetricReader] = None,
) -> Telemetry:
    """Starts traces, metrics and logs; call it once, before anything is logged.

    `app` is a FastAPI application; without it, applications that are made later are instrumented. `engine` is a SQLAlchemy engine that
    exists already. `environ` stands for the process's variables, the last three for the OTLP exporters (both for tests).
    Raises ConfigError, which names the variable, when one means nothing. A second call returns what runs.
    """
    global _started
    if _started is not None:
        if app is not None and instrument and not _started.config.disabled:
            libraries.instrument_app(app, _started.config)
        return _started
    config = Config.from_env(environ)
    declared: Dict[str, Any] = {
        "service.version": service_version,
        "service.port": service_port,
        "service.type": service_type,
        "service.layer": service_layer,
        "service.tier": service_tier,
        **(resource_attributes or {}),
    }
    state.install(config)
    telemetry = Telemetry(config, resources.detect(config, service_name, declared))
    _started = telemetry
    if not config.disabled:
        _install_propagators(config)
        masks = Masks(config)
        _start_traces(telemetry, masks, span_exporter)
        _start_metrics(telemetry, masks, metric_reader)
        _start_logs(telemetry, masks, log_exporter)
    attributes = telemetry.resource.attributes
    sink = Sink(
        str(attributes["service.name"]),
        str(attributes["service.version"]),
        state.redactor(),
        config.log_format,
        provider=telemetry.loggers,
        resource=telemetry.resource,
    )
    log_setup.install(config, sink)
    if not config.disabled and instrument:
        telemetry.instrumented = libraries.instrument(config, app, engine)
    _end_with_the_process(telemetry)
    _log.debug("telemetry started", extra={"instrumented": telemetry.instrumented})
    return telemetry


def _install_propagators(config: Config) -> None:
    # Not before the variables were checked: the import reads OTEL_PROPAGATORS.
    from opentelemetry import propagate

    from .propagation import Propagator

    propagate.set_global_textmap(Propagator(config.propagators))


def _start_traces(telemetry: Telemetry, masks: Masks, exporter: Optional[SpanExporter]) -> None:
    config, queue = telemetry.config, telemetry.config.span_queue
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        sampler = EnvironmentSampler(config.sampler)
        # Its own end at exit would come before ours and know no deadline.
        provider = TracerProvider(resource=telemetry.resource, sampler=sampler, shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
    telemetry.tracers = provider
    provider.add_span_processor(telemetry.counts)
    if exporter is None and config.traces is not None:
        exporter = exporters.make("traces", config.traces)
    if exporter is not None:
        telemetry.span_exporter = MaskingSpanExporter(exporter, masks)
        provider.add_span_processor(
            BatchSpanProcessor(
                telemetry.span_exporter,
                max_queue_size=queue.records_max,
                schedule_delay_millis=queue.delay_ms,
                max_export_batch_size=queue.batch_max,
                export_timeout_millis=config.exit_deadline_ms,
            )
        )


def _start_metrics(telemetry: Telemetry, masks: Masks, reader: Optional[MetricReader]) -> None:
    config = telemetry.config
    if reader is None:
        if config.metrics is None or isinstance(metrics.get_meter_provider(), MeterProvider):
            return
        inner = exporters.make("metrics", config.metrics, config.delta_temporality)
        reader = PeriodicExportingMetricReader(
            MaskingMetricExporter(inner, masks), export_interval_millis=config.metric_interval_ms
        )
    views = [
        View(instrument_name=name, aggregation=ExplicitBucketHistogramAggregation(_SECONDS))
        for name in ("http.*.request.duration", "db.client.operation.duration")
    ]
    telemetry.meters = MeterProvider(
        metric_readers=[reader], resource=telemetry.resource, views=views, shutdown_on_exit=False
    )
    metrics.set_meter_provider(telemetry.meters)


def _start_logs(telemetry: Telemetry, masks: Masks, exporter: Any) -> None:
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    config, queue = telemetry.config, telemetry.config.log_queue
    if exporter is None and config.logs is not None:
        exporter = exporters.make("logs", config.logs)
    if exporter is None:
        return
    telemetry.loggers = LoggerProvider(resource=telemetry.resource, shutdown_on_exit=False)
    telemetry.loggers.add_log_record_processor(
        BatchLogRecordProcessor(
            MaskingLogExporter(exporter, masks),  # type: ignore[arg-type]
            max_queue_size=queue.records_max,
            schedule_delay_millis=queue.delay_ms,
            max_export_batch_size=queue.batch_max,
            export_timeout_millis=config.exit_deadline_ms,
        )
    )
    set_logger_provider(telemetry.loggers)


def _end_with_the_process(telemetry: Telemetry) -> None:
    """At exit; and at SIGTERM, which by itself would end Python without any of that. A handler of the service stays: it exits."""
    atexit.register(telemetry.shutdown)
    try:
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _on_sigterm)
    except ValueError:
        # Only the main thread may; then the service ends by its own means.
        _log.debug("telemetry was not started on the main thread: nothing is flushed at SIGTERM")


def _on_sigterm(number: int, _frame: Any) -> None:
    if _started is not None:
        _started.shutdown()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
