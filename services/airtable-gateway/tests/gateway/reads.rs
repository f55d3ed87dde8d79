//! Reads through the gateway: shapes, parameters, cache.

use crate::setup::{DEALS, Setup, quick};
use reqwest::Method;
use serde_json::json;
use stand_in_airtable::Options;

const API: &str = "/api/v1/airtable";

#[tokio::test]
async fn connection_bases_schema_tables() {
    let setup = Setup::start(quick(), &[]).await;
    let test = setup.get(&format!("{API}/test")).await;
    assert_eq!((test.status, &test.body["status"]), (200, &json!("connected")));
    assert_eq!(test.body["user"]["id"], "usrAda00000000001");
    let bases = setup.get(&format!("{API}/bases")).await;
    assert_eq!(
        bases.body["bases"][0],
        json!({"id": "appSalesCRM000000", "name": "Sales CRM", "permissionLevel": "create"})
    );
    let schema = setup.get(&format!("{API}/bases/appSalesCRM000000/schema")).await;
    assert_eq!(schema.cache.as_deref(), Some("miss"));
    assert_eq!(schema.body["tables"][2]["fields"][5]["type"], "currency");
    let tables = setup.get(&format!("{API}/bases/appSalesCRM000000/tables")).await;
    assert_eq!(tables.cache.as_deref(), Some("hit"), "both come from one schema");
    assert_eq!(tables.body, schema.body);
}

#[tokio::test]
async fn lists_have_the_contracts_parameters_and_shape() {
    let setup = Setup::start(quick(), &[]).await;
    let query = "fields=Amount&fields=Stage&filter_by_formula=%7BAmount%7D%3E1000&sort_field=Amount&sort_direction=desc&page_size=5&max_records=12";
    let first = setup.get(&format!("{DEALS}?{query}")).await;
    assert_eq!(
        (first.status, &first.body["total"], &first.body["hasMore"]),
        (200, &json!(5), &json!(true)),
        "{first:?}"
    );
    let record = &first.body["records"][0];
    assert_eq!(record["fields"].as_object().unwrap().len(), 2);
    assert!(record["id"].as_str().unwrap().starts_with("rec") && record["createdTime"].is_string());
    let mut seen = 5;
    let mut offset = first.body["offset"].as_str().map(ToOwned::to_owned);
    while let Some(next) = offset {
        let page = setup.get(&format!("{DEALS}?{query}&offset={}", next.replace('/', "%2F"))).await;
        assert_eq!(page.status, 200, "{page:?}");
        seen += page.body["records"].as_array().unwrap().len();
        assert_eq!(page.body["hasMore"], json!(page.body.get("offset").is_some()));
        offset = page.body["offset"].as_str().map(ToOwned::to_owned);
    }
    assert_eq!(seen, 12);
    let sorts = "sort_field=Stage&sort_direction=desc&sort_field=Amount&sort_direction=asc&fields=Stage&fields=Amount";
    let sorted = setup.get(&format!("{DEALS}?{sorts}")).await.body["records"].clone();
    assert_eq!((&sorted[0]["fields"]["Stage"], &sorted[1]["fields"]["Stage"]), (&json!("Lost"), &json!("Lost")));
    assert!(sorted[0]["fields"]["Amount"].as_f64() <= sorted[1]["fields"]["Amount"].as_f64());
    let view = setup.get(&format!("{DEALS}?view=Won")).await;
    assert!(view.body["records"].as_array().unwrap().iter().all(|record| record["fields"]["Stage"] == "Won"));
    let id = record["id"].as_str().unwrap();
    assert_eq!(setup.get(&format!("{DEALS}/{id}")).await.body["id"], id);
}

#[tokio::test]
async fn a_formula_too_long_for_a_url_is_sent_in_a_body() {
    let setup = Setup::start(quick(), &[]).await;
    let formula = format!("OR({}%7BStage%7D%3D%27Won%27)", "%7BStage%7D%3D%27Lost%27%2C".repeat(800));
    let found = setup.get(&format!("{DEALS}?filter_by_formula={formula}")).await;
    assert_eq!(found.status, 200, "{:?}", found.body);
    assert!(found.body["total"].as_u64().unwrap() > 10);
    assert_eq!(setup.calls("/listRecords"), 1);
}

