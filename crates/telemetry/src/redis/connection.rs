//! The newtype over a connection.

use std::sync::Arc;

use opentelemetry::context::FutureExt as _;
use redis::aio::{ConnectionLike, ConnectionManager};
use redis::{Client, Cmd, ConnectionAddr, Pipeline, RedisFuture, Value};

use super::call::{Call, Redis};
use crate::providers::{Instruments, Providers};
use crate::semconv::{Generation, Names};

/// A connection to Redis with telemetry; as cheap to clone as what is inside. Implements `aio::ConnectionLike`, and with it
/// `AsyncCommands`, scripts and pipelines.
#[derive(Clone)]
pub struct Connection<C = ConnectionManager> {
    inner: C,
    source: Arc<Source>,
}

#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) providers: Providers,
    pub(super) instruments: Arc<Instruments<Redis>>,
    pub(super) names: Names,
    pub(super) server: Option<(String, Option<u16>)>,
    pub(super) prefixes: Vec<String>,
}

impl<C> std::fmt::Debug for Connection<C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("server", &self.source.server).finish_non_exhaustive()
    }
}

impl<C> Connection<C> {
    /// Wraps a connection of `client`, of which only the address is read.
    pub fn new(inner: C, client: &Client) -> Self {
        let server = match client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Some((host.clone(), Some(*port)))
            }
            ConnectionAddr::Unix(path) => Some((path.to_string_lossy().into_owned(), None)),
            _ => None,
        };
        let providers = Providers::of_process();
        let source = Source {
            instruments: Arc::new(Instruments::new(providers.clone(), Redis::new)),
            providers,
            names: Generation::of_process().database,
            server,
            prefixes: Vec::new(),
        };
        Self { inner, source: Arc::new(source) }
    }

    /// Spans and metrics go to these providers instead of the process's.
    #[must_use]
    pub fn providers(self, providers: Providers) -> Self {
        self.with(|source| {
            source.instruments = Arc::new(Instruments::new(providers.clone(), Redis::new));
            source.providers = providers;
        })
    }

    /// Which generation of names is written, instead of what `OTEL_SEMCONV_STABILITY_OPT_IN` says.
    #[must_use]
    pub fn names(self, names: Names) -> Self {
        self.with(|source| source.names = names)
    }

    /// Keys that begin with `prefix` are told as `{prefix}*`, so it must hold nothing of a user. Without this, all that is told of a key
    /// is its first segment, up to a colon, when that is a word.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.with(|source| source.prefixes.push(prefix.into()))
    }

    /// The connection inside, for commands that must not be traced.
    pub fn untraced(&mut self) -> &mut C {
        &mut self.inner
    }

    fn with(mut self, change: impl FnOnce(&mut Source)) -> Self {
        change(Arc::make_mut(&mut self.source));
        self
    }
}

impl<C: ConnectionLike + Send> ConnectionLike for Connection<C> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let mut call = Call::command(&self.source, self.inner.get_db(), command);
            let answer = self.inner.req_packed_command(command).with_context(call.context()).await;
            match &answer {
                Ok(value) => call.answered([(command, value)]),
                Err(error) => call.failed(error),
            }
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let mut call = Call::pipeline(&self.source, self.inner.get_db(), pipeline);
            let answers = self.inner.req_packed_commands(pipeline, offset, count).with_context(call.context()).await;
            match &answers {
                // A transaction's answers come as one array.
                Ok(values) => match values.as_slice() {
                    [Value::Array(values)] if pipeline.is_transaction() => {
                        call.answered(pipeline.cmd_iter().zip(values))
                    }
                    values => call.answered(pipeline.cmd_iter().zip(values)),
                },
                Err(error) => call.failed(error),
            }
            answers
        })
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}
