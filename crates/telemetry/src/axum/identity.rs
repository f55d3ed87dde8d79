//! On whose behalf a request comes, and the id that its caller finds it by.

use http::{HeaderMap, HeaderName};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;

use crate::business::with_entries;
use crate::{Business, hex, semconv};

/// Accepted or minted, returned on every answer.
pub(super) const CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

// Names that are known need not be parsed for each request.
const USER: HeaderName = HeaderName::from_static("x-user-id");
const TENANT: HeaderName = HeaderName::from_static("x-tenant-id");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const COST_CENTER: HeaderName = HeaderName::from_static("x-cost-center");

/// Longest id or name that a header may bring: four UUIDs. Longer ones are ignored, since they go into every span.
const VALUE_MAX: usize = 128;

/// The caller's id, the one of the service that called (by baggage), or a new one.
pub(super) fn correlation(headers: &HeaderMap, remote: &Context) -> String {
    let from_baggage = || {
        let baggage = remote.baggage();
        baggage.get(semconv::CORRELATION_ID).map(|value| value.as_str().to_owned()).filter(|value| is_plain(value))
    };
    value(headers, &CORRELATION_HEADER).map(str::to_owned).or_else(from_baggage).unwrap_or_else(mint)
}

/// What the business headers say; the key only as a hash.
pub(super) fn business(headers: &HeaderMap) -> Business {
    let owned = |name: &HeaderName| value(headers, name).map(str::to_owned);
    Business {
        user_id: owned(&USER),
        tenant_id: owned(&TENANT),
        api_key_hash: headers.get(&API_KEY).and_then(|key| key.to_str().ok()).map(crate::hash_api_key),
        cost_center: owned(&COST_CENTER),
    }
}

/// `parent` with what is known of the caller in its baggage, from where every span below takes it, and with a place for what
/// the handler learns later. Headers win over what came along.
pub(super) fn onto(business: &Business, correlation: &str, parent: &Context) -> Context {
    crate::scope(&with_entries(parent, business.entries().chain([(semconv::CORRELATION_ID, correlation)])))
}

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|value| is_plain(value))
}

/// Ids, names and mail addresses; nothing that needs quoting in a header, a query or a log.
fn is_plain(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@/+=|".contains(&byte);
    !value.is_empty() && value.len() <= VALUE_MAX && value.bytes().all(plain)
}

/// A random UUID (version 4).
fn mint() -> String {
    let random: u128 = rand::random();
    let bits = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let bytes = bits.to_be_bytes();
    let mut id = String::with_capacity(36);
    for part in [0..4, 4..6, 6..8, 8..10, 10..16] {
        if !id.is_empty() {
            id.push('-');
        }
        hex::push(&mut id, &bytes[part]);
    }
    id
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn minted_ids_are_uuids() {
        let id = mint();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert_ne!(id, mint());
    }

    #[test]
    fn only_plain_values_are_taken() {
        let mut headers = HeaderMap::new();
        headers.insert("x-user-id", HeaderValue::from_static("ana@example.org"));
        headers.insert("x-tenant-id", HeaderValue::from_static("a\"b"));
        headers.insert("x-cost-center", HeaderValue::from_str(&"c".repeat(129)).expect("ascii"));
        headers.insert("x-api-key", HeaderValue::from_static("pya_live_0123456789"));
        let business = business(&headers);
        assert_eq!(business.user_id.as_deref(), Some("ana@example.org"));
        assert_eq!((business.tenant_id, business.cost_center), (None, None));
        let hash = business.api_key_hash.expect("hashed");
        assert!(hash.len() == 16 && !hash.contains("pya"), "{hash}");
    }

    #[test]
    fn callers_choose_their_correlation_id() {
        let mut headers = HeaderMap::new();
        headers.insert(CORRELATION_HEADER, HeaderValue::from_static("req-1"));
        assert_eq!(correlation(&headers, &Context::new()), "req-1");
        headers.insert(CORRELATION_HEADER, HeaderValue::from_static("{evil}"));
        assert_ne!(correlation(&headers, &Context::new()), "{evil}");
        let caller =
            Context::new().with_baggage([opentelemetry::KeyValue::new(semconv::CORRELATION_ID, "from-baggage")]);
        assert_eq!(correlation(&HeaderMap::new(), &caller), "from-baggage");
    }
}
