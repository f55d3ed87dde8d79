//! Each canary in each context, what must survive, properties, and throughput.

use std::io::Write as _;
use std::time::Instant;

use proptest::prelude::*;
use testkit::canaries::{self, Canary};

use super::*;

fn redactor() -> Redactor {
    Redactor::new(Options::default())
}

fn everything() -> Redactor {
    Redactor::new(Options { emails: true, cards: true })
}

/// Running texts around a piece of text.
fn contexts(text: &str) -> Vec<String> {
    let json = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let twice = json.replace('\\', "\\\\").replace('"', "\\\"");
    vec![
        text.to_owned(),
        format!("before {text} after"),
        format!("upstream refused ({text})"),
        format!("line one\n{text}\nline three"),
        format!("{{\"message\":\"{json}\"}}"),
        format!("{{\"message\": \"a\\n{json}\\n\", \"n\": 1}}"),
        format!("{{\"outer\":\"{{\\\"inner\\\":\\\"{twice}\\\"}}\"}}"),
        format!("ümläut {text} ümläut"),
    ]
}

/// Contexts of values that need no name.
fn value_contexts(secret: &str) -> Vec<String> {
    [
        "https://api.example/v1/models/x:generate?key={}",
        "https://api.example/v1?a=b&token={}&c=d",
        "GET /v1?a=b\\u0026key={}\\u0026c=d",
        "Authorization: Bearer {}",
        "{'Authorization': 'Bearer {}', 'Accept': '*/*'}",
        "headers={\"x-goog-api-key\": \"{}\", \"accept\": \"*/*\"}",
        "map[X-Api-Key:[{}] Accept:[*/*]]",
        "('x-api-key', '{}')",
        "api_key: Some(\"{}\")",
        "Config { api_key: \"{}\", retries: 3 }",
        "export SOME_TOKEN={}",
        "mytool --api-key {} run",
        "mytool --token={} run",
        "UPDATE users SET password = '{}' WHERE id = 1",
        "<apiKey>{}</apiKey>",
        "redirect=https%3A%2F%2Fx.example%2F%3Faccess_token%3D{}%26x%3D1",
        "secret: {}",
        "client_secret={}; scope=all",
    ]
    .map(|context| context.replace("{}", secret))
    .to_vec()
}

fn check(redactor: Redactor, canary: &Canary, text: &str) {
    let masked = redactor.text(text);
    assert!(!masked.contains(&canary.secret), "{}: {text}\n→ {masked}", canary.name);
    assert!(redactor.suspects(text.as_bytes()), "{} is not suspected in {text}", canary.name);
    // Inside of a message any bytes may stand around a text.
    for (before, after) in [("9", "J"), ("\u{12}", "\u{1a}"), ("-", "0")] {
        let message = format!("{before}{text}{after}");
        assert!(redactor.suspects(message.as_bytes()), "{} is not suspected in {message:?}", canary.name);
    }
    assert_eq!(redactor.text(&masked), masked, "{}: masked twice", canary.name);
    let mut in_place = text.as_bytes().to_vec();
    for found in redactor.find(text.as_bytes()) {
        mask_in_place(&mut in_place[found.start..found.end], found.kind);
    }
    let in_place = String::from_utf8(in_place).expect("masks are ASCII at boundaries");
    assert_eq!(in_place.len(), text.len());
    assert!(!in_place.contains(&canary.secret), "{}: {in_place}", canary.name);
    assert!(redactor.find(in_place.as_bytes()).is_empty(), "{}: masked twice: {in_place}", canary.name);
}

#[test]
fn no_canary_survives_in_any_context() {
    for canary in (1..6).flat_map(canaries::all) {
        for redactor in [redactor(), everything()] {
            for text in contexts(&canary.text) {
                check(redactor, &canary, &text);
            }
            // A password with spaces or a cookie with several parts stands between quotes.
            if !canary.secret.contains([' ', ';', ':', '/', '=', '%', '~']) && canary.name != "basic" {
                for text in value_contexts(&canary.secret) {
                    check(redactor, &canary, &text);
                }
            }
            assert!(canary.key == "note" || redactor.key_is_secret(canary.key), "{}", canary.key);
        }
    }
}

