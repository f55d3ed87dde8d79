//! Reads, through the cache.

use std::time::Duration;

use http::Method;
use serde_json::{Map, Value as Json, json};

use super::Gateway;
use crate::cache::Place;
use crate::cache::key::Key;
use crate::error::Error;
use crate::model::{Bases, Page, Record, Schema};
use crate::upstream::Call;

/// Pages of bases at most; a token sees some hundred bases.
const BASE_PAGES_MAX: usize = 50;
/// Airtable refuses URLs over 16,000 characters; the rest is for the host and the path.
const QUERY_BYTES_MAX: usize = 15_000;
/// Airtable forgets an offset after some minutes; an answer that names one must not be kept much longer.
const OFFSET_TTL: Duration = Duration::from_secs(120);
/// Airtable's word for an offset that it has forgotten.
const FORGOTTEN: &str = "LIST_RECORDS_ITERATOR_NOT_AVAILABLE";

impl Gateway {
    /// The bases that the token may see, all pages joined. The flag says whether the answer was kept.
    ///
    /// # Errors
    /// [`Error`], also in the calls below.
    pub(crate) async fn bases(&self) -> Result<(Bases, bool), Error> {
        let fetch = async {
            let (mut all, deadline) = (Bases { bases: Vec::new(), offset: None }, self.deadline());
            for _ in 0..BASE_PAGES_MAX {
                let mut call = Call::get("/meta/bases", None, &["meta", "bases"]);
                call.query.extend(all.offset.take().map(|offset| ("offset".to_owned(), offset)));
                let page: Bases = self.airtable.call(&call, deadline).await?;
                all.bases.extend(page.bases);
                match page.offset {
                    Some(offset) => all.offset = Some(offset),
                    None => break,
                }
            }
            Ok(all)
        };
        self.answers.read(&Key::bases(), |_| self.answers.ttl(), fetch).await
    }

    /// The tables of a base with their fields and views.
    ///
    /// # Errors
    /// [`Error`]
    pub(crate) async fn schema(&self, base: &str) -> Result<(Schema, bool), Error> {
        let call = Call::get("/meta/bases/{base}/tables", Some(base), &["meta", "bases", base, "tables"]);
        let fetch = self.airtable.call(&call, self.deadline());
        self.answers.read(&Key::schema(base), |_| self.answers.ttl(), fetch).await
    }

    /// The schema if it is at hand: nothing is asked of Airtable.
    pub(super) async fn known_schema(&self, base: &str) -> Option<Schema> {
        self.answers.peek(&Key::schema(base)).await
    }

    /// One page of records. `parameters` are Airtable's own, as in a query string.
    ///
    /// # Errors
    /// [`Error`]
    pub(crate) async fn list(
        &self,
        base: &str,
        table: &str,
        parameters: Vec<(String, String)>,
    ) -> Result<(Page, bool), Error> {
        let key = Key::records(base, table, &parameters);
        let paged = parameters.iter().any(|(name, _)| name == "offset");
        let call = list_call(base, table, parameters);
        let fetch = self.airtable.call(&call, self.deadline());
        let ttl = |page: &Page| if paged || page.offset.is_some() { OFFSET_TTL } else { self.answers.ttl() };
        let result = self.answers.read(&key, ttl, fetch).await;
        if let Err(error) = &result
            && error.kind() == Some(FORGOTTEN)
        {
            // The page that named this offset may be kept here: who starts again must not get it.
            self.answers.forget(&[Place::table(base, table)]).await;
        }
        result
    }

    /// One record.
    ///
    /// # Errors
    /// [`Error`]
    pub(crate) async fn record(&self, base: &str, table: &str, record: &str) -> Result<(Record, bool), Error> {
        let call = Call::get("/{base}/{table}/{record}", Some(base), &[base, table, record]);
        let fetch = self.airtable.call(&call, self.deadline());
        self.answers.read(&Key::record(base, table, record), |_| self.answers.ttl(), fetch).await
    }
}

/// A GET, or a POST to `listRecords` when the URL would be too long.
fn list_call(base: &str, table: &str, parameters: Vec<(String, String)>) -> Call {
    let length: usize =
        reqwest::Url::parse_with_params("http://localhost", &parameters).map_or(0, |url| url.as_str().len());
    if length <= QUERY_BYTES_MAX {
        return Call { query: parameters, ..Call::get("/{base}/{table}", Some(base), &[base, table]) };
    }
    let mut call = Call::get("/{base}/{table}/listRecords", Some(base), &[base, table, "listRecords"]);
    call.method = Method::POST;
    call.body = Some(body(parameters));
    call
}

/// Parameters of a query string as the body of `listRecords`. Those of a sort come in order, the field before its direction.
fn body(parameters: Vec<(String, String)>) -> Json {
    let (mut body, mut fields, mut sort) = (Map::new(), Vec::new(), Vec::new());
    for (name, value) in parameters {
        if name == "fields[]" {
            fields.push(Json::from(value));
        } else if name.ends_with("][field]") {
            sort.push(json!({"field": value}));
        } else if name.ends_with("][direction]") {
            if let Some(last) = sort.last_mut() {
                last["direction"] = Json::from(value);
            }
        } else if let ("pageSize" | "maxRecords", Ok(count)) = (name.as_str(), value.parse::<u32>()) {
            body.insert(name, Json::from(count));
        } else {
            body.insert(name, Json::from(value));
        }
    }
    for (name, list) in [("fields", fields), ("sort", sort)] {
        if !list.is_empty() {
            body.insert(name.to_owned(), Json::from(list));
        }
    }
    Json::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_formula_goes_into_the_body() {
        let pairs = |formula: String| {
            let pairs =
                [("filterByFormula", formula.as_str()), ("fields[]", "A"), ("pageSize", "5"), ("sort[0][field]", "B")];
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        let short = list_call("appA", "T", pairs("1".to_owned()));
        assert_eq!((short.method, short.query.len(), short.body), (Method::GET, 4, None));
        // Two characters of UTF-8 are twelve in a URL.
        let formula = "é".repeat(3_000);
        let long = list_call("appA", "T", pairs(formula.clone()));
        assert_eq!((long.method, long.path.join("/").as_str()), (Method::POST, "appA/T/listRecords"));
        let body = json!({"filterByFormula": formula, "fields": ["A"], "pageSize": 5, "sort": [{"field": "B"}]});
        assert_eq!((long.body, long.repeatable), (Some(body), true));
    }
}
