//! A store that remembers, and a server in front of it.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use collector::receivers::{Intake, loki_push, otlp, remote_write};
use collector::serve::serve;
use collector::telemetry::{self, Telemetry};
use collector::{Pipeline, ReceiverSettings};
use model::TenantId;
use store_api::append::AppendFuture;
use store_api::{Appended, Appender, Payload, StoreError};
use testkit::grpc::BlockingGrpc;
use testkit::http::HttpClient;
use testkit::otlp::{Span, attributes};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Headers of a request.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

/// Makes an error anew for each request: errors cannot be cloned.
pub(crate) type MakeError = fn() -> StoreError;

/// What the store answers.
type Answer = Box<dyn Fn(&Payload) -> Result<Appended, StoreError> + Send + Sync>;

/// Remembers requests and answers as told.
pub(crate) struct FakeStore {
    pub(crate) taken: Mutex<Vec<(TenantId, Payload)>>,
    answer: Mutex<Answer>,
    /// Appends wait for a permit: a store that is slow until told otherwise.
    pub(crate) gate: Semaphore,
}

impl Appender for FakeStore {
    fn append<'a>(&'a self, tenant: &'a TenantId, payload: Payload) -> AppendFuture<'a> {
        Box::pin(async move {
            let _pass = self.gate.acquire().await.expect("never closed");
            let outcome = (self.answer.lock().expect("test"))(&payload);
            self.taken.lock().expect("test").push((tenant.clone(), payload));
            outcome
        })
    }
}

/// Listeners as quartet opens them, on free ports.
pub(crate) struct Server {
    pub(crate) store: Arc<FakeStore>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) stop: CancellationToken,
    pub(crate) otlp: SocketAddr,
    pub(crate) mimir: SocketAddr,
    pub(crate) loki: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(ReceiverSettings::default())
    }

    pub(crate) fn with(settings: ReceiverSettings) -> Self {
        let count = |payload: &Payload| {
            let accepted = collector::count::records(payload.format, &payload.body);
            Ok(Appended { accepted, samples: accepted, ..Appended::default() })
        };
        let store = Arc::new(FakeStore {
            taken: Mutex::default(),
            answer: Mutex::new(Box::new(count)),
            gate: Semaphore::new(1000),
        });
        let telemetry = Arc::new(Telemetry::new("0"));
        let intake = Intake::new(Pipeline::new(store.clone(), Arc::clone(&telemetry)), &settings);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let stop = CancellationToken::new();
        let mut tasks = Vec::new();
        let mut open = |router: Router| {
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
            let address = listener.local_addr().expect("bound");
            tasks.push(runtime.spawn(serve(listener, router, stop.clone())));
            address
        };
        let otlp = open(otlp::router(intake.clone(), "otlp-grpc", &settings.cors_origins));
        let mimir = open(remote_write::router(intake.clone()).merge(otlp::single::mimir_router(intake.clone())));
        let loki = open(loki_push::router(intake.clone()).merge(otlp::single::loki_router(intake)));
        let metrics = open(telemetry::router(Arc::clone(&telemetry)));
        Self { store, telemetry, stop, otlp, mimir, loki, metrics, runtime, tasks }
    }

    /// Makes the store answer this from now on.
    pub(crate) fn answer(&self, answer: impl Fn() -> Result<Appended, StoreError> + Send + Sync + 'static) {
        *self.store.answer.lock().expect("test") = Box::new(move |_| answer());
    }

    /// The last request that the store was given.
    pub(crate) fn last(&self) -> (TenantId, Payload) {
        self.store.taken.lock().expect("test").last().cloned().expect("the store was given a request")
    }

    /// How many requests the store was given.
    pub(crate) fn taken(&self) -> usize {
        self.store.taken.lock().expect("test").len()
    }

    pub(crate) fn grpc(&self) -> BlockingGrpc {
        BlockingGrpc::connect(self.otlp).expect("listening")
    }

    pub(crate) fn http(&self) -> HttpClient {
        HttpClient::new(self.otlp)
    }

    /// One value of our own metrics.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let text = HttpClient::new(self.metrics).get("/metrics").expect("listening").text();
        let found = text.lines().find_map(|have| have.strip_prefix(line)?.strip_prefix(' ')?.parse().ok());
        found.unwrap_or_else(|| panic!("no {line} in\n{text}"))
    }
}

/// An export of `count` spans.
pub(crate) fn spans(count: usize) -> Vec<u8> {
    let span = |i: usize| Span {
        trace_id: [7; 16],
        span_id: (i as u64 + 1).to_be_bytes(),
        name: format!("GET /{i}"),
        kind: 2,
        start: 1_795_363_200_000_000_000,
        ..Span::default()
    };
    let spans: Vec<Span> = (0..count).map(span).collect();
    testkit::otlp::traces(&attributes([("service.name", "checkout".into())]), &spans)
}

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

pub(crate) fn zstd(plain: &[u8]) -> Vec<u8> {
    ::zstd::stream::encode_all(plain, 1).expect("memory")
}

pub(crate) fn snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).expect("memory")
}
