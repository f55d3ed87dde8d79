//! Spans and metrics of a read and a write, and that the token is in none of them.

use reqwest::Method;
use serde_json::json;
use telemetry::testing::{InMemory, assert_child, assert_span, attribute};

use crate::setup::{DEALS, Setup, TOKEN, quick};

const ROUTE: &str = "/api/v1/airtable/bases/{base}/tables/{table}/records";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn call(setup: &Setup, method: Method, body: Option<serde_json::Value>) {
    let request = setup.request(method, DEALS).header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"));
    let request = request.header("x-tenant-id", "tenant-7").header("x-user-id", "user-9");
    let request = if let Some(body) = body { request.json(&body) } else { request };
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_read_is_one_trace_down_to_airtable() {
    let telemetry = InMemory::install();
    let setup = Setup::start(quick(), &[]).await;
    call(&setup, Method::GET, None).await;
    let server = assert_span(&telemetry, &format!("GET {ROUTE}"));
    let work = assert_span(&telemetry, "airtable.list_records");
    let cache = assert_span(&telemetry, "cache get");
    let client = assert_span(&telemetry, "GET /{base}/{table}");
    assert_eq!(server.span_context.trace_id().to_string(), TRACE);
    assert_child(&server, &work);
    assert_child(&work, &cache);
    assert_child(&work, &client);
    assert_eq!(attribute(&work, "airtable.base.id").as_deref(), Some("appSalesCRM000000"));
    assert_eq!(attribute(&work, "airtable.table").as_deref(), Some("Deals"));
    assert_eq!(attribute(&work, "airtable.records").as_deref(), Some("100"));
    assert_eq!(attribute(&cache, "cache.hit").as_deref(), Some("false"));
    for span in [&server, &work, &cache, &client] {
        assert_eq!(attribute(span, "tenant.id").as_deref(), Some("tenant-7"), "{}", span.name);
        assert_eq!(attribute(span, "user.id").as_deref(), Some("user-9"), "{}", span.name);
    }
    let sent = setup.airtable.calls()[0].traceparent.clone().unwrap();
    assert_eq!(sent, format!("00-{TRACE}-{}-01", client.span_context.span_id()));

    call(&setup, Method::GET, None).await;
    let hits: Vec<_> = telemetry.spans().into_iter().filter(|span| span.name == "cache get").collect();
    assert_eq!(attribute(&hits[1], "cache.hit").as_deref(), Some("true"));
    assert_eq!((setup.calls("/Deals"), telemetry.count("cache.requests")), (1, 2.0));
}

#[tokio::test]
async fn a_write_and_its_second_try_are_in_the_callers_trace() {
    let telemetry = InMemory::install();
    let setup = Setup::start(quick(), &[]).await;
    setup.airtable.fail_next(1, &stand_in_airtable::Scenario::RateLimited);
    call(&setup, Method::POST, Some(json!([{"Deal": "traced"}]))).await;
    let work = assert_span(&telemetry, "airtable.create_records");
    let tries: Vec<_> = telemetry.spans().into_iter().filter(|span| span.name == "POST /{base}/{table}").collect();
    assert_eq!(tries.len(), 2);
    tries.iter().for_each(|span| assert_child(&work, span));
    assert_eq!(attribute(&tries[0], "http.response.status_code").as_deref(), Some("429"));
    assert_eq!(attribute(&tries[1], "http.request.resend_count").as_deref(), Some("1"));
    assert_eq!(attribute(&tries[1], "tenant.id").as_deref(), Some("tenant-7"));
    assert_eq!(telemetry.count("airtable.retries"), 1.0);
}

#[tokio::test]
async fn the_token_is_nowhere() {
    let telemetry = InMemory::with_variables(&[("LOG_LEVEL", "debug")]);
    let setup = Setup::start(quick(), &[("AIRTABLE_RETRIES", "1")]).await;
    for scenario in [stand_in_airtable::Scenario::RateLimited, stand_in_airtable::Scenario::BadGateway] {
        setup.airtable.fail_next(2, &scenario);
        setup.get(DEALS).await;
    }
    call(&setup, Method::GET, None).await;
    let everything = format!("{:?} {:?} {:?}", telemetry.spans(), telemetry.logs(), telemetry.lines());
    assert!(everything.contains("airtable.list_records"));
    assert!(!everything.contains(TOKEN), "the token is in telemetry");
}
