//! Writes through the gateway: batches, typecast, what the cache forgets.

use crate::setup::{DEALS, Setup, quick};
use reqwest::Method;
use serde_json::{Value as Json, json};
use stand_in_airtable::Scenario;

const COMPANIES: &str = "/api/v1/airtable/bases/appSalesCRM000000/tables/Companies/records";
const ARTICLES: &str = "/api/v1/airtable/bases/appContentPlan000/tables/Articles/records";

fn ids(answer: &Json) -> Vec<String> {
    answer["records"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn create_change_replace_delete_in_batches_of_ten() {
    let setup = Setup::start(quick(), &[]).await;
    let records: Vec<Json> = (0..25).map(|at| json!({"Deal": format!("deal {at}"), "Amount": at})).collect();
    let made = setup.send(Method::POST, DEALS, Some(json!(records))).await;
    assert_eq!((made.status, &made.body["total"], setup.calls("/Deals")), (200, &json!(25), 3), "{made:?}");
    let ids = ids(&made.body);
    let names: Vec<&str> = made.body["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["fields"]["Deal"].as_str().unwrap())
        .collect();
    assert_eq!((names[0], names[24]), ("deal 0", "deal 24"), "the order is that of the request");

    let changes: Vec<Json> = ids.iter().take(12).map(|id| json!({"id": id, "fields": {"Amount": 7}})).collect();
    let merged = setup.send(Method::PATCH, DEALS, Some(json!(changes))).await;
    assert_eq!(
        (&merged.body["records"][11]["fields"]["Amount"], &merged.body["records"][11]["fields"]["Deal"]),
        (&json!(7), &json!("deal 11"))
    );
    let replaced = setup.send(Method::PUT, DEALS, Some(json!([{"id": ids[0], "fields": {"Amount": 8}}]))).await;
    assert_eq!(replaced.body["records"][0]["fields"].get("Deal"), None);

    let query: Vec<String> = ids[..11].iter().map(|id| format!("record_ids={id}")).collect();
    let gone = setup.send(Method::DELETE, &format!("{DEALS}?{}", query.join("&")), None).await;
    assert_eq!((gone.status, gone.body["records"].as_array().unwrap().len()), (200, 11));
    let gone = setup.send(Method::DELETE, DEALS, Some(json!(ids[11..20]))).await;
    assert_eq!(gone.body["records"][0], json!({"id": ids[11], "deleted": true}));
    let gone = setup.send(Method::DELETE, DEALS, Some(json!({"record_ids": ids[20..]}))).await;
    assert_eq!(gone.body["records"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn typecast_is_passed_on() {
    let setup = Setup::start(quick(), &[]).await;
    let body = json!([{"Deal": "cast", "Amount": "1,200", "Stage": "Brand new"}]);
    let refused = setup.send(Method::POST, DEALS, Some(body.clone())).await;
    assert_eq!((refused.status, &refused.body["upstream_type"]), (422, &json!("INVALID_VALUE_FOR_COLUMN")));
    let made = setup.send(Method::POST, &format!("{DEALS}?typecast=True"), Some(body)).await;
    assert_eq!((made.status, &made.body["records"][0]["fields"]["Amount"]), (200, &json!(1200)));
}

#[tokio::test]
async fn a_write_hides_what_is_kept_of_its_table_and_of_those_linked_to_it() {
    let setup = Setup::start(quick(), &[]).await;
    let by_id = DEALS.replace("/Deals/", "/tblDeals000000000/");
    let cache = async |path: &str| setup.get(path).await.cache.unwrap();
    for warm in [true, false] {
        if warm {
            setup.get("/api/v1/airtable/bases/appSalesCRM000000/schema").await;
        }
        for path in [DEALS, by_id.as_str(), COMPANIES, ARTICLES] {
            cache(path).await;
            assert_eq!(cache(path).await, "hit", "{path}");
        }
        let made = setup.send(Method::POST, DEALS, Some(json!([{"Deal": "new"}]))).await;
        assert_eq!(made.status, 200);
        for path in [DEALS, by_id.as_str(), COMPANIES] {
            assert_eq!(cache(path).await, "miss", "{path}, schema known: {warm}");
        }
        assert_eq!(cache(ARTICLES).await, "hit", "another base");
        setup.send(Method::POST, "/api/v1/airtable/cache/invalidate?pattern=schema", None).await;
    }
}

#[tokio::test]
async fn a_batch_that_fails_half_way_tells_what_is_written() {
    let setup = Setup::start(quick(), &[]).await;
    let mut records: Vec<Json> = (0..25).map(|at| json!({"Deal": format!("half {at}")})).collect();
    records[13] = json!({"Deal": "half", "Amount": "not a number"});
    setup.get(DEALS).await;
    let failed = setup.send(Method::POST, DEALS, Some(json!(records))).await;
    assert_eq!((failed.status, &failed.body["upstream_type"]), (422, &json!("INVALID_VALUE_FOR_COLUMN")));
    assert_eq!((failed.body["written"].as_array().unwrap().len(), &failed.body["failed_from"]), (10, &json!(10)));
    assert_eq!(setup.calls("/Deals"), 3, "the third batch is not sent");
    assert_eq!(setup.get(DEALS).await.cache.as_deref(), Some("miss"), "the cache forgets after a failure too");
}

#[tokio::test]
async fn a_create_is_sent_again_only_when_airtable_did_nothing() {
    let setup = Setup::start(quick(), &[]).await;
    setup.airtable.fail_next(1, &Scenario::RateLimited);
    let made = setup.send(Method::POST, DEALS, Some(json!([{"Deal": "once"}]))).await;
    assert_eq!((made.status, setup.calls("/Deals")), (200, 2), "{made:?}");
    setup.airtable.fail_next(1, &Scenario::Unavailable);
    let failed = setup.send(Method::POST, DEALS, Some(json!([{"Deal": "once"}]))).await;
    assert_eq!((failed.status, setup.calls("/Deals")), (503, 3));
    setup.airtable.fail_next(1, &Scenario::Unavailable);
    let change = json!([{"id": ids(&made.body)[0], "fields": {"Amount": 1}}]);
    let changed = setup.send(Method::PATCH, DEALS, Some(change)).await;
    assert_eq!((changed.status, setup.calls("/Deals")), (200, 5), "a change may be sent twice");
}

#[tokio::test]
async fn wrong_bodies_are_named() {
    let setup = Setup::start(quick(), &[]).await;
    let too_many: Vec<Json> = (0..501).map(|_| json!({})).collect();
    for (method, body, field) in [
        (Method::POST, json!({"fields": {}}), "body"),
        (Method::POST, json!([]), "body"),
        (Method::POST, json!(too_many), "body"),
        (Method::POST, json!([{}, 7]), "[1]"),
        (Method::PATCH, json!([{"id": "rec1"}]), "[0].fields"),
        (Method::PUT, json!([{"id": "rec1", "fields": {}, "extra": 1}]), "[0].extra"),
        (Method::DELETE, json!([]), "record_ids"),
        (Method::DELETE, json!(["rec1", "rec/2"]), "record_ids[1]"),
        (Method::DELETE, json!({"ids": []}), "body"),
    ] {
        let answer = setup.send(method.clone(), DEALS, Some(body)).await;
        assert_eq!(
            (answer.status, answer.body["errors"][0]["field"].as_str()),
            (422, Some(field)),
            "{method}: {:?}",
            answer.body
        );
    }
    assert_eq!(setup.airtable.calls().len(), 0);
}
