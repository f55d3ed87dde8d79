//! Traces of 4 to 15 spans over twelve services; each instance of a service sends its own spans in batches of about 500.

use protowire::Writer;
use testkit::rng::Rng;

use super::world::{self, SERVICES, Service, Work, attribute};
use super::{Chunk, Generator, Witnesses};

/// What batch processors send by default.
const BATCH: u64 = 500;
/// Instances of each service.
const INSTANCES: usize = 2;
/// Of each this many traces, one is read back.
const WITNESS_EVERY: u64 = 997;
/// Share of spans that fail; a quarter of them carries an exception.
const FAILED: f64 = 0.02;

/// Types of workflows.
const WORKFLOWS: [&str; 4] = ["sync", "import", "export", "report"];

/// Kinds of spans, each from an instrumentation library with attributes of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    HttpServer,
    HttpClient,
    Sql,
    Cache,
    Produce,
    Consume,
    Model,
    Internal,
}

/// Instrumentation library and OTLP span kind, by [`Kind`].
const LIBRARIES: [(&str, &str, u64); 8] = [
    ("opentelemetry.instrumentation.fastapi", "0.48b0", 2),
    ("opentelemetry.instrumentation.httpx", "0.48b0", 3),
    ("opentelemetry.instrumentation.sqlalchemy", "0.48b0", 3),
    ("opentelemetry.instrumentation.redis", "0.48b0", 3),
    ("opentelemetry.instrumentation.kafka", "0.48b0", 4),
    ("opentelemetry.instrumentation.kafka", "0.48b0", 5),
    ("pyairtable.telemetry.genai", "2.1.0", 3),
    ("pyairtable.app", "2.1.0", 1),
];

/// One span of the trace being made, before it is written.
#[derive(Clone, Copy, Debug)]
struct Draft {
    service: usize,
    kind: Kind,
    parent: Option<usize>,
    id: [u8; 8],
    start: u64,
    duration: u64,
    failed: bool,
}

/// Spans of one instance that wait to be sent, encoded, by library.
#[derive(Debug, Default)]
struct Outbox {
    spans: [Writer; 8],
    count: u64,
}

/// The generator of spans.
#[derive(Debug)]
pub(crate) struct SpanGenerator {
    rng: Rng,
    /// Start of the next trace in Unix nanoseconds.
    clock: u64,
    /// Mean time between traces in nanoseconds.
    gap: u64,
    traces: u64,
    /// How many spans may still be drafted.
    rest: u64,
    outboxes: Vec<Outbox>,
    offset: u64,
    pub(crate) witnesses: Witnesses,
}

impl SpanGenerator {
    /// `total` spans that fill the hour before `now` (Unix nanoseconds).
    pub(crate) fn new(seed: u64, total: u64, now: u64) -> Self {
        let start = now - 3_600_000_000_000;
        // A trace has 9.5 spans in the mean.
        let gap = 3_500_000_000_000 / (total / 9).max(1);
        let outboxes = (0..SERVICES.len() * INSTANCES).map(|_| Outbox::default()).collect();
        let witnesses = Witnesses { time_range: (start, now), ..Witnesses::default() };
        Self { rng: Rng::new(seed), clock: start, gap, traces: 0, rest: total, outboxes, offset: 0, witnesses }
    }

    fn trace(&mut self, chunk: &mut Chunk) {
        self.clock += self.rng.range(1, self.gap * 2 + 2);
        let mut trace_id = [0; 16];
        self.rng.fill(&mut trace_id);
        let drafts = self.drafts();
        if self.traces.is_multiple_of(WITNESS_EVERY) {
            self.witnesses.traces.push((trace_id, drafts.len() as u64));
        }
        self.traces += 1;
        self.rest -= drafts.len() as u64;
        let instance = self.rng.below(INSTANCES as u64) as usize;
        for draft in &drafts {
            let slot = draft.service * INSTANCES + instance;
            let parent = draft.parent.map(|position| drafts[position].id);
            let out = &mut self.outboxes[slot].spans[draft.kind as usize];
            out.message(2, |span| write_span(span, &mut self.rng, &trace_id, draft, parent, &mut self.offset));
            self.outboxes[slot].count += 1;
            if self.outboxes[slot].count >= BATCH {
                self.send(slot, chunk);
            }
        }
    }

