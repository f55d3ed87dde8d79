"""Every variable of the telemetry contract, read once into one typed value. Nothing else in this package reads the environment."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Tuple

from .errors import ConfigError
from .exporter_config import ExporterConfig, read_exporter
from .variables import Variables, one_of, pairs

DEVELOPMENT, STAGING, PRODUCTION = "development", "staging", "production"
_SHARES = {DEVELOPMENT: 1.0, STAGING: 0.5, PRODUCTION: 0.1}
PROPAGATORS = ("tracecontext", "baggage", "b3", "b3multi", "jaeger")
_DEFAULT_PROPAGATORS = ("tracecontext", "baggage", "b3multi", "jaeger")
_DAY_MS = 86_400_000
# A million records of a kilobyte are what a small machine can still hold.
_RECORDS_MAX = 1_000_000
# Below DEBUG; Python has no such level.
TRACE_LEVEL = 5
# Above CRITICAL: nothing is logged.
OFF_LEVEL = 100
_LEVELS = {
    "notset": TRACE_LEVEL,
    "trace": TRACE_LEVEL,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
    "off": OFF_LEVEL,
}
_CONTENT = {"off": "off", "redacted": "redacted", "full": "full"}
# The conventions' values say where content goes; all of them mean: capture, safely.
_STANDARD_CONTENT = {
    **_CONTENT,
    **dict.fromkeys(("no_content", "false"), "off"),
    **dict.fromkeys(("span_only", "event_only", "span_and_event", "true"), "redacted"),
}


@dataclass(frozen=True)
class QueueConfig:
    """The queue of spans or logs: records that may wait, records of a request, how long a record waits for company."""

    records_max: int
    batch_max: int
    delay_ms: int


@dataclass(frozen=True)
class SamplerConfig:
    """The share of new traces that are kept, and whether a caller's decision is followed."""

    ratio: float
    parent_based: bool


@dataclass(frozen=True)
class Config:
    """The contract's variables; see `.env.otel.template` of the repository for each."""

    disabled: bool
    debug: bool
    environment: str
    service_name: Optional[str]
    service_version: Optional[str]
    service_tier: Optional[str]
    resource: Dict[str, str]
    traces: Optional[ExporterConfig]
    metrics: Optional[ExporterConfig]
    logs: Optional[ExporterConfig]
    propagators: Tuple[str, ...]
    sampler: SamplerConfig
    span_queue: QueueConfig
    log_queue: QueueConfig
    exit_deadline_ms: int
    metric_interval_ms: int
    delta_temporality: bool
    log_level: int
    log_levels: Dict[str, int]
    log_format: str
    thresholds_ms: Tuple[int, int, int, int]
    capture_content: str
    redact_emails: bool
    redact_cards: bool
    key_salt: Optional[str]
    query_text: bool
    cost_tracking: bool
    cost_center: Optional[str]
    stack: Dict[str, Optional[str]]

    @classmethod
    def from_env(cls, source: Optional[Mapping[str, str]] = None) -> "Config":
        """Reads the process's environment, or `source`. Raises ConfigError at the first value that means nothing."""
        variables = Variables(os.environ if source is None else source)
        environment = variables.word("ENVIRONMENT", {name: name for name in _SHARES}) or DEVELOPMENT
        development = environment == DEVELOPMENT
        # Development shortens OpenTelemetry's 5 s and 60 s, so that a span and a metric are seen at once.
        delay = 200 if development else 5000
        query_text = variables.flag("TELEMETRY_QUERY_TEXT")
        cost_tracking = variables.flag("ENABLE_LLM_COST_TRACKING")
        level, levels = _log_levels(variables)
        _check_limits(variables)
        return cls(
            disabled=bool(variables.flag("OTEL_SDK_DISABLED")),
            debug=bool(variables.flag("OTEL_DEBUG")),
            environment=environment,
            service_name=variables.text("OTEL_SERVICE_NAME"),
            service_version=variables.text("SERVICE_VERSION"),
            service_tier=variables.text("SERVICE_TIER"),
            resource=_resource(variables),
            traces=read_exporter(variables, "traces"),
            metrics=read_exporter(variables, "metrics"),
            logs=read_exporter(variables, "logs"),
            propagators=_propagators(variables),
            sampler=_sampler(variables, environment),
            span_queue=_queue(variables, "OTEL_BSP", delay),
            log_queue=_queue(variables, "OTEL_BLRP", min(delay, 1000)),
            # Half of what `docker stop` waits before it kills.
            exit_deadline_ms=variables.number("OTEL_BSP_EXPORT_TIMEOUT", 1, _DAY_MS) or 5000,
            metric_interval_ms=variables.number("OTEL_METRIC_EXPORT_INTERVAL", 1, _DAY_MS)
            or (5000 if development else 60_000),
            delta_temporality=bool(
                variables.word(
                    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                    {"cumulative": False, "delta": True, "lowmemory": False},
                )
            ),
            log_level=level,
            log_levels=levels,
            log_format=variables.word("LOG_FORMAT", {"json": "json", "text": "text"}) or "json",
            thresholds_ms=_thresholds(variables),
            capture_content=_content(variables),
            redact_emails=bool(variables.flag("TELEMETRY_REDACT_EMAILS")),
            redact_cards=bool(variables.flag("TELEMETRY_REDACT_CARDS")),
            key_salt=variables.text("TELEMETRY_KEY_SALT"),
            query_text=environment != PRODUCTION if query_text is None else query_text,
            cost_tracking=True if cost_tracking is None else cost_tracking,
            cost_center=variables.text("COST_CENTER"),
            stack={
                name: variables.address(name)
                for name in ("LOKI_ENDPOINT", "GRAFANA_URL", "TEMPO_URL", "MIMIR_URL", "JAEGER_ENDPOINT")
            },
        )


