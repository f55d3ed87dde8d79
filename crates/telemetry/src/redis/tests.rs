//! Against a connection that answers from a script, and a real server where it is installed.

use std::collections::VecDeque;

use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _};
use redis::aio::ConnectionLike;
use redis::{AsyncCommands, Client, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, Script, Value};

use super::Connection;
use crate::harness::{Recorded, attribute, everything};
use crate::semconv::Names;

/// Gives these answers in order.
struct Scripted(VecDeque<RedisResult<Value>>);

impl ConnectionLike for Scripted {
    fn req_packed_command<'a>(&'a mut self, _: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(std::future::ready(self.0.pop_front().expect("an answer")))
    }

    fn req_packed_commands<'a>(&'a mut self, _: &'a Pipeline, _: usize, count: usize) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(std::future::ready(self.0.drain(..count).collect()))
    }

    fn get_db(&self) -> i64 {
        2
    }
}

fn client() -> Client {
    Client::open("redis://:hunter2@cache.internal:6380/2").expect("a URL")
}

fn scripted(recorded: &Recorded, answers: impl IntoIterator<Item = RedisResult<Value>>) -> Connection<Scripted> {
    let inner = Scripted(answers.into_iter().collect());
    Connection::new(inner, &client()).providers(recorded.providers()).names(Names::Current)
}

fn text(text: &str) -> RedisResult<Value> {
    Ok(Value::BulkString(text.as_bytes().to_vec()))
}

#[tokio::test]
async fn a_command_is_a_client_span_without_keys() {
    let recorded = Recorded::new();
    let parent = recorded.parent();
    let mut connection = scripted(&recorded, [text("canary-value")]);
    let value: String = connection.get("session:canary-key").with_context(parent.clone()).await.expect("a value");
    assert_eq!(value, "canary-value");

    let span = recorded.span("GET session:*");
    assert_eq!((span.span_kind.clone(), span.status.clone()), (SpanKind::Client, Status::Unset));
    assert_eq!(span.parent_span_id, parent.span().span_context().span_id());
    for (key, expected) in [
        ("db.system.name", "redis"),
        ("db.namespace", "2"),
        ("db.operation.name", "GET"),
        ("server.address", "cache.internal"),
        ("server.port", "6380"),
        ("cache.key.pattern", "session:*"),
        ("cache.hit", "true"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(expected), "{key}");
    }
    assert!(!everything(&span).contains("canary") && !everything(&span).contains("hunter2"));
}

#[tokio::test]
async fn hits_and_misses_are_counted() {
    let recorded = Recorded::new();
    let answers = [text("x"), Ok(Value::Nil), Ok(Value::Array(vec![Value::Nil, Value::Int(1)])), Ok(Value::Okay)];
    let mut connection = scripted(&recorded, answers);
    let _: Option<String> = connection.get("session:1").await.expect("hit");
    let _: Option<String> = connection.get("session:2").await.expect("miss");
    let _: Vec<Option<i64>> = connection.mget(&["session:3", "session:4"]).await.expect("one of each");
    let _: () = connection.set("session:5", "x").await.expect("set");
    let point = |result: &str, count: f64| {
        (format!("cache.key.pattern=session:* cache.result={result} db.system.name=redis"), count)
    };
    assert_eq!(recorded.points("cache.requests"), [point("hit", 2.0), point("miss", 2.0)]);
    let hits: Vec<_> = recorded.spans().iter().map(|span| attribute(span, "cache.hit")).collect();
    assert_eq!(hits, [Some("true".to_owned()), Some("false".to_owned()), Some("false".to_owned()), None]);
    let durations: f64 = recorded.points("db.client.operation.duration").iter().map(|point| point.1).sum();
    assert!((durations - 4.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_pipeline_is_one_span() {
    let recorded = Recorded::new();
    let mut connection = scripted(&recorded, [text("a"), Ok(Value::Nil)]);
    let pipeline = redis::pipe().get("session:1").get("session:2").to_owned();
    let _: Vec<Option<String>> = pipeline.query_async(&mut connection).await.expect("answers");
    let span = recorded.span("PIPELINE GET session:*");
    assert_eq!(attribute(&span, "db.operation.batch.size").as_deref(), Some("2"));
    assert_eq!(attribute(&span, "cache.hit").as_deref(), Some("false"));
}

#[tokio::test]
async fn errors_have_a_type_and_keep_their_message() {
    let recorded = Recorded::new();
    let lost = std::io::Error::new(std::io::ErrorKind::BrokenPipe, "canary");
    let refused = RedisError::from((ErrorKind::Client, "canary", "canary-detail".to_owned()));
    let mut connection = scripted(&recorded, [Err(RedisError::from(lost)), Err(refused)]);
    let failed: RedisResult<String> = connection.get("session:1").await;
    assert!(failed.is_err());
    let failed: RedisResult<String> = connection.get("job:1").await;
    assert!(failed.is_err());
    let span = recorded.span("GET session:*");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("connection_lost"));
    assert_eq!(span.status, Status::error("connection_lost"));
    assert!(recorded.spans().iter().all(|span| !everything(span).contains("canary")));
}

#[tokio::test]
async fn a_real_server() {
    let Some(server) = testkit::servers::Redis::shared("telemetry: spans of Redis commands").expect("Redis") else {
        return;
    };
    let recorded = Recorded::new();
    let client = Client::open(server.url()).expect("a URL");
    let manager = client.get_connection_manager().await.expect("connected");
    let mut connection = Connection::new(manager, &client).providers(recorded.providers()).prefix("lock:test:");
    let _: () = connection.set_ex("session:canary", "value", 60).await.expect("set");
    let value: Option<String> = connection.get("session:canary").await.expect("got");
    assert_eq!(value.as_deref(), Some("value"));
    let script = Script::new("return redis.call('GET', KEYS[1])");
    let _: Option<String> = script.key("lock:test:canary").invoke_async(&mut connection).await.expect("ran");
    let (hit, miss): (Option<String>, Option<String>) = redis::pipe()
        .atomic()
        .get("session:canary")
        .get("session:none")
        .query_async(&mut connection)
        .await
        .expect("answers");
    assert_eq!((hit.as_deref(), miss), (Some("value"), None));
    let wrong: RedisResult<i64> = connection.lpush("session:canary", 1).await;
    assert!(wrong.is_err());

    let names = recorded.names();
    for name in ["SETEX session:*", "GET session:*", "EVALSHA lock:test:*", "MULTI GET session:*", "LPUSH session:*"] {
        assert!(names.iter().any(|known| known == name), "no `{name}` in {names:?}");
    }
    assert_eq!(attribute(&recorded.span("LPUSH session:*"), "db.response.status_code").as_deref(), Some("WRONGTYPE"));
    assert_eq!(attribute(&recorded.span("MULTI GET session:*"), "cache.hit").as_deref(), Some("false"));
    assert!(recorded.spans().iter().all(|span| !everything(span).contains("canary")));
}
