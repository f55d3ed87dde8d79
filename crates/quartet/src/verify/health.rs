//! Checks 1 and 2: every service and every component of the stack says that it is well.

use std::time::Instant;

use http::StatusCode;
use serde_json::Value;

use super::probe::Probe;
use super::report::Item;
use super::stack::{Service, Stack};

/// `/health` of each service: 200, a status that means well, and the service's own name; `/ready` with its dependencies.
pub(super) async fn services(probe: &Probe, services: &[Service]) -> Vec<Item> {
    let mut items = Vec::new();
    for service in services {
        let Some(url) = &service.url else {
            items.push(Item::skipped(service.name));
            continue;
        };
        items.push(Item::of(service.name, health(probe, service.name, url).await));
        items.push(Item::of(format!("{} ready", service.name), ready(probe, url).await));
    }
    items
}

async fn health(probe: &Probe, name: &str, url: &str) -> Result<String, String> {
    let started = Instant::now();
    let answer = super::probe::ok(url, "/health", probe.call(url, "/health", Vec::new(), None).await?)?;
    let took = started.elapsed().as_secs_f64() * 1e3;
    let body: Value =
        serde_json::from_slice(&answer.body).map_err(|_| format!("{url}/health answered what is no JSON"))?;
    let status = body["status"].as_str().unwrap_or_default();
    if !matches!(status, "healthy" | "ok" | "up") {
        return Err(format!("{url}/health says status {status:?}"));
    }
    match body["service"].as_str() {
        Some(said) if said != name => Err(format!("{url} is {said}, not {name}")),
        _ => Ok(format!("{url} {status}, {took:.1} ms")),
    }
}

async fn ready(probe: &Probe, url: &str) -> Result<String, String> {
    let answer = probe.call(url, "/ready", Vec::new(), None).await?;
    if answer.status == StatusCode::OK {
        return Ok("with its dependencies".into());
    }
    // The service names the component that is down.
    super::probe::ok(url, "/ready", answer).map(|_| String::new())
}

/// The pages that the old integration script asked, each with what its answer must hold.
pub(super) async fn stack(probe: &Probe, stack: &Stack) -> Vec<Item> {
    let prometheus = stack.prometheus.as_deref();
    // Prometheus has its own path, and so has a Mimir below its prefix; the bare one is Mimir's.
    let mimir = prometheus.map(|url| match url.strip_suffix("/prometheus") {
        Some(root) => (root, "/ready"),
        None => (url, "/-/ready"),
    });
    let pages = [
        ("Grafana", stack.grafana.as_deref().map(|url| (url, "/api/health")), "ok"),
        ("Tempo services", stack.tempo.as_deref().map(|url| (url, "/status/services")), ""),
        ("Tempo", stack.tempo.as_deref().map(|url| (url, "/ready")), "ready"),
        ("Loki", stack.loki.as_deref().map(|url| (url, "/ready")), "ready"),
        ("Mimir", mimir, "ready"),
        ("Collector", stack.collector_health.as_deref().map(|url| (url, "/health")), ""),
    ];
    let mut items = Vec::new();
    for (what, page, expected) in pages {
        let Some((url, path)) = page else {
            items.push(Item::skipped(what));
            continue;
        };
        items.push(Item::of(what, look(probe, url, path, expected).await));
    }
    items
}

async fn look(probe: &Probe, url: &str, path: &str, expected: &str) -> Result<String, String> {
    let answer = probe.store(url, path).await?;
    let text = String::from_utf8_lossy(&answer.body);
    if text.to_ascii_lowercase().contains(expected) {
        return Ok(format!("{url}{path} 200"));
    }
    let words: String = text.trim().chars().take(100).collect();
    Err(format!("{url}{path} answered 200 with {words:?}, without {expected:?}"))
}