#[tokio::test]
async fn the_second_read_is_a_hit_whatever_the_order_of_parameters() {
    let setup = Setup::start(quick(), &[]).await;
    let one = setup.get(&format!("{DEALS}?view=Won&fields=Amount&fields=Stage")).await;
    let two = setup.get(&format!("{DEALS}?fields=Stage&fields=Amount&view=Won")).await;
    assert_eq!((one.cache.as_deref(), two.cache.as_deref(), setup.calls("/Deals")), (Some("miss"), Some("hit"), 1));
    assert_eq!(one.body, two.body);
    let removed = setup.send(Method::POST, &format!("{API}/cache/invalidate?pattern=Deals"), None).await;
    assert_eq!(removed.body, json!({"pattern": "Deals", "invalidated": 1}));
    assert_eq!(setup.get(&format!("{DEALS}?view=Won&fields=Amount&fields=Stage")).await.cache.as_deref(), Some("miss"));
}

#[tokio::test]
async fn who_starts_again_after_a_forgotten_offset_gets_a_fresh_page() {
    let options = Options { offset_lifetime: std::time::Duration::ZERO, ..quick() };
    let setup = Setup::start(options, &[]).await;
    let first = setup.get(&format!("{DEALS}?page_size=10")).await;
    let offset = first.body["offset"].as_str().unwrap().replace('/', "%2F");
    let gone = setup.get(&format!("{DEALS}?page_size=10&offset={offset}")).await;
    assert_eq!((gone.status, &gone.body["upstream_type"]), (422, &json!("LIST_RECORDS_ITERATOR_NOT_AVAILABLE")));
    let again = setup.get(&format!("{DEALS}?page_size=10")).await;
    assert_eq!(again.cache.as_deref(), Some("miss"));
    assert_ne!(again.body["offset"], first.body["offset"]);
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let setup = Setup::start(quick(), &[]).await;
    for (path, field) in [
        (format!("{DEALS}?page_size=101"), "page_size"),
        (format!("{DEALS}?max_records=0"), "max_records"),
        (format!("{DEALS}?max_records=ten"), "max_records"),
        (format!("{DEALS}?sort_direction=up"), "sort_direction"),
        (format!("{DEALS}?sort_direction=asc"), "sort_field"),
        (format!("{API}/bases/app-x/tables/Deals/records"), "base"),
        (format!("{DEALS}/rec%2F1"), "record"),
    ] {
        let answer = setup.get(&path).await;
        let told = answer.body["errors"][0]["field"].as_str().unwrap_or_default();
        assert!(answer.status == 422 && told.starts_with(field), "{path}: {:?}", answer.body);
    }
    let unknown = setup.get(&format!("{DEALS}?filterByFormula=1")).await;
    assert!(
        unknown.status == 422 && unknown.body["detail"].as_str().unwrap().contains("filterByFormula"),
        "{unknown:?}"
    );
    assert_eq!(setup.airtable.calls().len(), 0, "nothing of this reached Airtable");
}

#[tokio::test]
async fn ready_info_and_the_openapi_document() {
    let setup = Setup::start(quick(), &[]).await;
    assert_eq!(setup.get("/health").await.status, 200);
    assert_eq!(setup.get("/ready").await.status, 200);
    assert_eq!(setup.get("/api/v1/info").await.body["port"].as_u64().map(|port| port > 0), Some(true));
    let document = setup.get("/openapi.json").await.body;
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/test", vec!["get"]),
        ("/bases", vec!["get"]),
        ("/bases/{base}/schema", vec!["get"]),
        ("/bases/{base}/tables", vec!["get"]),
        ("/bases/{base}/tables/{table}/records", vec!["get", "post", "patch", "put", "delete"]),
        ("/bases/{base}/tables/{table}/records/{record}", vec!["get"]),
        ("/cache/invalidate", vec!["post"]),
    ] {
        for method in methods {
            let operation = &paths[&format!("{API}{path}")][method];
            assert!(operation["responses"]["200"].is_object() && operation["summary"].is_string(), "{method} {path}");
        }
    }
    let list = &paths[&format!("{API}/bases/{{base}}/tables/{{table}}/records")]["get"]["parameters"];
    assert_eq!(list.as_array().unwrap().len(), 10);
    setup.airtable.fail_next(1, &stand_in_airtable::Scenario::BadGateway);
    let ready = setup.get("/ready").await;
    assert!(ready.status == 503 && ready.body.to_string().contains("airtable"), "{ready:?}");
}
