//! Values that are right, and the message of each kind of wrong one.

use super::*;

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn config(pairs: &[(&str, &str)]) -> Result<TelemetryConfig, Error> {
    TelemetryConfig::from_lookup(&|name| {
        pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    })
}

fn good(pairs: &[(&str, &str)]) -> TelemetryConfig {
    config(pairs).unwrap()
}

fn fault(name: &str, value: &str) -> String {
    config(&[(name, value)]).unwrap_err().to_string()
}

#[test]
fn nothing_set_is_development_with_grpc() {
    let config = good(&[]);
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.sampler, SamplerConfig { ratio: 1.0, parent_based: true });
    let traces = config.traces.unwrap();
    assert_eq!((traces.endpoint.as_str(), traces.protocol), ("http://localhost:4317", Protocol::Grpc));
    assert_eq!(config.span_queue.delay, Duration::from_millis(200));
    assert_eq!(config.exit_deadline, Duration::from_secs(5));
    use Propagator::{B3Multi, Baggage, Jaeger, TraceContext};
    assert_eq!(config.propagators, [TraceContext, Baggage, B3Multi, Jaeger]);
    assert_eq!(config.capture_content, redact::Content::Off);
}

#[test]
fn faults_name_the_variable_and_what_is_right() {
    let cases = [
        ("OTEL_SAMPLING_RATIO", "7", "OTEL_SAMPLING_RATIO: `7` is not valid: expected a ratio from 0.0 to 1.0"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift", "grpc, http/protobuf or http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://host", "an address such as http://localhost:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "novalue", "OTEL_EXPORTER_OTLP_HEADERS: `…` is not valid"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "bad name=x", "names and values of HTTP headers"),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "/no/such.pem",
            "OTEL_EXPORTER_OTLP_CERTIFICATE: cannot read `/no/such.pem`",
        ),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "ten", "a whole number"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli", "gzip or none"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "maybe", "true or false"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a", "key=value pairs"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz", "percent-encoding"),
        (
            "OTEL_PROPAGATORS",
            "tracecontext,xray",
            "OTEL_PROPAGATORS: `xray` is not valid: expected a list of tracecontext",
        ),
        ("OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "OTEL_BSP_MAX_QUEUE_SIZE"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096", "at most OTEL_BSP_MAX_QUEUE_SIZE (2048)"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "-1", "OTEL_METRIC_EXPORT_INTERVAL"),
        ("OTEL_SDK_DISABLED", "perhaps", "true or false"),
        ("ENVIRONMENT", "prod", "development, staging or production"),
        ("LOG_LEVEL", "LOUD", "TRACE, DEBUG, INFO, WARN, ERROR, OFF or target=level pairs"),
        ("LOG_FORMAT", "xml", "json or text"),
        ("PERFORMANCE_THRESHOLD_NORMAL", "50", "more than PERFORMANCE_THRESHOLD_FAST (100 ms)"),
        ("TEMPO_URL", "tempo", "an http:// or https:// address"),
        ("TELEMETRY_CAPTURE_CONTENT", "some", "off, redacted or full"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "otlp or none"),
    ];
    for (name, value, expected) in cases {
        let message = fault(name, value);
        assert!(message.starts_with(name), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn secrets_are_not_in_messages() {
    let message = fault("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://user:hunter2@host");
    assert!(!message.contains("hunter2"), "{message}");
    let shown = format!("{:?}", good(&[("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2")]).traces);
    assert!(shown.contains("authorization") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn endpoints_and_protocols() {
    let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let metrics = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
    let protocol = "OTEL_EXPORTER_OTLP_PROTOCOL";
    let cases: &[(Pairs<'_>, &str, Protocol)] = &[
        (&[(base, "http://c:4317")], "http://c:4317", Protocol::Grpc),
        (&[(base, "http://c:4318")], "http://c:4318/v1/metrics", Protocol::HttpProtobuf),
        (&[(base, "https://c/otlp/"), (protocol, "http/json")], "https://c/otlp/v1/metrics", Protocol::HttpJson),
        // The seed's template: gRPC for all, and metrics on the HTTP port.
        (&[(base, "http://c:4317"), (metrics, "http://c:4318")], "http://c:4318/v1/metrics", Protocol::HttpProtobuf),
        (&[(protocol, "grpc"), (metrics, "http://c:4318")], "http://c:4318/v1/metrics", Protocol::HttpProtobuf),
        (&[(protocol, "grpc"), (base, "http://c:4318")], "http://c:4318", Protocol::Grpc),
        (
            &[(metrics, "http://c:4318"), ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc")],
            "http://c:4318",
            Protocol::Grpc,
        ),
        (&[(metrics, "http://c:9/custom"), (protocol, "http/protobuf")], "http://c:9/custom", Protocol::HttpProtobuf),
        (&[(base, "localhost:4317")], "http://localhost:4317", Protocol::Grpc),
        (&[(base, "c.example:4317")], "https://c.example:4317", Protocol::Grpc),
        (&[(base, "c.example:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", "true")], "http://c.example:4317", Protocol::Grpc),
    ];
    for (pairs, endpoint, protocol) in cases {
        let found = good(pairs).metrics.unwrap();
        assert_eq!((found.endpoint.as_str(), found.protocol), (*endpoint, *protocol), "{pairs:?}");
    }
    assert_eq!(good(&[("OTEL_METRICS_EXPORTER", "none")]).metrics, None);
}

#[test]
fn samplers() {
    let cases: &[(Pairs<'_>, f64, bool)] = &[
        (&[("ENVIRONMENT", "staging")], 0.5, true),
        (&[("ENVIRONMENT", "production")], 0.1, true),
        (&[("ENVIRONMENT", "production"), ("OTEL_SAMPLING_RATIO", "0.25")], 0.25, true),
        (&[("OTEL_TRACES_SAMPLER", "always_off"), ("OTEL_SAMPLING_RATIO", "1")], 0.0, false),
        (&[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.3")], 0.3, true),
        (&[("OTEL_TRACES_SAMPLER", "traceidratio")], 1.0, false),
    ];
    for (pairs, ratio, parent_based) in cases {
        assert_eq!(good(pairs).sampler, SamplerConfig { ratio: *ratio, parent_based: *parent_based }, "{pairs:?}");
    }
}

#[test]
fn pairs_are_decoded() {
    let config = good(&[("OTEL_RESOURCE_ATTRIBUTES", "a=1, b=x%2Cy%20z ,c=ü"), ("TEAM", "core")]);
    let expected = [("a", "1"), ("b", "x,y z"), ("c", "ü"), ("team", "core")];
    assert_eq!(config.resource, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let headers = good(&[("OTEL_EXPORTER_OTLP_HEADERS", "X-Scope-OrgID=a,Authorization=Basic%20eA%3D%3D")]);
    let headers = headers.logs.unwrap().headers;
    assert_eq!(headers[0], ("x-scope-orgid".to_owned(), "a".to_owned()));
    assert_eq!(headers[1].1, "Basic eA==");
}

#[test]
fn levels_and_content() {
    assert_eq!(good(&[("LOG_LEVEL", "WARNING")]).log_filter, "warn");
    assert_eq!(good(&[("LOG_LEVEL", "info,sqlx=warn")]).log_filter, "info,sqlx=warn");
    assert_eq!(good(&[("RUST_LOG", "debug")]).log_filter, "debug");
    let standard = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    assert_eq!(good(&[(standard, "SPAN_AND_EVENT")]).capture_content, redact::Content::Redacted);
    assert_eq!(
        good(&[(standard, "true"), ("TELEMETRY_CAPTURE_CONTENT", "full")]).capture_content,
        redact::Content::Full
    );
}
