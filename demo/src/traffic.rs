//! The calls: each with the headers of who asks, and what came of it counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, RequestBuilder, Response, StatusCode, multipart};
use serde_json::{Value, json};

use crate::day::Action;
use crate::people::{Person, TENANTS};
use crate::stage::Places;

/// Longer than any service's own deadline, so that theirs is seen.
const TIMEOUT: Duration = Duration::from_secs(90);

/// What came of all calls so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: AtomicU64,
    /// Failed as they were meant to.
    pub(crate) meant: AtomicU64,
    /// Failed although they should not have.
    pub(crate) failed: AtomicU64,
    /// What the answers said that they cost.
    pub(crate) nano_usd: AtomicU64,
}

/// A client of the four services.
#[derive(Debug)]
pub(crate) struct Traffic {
    client: Client,
    places: Places,
    pub(crate) tally: Tally,
    /// The last surprising answer, for the terminal.
    pub(crate) surprise: Mutex<Option<String>>,
    workflows: Mutex<Vec<Workflow>>,
    /// Base and first table of what Airtable has.
    table: Mutex<Option<Table>>,
    seed: u64,
}

#[derive(Clone, Debug)]
struct Workflow {
    id: String,
    tenant: usize,
}

#[derive(Clone, Debug)]
struct Table {
    base: String,
    id: String,
    name: String,
    fields: Value,
    /// A field that takes any text.
    text_field: String,
}

/// What a call may end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Success,
    /// An error of the client or the upstream, told in the protocol's form.
    Trouble,
}

