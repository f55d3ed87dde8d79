//! The same tests on both databases, PostgreSQL against a real server.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::migrate::Migrator;
use testkit::servers::Postgres;

use super::*;

static SQLITE: Migrator = sqlx::migrate!("src/database/testdata/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/database/testdata/postgres");
const MIGRATIONS: Migrations = Migrations { sqlite: &SQLITE, postgres: &POSTGRES };

/// A database of each kind with the schema of `testdata`; what keeps them alive comes along.
struct Both {
    all: Vec<Database>,
    _folder: tempfile::TempDir,
    _server: Option<Postgres>,
}

async fn both(test: &str) -> Both {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("test.sqlite").display());
    let mut all = vec![Database::open(&file, "test-kit").await.unwrap(), Database::in_memory().await.unwrap()];
    let server = Postgres::shared(test).expect("PostgreSQL starts");
    if let Some(server) = &server {
        all.push(Database::open(&server.database().unwrap(), "test-kit").await.unwrap());
    }
    for database in &all {
        database.migrate(MIGRATIONS).await.unwrap();
    }
    Both { all, _folder: folder, _server: server }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

const INSERT: &str = "INSERT INTO things (id, name, size, ratio, good, body, made, facts, boss) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

async fn insert(database: &Database, id: &str, size: i64) -> Result<u64, Error> {
    database
        .execute(INSERT, &values![id, "n", size, 0.5, true, None::<Vec<u8>>, Utc::now(), json!({}), None::<&str>])
        .await
}

#[tokio::test]
async fn each_type_comes_back_and_so_does_null() {
    for database in both("types").await.all {
        let made = time("2026-01-02T03:04:05.123456Z");
        let facts = json!({"a": [1, 2.5, null], "b": "ü"});
        let values = values!["1", "Grüße", 7, 0.25, true, vec![0_u8, 255], made, facts.clone(), None::<&str>];
        assert_eq!(database.execute(INSERT, &values).await.unwrap(), 1);
        let row = database.fetch_one("SELECT * FROM things WHERE id = $1", &values!["1"]).await.unwrap();
        assert_eq!(row.get::<String>("name").unwrap(), "Grüße");
        assert_eq!(row.get::<i64>("size").unwrap(), 7);
        assert!((row.get::<f64>("ratio").unwrap() - 0.25).abs() < f64::EPSILON);
        assert!(row.get::<bool>("good").unwrap());
        assert_eq!(row.get::<Vec<u8>>("body").unwrap(), [0, 255]);
        assert_eq!(row.get::<DateTime<Utc>>("made").unwrap(), made);
        assert_eq!(row.get::<serde_json::Value>("facts").unwrap(), facts);
        assert_eq!(row.get::<Option<String>>("boss").unwrap(), None);
        assert!(row.get::<i64>("name").is_err(), "a text is no number");
        assert!(row.get::<i64>("x").is_err(), "no such column");
        let none = values![
            "2",
            None::<String>,
            None::<i64>,
            None::<f64>,
            None::<bool>,
            None::<Vec<u8>>,
            None::<DateTime<Utc>>,
            None::<serde_json::Value>,
            "1"
        ];
        database.execute(INSERT, &none).await.unwrap();
        let row = database.fetch_one("SELECT * FROM things WHERE id = $1", &values!["2"]).await.unwrap();
        assert_eq!(row.get::<Option<i64>>("size").unwrap(), None);
        assert_eq!(row.get::<Option<DateTime<Utc>>>("made").unwrap(), None);
        assert_eq!(row.get::<Option<serde_json::Value>>("facts").unwrap(), None);
        let document = row.to_json();
        assert_eq!((&document["id"], &document["size"], &document["boss"]), (&json!("2"), &json!(null), &json!("1")));
        let whole = database.fetch_one("SELECT * FROM things WHERE id = '1'", &[]).await.unwrap().to_json();
        assert_eq!(
            whole["facts"],
            if database.dialect() == Dialect::Postgres { facts.clone() } else { json!(facts.to_string()) }
        );
        assert_eq!((&whole["size"], &whole["ratio"], &whole["name"]), (&json!(7), &json!(0.25), &json!("Grüße")));
    }
}

#[tokio::test]
async fn times_order_as_they_should() {
    for database in both("times").await.all {
        let times =
            ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z"];
        for (number, text) in times.iter().enumerate().rev() {
            let values =
                values![number.to_string(), "", 0, 0.0, false, None::<Vec<u8>>, time(text), json!(null), None::<&str>];
            database.execute(INSERT, &values).await.unwrap();
        }
        let rows = database.fetch_all("SELECT id FROM things ORDER BY made", &[]).await.unwrap();
        let ids: Vec<String> = rows.iter().map(|row| row.get("id").unwrap()).collect();
        assert_eq!(ids, ["0", "1", "2", "3"]);
        let sql = "SELECT count(*) AS n FROM things WHERE made >= $1 AND made < $2";
        let row = database.fetch_one(sql, &values![time(times[1]), time(times[3])]).await.unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 2);
    }
}

