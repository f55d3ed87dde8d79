//! The price book's JSON as it is written, layout 1. `data/README.md` describes it for people.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) layout: u32,
    #[serde(default)]
    pub(super) sources: BTreeMap<String, Source>,
    pub(super) models: Vec<Model>,
}

/// Where prices were read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "provenance for people; reading it checks its presence")]
pub(super) struct Source {
    what: String,
    licence: String,
}

/// A model and what it has cost.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    pub(super) provider: String,
    pub(super) model: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    pub(super) prices: Vec<Price>,
    #[serde(default, rename = "confidence")]
    pub(super) _confidence: Option<String>,
    #[serde(default, rename = "derived")]
    pub(super) _derived: Vec<String>,
    #[serde(default, rename = "note")]
    pub(super) _note: Option<String>,
}

/// What it cost on the days `from` ≤ day < `until`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    pub(super) from: Option<String>,
    pub(super) until: Option<String>,
    pub(super) source: String,
    #[serde(default, rename = "url")]
    pub(super) _url: Option<String>,
    #[serde(default)]
    pub(super) standard: Vec<Row>,
    #[serde(default)]
    pub(super) batch: Vec<Row>,
    #[serde(default)]
    pub(super) flex: Vec<Row>,
    #[serde(default)]
    pub(super) priority: Vec<Row>,
    /// USD apiece.
    #[serde(default)]
    pub(super) fees: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) multipliers: BTreeMap<String, String>,
}

/// Rates of one size tier: USD per 1,000,000 tokens by bucket name.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    #[serde(default)]
    pub(super) above: u64,
    #[serde(flatten)]
    pub(super) rates: BTreeMap<String, String>,
}
