//! Redis, with a CLIENT span, the database metrics and hits and misses per command or pipeline.
//!
//! ```no_run
//! # async fn example() -> redis::RedisResult<()> {
//! use redis::AsyncCommands;
//! let client = redis::Client::open("redis://127.0.0.1/")?;
//! let manager = client.get_connection_manager().await?;
//! let mut connection = telemetry::redis::Connection::new(manager, &client);
//! let session: Option<String> = connection.get("session:4f9c").await?;
//! # drop(session);
//! # Ok(())
//! # }
//! ```
//!
//! Works over everything that is an `aio::ConnectionLike`. Neither keys nor values are recorded: a key becomes the pattern of its kind
//! (`session:4f9c` → `session:*`, see [`Connection::prefix`]), a command its name.
//!
//! | file | what it does |
//! |---|---|
//! | `connection.rs` | the newtype |
//! | `call.rs` | span and metrics of one round trip |
//! | `command.rs` | name, key patterns and result of a command |

mod call;
mod command;
mod connection;
#[cfg(test)]
mod tests;

pub use connection::Connection;
