//! A gateway and a stand-in of Airtable, both in this process.

use reqwest::Method;
use serde_json::Value as Json;
use service_kit::Running;
use service_kit::config::Environment;
use stand_in_airtable::{Options, StandIn};

/// The table that most tests read.
pub(crate) const DEALS: &str = "/api/v1/airtable/bases/appSalesCRM000000/tables/Deals/records";
/// A token that must never be seen anywhere.
pub(crate) const TOKEN: &str = "patGateway00000001.canary";

pub(crate) struct Setup {
    pub(crate) airtable: StandIn,
    pub(crate) gateway: Running,
    http: reqwest::Client,
}

/// An answer of the gateway.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) cache: Option<String>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Json,
}

/// A stand-in without limits, which most tests want.
pub(crate) fn quick() -> Options {
    Options { rate: 100_000, penalty: std::time::Duration::from_millis(50), ..Options::default() }
}

impl Setup {
    pub(crate) async fn start(options: Options, variables: &[(&str, &str)]) -> Self {
        let airtable = stand_in_airtable::start(options).await.unwrap();
        let url = airtable.base_url();
        let mut all = vec![
            ("PORT", "0"),
            ("AIRTABLE_BASE_URL", url.as_str()),
            ("AIRTABLE_TOKEN", TOKEN),
            ("AIRTABLE_RATE_LIMIT", "1000"),
            ("AIRTABLE_PENALTY", "0.06"),
        ];
        all.extend(variables);
        let environment = Environment::of(all);
        let gateway =
            service_kit::start(airtable_gateway::SERVICE, environment, airtable_gateway::build).await.unwrap();
        Self { airtable, gateway, http: reqwest::Client::new() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.gateway.url()))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Json>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let header = |name: &str| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
        let (status, cache) = (response.status().as_u16(), header("x-cache"));
        let retry_after = header("retry-after").map(|seconds| seconds.parse().unwrap());
        let text = response.text().await.unwrap();
        assert!(!text.contains(TOKEN), "the token is in an answer");
        Answer { status, cache, retry_after, body: serde_json::from_str(&text).unwrap_or(Json::String(text)) }
    }

    /// How many calls came to Airtable whose path holds `part`.
    pub(crate) fn calls(&self, part: &str) -> usize {
        self.airtable.calls().iter().filter(|call| call.path.contains(part)).count()
    }
}
