//! Reading: who, schema, lists, limits, failures on demand.

use std::time::Duration;

use serde_json::{Value as Json, json};
use stand_in_airtable::{Options, Rule, Scenario};

use crate::client::{CONTENT, CRM, Client};

#[tokio::test]
async fn who_bases_and_schema() {
    let client = Client::start(Options::default()).await;
    let (status, who) = client.get("/meta/whoami").await;
    assert_eq!((status, who["id"].as_str()), (200, Some("usrAda00000000001")));
    let (_, bases) = client.get("/meta/bases").await;
    assert_eq!(bases["bases"][0], json!({"id": CRM, "name": "Sales CRM", "permissionLevel": "create"}));
    let (_, schema) = client.get(&format!("/meta/bases/{CRM}/tables")).await;
    let tables = schema["tables"].as_array().unwrap();
    let names: Vec<&str> = tables.iter().filter_map(|table| table["name"].as_str()).collect();
    assert_eq!(names, ["Companies", "Contacts", "Deals", "Activities"]);
    let mut ids: Vec<&str> = Vec::new();
    for table in tables {
        for part in ["fields", "views"] {
            ids.extend(table[part].as_array().unwrap().iter().filter_map(|item| item["id"].as_str()));
        }
    }
    let (count, wrong) = (ids.len(), ids.iter().filter(|id| id.len() != 17).count());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), wrong), (count, 0), "ids are distinct and 17 long");
    let link = tables[0]["fields"].as_array().unwrap().iter().find(|field| field["name"] == "Deals").unwrap();
    assert_eq!(link["options"]["linkedTableId"], tables[2]["id"]);
}

#[tokio::test]
async fn the_same_seed_is_the_same_world() {
    let read = async |seed| {
        let client = Client::start(Options { seed, ..Options::default() }).await;
        client.get(&format!("/{CRM}/Deals?pageSize=3")).await.1["records"].clone()
    };
    let (one, again, other) = (read(7).await, read(7).await, read(8).await);
    assert_eq!(one, again);
    assert_ne!(one, other);
}