const SURVIVORS: &[&str] = &[
    "task-1234567890abcdef1234567890abcdef",
    "desk-reservation-service-7d9f8b6c5d-x2x4z",
    "risk-assessment-2024-11-05-v2",
    "sk-learn-model-v2-2024-01-15-final",
    "sk-estonia-region-eu-west-1-production-db-01",
    "disk-sda1-usage-0123456789",
    "8c1f6a0e5d3b4c2a9f7e6d5c4b3a29180f1e2d3c",
    "5b8efff7-98038103d269-b633813fc60c",
    "550e8400-e29b-41d4-a716-446655440000",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "keyboardShortcut1",
    "keyholeSizeMeters",
    "pathfinder12345.abcdef",
    "patternMatching1.0",
    "path=/api/v1/users",
    "key=user:42",
    "cache key: session:42 hit",
    "redis GET key=cart:12345:items",
    "unexpected token: }",
    "Unexpected token < in JSON at position 0",
    "token count: 512",
    "input_tokens=12 output_tokens=7",
    "max_tokens=1024",
    "next_page_token=abcdefghijk123",
    "SyntaxError: Unexpected token '<'",
    "the password must have eight characters",
    "password: required",
    "password is required",
    "token expired",
    "secret not found",
    "Bearer authentication required",
    "missing bearer token",
    "Basic usage of the tool",
    "basic authentication failed",
    "SELECT * FROM users WHERE token = $1 AND password = ?",
    "UPDATE t SET password = :password",
    "password=%s",
    "token=${TOKEN}",
    "api_key=<your key here>",
    "api_key: null",
    "password=***",
    "Authorization: [REDACTED]",
    "authorization: required for this route",
    "https://example.com/a/b@c?x=1",
    "ssh://git@github.com/a/b.git",
    "git@github.com:a/b.git",
    "http://host:8080/path@2x.png",
    "token::new",
    "impl Token for Key",
    "eyJub3QiOiJhIHRva2VuIn0",
    "AKIAtooshort",
    "ASIAN MARKETS OPENED HIGHER TODAY",
    "SKIPPED",
    "SK01234567",
    "npm_config_registry",
    "hf_transfer",
    "xoxo, see you",
    "SG.Group.Name",
    "pypi-mirror-service-deployment-0123456789",
    "BEGIN TRANSACTION",
    "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----",
    "gen_ai.token.type",
    "dapi-gateway",
    "monkey=banana",
    "author=me",
    "api_key_hash=0123456789abcdef",
    "cookie_count=3",
    "k8s.secret.name=db-credentials-v2",
    "\"key\": \"value\"",
    "{\"tokens\": 12, \"token_type\": \"input\"}",
    "order total: 4111 pieces",
    "OLDPWD",
    "signature verified",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "_test_connection_pool_exhaustion",
    "on_live_reload_of_module",
    "2026-11-22T18:00:00.123456789Z INFO shop::cart: added item id=42 qty=1",
    "api_v1_0123",
    "1795363200000000000",
];

#[test]
fn what_only_resembles_a_secret_survives() {
    for &text in SURVIVORS {
        assert!(matches!(redactor().text(text), Cow::Borrowed(_)), "{text} → {}", redactor().text(text));
        assert!(
            matches!(redactor().url(text), Cow::Borrowed(_)) || text.contains(['@', '=']),
            "{text} → {}",
            redactor().url(text)
        );
    }
}

#[test]
fn only_the_secret_goes() {
    for (text, expected) in [
        ("GET https://x.example/v1?key=abc&alt=sse", "GET https://x.example/v1?key=[REDACTED:secret]&alt=sse"),
        ("postgres://app:pw@db:5432/shop", "postgres://[REDACTED:url-credentials]@db:5432/shop"),
        ("Authorization: Basic dXNlcjpwYXNz, next", "Authorization: [REDACTED:authorization]"),
        ("{\"password\":\"a\\\"b\",\"n\":1}", "{\"password\":\"[REDACTED:secret]\",\"n\":1}"),
        ("password=hunter2.", "password=[REDACTED:secret]."),
        ("Basic dXNlcjpwYXNz: unknown", "Basic [REDACTED:authorization]: unknown"),
        ("it was Basic dXNlcjpwYXNzd29yZA==.", "it was Basic [REDACTED:authorization]."),
        ("x-api-key: abc123def", "x-api-key: [REDACTED:secret]"),
        ("Pwd=ab;Server=x", "Pwd=[REDACTED:secret];Server=x"),
    ] {
        assert_eq!(redactor().text(text), expected);
    }
}

