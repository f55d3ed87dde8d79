//! A child that serves: one route with a path parameter, bare or with a server layer and its exporter.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use clap::ValueEnum;

/// What is around the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Around {
    Nothing,
    #[cfg(feature = "contrib")]
    Contrib,
    Telemetry,
}

impl Around {
    #[cfg(feature = "contrib")]
    pub(crate) const ALL: &[Self] = &[Self::Nothing, Self::Contrib, Self::Telemetry];
    #[cfg(not(feature = "contrib"))]
    pub(crate) const ALL: &[Self] = &[Self::Nothing, Self::Telemetry];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Nothing => "no telemetry",
            #[cfg(feature = "contrib")]
            Self::Contrib => "plain: opentelemetry-instrumentation-tower",
            Self::Telemetry => "telemetry: `axum::layer()`",
        }
    }
}

/// Runs in the child: prints the address, then serves until it is killed.
pub(crate) fn run(around: Around) -> Result<()> {
    let router = Router::new().route("/orders/{id}", get(order));
    match around {
        Around::Nothing => serve(router),
        Around::Telemetry => {
            let _guard = telemetry::Builder::new("bench").signals(false).logs_to_nowhere().init()?;
            serve(router.layer(telemetry::axum::layer()))
        }
        #[cfg(feature = "contrib")]
        Around::Contrib => serve(contrib(router)?),
    }
}

async fn order(Path(id): Path<String>) -> String {
    format!("order {id}")
}

#[cfg(feature = "contrib")]
fn contrib(router: Router) -> Result<Router> {
    use opentelemetry::global;
    use opentelemetry::propagation::TextMapCompositePropagator;
    use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

    global::set_tracer_provider(crate::plain::tracers()?);
    global::set_meter_provider(crate::plain::meters()?);
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]));
    Ok(router.layer(opentelemetry_instrumentation_tower::http::server::Layer::new()))
}

/// With one worker, so that threads that look for work do not blur what a request costs.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn serve(router: Router) -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
