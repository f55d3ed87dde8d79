//! What HTTP servers and clients have in common: methods, versions, sizes, hosts.

use std::borrow::Cow;
use std::net::IpAddr;

use ::http::{HeaderMap, Method, Version, header};

use crate::semconv;

/// The method as the conventions want it: known ones by name, others as `_OTHER` (the second value is then the method as sent).
pub(crate) fn method(method: &Method) -> (&'static str, Option<&str>) {
    // RFC 9110 and PATCH (RFC 5789), the list of the conventions, and QUERY.
    const KNOWN: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];
    match KNOWN.iter().find(|known| **known == method.as_str()) {
        Some(known) => (known, None),
        None => (semconv::OTHER, Some(method.as_str())),
    }
}

/// The method's part of a span name.
pub(crate) fn name_of_method(method: &'static str) -> &'static str {
    if method == semconv::OTHER { "HTTP" } else { method }
}

/// `1.1`, `2`, …
pub(crate) fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// The port that a scheme implies.
pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Host and port of a `Host` header or an authority.
pub(crate) fn host_and_port(authority: &str) -> (&str, Option<u16>) {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // An IPv6 address stands in brackets, and its colons are no port's.
    let port_at = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[port_at..].rfind(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(port_at + colon);
            (host, port[1..].parse().ok())
        }
        None => (authority, None),
    }
}

/// A status as attribute value of `error.type`.
#[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "the client asks"))]
pub(crate) fn status_text(status: u16) -> Cow<'static, str> {
    Cow::Owned(status.to_string())
}

/// True for hosts that belong to the deployment: loopback, private and link-local addresses, names without a dot (containers,
/// Kubernetes services) and names under the reserved private suffixes. Baggage goes only there unless the client is told otherwise.
#[cfg_attr(not(any(feature = "reqwest", feature = "tonic")), allow(dead_code, reason = "clients ask"))]
pub(crate) fn is_internal_host(host: &str) -> bool {
    // RFC 6762, RFC 8375, RFC 6761 and the conventions of Kubernetes, ICANN's reserved `.internal`.
    const SUFFIXES: [&str; 7] = [".local", ".internal", ".localhost", ".svc", ".lan", ".home.arpa", ".test"];
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Err(_) => !bare.contains('.') || SUFFIXES.iter().any(|suffix| bare.ends_with(suffix)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        assert_eq!(host_and_port("example.org"), ("example.org", None));
        assert_eq!(host_and_port("example.org:8443"), ("example.org", Some(8443)));
        assert_eq!(host_and_port("user:secret@example.org:1"), ("example.org", Some(1)));
        assert_eq!(host_and_port("[::1]:80"), ("[::1]", Some(80)));
        assert_eq!(host_and_port("[::1]"), ("[::1]", None));
        assert_eq!(host_and_port("example.org:port"), ("example.org", None));
        assert_eq!(host_and_port(""), ("", None));
    }

    #[test]
    fn internal_hosts() {
        for host in [
            "localhost",
            "127.0.0.1",
            "10.1.2.3",
            "[::1]",
            "airtable-gateway",
            "x.default.svc.cluster.local",
            "a.internal",
        ] {
            assert!(is_internal_host(host), "{host}");
        }
        for host in
            ["api.airtable.com", "8.8.8.8", "generativelanguage.googleapis.com", "[2001:db8::1]", "local.example.org"]
        {
            assert!(!is_internal_host(host), "{host}");
        }
    }

    #[test]
    fn unknown_methods() {
        assert_eq!(method(&Method::PATCH), ("PATCH", None));
        let odd = Method::from_bytes(b"BREW").expect("a token");
        assert_eq!(method(&odd), ("_OTHER", Some("BREW")));
        assert_eq!(name_of_method(method(&odd).0), "HTTP");
    }
}
