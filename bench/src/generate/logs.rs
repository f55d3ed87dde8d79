//! Log lines of about 120 bytes from 20 templates with random fields; about half belong to a trace.

use protowire::Writer;
use testkit::rng::Rng;

use super::world::{self, SERVICES, attribute};
use super::{Chunk, Generator, Witnesses};

/// What batch processors send by default.
const BATCH: u64 = 500;
/// Instances of each service.
const INSTANCES: usize = 2;
/// Of each this many records, one holds a word that no other has.
const NEEDLE_EVERY: u64 = 50_000;

/// `{u}` user, `{n}` number, `{ms}` duration, `{ip}` address, `{r}` record, `{t}` tenant.
const TEMPLATES: [(u64, &str); 20] = [
    (
        9,
        "request completed method=GET path=/v1/bases/{r}/records status=200 duration_ms={ms} bytes={n} client={ip} user={u}",
    ),
    (
        9,
        "request completed method=POST path=/v1/chat status=200 duration_ms={ms} bytes={n} client={ip} user={u} tenant={t}",
    ),
    (
        9,
        "cache hit key=session:{u} ttl={n} backend=redis shard=3 latency_us={n} tenant={t} region=eu-central-1 pool=primary",
    ),
    (
        9,
        "cache miss key=base:{r} backend=redis shard=1 latency_us={n} tenant={t} falling back to database read replica",
    ),
    (
        5,
        "acquired connection from pool size=20 in_use={n} waited_us={n} database=pyairtable host=postgres.pyairtable.svc",
    ),
    (
        5,
        "query finished table=records rows={n} duration_ms={ms} plan=index_scan database=pyairtable tenant={t} replica=1",
    ),
    (
        9,
        "llm call completed provider=google model=gemini-2.0-flash-exp input_tokens={n} output_tokens={n} duration_ms={ms} user={u}",
    ),
    (
        9,
        "tool call dispatched tool=airtable.list_records base={r} session={u} arguments_bytes={n} timeout_ms=30000 attempt=1",
    ),
    (
        13,
        "slow request threshold_ms=500 duration_ms={ms} path=/v1/bases/{r}/records tenant={t} client={ip} retry_scheduled=false",
    ),
    (
        13,
        "rate limit close to exhausted provider=airtable base={r} remaining={n} window_s=30 tenant={t} backoff_ms={ms}",
    ),
    (
        17,
        "upstream call failed service=airtable-gateway status=503 attempt={n} duration_ms={ms} base={r} will retry with backoff",
    ),
    (
        17,
        "could not persist workflow step workflow={r} step={n} user={u} error=OperationalError pool exhausted after {ms} ms",
    ),
    (
        9,
        "published message topic=workflows partition={n} offset={n} key={r} bytes={n} duration_us={n} acks=all idempotent=true",
    ),
    (
        9,
        "consumed message topic=audit_log partition={n} offset={n} lag={n} key={r} handler=store_event duration_ms={ms}",
    ),
    (
        9,
        "user authenticated user={u} method=oidc client={ip} tenant={t} mfa=true session_age_s={n} issuer=auth.pyairtable.io",
    ),
    (
        13,
        "token refresh soon user={u} expires_in_s={n} client={ip} tenant={t} issuer=auth.pyairtable.io rotation=automatic",
    ),
    (
        9,
        "webhook delivered target=hooks.slack.com status=200 duration_ms={ms} attempt=1 payload_bytes={n} tenant={t} event={r}",
    ),
    (
        5,
        "evaluated permission subject={u} action=records.read resource={r} decision=allow policy_version={n} duration_us={n}",
    ),
    (
        9,
        "scheduled job finished job=usage_rollup rows={n} duration_ms={ms} next_run_in_s=900 tenant={t} worker=rollup-{n}",
    ),
    (
        9,
        "invoice line added tenant={t} user={u} quantity={n} unit=tokens period=2026-11 amount_micro_usd={n} invoice={r}",
    ),
];

/// One unit of work whose log lines are being written: its lines share trace and user.
#[derive(Clone, Debug)]
struct Context {
    service: usize,
    instance: usize,
    trace: Option<([u8; 16], [u8; 8])>,
    rest: u64,
}

/// Records of one instance that wait to be sent, encoded.
#[derive(Debug, Default)]
struct Outbox {
    records: Writer,
    count: u64,
}

/// The generator of log records.
#[derive(Debug)]
pub(crate) struct LogGenerator {
    rng: Rng,
    clock: u64,
    gap: u64,
    made: u64,
    rest: u64,
    /// Requests that are worked on at the same time: their lines interleave.
    contexts: Vec<Context>,
    outboxes: Vec<Outbox>,
    pub(crate) witnesses: Witnesses,
}

impl LogGenerator {
    /// `total` records that fill the hour before `now` (Unix nanoseconds).
    pub(crate) fn new(seed: u64, total: u64, now: u64) -> Self {
        let start = now - 3_600_000_000_000;
        let mut rng = Rng::new(seed);
        let contexts = (0..24).map(|_| context(&mut rng)).collect();
        let outboxes = (0..SERVICES.len() * INSTANCES).map(|_| Outbox::default()).collect();
        let witnesses = Witnesses { time_range: (start, now), ..Witnesses::default() };
        let gap = 3_500_000_000_000 / total.max(1);
        Self { rng, clock: start, gap, made: 0, rest: total, contexts, outboxes, witnesses }
    }

