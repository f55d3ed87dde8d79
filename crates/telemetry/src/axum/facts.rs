//! What the head of a request says, as attributes.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, MatchedPath};
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use opentelemetry::KeyValue;

use crate::http_facts::{default_port, host_and_port, method, name_of_method, version};
use crate::semconv::{self, Names, old};

/// Longest text that a client may put into an attribute: user agents are rarely longer, and a client must not fill our memory.
const TEXT_MAX: usize = 512;

// Names that are known need not be parsed for each request.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The facts that the metrics need too.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) method: &'static str,
    pub(super) scheme: &'static str,
    pub(super) version: Option<&'static str>,
    /// The template, never the path: `/orders/{id}`.
    pub(super) route: Option<String>,
}

impl Facts {
    /// `prefixes` name the routes of nested services, which have no template of their own.
    pub(super) fn of(parts: &Parts, prefixes: &[&'static str]) -> Self {
        let route = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()).or_else(|| {
            let path = parts.uri.path();
            let under = |prefix: &&&str| {
                path.strip_prefix(**prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            prefixes.iter().find(under).map(|prefix| (*prefix).to_owned())
        });
        Self { method: method(&parts.method).0, scheme: scheme(parts), version: version(parts.version), route }
    }

    /// `{METHOD} {route template}`; the method alone where no route matched, since paths are without number.
    pub(super) fn span_name(&self) -> String {
        let method = name_of_method(self.method);
        self.route.as_ref().map_or_else(|| method.to_owned(), |route| [method, " ", route].concat())
    }

    /// Attributes of the span's beginning.
    pub(super) fn attributes(&self, parts: &Parts, names: Names) -> Vec<KeyValue> {
        let mut set = Vec::with_capacity(20);
        set.push(KeyValue::new(semconv::HTTP_REQUEST_METHOD, self.method));
        if let Some(original) = method(&parts.method).1 {
            set.push(KeyValue::new(semconv::HTTP_REQUEST_METHOD_ORIGINAL, safe(original)));
        }
        set.push(KeyValue::new(semconv::URL_SCHEME, self.scheme));
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let target = crate::redactor().url(target);
        let (path, query) = target.split_once('?').map_or((&*target, None), |(path, query)| (path, Some(query)));
        set.push(KeyValue::new(semconv::URL_PATH, clipped(path)));
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            set.push(KeyValue::new(semconv::URL_QUERY, clipped(query)));
        }
        if let Some(route) = &self.route {
            set.push(KeyValue::new(semconv::HTTP_ROUTE, route.clone()));
        }
        if let Some(version) = self.version {
            set.push(KeyValue::new(semconv::NETWORK_PROTOCOL_VERSION, version));
        }
        self.addresses(parts, names, &mut set);
        if let Some(agent) = text(&parts.headers, &header::USER_AGENT) {
            set.push(KeyValue::new(semconv::USER_AGENT_ORIGINAL, safe(agent)));
        }
        if names.old() {
            set.push(KeyValue::new(old::HTTP_METHOD, self.method));
            set.push(KeyValue::new(old::HTTP_SCHEME, self.scheme));
            set.push(KeyValue::new(old::HTTP_TARGET, clipped(&target)));
            set.extend(self.version.map(|version| KeyValue::new(old::HTTP_FLAVOR, version)));
            set.extend(
                text(&parts.headers, &header::USER_AGENT).map(|agent| KeyValue::new(old::HTTP_USER_AGENT, safe(agent))),
            );
        }
        set
    }

    fn addresses(&self, parts: &Parts, names: Names, set: &mut Vec<KeyValue>) {
        let authority =
            parts.uri.authority().map(http::uri::Authority::as_str).or_else(|| text(&parts.headers, &header::HOST));
        if let Some(authority) = authority {
            let (host, port) = host_and_port(authority);
            let port = port.or_else(|| default_port(self.scheme));
            set.push(KeyValue::new(semconv::SERVER_ADDRESS, safe(host)));
            set.extend(port.map(|port| KeyValue::new(semconv::SERVER_PORT, i64::from(port))));
            if names.old() {
                set.push(KeyValue::new(old::NET_HOST_NAME, safe(host)));
                set.extend(port.map(|port| KeyValue::new(old::NET_HOST_PORT, i64::from(port))));
            }
        }
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        // Mostly peer and client are one, and addresses are slow to write.
        let peer_address = peer.map(|peer| peer.ip().to_string());
        let client = forwarded_for(&parts.headers).map(|client| client.to_string()).or_else(|| peer_address.clone());
        if let (Some(peer), Some(address)) = (peer, peer_address) {
            set.push(KeyValue::new(semconv::NETWORK_PEER_ADDRESS, address));
            set.push(KeyValue::new(semconv::NETWORK_PEER_PORT, i64::from(peer.port())));
        }
        if let Some(client) = client {
            if names.old() {
                set.push(KeyValue::new(old::HTTP_CLIENT_IP, client.clone()));
            }
            set.push(KeyValue::new(semconv::CLIENT_ADDRESS, client));
        }
    }

    /// Labels of the metrics but for the outcome's: no host and no address, whose number has no bound.
    pub(super) fn labels(&self) -> Vec<KeyValue> {
        let mut labels = Vec::with_capacity(8);
        labels.push(KeyValue::new(semconv::HTTP_REQUEST_METHOD, self.method));
        labels.push(KeyValue::new(semconv::URL_SCHEME, self.scheme));
        labels.extend(self.version.map(|version| KeyValue::new(semconv::NETWORK_PROTOCOL_VERSION, version)));
        labels.extend(self.route.as_ref().map(|route| KeyValue::new(semconv::HTTP_ROUTE, route.clone())));
        labels
    }

    /// Labels of the metric of active requests.
    pub(super) fn active_labels(&self) -> [KeyValue; 2] {
        [KeyValue::new(semconv::HTTP_REQUEST_METHOD, self.method), KeyValue::new(semconv::URL_SCHEME, self.scheme)]
    }
}

/// The scheme that the client used: a proxy that ends TLS says it in a header.
fn scheme(parts: &Parts) -> &'static str {
    let said = text(&parts.headers, &FORWARDED_PROTO).or_else(|| parts.uri.scheme_str());
    if said.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) { "https" } else { "http" }
}

