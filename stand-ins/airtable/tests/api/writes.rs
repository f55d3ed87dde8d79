//! Creating, changing, upserting and deleting records.

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use stand_in_airtable::Options;

use crate::client::{CRM, Client};

async fn client() -> Client {
    let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
    Client::start(Options { rate: 1_000, now: Some(now), ..Options::default() }).await
}

fn table(name: &str) -> String {
    format!("/{CRM}/{name}")
}

fn kind(body: &Json) -> &str {
    body["error"]["type"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn create_read_merge_replace_delete() {
    let client = client().await;
    let fields = json!({"Name": "Acme", "Employees": 12, "Customer": false, "Notes": "", "Rating": 4});
    let (status, made) = client.send("POST", &table("Companies"), &json!({"fields": fields})).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(made["createdTime"], "2026-11-22T12:00:00.000Z");
    assert_eq!(made["fields"].get("Customer").or(made["fields"].get("Notes")), None, "empty cells are left out");
    let id = made["id"].as_str().unwrap();
    let path = format!("{}/{id}", table("Companies"));
    assert_eq!(client.get(&path).await, (200, made.clone()));

    let patch = json!({"records": [{"id": id, "fields": {"Rating": null, "Customer": true}}]});
    let (_, merged) = client.send("PATCH", &table("Companies"), &patch).await;
    let fields = &merged["records"][0]["fields"];
    assert_eq!((&fields["Name"], &fields["Customer"], fields.get("Rating")), (&json!("Acme"), &json!(true), None));

    let (_, replaced) = client.send("PUT", &path, &json!({"fields": {"Name": "Acme 2"}})).await;
    let fields = &replaced["fields"];
    assert_eq!((&fields["Name"], fields.get("Employees")), (&json!("Acme 2"), None));

    assert_eq!(client.send("DELETE", &path, &Json::Null).await, (200, json!({"id": id, "deleted": true})));
    assert_eq!(client.get(&path).await, (404, json!({"error": "NOT_FOUND"})));
    assert_eq!(client.send("DELETE", &path, &Json::Null).await.0, 404);
}

#[tokio::test]
async fn links_show_on_both_sides_and_feed_what_is_computed() {
    let client = client().await;
    let (_, company) =
        client.send("POST", &table("Companies"), &json!({"fields": {"Name": "Acme", "Industry": "Food"}})).await;
    let company_id = company["id"].as_str().unwrap();
    let deals = json!({"records": [
        {"fields": {"Deal": "one", "Company": [company_id], "Amount": 100.5, "Probability": 0.5, "Close Date": "2026-01-31", "Stage": "Lead"}},
        {"fields": {"Deal": "two", "Company": [company_id], "Amount": 200, "Close Date": "2025-12-31"}},
    ]});
    let (status, made) = client.send("POST", &table("Deals"), &deals).await;
    assert_eq!(status, 200, "{made}");
    let one = &made["records"][0]["fields"];
    assert_eq!((&one["Expected"], &one["Overdue"], &one["Number"]), (&json!(50.25), &json!(1), &json!(121)));
    let company_path = format!("{}/{company_id}", table("Companies"));
    let (_, company) = client.get(&company_path).await;
    assert_eq!(company["fields"]["Deals"], json!([made["records"][0]["id"], made["records"][1]["id"]]));
    assert_eq!((&company["fields"]["Deal Count"], &company["fields"]["Deal Value"]), (&json!(2), &json!(300.5)));
    assert_eq!(company["fields"]["Last Close"], "2026-01-31");
    let (_, contact) =
        client.send("POST", &table("Contacts"), &json!({"fields": {"Name": "A", "Company": [company_id]}})).await;
    assert_eq!(contact["fields"]["Industry"], json!(["Food"]));

    let first = made["records"][0]["id"].as_str().unwrap();
    client.send("DELETE", &format!("{}?records[]={first}", table("Deals")), &Json::Null).await;
    let (_, company) = client.get(&company_path).await;
    assert_eq!(company["fields"]["Deals"], json!([made["records"][1]["id"]]));
}

#[tokio::test]
async fn values_are_checked() {
    let client = client().await;
    for (fields, wanted) in [
        (json!({"Nope": 1}), "UNKNOWN_FIELD_NAME"),
        (json!({"Amount": "12"}), "INVALID_VALUE_FOR_COLUMN"),
        (json!({"Deal": 12}), "INVALID_VALUE_FOR_COLUMN"),
        (json!({"Close Date": "soon"}), "INVALID_VALUE_FOR_COLUMN"),
        (json!({"Expected": 1}), "INVALID_VALUE_FOR_COLUMN"),
        (json!({"Stage": "Unheard"}), "INVALID_MULTIPLE_CHOICE_OPTIONS"),
        (json!({"Tags": "new"}), "INVALID_VALUE_FOR_COLUMN"),
        (json!({"Company": "recX"}), "INVALID_VALUE_FOR_COLUMN"),
        (json!({"Company": ["recNope0000000000"]}), "ROW_DOES_NOT_EXIST"),
        (json!({"Team": [{"email": "nobody@example.com"}]}), "INVALID_VALUE_FOR_COLUMN"),
    ] {
        let (status, body) = client.send("POST", &table("Deals"), &json!({"fields": fields})).await;
        assert_eq!((status, kind(&body)), (422, wanted), "{fields}");
    }
    let (_, cast) = client
        .send("POST", &table("Deals"), &json!({"typecast": true, "fields": {
            "Deal": 12, "Amount": "€ 1,200.50", "Probability": "25%", "Close Date": "12/24/2026", "Stage": "Unheard", "Tags": "new, fresh",
            "Company": ["Brand New Ltd"], "Team": [{"email": "ada@example.com"}],
        }}))
        .await;
    let fields = &cast["fields"];
    assert_eq!(
        (&fields["Deal"], &fields["Amount"], &fields["Probability"]),
        (&json!("12"), &json!(1200.5), &json!(0.25))
    );
    assert_eq!(
        (&fields["Stage"], &fields["Tags"], &fields["Close Date"]),
        (&json!("Unheard"), &json!(["new", "fresh"]), &json!("2026-12-24"))
    );
    let company = fields["Company"][0].as_str().unwrap();
    assert_eq!(client.get(&format!("{}/{company}", table("Companies"))).await.1["fields"]["Name"], "Brand New Ltd");
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_ten_at_most() {
    let client = client().await;
    let count = async || {
        let (_, found) = client.get(&format!("{}?filterByFormula=FIND('batch',%7BName%7D)", table("Companies"))).await;
        found["records"].as_array().unwrap().len()
    };
    let records = |number: usize| -> Vec<Json> {
        (0..number).map(|at| json!({"fields": {"Name": format!("batch {at}")}})).collect()
    };
    let mut bad = records(3);
    bad[2]["fields"]["Employees"] = json!("many");
    let (status, _) = client.send("POST", &table("Companies"), &json!({"records": bad})).await;
    assert_eq!((status, count().await), (422, 0));
    let (status, body) = client.send("POST", &table("Companies"), &json!({"records": records(11)})).await;
    assert_eq!((status, kind(&body), count().await), (422, "INVALID_REQUEST_UNKNOWN", 0));
    let (status, body) = client.send("POST", &table("Companies"), &json!({"records": records(10)})).await;
    assert_eq!((status, count().await), (200, 10));
    let ids: Vec<&str> =
        body["records"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap()).collect();
    let query: Vec<String> = ids.iter().map(|id| format!("records[]={id}")).collect();
    let (status, gone) =
        client.send("DELETE", &format!("{}?{}", table("Companies"), query.join("&")), &Json::Null).await;
    assert_eq!((status, gone["records"].as_array().unwrap().len(), count().await), (200, 10, 0));
}

#[tokio::test]
async fn upserts() {
    let client = client().await;
    let body = |number: i32, name: &str| json!({"performUpsert": {"fieldsToMergeOn": ["Name"]}, "records": [{"fields": {"Name": name, "Employees": number}}]});
    let (_, first) = client.send("PATCH", &table("Companies"), &body(1, "Upsert Ltd")).await;
    assert_eq!(
        (first["createdRecords"].as_array().unwrap().len(), first["updatedRecords"].as_array().unwrap().len()),
        (1, 0)
    );
    let (_, second) = client.send("PATCH", &table("Companies"), &body(2, "Upsert Ltd")).await;
    assert_eq!((&second["updatedRecords"], &second["createdRecords"]), (&first["createdRecords"], &json!([])));
    assert_eq!(second["records"][0]["fields"]["Employees"], 2);
    client.send("POST", &table("Companies"), &json!({"fields": {"Name": "Upsert Ltd"}})).await;
    assert_eq!(client.send("PATCH", &table("Companies"), &body(3, "Upsert Ltd")).await.0, 422, "more than one match");
}

#[tokio::test]
async fn bodies_are_checked() {
    let client = client().await;
    let post = async |body: &Json| client.send("POST", &table("Companies"), body).await;
    assert_eq!(kind(&post(&json!({})).await.1), "INVALID_REQUEST_MISSING_FIELDS");
    assert_eq!(kind(&post(&json!({"records": []})).await.1), "INVALID_REQUEST_UNKNOWN");
    assert_eq!(kind(&post(&json!({"records": [{"fields": 1}]})).await.1), "INVALID_REQUEST_UNKNOWN");
    assert_eq!(kind(&post(&json!([1])).await.1), "INVALID_REQUEST_UNKNOWN");
    let (status, broken) = client.send("PATCH", &table("Companies"), &json!({"records": [{"fields": {}}]})).await;
    assert_eq!((status, kind(&broken)), (422, "INVALID_REQUEST_MISSING_FIELDS"));
    let response = client.request("POST", &table("Companies")).body("{").send().await.unwrap();
    assert_eq!(response.status(), 422);
    let response = client.request("POST", &table("Companies")).body(" ".repeat(3_000_000)).send().await.unwrap();
    assert_eq!(response.status(), 413);
}
