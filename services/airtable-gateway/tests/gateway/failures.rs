//! What Airtable refuses, and how the gateway tells it. Nothing is ever made up.

use crate::setup::{DEALS, Setup, quick};
use serde_json::json;
use stand_in_airtable::{Options, Scenario};

#[tokio::test]
async fn refusals_keep_status_and_type() {
    let setup = Setup::start(quick(), &[("AIRTABLE_RETRIES", "0")]).await;
    let invalid = Scenario::Invalid("INVALID_FILTER_BY_FORMULA".to_owned());
    for (scenario, status, kind, detail) in [
        (Scenario::PaymentRequired, 402, Some("PAYMENT_REQUIRED"), "Payment required"),
        (Scenario::Forbidden, 403, Some("INVALID_PERMISSIONS"), "You are not permitted to perform this operation"),
        (Scenario::NotFound, 404, Some("NOT_FOUND"), "Airtable answered NOT_FOUND"),
        (Scenario::TooLarge, 413, Some("REQUEST_TOO_LARGE"), "Request body is too large"),
        (
            invalid,
            422,
            Some("INVALID_FILTER_BY_FORMULA"),
            "Invalid request: parameter validation failed. Check your request data.",
        ),
        (Scenario::RateLimited, 429, Some("RATE_LIMIT_REACHED"), "Rate limit exceeded. Please try again later"),
        (Scenario::ServerError, 500, Some("SERVER_ERROR"), "The server encountered an unexpected condition."),
        (Scenario::BadGateway, 502, None, "Airtable answered 502 with text/html"),
        (Scenario::Empty, 500, None, "Airtable answered 500 with an empty body"),
    ] {
        setup.airtable.fail_next(1, &scenario);
        let answer = setup.get(DEALS).await;
        assert_eq!((answer.status, answer.body["upstream_type"].as_str()), (status, kind), "{scenario:?}: {answer:?}");
        assert_eq!((&answer.body["detail"], &answer.body["upstream_status"]), (&json!(detail), &json!(status)));
        assert_eq!(answer.body["type"], "urn:quartet:problem:airtable");
    }
    setup.airtable.fail_next(1, &Scenario::Truncated);
    let answer = setup.get(DEALS).await;
    assert_eq!((answer.status, &answer.body["upstream_status"]), (502, &json!(200)), "half a document is no answer");
    assert_eq!(setup.get(DEALS).await.cache.as_deref(), Some("miss"), "no failure was kept");
}

#[tokio::test]
async fn what_airtable_itself_refuses() {
    let setup = Setup::start(quick(), &[]).await;
    for (path, status, kind) in [
        (format!("{DEALS}?filter_by_formula=%7BNope%7D"), 422, "INVALID_FILTER_BY_FORMULA"),
        (format!("{DEALS}?fields=Nope"), 422, "UNKNOWN_FIELD_NAME"),
        (format!("{DEALS}/recNope0000000000"), 404, "NOT_FOUND"),
        (DEALS.replace("Deals", "Nope"), 403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"),
    ] {
        let answer = setup.get(&path).await;
        assert_eq!((answer.status, answer.body["upstream_type"].as_str()), (status, Some(kind)), "{path}");
    }
    let locked_out = Setup::start(Options { tokens: vec!["patOther".to_owned()], ..quick() }, &[]).await;
    let answer = locked_out.get(DEALS).await;
    assert_eq!((answer.status, answer.body["upstream_type"].as_str()), (401, Some("AUTHENTICATION_REQUIRED")));
    assert_eq!(locked_out.get("/ready").await.status, 503);
    assert_eq!(locked_out.get("/health").await.status, 200);
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    let setup = Setup::start(quick(), &[]).await;
    for scenario in [Scenario::RateLimited, Scenario::BadGateway, Scenario::Unavailable, Scenario::Empty] {
        let before = setup.calls("/Deals");
        setup.airtable.fail_next(1, &scenario);
        let answer = setup.get(&format!("{DEALS}?max_records={}", before + 1)).await;
        assert_eq!((answer.status, setup.calls("/Deals") - before), (200, 2), "{scenario:?}");
    }
    let before = setup.calls("/Deals");
    setup.airtable.fail_next(1, &Scenario::Billing);
    let answer = setup.get(&format!("{DEALS}?view=Won")).await;
    assert_eq!(
        (answer.status, setup.calls("/Deals") - before),
        (429, 1),
        "the month's calls do not come back in a minute"
    );
}

#[tokio::test]
async fn a_penalty_that_outlasts_the_deadline_is_told_with_its_end() {
    let setup = Setup::start(quick(), &[("AIRTABLE_PENALTY", "30"), ("AIRTABLE_DEADLINE", "5")]).await;
    setup.airtable.fail_next(1, &Scenario::RateLimited);
    let first = setup.get(DEALS).await;
    assert_eq!((first.status, first.body["upstream_type"].as_str()), (429, Some("RATE_LIMIT_REACHED")));
    assert!((25..=34).contains(&first.retry_after.unwrap()), "{first:?}");
    let second = setup.get(DEALS).await;
    assert_eq!((second.status, &second.body["type"]), (503, &json!("urn:quartet:problem:busy")));
    assert!((25..=34).contains(&second.retry_after.unwrap()), "{second:?}");
    assert_eq!(setup.calls("/Deals"), 1, "the base is left alone");
    assert_eq!(
        setup.get(&DEALS.replace("appSalesCRM000000/tables/Deals", "appContentPlan000/tables/Articles")).await.status,
        200
    );
}

#[tokio::test]
async fn bursts_over_the_real_limit_wait_instead_of_failing() {
    // That none is refused at all is proven with a clock moved by hand in `limiter`; here the machine may be slow.
    let options = Options { rate: 5, penalty: std::time::Duration::from_millis(50), ..Options::default() };
    let setup = Setup::start(options, &[("AIRTABLE_RATE_LIMIT", "5")]).await;
    let paths: Vec<String> = (1..=12).map(|count| format!("{DEALS}?max_records={count}")).collect();
    let answers = futures::future::join_all(paths.iter().map(|path| setup.get(path))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
}

#[tokio::test]
async fn no_answer_and_no_server() {
    let setup = Setup::start(quick(), &[("AIRTABLE_TIMEOUT", "0.05"), ("AIRTABLE_RETRIES", "0")]).await;
    setup.airtable.fail_next(1, &Scenario::Hang);
    assert_eq!(setup.get(DEALS).await.status, 504);
    let Setup { airtable, .. } = &setup;
    let base = airtable.base_url();
    let gone =
        Setup::start(quick(), &[("AIRTABLE_BASE_URL", "http://127.0.0.1:1/v0"), ("AIRTABLE_RETRIES", "1")]).await;
    let answer = gone.get(DEALS).await;
    assert_eq!((answer.status, &answer.body["detail"]), (502, &json!("airtable cannot be reached")), "{base}");
}

#[tokio::test]
async fn a_missing_token_is_a_start_up_error_that_names_it() {
    let environment = service_kit::config::Environment::of([("PORT", "0")]);
    let error = service_kit::start(airtable_gateway::SERVICE, environment, airtable_gateway::build).await.unwrap_err();
    assert!(error.to_string().contains("AIRTABLE_TOKEN"), "{error}");
}
