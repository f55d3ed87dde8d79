//! Programs that people really run: the Python OTel SDK at the pinned and the newest versions, and Prometheus.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use quartet_tests::fixture::{Fixture, loud_skip, now_nanos, repository};
use testkit::wait;

/// The interpreter of a Python environment that `python/environment.sh` makes if it is missing.
pub(crate) fn environment(name: &str) -> Result<PathBuf> {
    let script = repository().join("tests/python/environment.sh");
    let output =
        Command::new(&script).arg(name).stderr(Stdio::inherit()).output().context("cannot run environment.sh")?;
    ensure!(output.status.success(), "no Python environment `{name}`: {}", String::from_utf8_lossy(&output.stderr));
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// A child that goes with the test.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn start(command: &mut Command, log: &Path) -> Result<Helper> {
    let file = fs::File::create(log)?;
    let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn();
    Ok(Helper(child.with_context(|| format!("cannot start {command:?}"))?))
}

/// A FastAPI program with httpx, SQLAlchemy, Redis and structured logs; it reads everything back and compares by itself.
fn python_program(environment_name: &str, protocol: &str) -> Result<()> {
    let python = environment(environment_name)?;
    let fixture = Fixture::start()?;
    let redis_port = free_port()?;
    let arguments = ["--port", &redis_port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let redis = start(Command::new("redis-server").args(arguments), &fixture.folder().join("redis.log"));
    let _redis = redis.context("redis-server is needed: `make test` installs it")?;
    wait::until("redis", Duration::from_secs(10), || Ok(std::net::TcpStream::connect(("127.0.0.1", redis_port)).ok()))?;
    let mut command = Command::new(python);
    command.arg(repository().join("tests/python/program.py")).arg(protocol);
    for listener in ["otlp-grpc", "otlp-http", "tempo", "loki", "mimir"] {
        let name = format!("QUARTET_{}", listener.to_uppercase().replace('-', "_"));
        command.env(name, fixture.server.address(listener)?.to_string());
    }
    command.env("REDIS_PORT", redis_port.to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().context("cannot run program.py")?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{environment_name} over {protocol}:\n{told}");
    ensure!(!fixture.server.panicked(), "panic: {}", fixture.server.log_tail());
    Ok(())
}

#[test]
fn the_pinned_python_sdk_over_grpc() -> Result<()> {
    python_program("seed", "grpc")
}

#[test]
fn the_pinned_python_sdk_over_http() -> Result<()> {
    python_program("seed", "http")
}

#[test]
fn the_newest_python_sdk_over_grpc() -> Result<()> {
    python_program("newest", "grpc")
}

#[test]
fn the_newest_python_sdk_over_http() -> Result<()> {
    python_program("newest", "http")
}

#[test]
fn prometheus_writes_its_own_metrics_and_they_are_read_back() -> Result<()> {
    let found = Command::new("prometheus").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        loud_skip(
            "prometheus_writes_its_own_metrics_and_they_are_read_back",
            "no `prometheus` on PATH: `make test` installs it",
        );
        return Ok(());
    }
    let fixture = Fixture::start()?;
    let port = free_port()?;
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: self\n    static_configs:\n      - targets: ['127.0.0.1:{port}']\n\
         remote_write:\n  - url: http://{}/api/v1/push\n",
        fixture.server.address("mimir")?
    );
    let file = fixture.folder().join("prometheus.yml");
    fs::write(&file, config)?;
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", fixture.folder().join("tsdb").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let log = fixture.folder().join("prometheus.log");
    let _prometheus = start(&mut command, &log)?;
    let mut theirs = testkit::http::HttpClient::new(([127, 0, 0, 1], port).into());
    let mut ours = fixture.server.http("mimir")?;
    let told = wait::until("samples of Prometheus", Duration::from_secs(60), || {
        let page = ours.get("/prometheus/api/v1/query?query=prometheus_build_info")?.ok()?.json()?;
        let result = page["data"]["result"].as_array().cloned().unwrap_or_default();
        Ok(result.first().cloned())
    });
    let told = told.with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
    // What it wrote and what it holds itself must be the same series with the same labels.
    let page = theirs.get("/api/v1/query?query=prometheus_build_info")?.ok()?.json()?;
    assert_eq!(told["metric"], page["data"]["result"][0]["metric"]);
    let names = |page: serde_json::Value| page["data"].as_array().map(Vec::len).unwrap_or_default();
    let held = names(theirs.get("/api/v1/label/__name__/values")?.ok()?.json()?);
    let arrived = wait::until("all names of Prometheus", Duration::from_secs(60), || {
        let count = names(ours.get("/prometheus/api/v1/label/__name__/values")?.ok()?.json()?);
        Ok((count >= held).then_some(count))
    })?;
    ensure!(held > 100 && arrived >= held, "{held} names there, {arrived} here");
    compare_values(&mut theirs, &mut ours)
}

/// Some samples, value for value at the same moment.
fn compare_values(theirs: &mut testkit::http::HttpClient, ours: &mut testkit::http::HttpClient) -> Result<()> {
    // Remote write trails the scrape: compare at the newest moment that ours has.
    let page = ours.get("/prometheus/api/v1/query?query=prometheus_tsdb_head_series")?.ok()?.json()?;
    let Some(now) = page["data"]["result"][0]["value"][0].as_f64() else { bail!("no sample: {page}") };
    let moment = (now.min(now_nanos() as f64 / 1e9) - 3.0) as u64;
    for name in ["prometheus_tsdb_head_series", "process_cpu_seconds_total", "go_memstats_alloc_bytes"] {
        let path = format!("/api/v1/query?query={name}&time={moment}");
        let (left, right) = (theirs.get(&path)?.ok()?.json()?, ours.get(&format!("/prometheus{path}"))?.ok()?.json()?);
        assert_eq!(left["data"]["result"], right["data"]["result"], "{name}");
    }
    Ok(())
}