#[tokio::test]
async fn errors_say_what_the_caller_can_do() {
    for database in both("errors").await.all {
        insert(&database, "1", 1).await.unwrap();
        let again = insert(&database, "1", 1).await.unwrap_err();
        assert!(matches!(again, Error::Exists(_)), "{again}");
        assert_eq!(Problem::from(again).status().as_u16(), 409);
        let orphan = database.execute("UPDATE things SET boss = $1", &values!["nobody"]).await.unwrap_err();
        assert!(matches!(orphan, Error::Statement(_)), "foreign keys are enforced: {orphan}");
        let typo = database.execute("UPDATE thing SET boss = NULL", &[]).await.unwrap_err();
        assert!(matches!(typo, Error::Statement(_)) && !typo.retryable(), "{typo}");
        let none = database.fetch_one("SELECT id FROM things WHERE id = $1", &values!["9"]).await.unwrap_err();
        assert_eq!(Problem::from(none).status().as_u16(), 404);
        assert!(database.fetch_optional("SELECT id FROM things WHERE id = $1", &values!["9"]).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn transactions_hold_together() {
    for database in both("transactions").await.all {
        let mut undone = database.begin().await.unwrap();
        undone.execute("INSERT INTO things (id) VALUES ($1)", &values!["1"]).await.unwrap();
        assert!(undone.fetch_optional("SELECT id FROM things", &[]).await.unwrap().is_some());
        drop(undone);
        let mut kept = database.begin().await.unwrap();
        kept.execute("INSERT INTO things (id) VALUES ($1)", &values!["2"]).await.unwrap();
        kept.commit().await.unwrap();
        let rows = database.fetch_all("SELECT id FROM things", &[]).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].get::<String>("id").unwrap(), "2");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_is_claimed_once_however_many_want_it() {
    for database in both("claims").await.all {
        for id in 0..20 {
            insert(&database, &id.to_string(), 0).await.unwrap();
        }
        let claim = "UPDATE things SET size = 1 WHERE id = $1 AND size = 0";
        let claimers = (0..100).map(|number: i32| {
            let database = database.clone();
            tokio::spawn(async move { database.execute(claim, &values![(number % 20).to_string()]).await.unwrap() })
        });
        let claimed: u64 = futures::future::join_all(claimers).await.into_iter().map(|rows| rows.unwrap()).sum();
        assert_eq!(claimed, 20, "{:?}", database.dialect());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_in_transactions_wait_for_each_other() {
    for database in both("writers").await.all {
        insert(&database, "n", 0).await.unwrap();
        let lock = database
            .pick("SELECT size FROM things WHERE id = 'n'", "SELECT size FROM things WHERE id = 'n' FOR UPDATE");
        let adders = (0..30).map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                let mut on = database.begin().await?;
                let size: i64 = on.fetch_one(lock, &[]).await?.get("size")?;
                on.execute("UPDATE things SET size = $1 WHERE id = 'n'", &values![size + 1]).await?;
                on.commit().await
            })
        });
        for done in futures::future::join_all(adders).await {
            done.unwrap().unwrap();
        }
        let row = database.fetch_one("SELECT size FROM things", &[]).await.unwrap();
        assert_eq!(row.get::<i64>("size").unwrap(), 30, "{:?}", database.dialect());
    }
}

#[tokio::test]
async fn migrations_run_once_and_several_services_share_a_database() {
    let both = both("migrations").await;
    for database in &both.all {
        insert(database, "kept", 1).await.unwrap();
        database.migrate(MIGRATIONS).await.unwrap();
        assert_eq!(database.fetch_all("SELECT id FROM things", &[]).await.unwrap().len(), 1);
        let recorded = database.fetch_one("SELECT count(*) AS n FROM _migrations_test_kit", &[]).await;
        if let Ok(row) = recorded {
            assert_eq!(row.get::<i64>("n").unwrap(), 2);
        } else {
            assert_eq!(
                database
                    .fetch_one("SELECT count(*) AS n FROM _migrations_test", &[])
                    .await
                    .unwrap()
                    .get::<i64>("n")
                    .unwrap(),
                2
            );
        }
    }
}

#[tokio::test]
async fn addresses_are_told_without_their_password() {
    let told = |url: &'static str| async move { Database::open(url, "x").await.unwrap_err().to_string() };
    assert!(told("mysql://u:secret@h/d").await.contains("sqlite: or postgres://"));
    let error = told("postgres://u:secret@127.0.0.1:1/d").await;
    assert!(!error.contains("secret"), "{error}");
    let error = told("postgres://u:secret@[broken/d").await;
    assert!(!error.contains("secret"), "{error}");
    assert!(!told("sqlite:///proc/nowhere/x.sqlite").await.is_empty());
}

#[test]
fn codes_that_pass() {
    for code in ["08006", "53300", "57P03", "40001", "40P01", "55P03", "5", "6", "261", "517"] {
        assert!(passing(Some(code)), "{code}");
    }
    for code in ["23505", "42P01", "1", "2067", "787", "22P02"] {
        assert!(!passing(Some(code)), "{code}");
    }
    assert!(!passing(None));
}