    fn record(&mut self, chunk: &mut Chunk) {
        self.clock += self.rng.range(1, self.gap * 2 + 2);
        let position = self.rng.below(self.contexts.len() as u64) as usize;
        if self.contexts[position].rest == 0 {
            self.contexts[position] = context(&mut self.rng);
        }
        self.contexts[position].rest -= 1;
        let Context { service, instance, trace, .. } = self.contexts[position].clone();
        let number = self.rng.skewed(TEMPLATES.len() as u64) as usize;
        let (severity, template) = TEMPLATES[number];
        let mut line = fill(&mut self.rng, template);
        if self.made % NEEDLE_EVERY == NEEDLE_EVERY / 2 {
            let needle = format!("needle{:016x}", self.rng.bits());
            line.push_str(&format!(" ref={needle}"));
            self.witnesses.needles.push(needle);
        }
        self.made += 1;
        self.rest -= 1;
        let slot = service * INSTANCES + instance;
        let (rng, clock) = (&mut self.rng, self.clock);
        self.outboxes[slot].records.message(2, |record| {
            write_record(record, rng, clock, severity, &line, number, trace);
        });
        self.outboxes[slot].count += 1;
        if self.outboxes[slot].count >= BATCH {
            self.send(slot, chunk);
        }
    }

    fn send(&mut self, slot: usize, chunk: &mut Chunk) {
        let outbox = std::mem::take(&mut self.outboxes[slot]);
        let service = &SERVICES[slot / INSTANCES];
        let mut out = Writer::new();
        out.message(1, |envelope| {
            envelope.message(1, |resource| world::write_resource(resource, service, slot % INSTANCES));
            let mut scope = Writer::new();
            scope.message(1, |scope| {
                scope.str(1, "opentelemetry.sdk._logs._internal");
            });
            let mut bytes = scope.into_bytes();
            bytes.extend_from_slice(&outbox.records.into_bytes());
            envelope.bytes(2, &bytes);
        });
        chunk.push(slot, out.into_bytes(), outbox.count);
    }
}

impl Generator for LogGenerator {
    fn next_chunk(&mut self, records: u64, bytes_max: u64) -> Chunk {
        let mut chunk = Chunk::default();
        while self.rest > 0 && chunk.records < records && chunk.bytes < bytes_max {
            self.record(&mut chunk);
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

fn context(rng: &mut Rng) -> Context {
    let mut ids = ([0; 16], [0; 8]);
    rng.fill(&mut ids.0);
    rng.fill(&mut ids.1);
    let traced = rng.chance(0.5);
    let instance = rng.below(INSTANCES as u64) as usize;
    let service = rng.below(SERVICES.len() as u64) as usize;
    Context { service, instance, trace: traced.then_some(ids), rest: rng.range(2, 8) }
}

fn fill(rng: &mut Rng, template: &str) -> String {
    let mut line = String::with_capacity(160);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        line.push_str(before);
        let (field, after) = after.split_once('}').unwrap_or((after, ""));
        match field {
            "u" => line.push_str(&world::user(rng)),
            "ms" => line.push_str(&format!("{:.1}", 0.5 + rng.unit().powi(4) * 4_000.0)),
            "ip" => line.push_str(&world::client_address(rng)),
            "r" => line.push_str(&world::path(rng, "{id}")),
            "t" => line.push_str(&world::tenant(rng)),
            _ => line.push_str(&((rng.unit().powi(3) * 20_000.0) as u64).to_string()),
        }
        rest = after;
    }
    line.push_str(rest);
    line
}

fn write_record(
    out: &mut Writer,
    rng: &mut Rng,
    time: u64,
    severity: u64,
    line: &str,
    template: usize,
    trace: Option<([u8; 16], [u8; 8])>,
) {
    let name = match severity {
        5 => "DEBUG",
        9 => "INFO",
        13 => "WARN",
        _ => "ERROR",
    };
    out.fixed64(1, time).varint(2, severity).str(3, name);
    out.message(5, |body| {
        body.str(1, line);
    });
    let mut text = |key: &str, value: &str| {
        attribute(out, 6, key, |any| {
            any.str(1, value);
        })
    };
    text("logger.name", &format!("app.module_{}", template / 2));
    text("code.function.name", &format!("handle_{template}"));
    text("thread.name", "MainThread");
    text("tenant.id", &world::tenant(rng));
    if rng.chance(0.5) {
        text("enduser.id", &world::user(rng));
    }
    attribute(out, 6, "code.line.number", |any| {
        any.varint(3, 20 + template as u64 * 13);
    });
    if let Some((trace_id, span_id)) = trace {
        out.fixed32(8, 1).bytes(9, &trace_id).bytes(10, &span_id);
    }
    out.fixed64(11, time + 20_000 + rng.below(80_000));
}
