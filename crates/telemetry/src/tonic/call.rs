//! The span and the metrics of one call.

use std::sync::Arc;

use http::HeaderMap;
use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use tonic::Code;

use crate::operation::Operation;
use crate::providers::{Instruments, Providers};
use crate::semconv::{self, Generation, Names, metric, old};

/// The header or trailer that says how a call ended.
const STATUS: &str = "grpc-status";

/// What both layers need.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) providers: Providers,
    pub(super) names: Names,
    server: bool,
    instruments: Arc<Instruments<Rpc>>,
}

impl Settings {
    pub(super) fn new(server: bool) -> Self {
        Self::with(server, Providers::of_process(), Generation::of_process().rpc)
    }

    pub(super) fn with(server: bool, providers: Providers, names: Names) -> Self {
        let build = if server { Rpc::server } else { Rpc::client };
        Self { instruments: Arc::new(Instruments::new(providers.clone(), build)), providers, names, server }
    }
}

#[derive(Debug)]
struct Rpc {
    duration: Histogram<f64>,
    old_duration: Histogram<f64>,
}

impl Rpc {
    fn server(meter: &Meter) -> Self {
        Self::new(meter, metric::RPC_SERVER_CALL_DURATION, old::RPC_SERVER_DURATION, "Duration of inbound calls.")
    }

    fn client(meter: &Meter) -> Self {
        Self::new(meter, metric::RPC_CLIENT_CALL_DURATION, old::RPC_CLIENT_DURATION, "Duration of outbound calls.")
    }

    fn new(meter: &Meter, name: &'static str, old: &'static str, description: &'static str) -> Self {
        let seconds = meter.f64_histogram(name).with_unit("s").with_description(description);
        Self {
            duration: seconds.with_boundaries(semconv::SECONDS.to_vec()).build(),
            old_duration: meter.f64_histogram(old).with_unit("ms").with_description(description).build(),
        }
    }
}

/// A running call; ended by its status, or by being dropped.
#[derive(Debug)]
pub(super) struct Call {
    settings: Settings,
    instruments: Arc<Rpc>,
    operation: Operation,
    method: String,
    more: Vec<KeyValue>,
    ended: bool,
}

impl Call {
    /// `path` is the request's: `/package.Service/Method`. `more` are attributes of span and metrics, `only_span` those of the span.
    pub(super) fn begin(
        settings: &Settings,
        path: &str,
        parent: &Context,
        more: Vec<KeyValue>,
        only_span: Vec<KeyValue>,
    ) -> Self {
        let method = path.trim_start_matches('/').to_owned();
        let kind = if settings.server { SpanKind::Server } else { SpanKind::Client };
        let operation = Operation::start(&settings.providers, method.clone(), kind, parent, || {
            let mut set = vec![
                KeyValue::new(semconv::RPC_SYSTEM_NAME, "grpc"),
                KeyValue::new(semconv::RPC_METHOD, method.clone()),
            ];
            set.extend(more.iter().cloned());
            set.extend(only_span);
            if settings.names.old() {
                let service = method.split('/').next().unwrap_or_default().to_owned();
                set.extend([KeyValue::new(old::RPC_SYSTEM, "grpc"), KeyValue::new(old::RPC_SERVICE, service)]);
            }
            set
        });
        let instruments = settings.instruments.get();
        Self { settings: settings.clone(), instruments, operation, method, more, ended: false }
    }

    pub(super) fn context(&self) -> &Context {
        self.operation.context()
    }

    /// Records a panic's message as an exception, on the span and in the log.
    pub(super) fn panicked(&self, payload: &(dyn std::any::Any + Send)) {
        let message =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = crate::redactor().text(message.unwrap_or("a value that is no text")).into_owned();
        let _scope = self.context().clone().attach();
        tracing::error!(rpc.method = %self.method, exception.message = %message, "handler panicked");
        let exception =
            vec![KeyValue::new(semconv::EXCEPTION_TYPE, "panic"), KeyValue::new(semconv::EXCEPTION_MESSAGE, message)];
        self.operation.event("exception", exception);
    }

    /// Ends the call with the status in these headers or trailers, if there is one.
    pub(super) fn end_by(&mut self, headers: &HeaderMap) -> bool {
        let Some(status) = headers.get(STATUS) else { return false };
        self.end(Some(Code::from_bytes(status.as_bytes())), None);
        true
    }

    /// Ends the call; `error` names a failure that has no status. Later calls do nothing.
    pub(super) fn end(&mut self, status: Option<Code>, error: Option<&'static str>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let elapsed = self.operation.elapsed();
        let error = error.or_else(|| status.filter(|status| self.is_error(*status)).map(name));
        if let Some(status) = status {
            self.operation.set(KeyValue::new(semconv::RPC_RESPONSE_STATUS_CODE, name(status)));
            if self.settings.names.old() {
                self.operation.set(KeyValue::new(old::RPC_GRPC_STATUS_CODE, i64::from(i32::from(status))));
            }
        }
        match error {
            // Who went away did so by choice; the server did nothing wrong.
            Some(error @ "client_disconnected") => self.operation.set(KeyValue::new(semconv::ERROR_TYPE, error)),
            Some(error) => self.operation.fail(error, ""),
            None => {}
        }
        // Callers can make up methods without end; only those that exist become labels.
        let method =
            if self.settings.server && status == Some(Code::Unimplemented) { semconv::OTHER } else { &self.method };
        let mut labels = vec![
            KeyValue::new(semconv::RPC_SYSTEM_NAME, "grpc"),
            KeyValue::new(semconv::RPC_METHOD, method.to_owned()),
        ];
        labels.extend(self.more.iter().cloned());
        labels.extend(status.map(|status| KeyValue::new(semconv::RPC_RESPONSE_STATUS_CODE, name(status))));
        labels.extend(error.map(|error| KeyValue::new(semconv::ERROR_TYPE, error)));
        let _scope = self.operation.context().clone().attach();
        self.instruments.duration.record(elapsed.as_secs_f64(), &labels);
        if self.settings.names.old() {
            self.instruments.old_duration.record(elapsed.as_secs_f64() * 1e3, &labels);
        }
        self.operation.end();
    }

    /// What of a status is an error: on clients everything but OK, on servers what is their own fault (gRPC conventions).
    fn is_error(&self, status: Code) -> bool {
        let own_fault = matches!(
            status,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        );
        if self.settings.server { own_fault } else { status != Code::Ok }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let error = if self.settings.server { "client_disconnected" } else { "cancelled" };
        self.end(None, Some(error));
    }
}

/// The status's name in the conventions.
fn name(status: Code) -> &'static str {
    match status {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