#[test]
fn urls_lose_users_and_secret_parameters() {
    for (url, expected) in [
        ("https://user@host/x", "https://[REDACTED:url-credentials]@host/x"),
        (
            "https://host/x?sig=a%2Fb&x=1#access_token=t",
            "https://host/x?sig=[REDACTED:secret]&x=1#access_token=[REDACTED:secret]",
        ),
        ("https://host/x?q=1", "https://host/x?q=1"),
        ("/x?Key=short", "/x?Key=[REDACTED:secret]"),
        ("/a/x-api-key%3A%20abc123def/b", "/a/x-api-key%3A%20[REDACTED:secret]/b"),
        ("/x?q=%7B%22password%22%3A+%22a+b%22%7D&z=1", "/x?q=%7B%22password%22%3A+%22[REDACTED:secret]%22%7D&z=1"),
        (
            "/x?to=https%3A%2F%2Fh%2Fc%3Fsv%3D1%26sig%3Dab%252Fc%26se%3D2&n=100%25",
            "/x?to=https%3A%2F%2Fh%2Fc%3Fsv%3D1%26sig%3D[REDACTED:secret]%26se%3D2&n=100%25",
        ),
        ("/x?q=caf%C3%A9+%+100%", "/x?q=caf%C3%A9+%+100%"),
    ] {
        assert_eq!(redactor().url(url), expected);
        assert_eq!(redactor().url(&redactor().url(url)), expected, "masked twice");
    }
}

#[test]
fn no_canary_survives_encoded_in_a_url() {
    let encoded = |text: &str| -> String {
        let unit = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(unit).collect()
    };
    for canary in canaries::all(11) {
        let (text, secret) = (encoded(&canary.text), encoded(&canary.secret));
        for url in [format!("/a/{text}/b?c=d"), format!("https://x.example/a?note={text}&z=1"), format!("q={text}")] {
            for form in [url.clone(), url.replace("%20", "+")] {
                let masked = redactor().url(&form).into_owned();
                let rest = [&canary.secret, &secret, &secret.replace("%20", "+")];
                assert!(!rest.iter().any(|rest| masked.contains(rest.as_str())), "{}: {form}\n→ {masked}", canary.name);
            }
        }
    }
}

