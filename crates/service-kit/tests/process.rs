//! A service as a process: starts, and ends well on SIGTERM and SIGINT, also when nobody takes its telemetry.

use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::extract::State;
use service_kit::{App, Boot, Service};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const SERVICE: Service = Service {
    name: "kit-process",
    version: "1.0.0",
    description: "A service for tests.",
    port: 1,
    kind: "test",
    layer: "test",
    tier: "test",
    features: &[],
};
/// Set in the child: then the test below is the service.
const CHILD: &str = "SERVICE_KIT_TEST_CHILD";
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Waiting {
    draining: CancellationToken,
    count: Arc<AtomicUsize>,
}

/// Answers when the drain has begun.
#[utoipa::path(get, path = "/wait", responses((status = 200)))]
async fn wait(State(waiting): State<Waiting>) -> &'static str {
    waiting.count.fetch_add(1, Ordering::SeqCst);
    waiting.draining.cancelled().await;
    "done"
}

/// How many wait.
#[utoipa::path(get, path = "/waiting", responses((status = 200)))]
async fn waiting(State(waiting): State<Waiting>) -> String {
    waiting.count.load(Ordering::SeqCst).to_string()
}

async fn build(boot: Boot) -> Result<App> {
    boot.environment().get("SERVICE_KIT_TEST_NUMBER", 1_u8)?;
    boot.tasks().spawn("background", |stop| async move {
        stop.cancelled().await;
        tracing::info!("background task ended");
    });
    let state = Waiting { draining: boot.draining(), count: Arc::default() };
    Ok(App::new(OpenApiRouter::new().routes(routes!(wait)).routes(routes!(waiting)).with_state(state)))
}

/// Not a test of its own: the service's process.
#[test]
fn child() -> Result<()> {
    if std::env::var_os(CHILD).is_some() {
        service_kit::run(SERVICE, build)?;
    }
    Ok(())
}

fn start(port: u16, more: &[(&str, &str)]) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["child", "--exact", "--nocapture"]).env(CHILD, "1").env("PORT", port.to_string());
    // Nobody listens there.
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").envs(more.iter().copied());
    Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits for the end; kills what does not end.
fn end(mut child: Child) -> Result<Output> {
    let ended = testkit::wait::until("end of the service", LIMIT, || Ok(child.try_wait()?));
    if ended.is_err() {
        child.kill()?;
    }
    let output = child.wait_with_output()?;
    ended?;
    Ok(output)
}

/// Polls until the answer is `expected`.
async fn until(client: &reqwest::Client, url: &str, expected: &str) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Ok(answer) = client.get(url).send().await
            && answer.text().await? == expected
        {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{url} does not answer {expected}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn ends_well_on(signal: &str) -> Result<()> {
    // Without a provider reqwest builds no client; the other test may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
    let port = free_port()?;
    let child = start(port, &[])?;
    let url = format!("http://127.0.0.1:{port}");
    let client = reqwest::Client::new();
    until(&client, &format!("{url}/waiting"), "0").await?;
    let waiting = tokio::spawn(client.get(format!("{url}/wait")).send());
    until(&client, &format!("{url}/waiting"), "1").await?;
    ensure!(Command::new("kill").args([signal, &child.id().to_string()]).status()?.success());
    let output = end(child)?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{told}");
    ensure!(told.contains("background task ended"), "{told}");
    ensure!(!told.contains("stopped late"), "{told}");
    ensure!(waiting.await??.text().await? == "done");
    Ok(())
}

#[tokio::test]
async fn sigterm_drains() -> Result<()> {
    ends_well_on("-TERM").await
}

#[tokio::test]
async fn sigint_drains() -> Result<()> {
    ends_well_on("-INT").await
}

#[test]
fn a_bad_variable_ends_the_start_and_is_named() -> Result<()> {
    for (name, value) in
        [("SERVICE_KIT_TEST_NUMBER", "many"), ("REQUEST_TIMEOUT", "soon"), ("OTEL_TRACES_SAMPLER_ARG", "7")]
    {
        let output = end(start(free_port()?, &[(name, value), ("OTEL_TRACES_SAMPLER", "traceidratio")])?)?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success() && told.contains(name), "{name}: {told}");
    }
    Ok(())
}

#[test]
fn a_taken_port_is_told() -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").context("a free port")?;
    let output = end(start(taken.local_addr()?.port(), &[])?)?;
    ensure!(String::from_utf8_lossy(&output.stderr).contains("cannot listen on 127.0.0.1"), "{output:?}");
    Ok(())
}
