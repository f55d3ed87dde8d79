//! Names of the semantic conventions that the layers use, in one place, and which generation of them is written.
//!
//! The current names come from `opentelemetry-semantic-conventions`; those that it lacks are spelled here, with their source.
//! `OTEL_SEMCONV_STABILITY_OPT_IN` chooses the generation: unset, `http`, `database` or `rpc` mean the current names alone,
//! `http/dup`, `database/dup` and `rpc/dup` mean the current and the old ones side by side, for dashboards that still ask for those.

use std::sync::OnceLock;

pub use opentelemetry_semantic_conventions::SCHEMA_URL;
pub use opentelemetry_semantic_conventions::attribute::{
    CLIENT_ADDRESS, DB_CLIENT_CONNECTION_POOL_NAME, DB_CLIENT_CONNECTION_STATE, DB_COLLECTION_NAME, DB_NAMESPACE,
    DB_OPERATION_BATCH_SIZE, DB_OPERATION_NAME, DB_QUERY_SUMMARY, DB_QUERY_TEXT, DB_RESPONSE_RETURNED_ROWS,
    DB_RESPONSE_STATUS_CODE, DB_SYSTEM_NAME, ERROR_TYPE, EXCEPTION_MESSAGE, EXCEPTION_TYPE, HTTP_REQUEST_BODY_SIZE,
    HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_REQUEST_RESEND_COUNT, HTTP_RESPONSE_BODY_SIZE,
    HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, NETWORK_PEER_ADDRESS, NETWORK_PEER_PORT, NETWORK_PROTOCOL_VERSION,
    RPC_METHOD, RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME, SERVER_ADDRESS, SERVER_PORT, URL_FULL, URL_PATH, URL_QUERY,
    URL_SCHEME, URL_TEMPLATE, USER_AGENT_ORIGINAL,
};

/// The services' contract: which speed class an answer fell into.
pub const PERFORMANCE_BUCKET: &str = "performance.bucket";
/// The services' contract: the id that callers use to find their request again.
pub const CORRELATION_ID: &str = "correlation.id";
/// The services' contract; the database conventions have no name for rows that a statement changed.
pub const DB_ROWS_AFFECTED: &str = "db.rows_affected";
/// The shape of the keys that a cache command touched, such as `session:*`; never a key.
pub const CACHE_KEY_PATTERN: &str = "cache.key.pattern";
/// Whether the cache held what was asked for.
pub const CACHE_HIT: &str = "cache.hit";
/// `hit` or `miss`, on [`metric::CACHE_REQUESTS`].
pub const CACHE_RESULT: &str = "cache.result";

/// Stands for methods that the conventions do not know.
pub const OTHER: &str = "_OTHER";

/// Names of metrics.
pub mod metric {
    pub use opentelemetry_semantic_conventions::metric::{
        DB_CLIENT_CONNECTION_COUNT, DB_CLIENT_CONNECTION_IDLE_MAX, DB_CLIENT_CONNECTION_IDLE_MIN,
        DB_CLIENT_CONNECTION_MAX, DB_CLIENT_CONNECTION_PENDING_REQUESTS, DB_CLIENT_CONNECTION_TIMEOUTS,
        DB_CLIENT_CONNECTION_USE_TIME, DB_CLIENT_CONNECTION_WAIT_TIME, DB_CLIENT_OPERATION_DURATION,
        DB_CLIENT_RESPONSE_RETURNED_ROWS, HTTP_CLIENT_ACTIVE_REQUESTS, HTTP_CLIENT_REQUEST_BODY_SIZE,
        HTTP_CLIENT_REQUEST_DURATION, HTTP_CLIENT_RESPONSE_BODY_SIZE, HTTP_SERVER_ACTIVE_REQUESTS,
        HTTP_SERVER_REQUEST_BODY_SIZE, HTTP_SERVER_REQUEST_DURATION, HTTP_SERVER_RESPONSE_BODY_SIZE,
        RPC_CLIENT_CALL_DURATION, RPC_SERVER_CALL_DURATION,
    };

    /// Look-ups of a cache by result. No convention yet.
    pub const CACHE_REQUESTS: &str = "cache.requests";
}

/// What [`crate::semconv`]'s names were called before; written besides them when a `/dup` value asks for it.
pub mod old {
    #![expect(deprecated, reason = "old names are what this module is for")]
    use opentelemetry_semantic_conventions::{attribute, metric};