impl Traffic {
    pub(crate) fn new(places: &Places, seed: u64) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            client: Client::builder().timeout(TIMEOUT).build()?,
            places: places.clone(),
            tally: Tally::default(),
            surprise: Mutex::default(),
            workflows: Mutex::default(),
            table: Mutex::default(),
            seed,
        }))
    }

    /// Looks at what Airtable has, and makes the tenants' workflows, with schedules unless `quiet`. Fails when a service does not do its
    /// job.
    pub(crate) async fn prepare(&self, quiet: bool) -> anyhow::Result<()> {
        let person = Person { tenant: &TENANTS[0], user: TENANTS[0].users[0] };
        let gateway = format!("{}/api/v1/airtable", self.places.gateway());
        let bases = self.json(self.client.get(format!("{gateway}/bases")), &person).await?;
        let bases = bases.get("bases").unwrap_or(&bases);
        let base = bases[0]["id"].as_str().context("airtable-gateway knows no base")?.to_owned();
        let tables = self.json(self.client.get(format!("{gateway}/bases/{base}/tables")), &person).await?;
        let tables = tables.get("tables").unwrap_or(&tables);
        let first = &tables[0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let is_text = |field: &&Value| matches!(field["type"].as_str(), Some("singleLineText" | "multilineText"));
        let fields = first["fields"].as_array().context("a table without fields")?;
        let table = Table {
            id: text(&first["id"]),
            name: text(&first["name"]),
            text_field: fields.iter().find(is_text).map(|field| text(&field["name"])).context("no field for text")?,
            fields: first["fields"].clone(),
            base,
        };
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = Some(table.clone());
        for (index, tenant) in TENANTS.iter().enumerate() {
            let person = Person { tenant, user: tenant.users[0] };
            for (name, cron, steps) in workflows(&table) {
                let body = json!({
                    "name": format!("{} of {}", name, tenant.id), "description": "Made by the demo",
                    "config": {"steps": steps, "base_id": table.base},
                    "triggers": ["manual"], "cron_expression": cron.filter(|_| !quiet), "status": "active", "is_enabled": true,
                });
                let url = format!("{}/workflows", self.places.automation());
                let made = self.json(self.client.post(url).json(&body), &person).await?;
                let id = made["id"].as_str().map_or_else(|| made["id"].to_string(), str::to_owned);
                self.workflows.lock().unwrap_or_else(PoisonError::into_inner).push(Workflow { id, tenant: index });
            }
        }
        Ok(())
    }

    /// One chat whose trace the terminal names: the id of its trace.
    pub(crate) async fn first_chat(&self) -> anyhow::Result<String> {
        let person = Person { tenant: &TENANTS[0], user: TENANTS[0].users[0] };
        let url = format!("{}/api/v1/chat/completions", self.places.orchestrator());
        let body = json!({
            "messages": [{"role": "user", "content": crate::people::TOOL_QUESTIONS[0]}], "tool_choice": "auto",
        });
        let answer = sign(self.client.post(url).json(&body), &person).send().await?;
        let id = answer.headers().get("x-trace-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let status = answer.status();
        let answer: Value = answer.json().await?;
        if !status.is_success() {
            bail!("the first chat was answered {status}: {answer}");
        }
        self.note_cost(&answer);
        id.context("the answer has no X-Trace-ID")
    }

    /// Does one thing, counts what came of it.
    pub(crate) async fn act(&self, action: Action, person: Person, words: String) {
        let expected = match action {
            Action::Trouble | Action::Mistake => Expect::Trouble,
            _ => Expect::Success,
        };
        match self.attempt(action, &person, &words).await {
            Ok(()) => drop(self.tally.done.fetch_add(1, Relaxed)),
            Err(_) if expected == Expect::Trouble => drop(self.tally.meant.fetch_add(1, Relaxed)),
            Err(error) => {
                self.tally.failed.fetch_add(1, Relaxed);
                let text = format!("{action:?}: {error:#}");
                *self.surprise.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
            }
        }
    }

    async fn attempt(&self, action: Action, person: &Person, words: &str) -> anyhow::Result<()> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner).clone().context("not prepared")?;
        let records =
            format!("{}/api/v1/airtable/bases/{}/tables/{}/records", self.places.gateway(), table.base, table.id);
        match action {
            Action::Chat | Action::Trouble => self.chat(person, words, false).await,
            Action::ChatWithTools => self.chat(person, words, true).await,
            Action::StreamedChat => self.streamed_chat(person, words).await,
            Action::TableAnalysis => self.analyse(person, &table).await,
            Action::Records => {
                let request = self.client.get(format!("{records}?page_size=25&max_records=50"));
                self.json(request, person).await.map(drop)
            }
            Action::WriteRecord => {
                let body = json!([{(table.text_field): format!("Noted by {} in the demo", person.user)}]);
                self.json(self.client.post(records).json(&body), person).await.map(drop)
            }
            Action::RunWorkflow => self.run_workflow(person).await,
            Action::Upload => self.upload(person, words).await,
            Action::Tool => {
                let body = json!({"arguments": {"base_id": table.base}});
                let url = format!("{}/api/v1/mcp/tools/airtable_get_schema/execute", self.places.mcp());
                self.json(self.client.post(url).json(&body), person).await.map(drop)
            }
            Action::Mistake => {
                let body = json!({"messages": [{"role": "nobody", "content": words}], "temperature": 9});
                let url = format!("{}/api/v1/chat/completions", self.places.orchestrator());
                self.json(self.client.post(url).json(&body), person).await.map(drop)
            }
        }
    }

    async fn chat(&self, person: &Person, words: &str, tools: bool) -> anyhow::Result<()> {
        let mut body = json!({"messages": [{"role": "user", "content": words}], "max_tokens": 400});
        if tools {
            body["tool_choice"] = json!("auto");
        }
        let url = format!("{}/api/v1/chat/completions", self.places.orchestrator());
        let answer = self.json(self.client.post(url).json(&body), person).await?;
        self.note_cost(&answer);
        Ok(())
    }

    async fn streamed_chat(&self, person: &Person, words: &str) -> anyhow::Result<()> {
        let body = json!({"messages": [{"role": "user", "content": words}], "stream": true});
        let url = format!("{}/api/v1/chat/completions/stream", self.places.orchestrator());
        let text = ok(sign(self.client.post(url).json(&body), person).send().await?).await?.text().await?;
        for event in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            if let Ok(event) = serde_json::from_str(event) {
                self.note_cost(&event);
            }
        }
        if text.contains("[DONE]") { Ok(()) } else { bail!("the stream ended without [DONE]") }
    }

    async fn analyse(&self, person: &Person, table: &Table) -> anyhow::Result<()> {
        let body = json!({
            "base_id": table.base, "table_id": table.id, "table_name": table.name, "fields": table.fields,
            "categories": ["structure", "data_quality"], "record_count": 120,
        });
        let url = format!("{}/api/v1/analysis/table", self.places.orchestrator());
        self.json(self.client.post(url).json(&body), person).await.map(drop)
    }

    async fn run_workflow(&self, person: &Person) -> anyhow::Result<()> {
        let workflows = self.workflows.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let own: Vec<&Workflow> =
            workflows.iter().filter(|workflow| TENANTS[workflow.tenant].id == person.tenant.id).collect();
        let turn = self.tally.done.load(Relaxed) + self.seed;
        let workflow = own.get(turn as usize % own.len().max(1)).context("the tenant has no workflow")?;
        let url = format!("{}/workflows/{}/trigger", self.places.automation(), workflow.id);
        let body = json!({"trigger_data": {"asked_by": person.user}});
        self.json(self.client.post(url).json(&body), person).await.map(drop)
    }

    async fn upload(&self, person: &Person, words: &str) -> anyhow::Result<()> {
        let text = format!("item,amount,note\npaper,12,\"{words}\"\nink,3,\n");
        let part = multipart::Part::bytes(text.into_bytes()).file_name("order.csv").mime_str("text/csv")?;
        let url = format!("{}/files", self.places.automation());
        let upload = self.client.post(format!("{url}/upload")).multipart(multipart::Form::new().part("file", part));
        let file = self.json(upload, person).await?;
        let id = file["id"].as_str().map_or_else(|| file["id"].to_string(), str::to_owned);
        self.json(self.client.post(format!("{url}/process/{id}")), person).await.map(drop)
    }

    async fn json(&self, request: RequestBuilder, person: &Person) -> anyhow::Result<Value> {
        Ok(ok(sign(request, person).send().await?).await?.json().await?)
    }

    fn note_cost(&self, answer: &Value) {
        let cost = answer["usage"]["cost"].as_f64().unwrap_or(0.0);
        self.tally.nano_usd.fetch_add((cost * 1e9).round() as u64, Relaxed);
    }

    /// Ends the day: the workflows are switched off, so that the next demo on the same data begins without them.
    pub(crate) async fn finish(&self) {
        let workflows = std::mem::take(&mut *self.workflows.lock().unwrap_or_else(PoisonError::into_inner));
        for workflow in workflows {
            let person = Person { tenant: &TENANTS[workflow.tenant], user: TENANTS[workflow.tenant].users[0] };
            let url = format!("{}/workflows/{}", self.places.automation(), workflow.id);
            // The demo is over either way.
            drop(sign(self.client.delete(url), &person).send().await);
        }
    }
}

