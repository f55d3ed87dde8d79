"""Values that are right, and the message of each kind of wrong one. The cases are those of `crates/telemetry/src/config/tests.rs`."""

import logging

import pytest

from quartet_telemetry import Config, ConfigError
from quartet_telemetry.config import PROPAGATORS, SamplerConfig

_BASE, _METRICS = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"


def test_nothing_set_is_development_with_grpc():
    config = Config.from_env({})
    assert config.environment == "development"
    assert config.sampler == SamplerConfig(1.0, True)
    assert (config.traces.endpoint, config.traces.protocol) == ("http://localhost:4317", "grpc")
    assert config.propagators == ("tracecontext", "baggage", "b3multi", "jaeger")
    assert (config.span_queue.delay_ms, config.exit_deadline_ms) == (200, 5000)
    assert (config.capture_content, config.log_format) == ("off", "json")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OTEL_SAMPLING_RATIO", "7", "OTEL_SAMPLING_RATIO: `7` is not valid: expected a ratio from 0.0 to 1.0"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift", "grpc, http/protobuf or http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://host", "an address such as http://localhost:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "novalue", "OTEL_EXPORTER_OTLP_HEADERS: `…` is not valid"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "bad name=x", "names and values of HTTP headers"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such.pem", "a file that can be read"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "ten", "a whole number"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli", "gzip or none"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "maybe", "true or false"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a", "key=value pairs"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz", "percent-encoding"),
        ("OTEL_PROPAGATORS", "tracecontext,xray", "OTEL_PROPAGATORS: `xray` is not valid: expected a list of tracecontext"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "OTEL_BSP_MAX_QUEUE_SIZE"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096", "at most OTEL_BSP_MAX_QUEUE_SIZE (2048)"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "-1", "OTEL_METRIC_EXPORT_INTERVAL"),
        ("OTEL_SDK_DISABLED", "perhaps", "true or false"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "many", "a whole number"),
        ("ENVIRONMENT", "prod", "development, staging or production"),
        ("LOG_LEVEL", "LOUD", "TRACE, DEBUG, INFO, WARN, ERROR, OFF or target=level pairs"),
        ("LOG_FORMAT", "xml", "json or text"),
        ("PERFORMANCE_THRESHOLD_NORMAL", "50", "more than PERFORMANCE_THRESHOLD_FAST (100 ms)"),
        ("TEMPO_URL", "tempo", "an http:// or https:// address"),
        ("TELEMETRY_CAPTURE_CONTENT", "some", "off, redacted or full"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "otlp or none"),
    ],
)
def test_faults_name_the_variable_and_what_is_right(name, value, expected):
    with pytest.raises(ConfigError) as fault:
        Config.from_env({name: value})
    assert str(fault.value).startswith(name)
    assert expected in str(fault.value)


def test_secrets_are_not_in_messages():
    with pytest.raises(ConfigError) as fault:
        Config.from_env({_BASE: "ftp://user:hunter2@host"})
    assert "hunter2" not in str(fault.value)
    config = Config.from_env({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20hunter2"})
    assert config.traces.headers == {"authorization": "Bearer hunter2"}
    assert "hunter2" not in repr(config.traces)


@pytest.mark.parametrize(
    ("variables", "endpoint", "protocol"),
    [
        ({_BASE: "http://c:4317"}, "http://c:4317", "grpc"),
        ({_BASE: "http://c:4318"}, "http://c:4318/v1/metrics", "http/protobuf"),
        ({_BASE: "https://c/otlp/", _PROTOCOL: "http/json"}, "https://c/otlp/v1/metrics", "http/json"),
        # The seed's template: gRPC for all, and metrics on the HTTP port.
        ({_BASE: "http://c:4317", _METRICS: "http://c:4318"}, "http://c:4318/v1/metrics", "http/protobuf"),
        ({_PROTOCOL: "grpc", _METRICS: "http://c:4318"}, "http://c:4318/v1/metrics", "http/protobuf"),
        ({_PROTOCOL: "grpc", _BASE: "http://c:4318"}, "http://c:4318", "grpc"),
        ({_METRICS: "http://c:4318", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"}, "http://c:4318", "grpc"),
        ({_METRICS: "http://c:9/custom", _PROTOCOL: "http/protobuf"}, "http://c:9/custom", "http/protobuf"),
        ({_BASE: "localhost:4317"}, "http://localhost:4317", "grpc"),
        ({_BASE: "c.example:4317"}, "https://c.example:4317", "grpc"),
        ({_BASE: "c.example:4317", "OTEL_EXPORTER_OTLP_INSECURE": "true"}, "http://c.example:4317", "grpc"),
    ],
)
def test_endpoints_and_protocols(variables, endpoint, protocol):
    metrics = Config.from_env(variables).metrics
    assert (metrics.endpoint, metrics.protocol) == (endpoint, protocol)


@pytest.mark.parametrize(
    ("variables", "ratio", "parent_based"),
    [
        ({"ENVIRONMENT": "staging"}, 0.5, True),
        ({"ENVIRONMENT": "production"}, 0.1, True),
        ({"ENVIRONMENT": "production", "OTEL_SAMPLING_RATIO": "0.25"}, 0.25, True),
        ({"OTEL_TRACES_SAMPLER": "always_off", "OTEL_SAMPLING_RATIO": "1"}, 0.0, False),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.3"}, 0.3, True),
        ({"OTEL_TRACES_SAMPLER": "traceidratio"}, 1.0, False),
    ],
)
def test_samplers(variables, ratio, parent_based):
    assert Config.from_env(variables).sampler == SamplerConfig(ratio, parent_based)


def test_pairs_levels_and_switches():
    config = Config.from_env({"OTEL_RESOURCE_ATTRIBUTES": "a=1, b=x%2Cy%20z ,c=ü", "TEAM": "core"})
    assert config.resource == {"a": "1", "b": "x,y z", "c": "ü", "team": "core"}
    assert Config.from_env({"OTEL_METRICS_EXPORTER": "none"}).metrics is None
    config = Config.from_env({"LOG_LEVEL": "warning,sqlalchemy=debug"})
    assert (config.log_level, config.log_levels) == (logging.WARNING, {"sqlalchemy": logging.DEBUG})
    assert Config.from_env({"OTEL_PROPAGATORS": ",".join(PROPAGATORS)}).propagators == PROPAGATORS
    assert Config.from_env({"OTEL_PROPAGATORS": "none"}).propagators == ()
    standard = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    assert Config.from_env({standard: "SPAN_AND_EVENT"}).capture_content == "redacted"
    assert Config.from_env({standard: "true", "TELEMETRY_CAPTURE_CONTENT": "full"}).capture_content == "full"
    assert not Config.from_env({"ENVIRONMENT": "production"}).query_text
