//! What the server layer costs: CPU time of a thread for requests to a small router, without the layer, with it and no exporter, and with it
//! and the batch exporter running (its own thread is not counted, because it works beside the request). Prints microseconds a request.
//!
//! `cargo run --release -p telemetry --features axum --example layer_cost`

use std::io::Write as _;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

const WARM_UP: u32 = 2_000;
const REQUESTS: u32 = 50_000;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bare = Router::new().route("/orders/{id}", get(|| async { "an order" }));
    let mut out = std::io::stdout();
    let without = runtime.block_on(measure(bare.clone()))?;
    writeln!(out, "without the layer          {without:8.2} µs")?;
    let layered = bare.layer(telemetry::axum::layer());
    let idle = runtime.block_on(measure(layered.clone()))?;
    writeln!(out, "with it, before init       {idle:8.2} µs, added {:.2}", idle - without)?;
    let guard = telemetry::Builder::new("layer-cost").signals(false).init()?;
    let exporting = runtime.block_on(measure(layered))?;
    writeln!(out, "with it and the exporter   {exporting:8.2} µs, added {:.2}", exporting - without)?;
    drop(guard);
    Ok(())
}

async fn measure(app: Router) -> anyhow::Result<f64> {
    for _ in 0..WARM_UP {
        request(&app).await?;
    }
    let before = cpu_nanos()?;
    for _ in 0..REQUESTS {
        request(&app).await?;
    }
    Ok((cpu_nanos()? - before) as f64 / f64::from(REQUESTS) / 1e3)
}

async fn request(app: &Router) -> anyhow::Result<()> {
    let request = Request::get("http://127.0.0.1:8003/orders/7?expand=lines")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("user-agent", "load/1")
        .header("x-user-id", "u-1")
        .header("x-tenant-id", "acme")
        .body(Body::empty())?;
    let response = app.clone().oneshot(request).await?;
    response.into_body().collect().await?;
    Ok(())
}

/// CPU time of this thread: the first number of `schedstat`, in nanoseconds.
fn cpu_nanos() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}