/// What a tenant has automated; every cron expression comes round within a minute or five.
fn workflows(table: &Table) -> [(&'static str, Option<&'static str>, Value); 3] {
    [
        (
            "Daily digest",
            Some("* * * * *"),
            json!([
                {"type": "log", "message": "digest for {workflow_id} begins"},
                {"type": "llm", "prompt": "Summarise yesterday's orders in two sentences.", "output": "digest"},
                {"type": "airtable_create", "base": table.base, "base_id": table.base, "table": table.id,
                 "fields": {(table.text_field.as_str()): "Digest of {now}"}},
            ]),
        ),
        (
            "Ask with tools",
            Some("*/5 * * * *"),
            json!([
                {"type": "llm", "prompt": "Use airtable_list_bases and name our bases.", "tool_choice": "auto"},
                {"type": "condition", "condition": {"type": "not_equals", "left": "{step_1_result}", "right": ""}},
                {"type": "log", "message": "answer: {step_1_result}"},
            ]),
        ),
        (
            "Hand over",
            None,
            json!([
                {"type": "log", "message": "handing over at {now}"},
                {"type": "delay", "seconds": 1},
                {"type": "airtable_create", "base": table.base, "base_id": table.base, "table": table.id,
                 "fields": {(table.text_field.as_str()): "Handed over in run {execution_id}"}},
            ]),
        ),
    ]
}

/// Puts on who asks.
fn sign(request: RequestBuilder, person: &Person) -> RequestBuilder {
    request
        .header("X-Tenant-ID", person.tenant.id)
        .header("X-User-ID", person.user)
        .header("X-Cost-Center", person.tenant.cost_center)
        .header("X-API-Key", person.api_key())
}

/// The answer when it is a success, else its own words.
async fn ok(answer: Response) -> anyhow::Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let url = answer.url().clone();
    let text: String = answer.text().await.unwrap_or_default().chars().take(400).collect();
    match status {
        StatusCode::TOO_MANY_REQUESTS => bail!("{url} is busy: {text}"),
        _ => bail!("{url} answered {status}: {text}"),
    }
}
