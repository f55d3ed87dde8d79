//! SQLite and PostgreSQL by `sqlx`, with a CLIENT span and the database metrics per statement.
//!
//! ```no_run
//! # async fn example() -> Result<(), sqlx::Error> {
//! let pool = telemetry::sqlx::Pool::from(sqlx::SqlitePool::connect("sqlite::memory:").await?);
//! sqlx::query("INSERT INTO jobs (id) VALUES ($1)").bind(7).execute(&pool).await?;
//! let mut transaction = pool.begin().await?;
//! sqlx::query("DELETE FROM jobs").execute(&mut *transaction).await?;
//! transaction.commit().await?;
//! # Ok(())
//! # }
//! ```
//!
//! `&Pool`, `&mut Connection` and `&mut *Transaction` are `sqlx` executors, so all of `sqlx` works on them. A span is named by its
//! statement's summary (`SELECT jobs`), holds rows and, outside production, the text without literals, and never values. `BEGIN`, `COMMIT`
//! and `ROLLBACK` have spans too. Migrations and everything else that needs `sqlx`'s own types: [`Pool::untraced`].
//!
//! | file | what it does |
//! |---|---|
//! | `pool.rs`, `connection.rs` | the executors |
//! | `statement.rs` | a statement taken apart and put together again, to learn its text |
//! | `run.rs` | runs one: future or stream, in its span |
//! | `call.rs` | the span and metrics of one statement |
//! | `shape.rs` | operation, tables and summary out of a text |
//! | `system.rs` | what differs between the databases |
//! | `metrics.rs` | instruments, and the observers of the pool |

mod call;
mod connection;
mod metrics;
mod pool;
mod run;
mod shape;
mod statement;
mod system;
#[cfg(test)]
mod tests;

pub use connection::{Connection, Transaction};
pub use pool::Pool;
pub use system::System;