#[test]
fn addresses_and_cards_go_by_option() {
    for (text, expected) in [
        ("mail to jane.doe+x@mail.example.com.", "mail to [REDACTED:email]."),
        ("paid with 4111 1111 1111 1111, thanks", "paid with [REDACTED:card], thanks"),
        ("amex 378282246310005", "amex [REDACTED:card]"),
        ("card=5555-5555-5555-4444.", "card=[REDACTED:card]."),
    ] {
        assert_eq!(everything().text(text), expected);
        assert_eq!(redactor().text(text), text);
    }
    for text in [
        "4111111111111112",
        "1795363200000000000",
        "span 4bf92f3577b34da6",
        "0000000000000000",
        "a@b",
        "v1.2@latest",
        "4111111111111111.5",
        "id=x4111111111111111",
        "@decorator",
        "user@localhost",
    ] {
        assert_eq!(everything().text(text), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_canary_between_any_words_goes(seed in 0u64..1000, before in "[ -~é]{0,30}[ =\"'(\n]", after in "[ \"')\n,][ -~é]{0,30}") {
        for canary in canaries::all(seed).into_iter().filter(|canary| canary.key == "note") {
            let text = format!("{before}{}{after}", canary.text);
            let masked = everything().text(&text).into_owned();
            prop_assert!(!masked.contains(&canary.secret), "{}: {text}\n→ {masked}", canary.name);
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_is_suspected_and_ranges_are_whole(text in "\\PC{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for redactor in [redactor(), everything()] {
            for found in [redactor.find(text.as_bytes()), redactor.find(&bytes)] {
                for pair in found.windows(2) {
                    prop_assert!(pair[0].end <= pair[1].start);
                }
                for secret in found {
                    prop_assert!(secret.start < secret.end);
                }
            }
            for secret in redactor.find(text.as_bytes()) {
                prop_assert!(text.is_char_boundary(secret.start) && text.is_char_boundary(secret.end));
            }
            prop_assert!(redactor.suspects(text.as_bytes()) || redactor.find(text.as_bytes()).is_empty());
            prop_assert!(redactor.suspects(&bytes) || redactor.find(&bytes).is_empty());
        }
    }

    #[test]
    fn words_of_secrets_in_any_order_keep_the_promises(words in prop::collection::vec(prop::sample::select(&[
        "password", "Authorization", "token", "=", ":", " ", "\"", "\\", "'", "Bearer ", "AIza", "sk-", "eyJ", ".", "@", "://", "key", "%3D",
        "é", "[", "(", ">", "<", "--", "\n", "abc123XYZ", "[REDACTED]", "*", "Basic ", "BEGIN ", "-----", "PRIVATE KEY",
    ][..]), 0..14)) {
        let text = words.concat();
        let found = everything().find(text.as_bytes());
        prop_assert!(everything().suspects(text.as_bytes()) || found.is_empty(), "{text}");
        for secret in found {
            prop_assert!(text.is_char_boundary(secret.start) && text.is_char_boundary(secret.end), "{text}");
        }
        prop_assert!(redactor().suspects(text.as_bytes()) || redactor().find(text.as_bytes()).is_empty(), "{text}");
    }
}

/// Some spans of a web shop as they lie in a message: about 600 bytes each.
fn spans(count: usize) -> Vec<u8> {
    let attributes = [
        ("http.request.method", "GET"),
        ("url.path", "/api/v1/customers/{}/orders"),
        ("url.scheme", "https"),
        ("http.route", "/api/v1/customers/{id}/orders"),
        ("server.address", "orders.shop.svc.cluster.local"),
        ("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
        ("network.protocol.version", "1.1"),
        ("user.id", "customer-{}"),
        ("tenant.id", "tenant-7"),
        ("db.query.text", "SELECT id, total FROM orders WHERE customer_id = ?"),
        ("gen_ai.usage.input_tokens", "{}"),
        ("performance.bucket", "fast"),
        ("cost.center", "checkout"),
    ];
    let mut out = Vec::new();
    for number in 0..count {
        let id = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        out.extend([0x0a, 16]);
        out.extend(id.to_le_bytes());
        out.extend(id.rotate_left(17).to_le_bytes());
        out.extend([0x2a, 40]);
        out.extend(b"GET /api/v1/customers/{id}/orders");
        for (key, value) in attributes {
            let value = value.replace("{}", &(number % 10_000).to_string());
            out.extend([0x4a, (key.len() + value.len() + 6) as u8, 0x0a, key.len() as u8]);
            out.extend(key.as_bytes());
            out.extend([0x12, (value.len() + 2) as u8, 0x0a, value.len() as u8]);
            out.extend(value.as_bytes());
        }
    }
    out
}

#[test]
fn ordinary_spans_are_not_suspected() {
    assert!(!redactor().suspects(&spans(200)));
}

/// `cargo test --release -p redact -- --ignored --nocapture throughput`
#[test]
#[ignore = "a measurement, not a check"]
fn throughput() {
    const SPANS: usize = 1700;
    let body = spans(SPANS);
    let started = Instant::now();
    let rounds = 300;
    for _ in 0..rounds {
        assert!(!redactor().suspects(std::hint::black_box(&body)));
    }
    let elapsed = started.elapsed().as_secs_f64();
    let bytes = (body.len() * rounds) as f64;
    let text = "2026-11-22T18:00:00Z INFO shop::cart: added item id=42 qty=1 user=customer-17";
    let started = Instant::now();
    for _ in 0..1_000_000 {
        assert!(matches!(redactor().text(std::hint::black_box(text)), Cow::Borrowed(_)));
    }
    writeln!(
        std::io::stderr(),
        "{} B a span: {:.2} GB/s, {:.3} s per million spans; a clean log line of {} B: {:.0} ns",
        body.len() / SPANS,
        bytes / elapsed / 1e9,
        elapsed / (SPANS * rounds) as f64 * 1e6,
        text.len(),
        started.elapsed().as_secs_f64() * 1e3,
    )
    .expect("stderr");
}
