//! The twelve services and the words that their telemetry uses.

use protowire::Writer;
use testkit::rng::Rng;

/// What a service does besides answering HTTP; decides which spans it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// SQL and cache.
    Database,
    /// Kafka.
    Messaging,
    /// LLM calls.
    Models,
    /// Nothing but calls to others.
    Gateway,
}

/// A service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) port: u64,
    pub(crate) work: Work,
    pub(crate) language: &'static str,
    pub(crate) routes: &'static [&'static str],
    pub(crate) tables: &'static [&'static str],
}

const fn service(
    name: &'static str,
    port: u64,
    work: Work,
    language: &'static str,
    routes: &'static [&'static str],
    tables: &'static [&'static str],
) -> Service {
    Service { name, port, work, language, routes, tables }
}

pub(crate) const SERVICES: [Service; 12] = [
    service(
        "api-gateway",
        8000,
        Work::Gateway,
        "go",
        &["/v1/chat", "/v1/bases/{id}", "/v1/bases/{id}/records", "/v1/me"],
        &[],
    ),
    service(
        "llm-orchestrator",
        8003,
        Work::Models,
        "python",
        &["/chat", "/chat/{id}", "/sessions/{id}/history"],
        &["sessions"],
    ),
    service("mcp-server", 8001, Work::Models, "python", &["/tools/call", "/tools/list", "/rpc"], &["tools"]),
    service(
        "airtable-gateway",
        8002,
        Work::Database,
        "python",
        &["/bases/{id}", "/bases/{id}/records/{id}"],
        &["base_cache"],
    ),
    service(
        "automation-services",
        8006,
        Work::Messaging,
        "python",
        &["/workflows/{id}/run", "/files/{id}"],
        &["workflows"],
    ),
    service("user-service", 8010, Work::Database, "java", &["/users/{id}", "/users/{id}/teams"], &["users", "teams"]),
    service("workspace-service", 8011, Work::Database, "java", &["/workspaces/{id}"], &["workspaces", "members"]),
    service("permission-service", 8012, Work::Database, "go", &["/check", "/roles/{id}"], &["roles", "grants"]),
    service(
        "billing-service",
        8013,
        Work::Database,
        "java",
        &["/invoices/{id}", "/usage/{id}"],
        &["invoices", "usage"],
    ),
    service("notification-service", 8014, Work::Messaging, "nodejs", &["/notify"], &["outbox"]),
    service("search-service", 8015, Work::Database, "rust", &["/search", "/index/{id}"], &["documents"]),
    service("audit-service", 8016, Work::Messaging, "go", &["/events"], &["audit_log"]),
];

pub(crate) const METHODS: [&str; 5] = ["GET", "GET", "POST", "PUT", "DELETE"];
pub(crate) const MODELS: [(&str, &str); 6] = [
    ("google", "gemini-2.0-flash-exp"),
    ("google", "gemini-1.5-pro"),
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-3-5-sonnet"),
    ("anthropic", "claude-3-5-haiku"),
];
pub(crate) const EXCEPTIONS: [(&str, &str); 6] = [
    ("TimeoutError", "read timed out after {} ms"),
    ("sqlalchemy.exc.OperationalError", "could not obtain connection from pool, {} waiting"),
    ("ValueError", "field {} is not a valid record id"),
    ("httpx.ConnectError", "connection refused by upstream, attempt {}"),
    ("KeyError", "missing key 'page_{}'"),
    ("RateLimitError", "429 from provider, retry after {} s"),
];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "python-httpx/0.27.0",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
];

/// Users of the system: the issue asks for 50,000.
const USERS: u64 = 50_000;
/// Records that paths name; bounded, as a real table is.
const RECORDS: u64 = 5_000;

/// A user's id; few users are busy, most are not.
pub(crate) fn user(rng: &mut Rng) -> String {
    format!("usr_{:06}", rng.skewed(USERS))
}

/// A tenant's id.
pub(crate) fn tenant(rng: &mut Rng) -> String {
    format!("tenant-{:03}", rng.skewed(200))
}

/// An address of a client.
pub(crate) fn client_address(rng: &mut Rng) -> String {
    let number = rng.skewed(2_000);
    format!("10.{}.{}.{}", number / 500, number / 25 % 20, number % 25 + 1)
}

/// A browser or library.
pub(crate) fn agent(rng: &mut Rng) -> &'static str {
    AGENTS[rng.skewed(AGENTS.len() as u64) as usize]
}

/// A route with its placeholders filled.
pub(crate) fn path(rng: &mut Rng, route: &str) -> String {
    let mut path = String::with_capacity(route.len() + 20);
    for (position, part) in route.split("{id}").enumerate() {
        if position > 0 {
            path.push_str(&format!("rec{:06}", rng.skewed(RECORDS) * 7919 % 1_000_000));
        }
        path.push_str(part);
    }
    path
}

/// An HTTP status: mostly 200.
pub(crate) fn status(rng: &mut Rng, failed: bool) -> i64 {
    if failed {
        return *rng.pick(&[500, 500, 502, 503, 504]);
    }
    *rng.pick(&[200, 200, 200, 200, 200, 200, 200, 201, 204, 304, 404])
}

/// The resource of one instance of a service, as the fields of an OTLP `Resource`.
pub(crate) fn write_resource(out: &mut Writer, service: &Service, instance: usize) {
    let pod = format!(
        "{}-7d9f8b6c5-{:05x}",
        service.name,
        (service.port as usize * 31 + instance * 7) * 2_654_435 % 0xf_ffff
    );
    let mut text = |key: &str, value: &str| {
        attribute(out, 1, key, |any| {
            any.str(1, value);
        })
    };
    text("service.name", service.name);
    text("service.namespace", "pyairtable");
    text("service.version", "2.1.0");
    text("service.instance.id", &pod);
    text("deployment.environment.name", "production");
    text("k8s.pod.name", &pod);
    text("k8s.namespace.name", "pyairtable");
    text("host.name", &format!("node-{}", instance + 1));
    text("telemetry.sdk.language", service.language);
    text("telemetry.sdk.name", "opentelemetry");
    text("telemetry.sdk.version", "1.27.0");
    attribute(out, 1, "process.pid", |any| {
        any.varint(3, 7 + instance as u64);
    });
}

/// Writes one `KeyValue` into `field`; `value` fills the `AnyValue`.
pub(crate) fn attribute(out: &mut Writer, field: u32, key: &str, value: impl FnOnce(&mut Writer)) {
    out.message(field, |pair| {
        pair.str(1, key);
        pair.message(2, value);
    });
}