    /// The tree: a request to the gateway that fans out into calls, statements and messages.
    fn drafts(&mut self) -> Vec<Draft> {
        let count = self.rng.range(4, 16).min(self.rest) as usize;
        // Most requests take tens of milliseconds, some take seconds.
        let length = 2_000_000 + (self.rng.unit().powi(4) * 3e9) as u64;
        let start = self.clock;
        let mut drafts = vec![self.draft(0, Kind::HttpServer, None, start, length)];
        while drafts.len() < count {
            let position = self.rng.below(drafts.len() as u64) as usize;
            let parent = drafts[position];
            if !matches!(parent.kind, Kind::HttpServer | Kind::Internal | Kind::Consume) {
                continue;
            }
            let kind = self.child_kind(SERVICES[parent.service].work);
            let start = parent.start + self.rng.below(parent.duration / 2 + 1);
            let duration = self.rng.range(20_000, 40_000 + (parent.start + parent.duration - start).max(1));
            drafts.push(self.draft(parent.service, kind, Some(position), start, duration));
            let answered = matches!(kind, Kind::HttpClient | Kind::Produce);
            if answered && drafts.len() < count {
                let callee = self.rng.range(1, SERVICES.len() as u64) as usize;
                let kind = if kind == Kind::HttpClient { Kind::HttpServer } else { Kind::Consume };
                let (start, duration) = (start + self.rng.range(100_000, 900_000), duration * 9 / 10);
                drafts.push(self.draft(callee, kind, Some(drafts.len() - 1), start, duration));
            }
        }
        drafts
    }

    fn draft(&mut self, service: usize, kind: Kind, parent: Option<usize>, start: u64, duration: u64) -> Draft {
        let mut id = [0; 8];
        self.rng.fill(&mut id);
        Draft { service, kind, parent, id, start, duration, failed: self.rng.chance(FAILED) }
    }

    fn child_kind(&mut self, work: Work) -> Kind {
        let usual = match work {
            Work::Gateway => Kind::HttpClient,
            Work::Database => Kind::Sql,
            Work::Messaging => Kind::Produce,
            Work::Models => Kind::Model,
        };
        *self.rng.pick(&[usual, usual, usual, Kind::HttpClient, Kind::Cache, Kind::Cache, Kind::Internal])
    }

    fn send(&mut self, slot: usize, chunk: &mut Chunk) {
        let outbox = std::mem::take(&mut self.outboxes[slot]);
        let service = &SERVICES[slot / INSTANCES];
        let mut out = Writer::new();
        out.message(1, |envelope| {
            envelope.message(1, |resource| world::write_resource(resource, service, slot % INSTANCES));
            let filled = outbox.spans.into_iter().zip(LIBRARIES).filter(|(spans, _)| !spans.is_empty());
            for (spans, (name, version, _)) in filled {
                let mut scope = Writer::new();
                scope.message(1, |scope| {
                    scope.str(1, name).str(2, version);
                });
                let mut bytes = scope.into_bytes();
                bytes.extend_from_slice(&spans.into_bytes());
                envelope.bytes(2, &bytes);
            }
        });
        chunk.push(slot, out.into_bytes(), outbox.count);
    }
}

impl Generator for SpanGenerator {
    fn next_chunk(&mut self, records: u64, bytes_max: u64) -> Chunk {
        let mut chunk = Chunk::default();
        while self.rest > 0 && chunk.records < records && chunk.bytes < bytes_max {
            self.trace(&mut chunk);
        }
        if self.rest == 0 {
            for slot in 0..self.outboxes.len() {
                if self.outboxes[slot].count > 0 {
                    self.send(slot, &mut chunk);
                }
            }
        }
        chunk
    }
}

fn write_span(
    out: &mut Writer,
    rng: &mut Rng,
    trace_id: &[u8; 16],
    draft: &Draft,
    parent: Option<[u8; 8]>,
    offset: &mut u64,
) {
    let service = &SERVICES[draft.service];
    let end = draft.start + draft.duration;
    out.bytes(1, trace_id).bytes(2, &draft.id);
    if let Some(parent) = parent {
        out.bytes(4, &parent);
    }
    let route = *rng.pick(service.routes);
    let method = *rng.pick(&world::METHODS);
    out.str(5, &name(service, draft.kind, method, route));
    out.varint(6, LIBRARIES[draft.kind as usize].2).fixed64(7, draft.start).fixed64(8, end);
    match draft.kind {
        Kind::HttpServer => http_server(out, rng, service, method, route, draft.failed),
        Kind::HttpClient => http_client(out, rng, method, draft.failed),
        Kind::Sql => sql(out, rng, service),
        Kind::Cache => cache(out, rng),
        Kind::Produce | Kind::Consume => messaging(out, rng, service, draft.kind, offset),
        Kind::Model => model(out, rng, service),
        Kind::Internal => internal(out, rng, service),
    }
    if draft.failed && rng.chance(0.25) {
        exception(out, rng, end, service);
    }
    if draft.kind == Kind::Consume {
        let mut linked = [0; 24];
        rng.fill(&mut linked);
        out.message(13, |link| {
            link.bytes(1, &linked[..16]).bytes(2, &linked[16..]);
        });
    }
    if draft.failed {
        out.message(15, |status| {
            status.str(2, "request failed").varint(3, 2);
        });
    }
}