#[tokio::test]
async fn pages_join_to_the_whole_table() {
    let client = Client::start(Options { rate: 100, ..Options::default() }).await;
    let mut seen: Vec<String> = Vec::new();
    let mut offset = String::new();
    let mut pages = 0;
    loop {
        let (status, page) = client.get(&format!("/{CRM}/Activities?pageSize=60&offset={offset}")).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page["records"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["offset"].as_str() {
            Some(next) => offset = next.replace('/', "%2F"),
            None => break,
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((seen.len(), pages), (210, 4));
    let (_, cut) = client.get(&format!("/{CRM}/Activities?pageSize=60&maxRecords=70")).await;
    let next = cut["offset"].as_str().unwrap();
    let (_, rest) = client.get(&format!("/{CRM}/Activities?pageSize=60&maxRecords=70&offset={next}")).await;
    assert_eq!((rest["records"].as_array().unwrap().len(), rest.get("offset")), (10, None));
}

#[tokio::test]
async fn offsets_expire_and_nonsense_is_refused() {
    let client = Client::start(Options { offset_lifetime: Duration::ZERO, ..Options::default() }).await;
    let (_, page) = client.get(&format!("/{CRM}/Deals?pageSize=1")).await;
    let (status, gone) = client.get(&format!("/{CRM}/Deals?offset={}", page["offset"].as_str().unwrap())).await;
    assert_eq!((status, kind(&gone)), (422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"));
    let (status, nonsense) = client.get(&format!("/{CRM}/Deals?offset=abc")).await;
    assert_eq!((status, nonsense["error"]["message"].as_str()), (422, Some("The value of offset abc is invalid")));
}

#[tokio::test]
async fn lists_filter_sort_and_choose() {
    let client = Client::start(Options { rate: 100, ..Options::default() }).await;
    let list = async |query: &str| client.get(&format!("/{CRM}/Deals?{query}")).await.1;
    let found = list("filterByFormula=AND(%7BStage%7D%3D'Won'%2C%7BAmount%7D%3E20000)&sort[0][field]=Amount&sort[0][direction]=desc&fields[]=Amount&fields[]=Stage").await;
    let records = found["records"].as_array().unwrap();
    assert!(records.len() > 2, "{found}");
    let amounts: Vec<f64> = records.iter().map(|record| record["fields"]["Amount"].as_f64().unwrap()).collect();
    assert!(amounts.is_sorted_by(|a, b| a >= b) && amounts.iter().all(|amount| *amount > 20_000.0), "{amounts:?}");
    assert!(records.iter().all(|record| record["fields"].as_object().unwrap().len() == 2));
    // Options are ordered as in the schema: Lead comes first, though it is not first in the alphabet.
    let by_stage = list("sort[0][field]=Stage&maxRecords=1").await;
    assert_eq!(by_stage["records"][0]["fields"]["Stage"], "Lead");
    let view = list("view=Won").await;
    assert!(view["records"].as_array().unwrap().iter().all(|record| record["fields"]["Stage"] == "Won"));
    let by_company = list("filterByFormula=%7BCompany%7D%3D'Northwind%20Logistics'&maxRecords=1").await;
    assert_eq!(by_company["records"].as_array().unwrap().len(), 1, "links compare by name");
    let (_, by_body) = client
        .send("POST", &format!("/{CRM}/Deals/listRecords"), &json!({
            "filterByFormula": "{Stage}='Won'", "sort": [{"field": "Amount", "direction": "asc"}], "fields": ["Amount"], "pageSize": 2,
        }))
        .await;
    assert_eq!(by_body["records"].as_array().unwrap().len(), 2);
    let text = list("cellFormat=string&timeZone=utc&userLocale=en&maxRecords=1&fields[]=Company&fields[]=Amount").await;
    assert!(text["records"][0]["fields"]["Amount"].is_string() && text["records"][0]["fields"]["Company"].is_string());
    let by_id = list("returnFieldsByFieldId=true&maxRecords=1&fields[]=Deal").await;
    assert!(by_id["records"][0]["fields"]["fldDealDeal000000"].is_string(), "{by_id}");
}

#[tokio::test]
async fn lists_refuse_what_is_wrong() {
    let client = Client::start(Options { rate: 100, ..Options::default() }).await;
    for (query, wanted, message) in [
        ("fields[]=Nope", "UNKNOWN_FIELD_NAME", "Unknown field name: \"Nope\""),
        ("sort[0][field]=Nope", "UNKNOWN_FIELD_NAME", "Unknown field name: \"Nope\""),
        ("sort[0][direction]=asc", "INVALID_REQUEST_UNKNOWN", ""),
        (
            "filterByFormula=%7BNope%7D",
            "INVALID_FILTER_BY_FORMULA",
            "The formula for filtering records is invalid: Unknown field names: Nope",
        ),
        (
            "filterByFormula=1%2B",
            "INVALID_FILTER_BY_FORMULA",
            "The formula for filtering records is invalid: Invalid formula. Please check your formula text.",
        ),
        ("view=Nope", "VIEW_NAME_NOT_FOUND", "View Nope not found"),
        ("pageSize=101", "INVALID_REQUEST_UNKNOWN", ""),
        ("cellFormat=string", "INVALID_REQUEST_UNKNOWN", ""),
        ("nonsense=1", "INVALID_REQUEST_UNKNOWN", ""),
    ] {
        let (status, body) = client.get(&format!("/{CRM}/Deals?{query}")).await;
        assert_eq!((status, kind(&body)), (422, wanted), "{query}");
        assert!(message.is_empty() || body["error"]["message"] == message, "{query}: {body}");
    }
    for path in [format!("/{CRM}/Nope"), "/appNope0000000000/Deals".to_owned()] {
        let (status, body) = client.get(&path).await;
        assert_eq!((status, kind(&body)), (403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"));
    }
    let (status, body) = client.get(&format!("/{CRM}/Deals/recNope0000000000")).await;
    assert_eq!((status, body), (404, json!({"error": "NOT_FOUND"})));
    let (status, _) = client.get(&format!("/{CRM}/Deals?filterByFormula='{}'", "x".repeat(16_000))).await;
    assert_eq!(status, 414);
}

#[tokio::test]
async fn tokens() {
    let client = Client::start(Options { tokens: vec!["patGood".to_owned()], ..Options::default() }).await;
    for token in ["", "patBad"] {
        let (status, body) = client.with_token(token).get("/meta/whoami").await;
        assert_eq!((status, kind(&body)), (401, "AUTHENTICATION_REQUIRED"));
    }
    assert_eq!(client.with_token("patGood").get("/meta/whoami").await.0, 200);
    let open = Client::start(Options::default()).await;
    let reader = open.with_token("patReadOnly1");
    assert_eq!(reader.get(&format!("/{CONTENT}/Articles")).await.0, 200);
    let (status, body) = reader.send("POST", &format!("/{CONTENT}/Articles"), &json!({"fields": {}})).await;
    assert_eq!((status, kind(&body)), (403, "INVALID_PERMISSIONS"));
}

#[tokio::test]
async fn the_rate_limit_has_a_penalty() {
    let penalty = Duration::from_secs(3_600);
    let client = Client::start(Options { rate: 3, penalty, ..Options::default() }).await;
    let path = format!("/{CRM}/Deals?maxRecords=1");
    for _ in 0..3 {
        assert_eq!(client.get(&path).await.0, 200);
    }
    let (status, body) = client.get(&path).await;
    assert_eq!(status, 429);
    assert_eq!(body["errors"][0]["error"], "RATE_LIMIT_REACHED");
    assert_eq!(client.get(&format!("/{CONTENT}/Articles?maxRecords=1")).await.0, 200, "another base is free");
    assert_eq!(client.get("/meta/bases").await.0, 200, "no base, no limit");
    assert_eq!(client.get(&format!("/meta/bases/{CRM}/tables")).await.0, 429, "the schema counts for its base");
}

#[tokio::test]
async fn failures_on_demand() {
    let rule: Rule = "502@3".parse().unwrap();
    let client = Client::start(Options { fail: vec![rule], ..Options::default() }).await;
    client.server.fail_next(1, &Scenario::NotFound);
    assert_eq!(client.get("/meta/whoami").await, (404, json!({"error": "NOT_FOUND"})));
    assert_eq!(client.get("/meta/whoami").await.0, 200);
    let (status, body) = client.get("/meta/whoami").await;
    assert!(status == 502 && body.as_str().unwrap().contains("<html>"), "{body}");
    for (name, status) in [
        ("429", 429),
        ("429-billing", 429),
        ("402", 402),
        ("422:INVALID_VALUE_FOR_COLUMN", 422),
        ("500", 500),
        ("empty-500", 500),
        ("503", 503),
        ("truncated", 200),
    ] {
        let request =
            client.request("GET", "/meta/whoami").header("x-mock-scenario", name).header("x-mock-retry-after", "7");
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{name}");
        assert_eq!(response.headers()["retry-after"], "7");
    }
    let calls = client.server.calls();
    assert_eq!((calls.len(), calls[0].path.as_str()), (11, "/meta/whoami"));
}

fn kind(body: &Json) -> &str {
    body["error"]["type"].as_str().unwrap_or_default()
}
