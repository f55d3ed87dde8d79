//! SQLite in memory, and PostgreSQL where it is installed.

use futures::TryStreamExt as _;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Executor, Row, Sqlite};

use super::{Pool, System};
use crate::harness::{Recorded, attribute, everything};
use crate::semconv::Names;

/// One connection: each connection to memory has a database of its own.
async fn sqlite(recorded: &Recorded) -> Pool<Sqlite> {
    let options = SqlitePoolOptions::new().max_connections(1).acquire_timeout(std::time::Duration::from_millis(50));
    let pool = options.connect("sqlite::memory:").await.expect("memory");
    sqlx::query("CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        .execute(&pool)
        .await
        .expect("created");
    Pool::from(pool).providers(recorded.providers()).names(Names::Current).query_text(true)
}

async fn fill(pool: &Pool<Sqlite>) {
    sqlx::query("INSERT INTO jobs (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'canary-literal')")
        .execute(pool)
        .await
        .expect("inserted");
}

#[tokio::test]
async fn a_statement_is_a_client_span() {
    let recorded = Recorded::new();
    let pool = sqlite(&recorded).await;
    let parent = recorded.parent();
    fill(&pool).with_context(parent.clone()).await;

    let span = recorded.span("INSERT jobs");
    assert_eq!((span.span_kind.clone(), span.status.clone()), (SpanKind::Client, Status::Unset));
    assert_eq!(span.parent_span_id, parent.span().span_context().span_id());
    for (key, expected) in [
        ("db.system.name", "sqlite"),
        ("db.namespace", ":memory:"),
        ("db.operation.name", "INSERT"),
        ("db.collection.name", "jobs"),
        ("db.query.summary", "INSERT jobs"),
        ("db.rows_affected", "3"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(attribute(&span, "db.response.returned_rows"), None);
    assert!(attribute(&span, "db.query.text").is_some_and(|text| text.starts_with("INSERT INTO jobs")));
    assert!(!everything(&span).contains("canary"), "{:?}", span.attributes);
}

#[tokio::test]
async fn every_way_to_fetch_counts_its_rows() {
    let recorded = Recorded::new();
    let pool = sqlite(&recorded).await;
    fill(&pool).await;
    let rows = |name: &str| attribute(&recorded.span(name), "db.response.returned_rows");

    let all = sqlx::query("SELECT id AS all_rows FROM jobs").fetch_all(&pool).await.expect("rows");
    assert_eq!(all.len(), 3);
    assert_eq!(rows("SELECT jobs").as_deref(), Some("3"));

    let one: (i64,) = sqlx::query_as("WITH one AS (SELECT id FROM jobs) SELECT id FROM one WHERE id = $1")
        .bind(2)
        .fetch_one(&pool)
        .await
        .expect("a row");
    assert_eq!(one.0, 2);
    assert_eq!(rows("WITH SELECT jobs SELECT one").as_deref(), Some("1"));

    let none: Option<i64> = sqlx::query_scalar("SELECT max(id) AS m FROM jobs j GROUP BY name HAVING id > $1")
        .bind(9)
        .fetch_optional(&pool)
        .await
        .expect("none");
    assert_eq!(none, None);

    let mut stream = sqlx::query("SELECT a.id FROM jobs AS a, jobs AS b").fetch(&pool);
    for _ in 0..2 {
        stream.try_next().await.expect("no error").expect("a row");
    }
    drop(stream);
    let counts: Vec<_> =
        recorded.spans().iter().filter_map(|span| attribute(span, "db.response.returned_rows")).collect();
    assert_eq!(counts, ["3", "1", "0", "2"], "a stream that is left early counts what it gave");
}

#[tokio::test]
async fn transactions_are_executors_too() {
    let recorded = Recorded::new();
    let pool = sqlite(&recorded).await;
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.expect("begun");
    sqlx::query("INSERT INTO jobs (id, name) VALUES ($1, $2)")
        .bind(1)
        .bind("a")
        .execute(&mut *transaction)
        .await
        .expect("inserted");
    let row = sqlx::query("SELECT count(*) FROM jobs").fetch_one(&mut *transaction).await.expect("a row");
    assert_eq!(row.get::<i64, _>(0), 1);
    transaction.commit().await.expect("committed");
    assert_eq!(recorded.names(), ["BEGIN", "INSERT jobs", "SELECT jobs", "COMMIT"]);

    let mut undone = pool.begin().await.expect("begun");
    (&mut *undone).execute("DELETE FROM jobs").await.expect("deleted");
    undone.rollback().await.expect("undone");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs").fetch_one(&pool).await.expect("a row");
    assert_eq!(left, 1);
    assert_eq!(attribute(&recorded.span("DELETE jobs"), "db.rows_affected").as_deref(), Some("1"));
    assert!(recorded.names().contains(&"ROLLBACK".to_owned()));
}

#[tokio::test]
async fn a_transaction_that_is_dropped_rolls_back() {
    let recorded = Recorded::new();
    let pool = sqlite(&recorded).await;
    let mut transaction = pool.begin().await.expect("begun");
    sqlx::query("INSERT INTO jobs (id, name) VALUES (1, 'a')").execute(&mut *transaction).await.expect("inserted");
    drop(transaction);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs").fetch_one(&pool).await.expect("a row");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn errors_have_a_type_and_a_code_and_no_values() {
    let recorded = Recorded::new();
    let pool = sqlite(&recorded).await;
    fill(&pool).await;
    let twice = sqlx::query("INSERT INTO jobs (id, name) VALUES (1, 'canary-value')").execute(&pool).await;
    assert!(twice.is_err());
    let failed = recorded.spans().pop().expect("a span");
    assert_eq!(attribute(&failed, "error.type").as_deref(), Some("unique_violation"));
    // SQLITE_CONSTRAINT_PRIMARYKEY
    assert_eq!(attribute(&failed, "db.response.status_code").as_deref(), Some("1555"));
    assert_eq!(failed.status, Status::error("unique_violation"));
    assert!(!everything(&failed).contains("canary"));
    let points = recorded.points("db.client.operation.duration");
    assert!(points.iter().any(|point| point.0.contains("error.type=unique_violation")), "{points:?}");
}

#[tokio::test]
async fn the_pool_is_measured() {
    let recorded = Recorded::new();
    let pool = sqlite(&recorded).await.named("jobs");
    let connection = pool.acquire().await.expect("a connection");
    assert!(matches!(pool.acquire().await, Err(sqlx::Error::PoolTimedOut)));
    let refused = sqlx::query("SELECT 1").execute(&pool).await;
    assert!(matches!(refused, Err(sqlx::Error::PoolTimedOut)));
    assert_eq!(attribute(&recorded.span("SELECT"), "error.type").as_deref(), Some("pool_timeout"));
    let name = "db.client.connection.pool.name=jobs";
    let of = |metric: &str| recorded.points(metric);
    let used = [
        (format!("{name} db.client.connection.state=idle"), 0.0),
        (format!("{name} db.client.connection.state=used"), 1.0),
    ];
    assert_eq!(of("db.client.connection.count"), used);
    assert_eq!(of("db.client.connection.max"), [(name.to_owned(), 1.0)]);
    assert_eq!(of("db.client.connection.timeouts"), [(name.to_owned(), 2.0)]);
    assert_eq!(of("db.client.connection.pending_requests"), [(name.to_owned(), 0.0)]);
    drop(connection);
    assert_eq!(of("db.client.connection.use_time"), [(name.to_owned(), 1.0)]);
    assert_eq!(of("db.client.connection.wait_time"), [(name.to_owned(), 3.0)]);
}

#[tokio::test]
async fn texts_only_where_they_are_wanted() {
    let recorded = Recorded::new();
    let pool = sqlite(&recorded).await.query_text(false).names(Names::Both);
    sqlx::query("SELECT id FROM jobs").fetch_all(&pool).await.expect("rows");
    let span = recorded.span("SELECT jobs");
    assert_eq!((attribute(&span, "db.query.text"), attribute(&span, "db.statement")), (None, None));
    for (key, expected) in [("db.system", "sqlite"), ("db.operation", "SELECT"), ("db.sql.table", "jobs")] {
        assert_eq!(attribute(&span, key).as_deref(), Some(expected), "{key}");
    }
}

#[tokio::test]
async fn prepared_statements_and_bound_values_pass_through() {
    let recorded = Recorded::new();
    let pool = sqlite(&recorded).await;
    fill(&pool).await;
    use sqlx::Statement as _;
    let statement =
        (&pool).prepare(sqlx::SqlSafeStr::into_sql_str("SELECT name FROM jobs WHERE id = $1")).await.expect("prepared");
    let name: String = statement.query().bind(2).fetch_one(&pool).await.expect("a row").get(0);
    assert_eq!(name, "b");
    let mut connection = pool.acquire().await.expect("a connection");
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM jobs WHERE id < $1 ORDER BY id")
        .bind(3)
        .fetch_all(&mut connection)
        .await
        .expect("rows");
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn targets_hold_nothing_secret() {
    let options = "postgres://ana:hunter2@db.internal:5433/app".parse().expect("a URL");
    let target = sqlx::Postgres::target(&options);
    assert_eq!(target.server, Some(("db.internal".to_owned(), 5433)));
    assert_eq!(target.namespace.as_deref(), Some("app"));
    let options = "sqlite:///home/ana/data/app.db".parse().expect("a URL");
    assert_eq!(Sqlite::target(&options).namespace.as_deref(), Some("app.db"));
}

#[tokio::test]
async fn postgresql_with_sqlstate() {
    let Some(server) = testkit::servers::Postgres::shared("telemetry: sqlx spans on PostgreSQL").expect("PostgreSQL")
    else {
        return;
    };
    let recorded = Recorded::new();
    let url = server.database().expect("a database");
    let pool = sqlx::PgPool::connect(&url).await.expect("connected");
    let pool = Pool::from(pool).providers(recorded.providers()).query_text(true);
    sqlx::query("CREATE TABLE jobs (id BIGINT PRIMARY KEY, name TEXT)").execute(&pool).await.expect("created");
    let mut transaction = pool.begin().await.expect("begun");
    sqlx::query("INSERT INTO jobs VALUES ($1, $2), (2, 'canary-literal')")
        .bind(1_i64)
        .bind("a")
        .execute(&mut *transaction)
        .await
        .expect("inserted");
    transaction.commit().await.expect("committed");
    let rows = sqlx::query("SELECT * FROM jobs").fetch_all(&pool).await.expect("rows");
    assert_eq!(rows.len(), 2);
    let select = recorded.span("SELECT jobs");
    assert_eq!(attribute(&select, "db.system.name").as_deref(), Some("postgresql"));
    assert_eq!(attribute(&select, "db.response.returned_rows").as_deref(), Some("2"));
    assert_eq!(attribute(&select, "db.rows_affected"), None);
    assert_eq!(attribute(&recorded.span("INSERT jobs"), "db.rows_affected").as_deref(), Some("2"));

    assert!(sqlx::query("SELECT 'canary-value'::INT FROM jobs AS j").fetch_all(&pool).await.is_err());
    let failed = recorded.spans().pop().expect("a span");
    // invalid_text_representation: PostgreSQL repeats the value in its message.
    assert_eq!(attribute(&failed, "db.response.status_code").as_deref(), Some("22P02"));
    assert!(recorded.spans().iter().all(|span| !everything(span).contains("canary")));
    pool.close().await;
}