fn name(service: &Service, kind: Kind, method: &str, route: &str) -> String {
    let table = service.tables.first().copied().unwrap_or("items");
    match kind {
        Kind::HttpServer => format!("{method} {route}"),
        Kind::HttpClient => method.to_owned(),
        Kind::Sql => format!("SELECT {table}"),
        Kind::Cache => "GET".to_owned(),
        Kind::Produce => format!("send {table}"),
        Kind::Consume => format!("process {table}"),
        Kind::Model => "chat gemini-2.0-flash-exp".to_owned(),
        Kind::Internal => format!("{}.handle", service.name),
    }
}

fn text(out: &mut Writer, key: &str, value: &str) {
    attribute(out, 9, key, |any| {
        any.str(1, value);
    });
}

fn int(out: &mut Writer, key: &str, value: i64) {
    attribute(out, 9, key, |any| {
        any.varint(3, value as u64);
    });
}

fn double(out: &mut Writer, key: &str, value: f64) {
    attribute(out, 9, key, |any| {
        any.double(4, value);
    });
}

fn truth(out: &mut Writer, key: &str, value: bool) {
    attribute(out, 9, key, |any| {
        any.varint(2, u64::from(value));
    });
}

fn http_server(out: &mut Writer, rng: &mut Rng, service: &Service, method: &str, route: &str, failed: bool) {
    text(out, "http.request.method", method);
    text(out, "url.scheme", "http");
    text(out, "url.path", &world::path(rng, route));
    text(out, "http.route", route);
    int(out, "http.response.status_code", world::status(rng, failed));
    text(out, "server.address", service.name);
    int(out, "server.port", service.port as i64);
    text(out, "client.address", &world::client_address(rng));
    text(out, "user_agent.original", world::agent(rng));
    text(out, "network.protocol.version", "1.1");
    text(out, "enduser.id", &world::user(rng));
    int(out, "http.response.body.size", (rng.unit().powi(3) * 50_000.0) as i64);
}

fn http_client(out: &mut Writer, rng: &mut Rng, method: &str, failed: bool) {
    let callee = rng.pick(&SERVICES);
    let route = *rng.pick(callee.routes);
    text(out, "http.request.method", method);
    text(out, "url.full", &format!("http://{}:{}{}", callee.name, callee.port, world::path(rng, route)));
    text(out, "server.address", callee.name);
    int(out, "server.port", callee.port as i64);
    int(out, "http.response.status_code", world::status(rng, failed));
    text(out, "network.peer.address", &format!("10.96.0.{}", callee.port % 200));
    int(out, "network.peer.port", callee.port as i64);
    text(out, "network.protocol.version", "1.1");
    text(out, "tenant.id", &world::tenant(rng));
    int(out, "http.request.resend_count", i64::from(failed));
}

fn sql(out: &mut Writer, rng: &mut Rng, service: &Service) {
    let table = service.tables.get(rng.below(2) as usize).or(service.tables.first()).copied().unwrap_or("items");
    let statement = match rng.below(4) {
        0 => format!(
            "SELECT {table}.id, {table}.name, {table}.created_at FROM {table} WHERE {table}.id = %(id_1)s LIMIT %(param_1)s"
        ),
        1 => format!("SELECT count(*) AS count_1 FROM {table} WHERE {table}.tenant_id = %(tenant_id_1)s"),
        2 => format!(
            "INSERT INTO {table} (id, name, tenant_id, created_at) VALUES (%(id)s, %(name)s, %(tenant_id)s, %(created_at)s)"
        ),
        _ => format!("UPDATE {table} SET updated_at=%(updated_at)s WHERE {table}.id = %(id_1)s"),
    };
    text(out, "db.system.name", "postgresql");
    text(out, "db.namespace", "pyairtable");
    text(out, "db.collection.name", table);
    text(out, "db.operation.name", statement.split(' ').next().unwrap_or_default());
    text(out, "db.query.text", &statement);
    text(out, "server.address", "postgres.pyairtable.svc");
    int(out, "server.port", 5432);
    text(out, "network.peer.address", "10.96.3.14");
    int(out, "db.response.returned_rows", (rng.unit().powi(4) * 500.0) as i64);
    text(out, "db.client.connection.pool.name", service.name);
    int(out, "thread.id", 140_000 + rng.below(16) as i64);
}