/// The first address of `Forwarded` (RFC 7239) or `X-Forwarded-For`; anything that is no address is not repeated.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let standard = || {
        let first = text(headers, &header::FORWARDED)?.split(',').next()?;
        first.split(';').find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            name.eq_ignore_ascii_case("for").then(|| value.trim_matches('"'))
        })
    };
    let said = standard().or_else(|| text(headers, &FORWARDED_FOR)?.split(',').next())?.trim();
    address(said)
}

/// An address with or without brackets and port.
fn address(said: &str) -> Option<IpAddr> {
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    said.parse().ok().or_else(|| bare(host_and_port(said).0))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A copy of at most [`TEXT_MAX`] bytes of something that holds no secrets any more.
fn clipped(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_MAX)].to_owned()
}

/// As [`clipped`], after masking secrets: the cut could make one unrecognisable.
fn safe(text: &str) -> String {
    clipped(&crate::redactor().text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Parts {
        build(http::Request::builder()).body(()).expect("a request").into_parts().0
    }

    fn value(set: &[KeyValue], key: &str) -> Option<String> {
        set.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.to_string())
    }

    #[test]
    fn a_request_behind_a_proxy() {
        let parts = parts(|request| {
            request
                .uri("/orders/7?expand=lines")
                .header("host", "shop.example:8443")
                .header("x-forwarded-proto", "https")
                .header("x-forwarded-for", "203.0.113.9, 10.0.0.1")
                .header("user-agent", "curl/8")
        });
        let facts = Facts::of(&parts, &[]);
        let set = facts.attributes(&parts, Names::Both);
        for (key, expected) in [
            ("http.request.method", "GET"),
            ("url.scheme", "https"),
            ("url.path", "/orders/7"),
            ("url.query", "expand=lines"),
            ("server.address", "shop.example"),
            ("server.port", "8443"),
            ("client.address", "203.0.113.9"),
            ("user_agent.original", "curl/8"),
            ("network.protocol.version", "1.1"),
            ("http.method", "GET"),
            ("http.target", "/orders/7?expand=lines"),
            ("net.host.name", "shop.example"),
        ] {
            assert_eq!(value(&set, key).as_deref(), Some(expected), "{key}");
        }
        assert_eq!(facts.span_name(), "GET");
    }

    #[test]
    fn forwarded_takes_addresses_only() {
        let client = |name: &str, value: &str| {
            forwarded_for(&parts(|request| request.header(name, value)).headers).map(|ip| ip.to_string())
        };
        assert_eq!(
            client("forwarded", "for=\"[2001:db8::7]:4711\";proto=https, for=10.0.0.1").as_deref(),
            Some("2001:db8::7")
        );
        assert_eq!(client("forwarded", "proto=https;For=192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(client("x-forwarded-for", "192.0.2.1:999").as_deref(), Some("192.0.2.1"));
        assert_eq!(client("x-forwarded-for", "_hidden"), None);
        assert_eq!(client("x-forwarded-for", "<script>"), None);
    }

    #[test]
    fn prefixes_name_nested_services() {
        let route = |path: &str| Facts::of(&parts(|request| request.uri(path)), &["/mcp"]).route;
        assert_eq!(route("/mcp").as_deref(), Some("/mcp"));
        assert_eq!(route("/mcp/messages").as_deref(), Some("/mcp"));
        assert_eq!(route("/mcpx"), None);
    }
}