def _resource(variables: Variables) -> Dict[str, str]:
    name = "OTEL_RESOURCE_ATTRIBUTES"
    found = pairs(name, variables.text(name) or "", secret=False)
    for variable, key in (("COST_CENTER", "cost.center"), ("BUSINESS_UNIT", "business.unit"), ("TEAM", "team")):
        value = variables.text(variable)
        if value:
            found[key] = value
    return found


def _propagators(variables: Variables) -> Tuple[str, ...]:
    text = variables.text("OTEL_PROPAGATORS")
    if text is None:
        return _DEFAULT_PROPAGATORS
    if text.lower() == "none":
        return ()
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in PROPAGATORS:
            raise ConfigError("OTEL_PROPAGATORS", word, f"a list of {one_of(list(PROPAGATORS))}")
    return tuple(dict.fromkeys(words))


def _sampler(variables: Variables, environment: str) -> SamplerConfig:
    """`OTEL_TRACES_SAMPLER` and its argument win over `OTEL_SAMPLING_RATIO`, which wins over the environment's share."""
    table: Dict[str, Tuple[bool, Optional[float]]] = {
        "always_on": (False, 1.0),
        "always_off": (False, 0.0),
        "traceidratio": (False, None),
        "parentbased_always_on": (True, 1.0),
        "parentbased_always_off": (True, 0.0),
        "parentbased_traceidratio": (True, None),
    }
    plain = variables.ratio("OTEL_SAMPLING_RATIO")
    named = variables.word("OTEL_TRACES_SAMPLER", table)
    if named is None:
        return SamplerConfig(_SHARES[environment] if plain is None else plain, parent_based=True)
    parent_based, ratio = named
    if ratio is None:
        argument = variables.ratio("OTEL_TRACES_SAMPLER_ARG")
        ratio = 1.0 if argument is None else argument
    return SamplerConfig(ratio, parent_based)


def _queue(variables: Variables, prefix: str, delay_ms: int) -> QueueConfig:
    records = variables.number(f"{prefix}_MAX_QUEUE_SIZE", 1, _RECORDS_MAX) or 2048
    batch = variables.number(f"{prefix}_MAX_EXPORT_BATCH_SIZE", 1, _RECORDS_MAX)
    if batch is not None and batch > records:
        expected = f"at most {prefix}_MAX_QUEUE_SIZE ({records})"
        raise ConfigError(f"{prefix}_MAX_EXPORT_BATCH_SIZE", str(batch), expected)
    delay = variables.number(f"{prefix}_SCHEDULE_DELAY", 1, _DAY_MS)
    return QueueConfig(records, batch or min(512, records), delay or delay_ms)


def _log_levels(variables: Variables) -> Tuple[int, Dict[str, int]]:
    """A level, or directives such as `info,sqlalchemy=warning`."""
    value = variables.text("LOG_LEVEL")
    level, levels = logging.INFO, {}
    for part in (value or "").split(","):
        logger, equals, word = part.strip().rpartition("=")
        if not word:
            continue
        if word.lower() not in _LEVELS or equals and not re.fullmatch(r"[\w.:-]+", logger):
            expected = "TRACE, DEBUG, INFO, WARN, ERROR, OFF or target=level pairs"
            raise ConfigError("LOG_LEVEL", value or "", expected)
        if equals:
            levels[logger.replace("::", ".")] = _LEVELS[word.lower()]
        else:
            level = _LEVELS[word.lower()]
    return level, levels


def _thresholds(variables: Variables) -> Tuple[int, int, int, int]:
    names = [f"PERFORMANCE_THRESHOLD_{word}" for word in ("FAST", "NORMAL", "SLOW", "VERY_SLOW")]
    limits = [variables.number(name, 1, _DAY_MS) or limit for name, limit in zip(names, (100, 500, 2000, 10_000))]
    for at in range(1, 4):
        if limits[at] <= limits[at - 1]:
            raise ConfigError(names[at], str(limits[at]), f"more than {names[at - 1]} ({limits[at - 1]} ms)")
    return limits[0], limits[1], limits[2], limits[3]


def _content(variables: Variables) -> str:
    ours = variables.word("TELEMETRY_CAPTURE_CONTENT", _CONTENT)
    standard = variables.word("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", _STANDARD_CONTENT)
    return ours or standard or "off"


def _check_limits(variables: Variables) -> None:
    """The SDK reads these by itself, but says nothing about bad ones."""
    for name in (
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        "OTEL_SPAN_LINK_COUNT_LIMIT",
    ):
        variables.number(name, 0, 2**32 - 1)