fn cache(out: &mut Writer, rng: &mut Rng) {
    let operation = *rng.pick(&["GET", "GET", "SETEX", "HGETALL"]);
    text(out, "db.system.name", "redis");
    text(out, "db.operation.name", operation);
    text(out, "db.query.text", &format!("{operation} session:{}", world::user(rng)));
    text(out, "db.namespace", "0");
    text(out, "server.address", "redis.pyairtable.svc");
    int(out, "server.port", 6379);
    text(out, "network.peer.address", "10.96.3.15");
    truth(out, "cache.hit", rng.chance(0.8));
    text(out, "tenant.id", &world::tenant(rng));
    int(out, "thread.id", 140_000 + rng.below(16) as i64);
}

fn messaging(out: &mut Writer, rng: &mut Rng, service: &Service, kind: Kind, offset: &mut u64) {
    *offset += 1;
    let mut id = [0; 16];
    rng.fill(&mut id);
    text(out, "messaging.system", "kafka");
    text(out, "messaging.destination.name", service.tables.first().copied().unwrap_or("events"));
    text(out, "messaging.operation.type", if kind == Kind::Produce { "send" } else { "process" });
    text(out, "messaging.operation.name", if kind == Kind::Produce { "send" } else { "poll" });
    text(out, "messaging.message.id", &super::hex(&id));
    text(out, "messaging.destination.partition.id", &rng.below(6).to_string());
    int(out, "messaging.kafka.offset", *offset as i64);
    text(out, "messaging.client.id", service.name);
    text(out, "messaging.consumer.group.name", "pyairtable");
    int(out, "messaging.message.body.size", 200 + (rng.unit().powi(3) * 4_000.0) as i64);
    text(out, "server.address", "kafka.pyairtable.svc");
}

fn model(out: &mut Writer, rng: &mut Rng, service: &Service) {
    let (provider, model) = *rng.pick(&world::MODELS);
    let mut id = [0; 12];
    rng.fill(&mut id);
    let (input, output) = (50 + (rng.unit().powi(2) * 8_000.0) as i64, 10 + (rng.unit().powi(2) * 1_500.0) as i64);
    text(out, "gen_ai.operation.name", "chat");
    text(out, "gen_ai.provider.name", provider);
    text(out, "gen_ai.request.model", model);
    text(out, "gen_ai.response.model", model);
    text(out, "gen_ai.response.id", &format!("resp_{}", super::hex(&id)));
    int(out, "gen_ai.usage.input_tokens", input);
    int(out, "gen_ai.usage.output_tokens", output);
    double(out, "gen_ai.request.temperature", *rng.pick(&[0.0, 0.2, 0.7, 1.0]));
    int(out, "gen_ai.request.max_tokens", 2048);
    attribute(out, 9, "gen_ai.response.finish_reasons", |any| {
        any.message(5, |list| {
            list.message(1, |item| {
                item.str(1, "stop");
            });
        });
    });
    text(out, "enduser.id", &world::user(rng));
    text(out, "cost.center", service.name);
}

fn internal(out: &mut Writer, rng: &mut Rng, service: &Service) {
    let step = rng.below(12);
    text(out, "code.function.name", &format!("handle_step_{step}"));
    text(out, "code.file.path", &format!("/app/src/{}/steps.py", service.name));
    int(out, "code.line.number", 40 + step as i64 * 17);
    int(out, "thread.id", 140_000 + rng.below(16) as i64);
    text(out, "thread.name", "MainThread");
    text(out, "tenant.id", &world::tenant(rng));
    text(out, "workflow.id", &format!("wf-{:05}", rng.skewed(5_000)));
    text(out, "workflow.type", WORKFLOWS[rng.below(4) as usize]);
    truth(out, "feature.new_planner", rng.chance(0.5));
    int(out, "retry.count", i64::from(rng.chance(0.05)));
}

fn exception(out: &mut Writer, rng: &mut Rng, time: u64, service: &Service) {
    let (kind, template) = *rng.pick(&world::EXCEPTIONS);
    let message = template.replace("{}", &rng.below(1_000).to_string());
    let depth = rng.range(4, 9);
    let frames = (0..depth).map(|frame| {
        let line = 20 + frame * 31 + rng.below(3);
        format!("  File \"/app/src/{}/layer_{frame}.py\", line {line}, in call_{frame}\n    return await self.next(request)\n", service.name)
    });
    let stack = format!("Traceback (most recent call last):\n{}{kind}: {message}\n", frames.collect::<String>());
    out.message(11, |event| {
        event.fixed64(1, time - 1_000).str(2, "exception");
        let mut pair = |key: &str, value: &str| {
            attribute(event, 3, key, |any| {
                any.str(1, value);
            })
        };
        pair("exception.type", kind);
        pair("exception.message", &message);
        pair("exception.stacktrace", &stack);
        pair("exception.escaped", "False");
    });
}