    /// Now `http.request.method`.
    pub const HTTP_METHOD: &str = attribute::HTTP_METHOD;
    /// Now `url.scheme`.
    pub const HTTP_SCHEME: &str = attribute::HTTP_SCHEME;
    /// Now `url.path` and `url.query`.
    pub const HTTP_TARGET: &str = attribute::HTTP_TARGET;
    /// Now `url.full`.
    pub const HTTP_URL: &str = attribute::HTTP_URL;
    /// Now `http.response.status_code`.
    pub const HTTP_STATUS_CODE: &str = attribute::HTTP_STATUS_CODE;
    /// Now `user_agent.original`.
    pub const HTTP_USER_AGENT: &str = attribute::HTTP_USER_AGENT;
    /// Now `client.address`.
    pub const HTTP_CLIENT_IP: &str = attribute::HTTP_CLIENT_IP;
    /// Now `network.protocol.version`.
    pub const HTTP_FLAVOR: &str = attribute::HTTP_FLAVOR;
    /// Now `http.request.body.size`.
    pub const HTTP_REQUEST_CONTENT_LENGTH: &str = attribute::HTTP_REQUEST_CONTENT_LENGTH;
    /// Now `http.response.body.size`.
    pub const HTTP_RESPONSE_CONTENT_LENGTH: &str = attribute::HTTP_RESPONSE_CONTENT_LENGTH;
    /// Now `server.address`, on servers.
    pub const NET_HOST_NAME: &str = attribute::NET_HOST_NAME;
    /// Now `server.port`, on servers.
    pub const NET_HOST_PORT: &str = attribute::NET_HOST_PORT;
    /// Now `server.address`, on clients.
    pub const NET_PEER_NAME: &str = attribute::NET_PEER_NAME;
    /// Now `server.port`, on clients.
    pub const NET_PEER_PORT: &str = attribute::NET_PEER_PORT;
    /// Now `db.system.name`.
    pub const DB_SYSTEM: &str = attribute::DB_SYSTEM;
    /// Now `db.namespace`.
    pub const DB_NAME: &str = attribute::DB_NAME;
    /// Now `db.operation.name`.
    pub const DB_OPERATION: &str = attribute::DB_OPERATION;
    /// Now `db.collection.name`.
    pub const DB_SQL_TABLE: &str = attribute::DB_SQL_TABLE;
    /// Now `db.query.text`.
    pub const DB_STATEMENT: &str = attribute::DB_STATEMENT;
    /// Now `rpc.system.name`.
    pub const RPC_SYSTEM: &str = attribute::RPC_SYSTEM;
    /// Now the part of `rpc.method` before the slash.
    pub const RPC_SERVICE: &str = attribute::RPC_SERVICE;
    /// Now `rpc.response.status_code`, which is a name instead of a number.
    pub const RPC_GRPC_STATUS_CODE: &str = attribute::RPC_GRPC_STATUS_CODE;
    /// Now `rpc.server.call.duration`, in seconds instead of milliseconds.
    pub const RPC_SERVER_DURATION: &str = metric::RPC_SERVER_DURATION;
    /// Now `rpc.client.call.duration`, in seconds instead of milliseconds.
    pub const RPC_CLIENT_DURATION: &str = metric::RPC_CLIENT_DURATION;
    /// Now `http.server.request.duration`, in seconds instead of milliseconds.
    pub const HTTP_SERVER_DURATION: &str = "http.server.duration";
    /// Now `http.client.request.duration`, in seconds instead of milliseconds.
    pub const HTTP_CLIENT_DURATION: &str = "http.client.duration";
    /// Now `db.client.connection.count`.
    pub const DB_CLIENT_CONNECTIONS_USAGE: &str = metric::DB_CLIENT_CONNECTIONS_USAGE;
}

/// Buckets that the HTTP, RPC and database conventions give for durations in seconds.
pub const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Buckets that the database conventions give for operations, in seconds.
pub const DB_SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Buckets for body sizes in bytes, each eight times the last up to an upload's limit of 100 MB. The conventions give none.
pub const BYTES: [f64; 8] = [64.0, 512.0, 4096.0, 32_768.0, 262_144.0, 2_097_152.0, 16_777_216.0, 134_217_728.0];

/// Buckets for returned rows, those of the database conventions.
pub const ROWS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Which generation of names a layer writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// The current ones.
    #[default]
    Current,
    /// The current and the old ones.
    Both,
}

impl Names {
    /// True when the old names are wanted besides.
    pub fn old(self) -> bool {
        self == Self::Both
    }
}

/// The generation per area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Of `http.*`, `url.*`, `server.*` on HTTP spans and metrics.
    pub http: Names,
    /// Of `db.*`.
    pub database: Names,
    /// Of `rpc.*`.
    pub rpc: Names,
}

impl Generation {
    /// What the process's environment asks for, read once.
    pub fn of_process() -> Self {
        static CHOSEN: OnceLock<Generation> = OnceLock::new();
        *CHOSEN.get_or_init(|| {
            std::env::var("OTEL_SEMCONV_STABILITY_OPT_IN").map(|list| Self::parse(&list)).unwrap_or_default()
        })
    }

    /// Reads a comma-separated list. Words of other areas (`gen_ai_latest_experimental`) are for others and passed over,
    /// as the specification asks.
    pub fn parse(list: &str) -> Self {
        let mut chosen = Self::default();
        for word in list.split(',').map(str::trim) {
            match word {
                "http/dup" => chosen.http = Names::Both,
                "database/dup" => chosen.database = Names::Both,
                "rpc/dup" => chosen.rpc = Names::Both,
                _ => {}
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opt_in_words() {
        assert_eq!(Generation::parse(""), Generation::default());
        assert_eq!(Generation::parse("http,database"), Generation::default());
        let both = Generation::parse("gen_ai_latest_experimental, http/dup ,database/dup");
        assert_eq!((both.http, both.database, both.rpc), (Names::Both, Names::Both, Names::Current));
    }
}
