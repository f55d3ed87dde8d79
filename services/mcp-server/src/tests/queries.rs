//! `query_database` on SQLite and on a real PostgreSQL.

use serde_json::{Value, json};
use sqlx::Connection;
use testkit::servers::Postgres;

use super::Server;

async fn query(server: &Server, sql: &str, params: Value) -> (u16, Value) {
    server.execute("query_database", json!({"query": sql, "params": params})).await
}

#[tokio::test]
async fn sqlite_answers_rows_with_their_types() {
    let server = Server::start().await;
    let (status, answer) = query(&server, "SELECT * FROM tasks WHERE id <= $1 ORDER BY id", json!([2])).await;
    assert_eq!(status, 200, "{answer}");
    let result = &answer["result"];
    assert_eq!(result["columns"], json!(["id", "name", "cost", "done", "raw"]));
    assert_eq!(result["rows"][0], json!({"id": 1, "name": "Call Ada", "cost": 1.5, "done": true, "raw": "\\x00ff"}));
    assert_eq!(result["rows"][1], json!({"id": 2, "name": "Write", "cost": null, "done": false, "raw": null}));
    assert_eq!((&result["row_count"], &result["truncated"]), (&json!(2), &json!(false)));
}

#[tokio::test]
async fn rows_and_time_are_limited() {
    let server = Server::with(&[("MCP_QUERY_ROWS", "2"), ("MCP_QUERY_TIMEOUT", "0.2")]).await;
    let (_, answer) = query(&server, "SELECT id FROM tasks", json!([])).await;
    assert_eq!((&answer["result"]["row_count"], &answer["result"]["truncated"]), (&json!(2), &json!(true)));
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let (status, answer) = query(&server, endless, json!([])).await;
    assert_eq!((status, answer["detail"].as_str()), (504, Some("no result within 200 ms")));
    for greedy in ["SELECT length(randomblob(400000000)) AS n", "SELECT length(hex(zeroblob(100000000))) AS n"] {
        let (status, answer) = query(&server, greedy, json!([])).await;
        assert_eq!((status, answer["detail"].as_str()), (400, Some("the query needs too much memory")), "{greedy}");
    }
    // The connection is as good as new.
    for _ in 0..8 {
        assert_eq!(query(&server, "SELECT 1", json!([])).await.0, 200);
    }
}

#[tokio::test]
async fn writing_is_refused_by_the_text_and_by_the_database() {
    let server = Server::start().await;
    for sql in ["DELETE FROM tasks", "SELECT 1; DROP TABLE tasks", "PRAGMA query_only = OFF", ""] {
        assert_eq!(query(&server, sql, json!([])).await.0, 400, "{sql}");
    }
    // Passes the first gate: WITH may begin a statement that writes.
    let (status, answer) = query(&server, "WITH x AS (SELECT 9 AS id) DELETE FROM tasks", json!([])).await;
    assert_eq!(status, 400, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("only reading is allowed"), "{answer}");
    let (_, answer) = query(&server, "SELECT count(*) AS n FROM tasks", json!([])).await;
    assert_eq!(answer["result"]["rows"][0]["n"], 3);
    let (status, answer) = query(&server, "SELECT absent FROM nowhere", json!([])).await;
    assert_eq!((status, answer["detail"].as_str()), (400, Some("no such table: nowhere")));
}

#[tokio::test]
async fn postgresql_is_read_only_limited_and_typed() {
    let Some(postgres) = Postgres::shared("query_database").unwrap() else { return };
    let url = postgres.database().unwrap();
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let sql = "CREATE TABLE tasks (id int PRIMARY KEY, name text, cost numeric(8,2), due timestamptz, tags text[]); \
               INSERT INTO tasks VALUES (1, 'Call Ada', 1.50, '2026-01-02T03:04:05Z', '{a,b}'), (2, 'Write', NULL, NULL, NULL)";
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    let server = Server::with(&[("DATABASE_URL", &url), ("MCP_QUERY_TIMEOUT", "0.3"), ("MCP_QUERY_ROWS", "3")]).await;
    assert_eq!(server.get("/ready").await.0, 200);

    let (status, answer) =
        query(&server, "SELECT id, name, cost, tags FROM tasks WHERE id = $1 -- one", json!([1])).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["result"]["columns"], json!(["id", "name", "cost", "tags"]));
    assert_eq!(answer["result"]["rows"], json!([{"id": 1, "name": "Call Ada", "cost": 1.5, "tags": ["a", "b"]}]));
    let (_, answer) = query(&server, "SELECT n FROM generate_series(1, 9) AS n", json!([])).await;
    assert_eq!((&answer["result"]["row_count"], &answer["result"]["truncated"]), (&json!(3), &json!(true)));

    let refused = [
        "INSERT INTO tasks VALUES (3)",
        "WITH x AS (INSERT INTO tasks VALUES (3) RETURNING id) SELECT * FROM x",
        "SELECT * FROM tasks FOR UPDATE",
        "SELECT 1) AS a; DROP TABLE tasks; --",
        "SELECT pg_sleep(1)",
        "SELECT nothing",
    ];
    for sql in refused {
        let (status, answer) = query(&server, sql, json!([])).await;
        assert_eq!(status, 400, "{sql}: {answer}");
    }
    let slow = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let (status, answer) = query(&server, slow, json!([])).await;
    assert_eq!(status, 504, "{answer}");
    let (_, answer) = query(&server, "SELECT count(*) AS n FROM tasks", json!([])).await;
    assert_eq!(answer["result"]["rows"][0]["n"], 2);
    server.running.shutdown().await;
}
