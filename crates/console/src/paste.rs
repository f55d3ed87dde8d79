//! The lines by which a sender or a Grafana is pointed at this process. They name the addresses that are really open.

use crate::Listener;

/// Something to paste, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snippet {
    pub(crate) title: &'static str,
    pub(crate) text: String,
}

/// Snippets for the listeners that are open.
pub(crate) fn snippets(listeners: &[Listener]) -> Vec<Snippet> {
    let address = |name: &str| {
        let open = listeners.iter().find(|listener| listener.name == name && !listener.address.is_empty());
        open.map(|listener| reachable(&listener.address))
    };
    let mut all = Vec::new();
    let mut add = |title: &'static str, text: Option<String>| {
        all.extend(text.map(|text| Snippet { title, text }));
    };
    add("Any OpenTelemetry SDK, over gRPC (shell)", address("otlp-grpc").map(|at| sdk(&at, "grpc")));
    add("Any OpenTelemetry SDK, over HTTP (shell)", address("otlp-http").map(|at| sdk(&at, "http/protobuf")));
    add("One span by hand (shell)", address("otlp-http").map(|at| curl_span(&at)));
    add("Prometheus (prometheus.yml)", address("mimir").map(|at| remote_write(&at)));
    add("One log line by hand (shell)", address("loki").map(|at| curl_log(&at)));
    let sources = [
        address("tempo").map(|at| format!("Tempo       http://{at}")),
        address("loki").map(|at| format!("Loki        http://{at}")),
        address("mimir").map(|at| format!("Prometheus  http://{at}/prometheus")),
    ];
    let sources: Vec<String> = sources.into_iter().flatten().collect();
    add("Grafana data sources (type and URL)", (!sources.is_empty()).then(|| sources.join("\n")));
    all
}

/// An address that a client can connect to: a listener on every interface is reached by the loopback address here.
fn reachable(address: &str) -> String {
    for any in ["0.0.0.0:", "[::]:"] {
        if let Some(port) = address.strip_prefix(any) {
            return format!("localhost:{port}");
        }
    }
    address.to_owned()
}

fn sdk(address: &str, protocol: &str) -> String {
    format!(
        "export OTEL_SERVICE_NAME=my-service\n\
         export OTEL_EXPORTER_OTLP_ENDPOINT=http://{address}\n\
         export OTEL_EXPORTER_OTLP_PROTOCOL={protocol}"
    )
}

fn curl_span(address: &str) -> String {
    let body = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"by-hand"}}]},"scopeSpans":[{"spans":[{"traceId":"'$(openssl rand -hex 16)'","spanId":"'$(openssl rand -hex 8)'","name":"hello","kind":2,"startTimeUnixNano":"'$(date +%s)000000000'","endTimeUnixNano":"'$(date +%s)500000000'"}]}]}]}"#;
    format!("curl -i http://{address}/v1/traces -H 'Content-Type: application/json' -d '{body}'")
}

fn remote_write(address: &str) -> String {
    format!("remote_write:\n  - url: http://{address}/api/v1/push")
}

fn curl_log(address: &str) -> String {
    let body = r#"{"streams":[{"stream":{"service_name":"by-hand"},"values":[["'$(date +%s)000000000'","hello"]]}]}"#;
    format!("curl -i http://{address}/loki/api/v1/push -H 'Content-Type: application/json' -d '{body}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_listeners_are_named() {
        let listener = |name: &str, address: &str| Listener { name: name.into(), address: address.into() };
        let found =
            snippets(&[listener("otlp-grpc", "0.0.0.0:4317"), listener("loki", ""), listener("mimir", "[::1]:9009")]);
        let text: String = found.iter().map(|snippet| snippet.text.clone() + "\n").collect();
        assert!(text.contains("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317\n"), "{text}");
        assert!(text.contains("url: http://[::1]:9009/api/v1/push"), "{text}");
        assert!(!text.contains("loki"), "{text}");
        assert_eq!(found.len(), 3);
    }
}
