//! What samples cost. Not a test: run it in a release build with
//! `cargo test --release -p storage --lib samples::tests::measure -- --ignored --nocapture`.

use super::*;
use protowire::Writer;

const SERIES: usize = 7_000;
const TARGETS: usize = 70;
const ROUNDS: usize = 240;
const INTERVAL_MS: i64 = 15_000;

/// CPU time of this thread, so that a busy machine does not matter.
#[derive(Clone, Copy)]
struct Cpu(u64);

impl Cpu {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
        Self(text.split(' ').next().and_then(|first| first.parse().ok()).expect("nanoseconds come first"))
    }

    fn nanos(self) -> f64 {
        (Self::now().0 - self.0) as f64
    }
}

/// A small generator of random numbers (xorshift).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}

/// Half integer counters, then gauges with two decimals, sizes, constants, floats of full precision.
fn step(rng: &mut Rng, series: usize, value: f64) -> f64 {
    match series / TARGETS % 10 {
        0..=4 => value + rng.below(1 + [400, 80, 20, 3, 250][series / TARGETS % 5]) as f64,
        5 | 6 => (((value * 100.0).round() + rng.below(41) as f64 - 20.0) / 100.0).max(0.0),
        7 => (value + (rng.below(201) as f64 - 100.0) * 4096.0).max(0.0),
        8 => value,
        _ => value + rng.unit() * 0.3,
    }
}

fn series_labels(series: usize) -> Vec<(&'static str, String)> {
    let (target, shape) = (series % TARGETS, series / TARGETS);
    vec![
        ("__name__", format!("metric_number_{}_total", shape / 10)),
        ("code", ["200", "201", "204", "400", "404", "500", "502", "503", "301", "302"][shape % 10].to_owned()),
        ("instance", format!("10.1.0.{target}:9100")),
        (
            "job",
            ["api-gateway", "llm-orchestrator", "airtable-gateway", "user-service", "postgres"][target % 5].to_owned(),
        ),
        ("namespace", "pyairtable".to_owned()),
        ("pod", format!("service-7d9f8b6c5-{:05x}", target * 2_654_435 % 0xf_ffff)),
    ]
}

/// Remote write requests of 2,000 samples. `jitter_ms` is what a target's scrapes differ from the grid.
fn requests(jitter_ms: u64) -> Vec<Payload> {
    let mut rng = Rng(42);
    let labels: Vec<_> = (0..SERIES).map(series_labels).collect();
    let mut values: Vec<f64> =
        (0..SERIES).map(|series| (rng.below(100_000) * if series % 3 == 0 { 4096 } else { 1 }) as f64).collect();
    let mut out = Vec::new();
    for round in 0..ROUNDS {
        let base = 1_700_000_000_000 + round as i64 * INTERVAL_MS;
        let times: Vec<i64> = (0..TARGETS).map(|_| base + rng.below(jitter_ms + 1) as i64).collect();
        for chunk in (0..SERIES).collect::<Vec<_>>().chunks(2_000) {
            let mut request = Writer::new();
            for &series in chunk {
                values[series] = step(&mut rng, series, values[series]);
                request.message(1, |message| {
                    for (name, value) in &labels[series] {
                        message.message(1, |label| {
                            label.str(1, name).str(2, value);
                        });
                    }
                    message.message(2, |sample| {
                        sample.double(1, values[series]).varint(2, times[series % TARGETS] as u64);
                    });
                });
            }
            let body = request.into_bytes().into();
            out.push(Payload { format: WireFormat::RemoteWriteV1, body, encoded: None, received: UnixNanos(1) });
        }
    }
    out
}

#[expect(clippy::print_stderr, reason = "a measurement is read by a person")]
fn say(text: &str) {
    eprintln!("{text}");
}

fn report_files(block: &Block<Samples>, samples: usize) {
    for file in &block.files.meta.files {
        say(&format!("  {:20} {:10} bytes {:.3} B/sample", file.name, file.bytes, file.bytes as f64 / samples as f64));
    }
    say(&format!("  all {:.3} B/sample", block.files.meta.bytes() as f64 / samples as f64));
}

fn time_select(
    what: &str,
    signal: &Samples,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Samples>>],
    matchers: &[Matcher],
) {
    let mut best = f64::MAX;
    let mut found = (0, 0);
    for _ in 0..7 {
        let start = Cpu::now();
        let series = select(signal, heads, blocks, matchers);
        best = best.min(start.nanos() / 1e6);
        found = (series.len(), series.iter().map(|series| series.floats.len()).sum());
    }
    say(&format!("{what}: {best:.2} ms, {} series, {} samples", found.0, found.1));
}

/// Copies a block for other readers, with what they should find: samples, sum of times, and the exact bits of one series.
fn export(signal: &Samples, folder: &TestBlocks, block: &Arc<Block<Samples>>, out: &std::path::Path) {
    std::fs::create_dir_all(out).expect("a folder");
    for file in &block.files.meta.files {
        std::fs::copy(folder.path_of(block).join(&file.name), out.join(&file.name)).expect("copies");
    }
    let all = select(signal, &[], std::slice::from_ref(block), &[]);
    let mut text = String::new();
    for series in &all {
        let bits =
            series.floats.iter().fold(0u64, |bits, sample| bits.wrapping_mul(31).wrapping_add(sample.value.to_bits()));
        text.push_str(&format!(
            "{} {} {bits}\n",
            series.labels.get("instance").unwrap_or_default(),
            series.floats.len()
        ));
    }
    std::fs::write(out.join("expected.txt"), text).expect("writes");
}

#[test]
#[ignore = "a measurement"]
fn measure_samples() {
    for jitter in [0, 5] {
        say(&format!("jitter of {jitter} ms"));
        let payloads = requests(jitter);
        let samples = SERIES * ROUNDS;
        let each = |start: Cpu| start.nanos() / samples as f64;
        let (signal, folder, tenant) = (Samples::default(), TestBlocks::new(), TenantId::default());
        let head = Arc::new(signal.new_head(&tenant));
        let (mut decode, mut attach) = (0.0, 0.0);
        for payload in &payloads {
            let start = Cpu::now();
            let batch = signal.decode(payload).expect("valid").batch.expect("has samples");
            decode += start.nanos();
            let start = Cpu::now();
            signal.attach(&head, batch);
            attach += start.nanos();
        }
        say(&format!("decode {:.0}, attach {:.0} ns/sample", decode / samples as f64, attach / samples as f64));
        say(&format!("head {:.1} B/sample", signal.size(&head).bytes as f64 / samples as f64));
        let start = Cpu::now();
        let block = flush(&signal, &folder, &head);
        say(&format!("flush {:.0} ns/sample", each(start)));
        report_files(&block, samples);
        let halves: Vec<_> = payloads
            .chunks(payloads.len() / 4)
            .map(|some| {
                let head = signal.new_head(&tenant);
                some.iter().for_each(|payload| append(&signal, &head, payload));
                flush(&signal, &folder, &head)
            })
            .collect();
        let start = Cpu::now();
        let merged = folder.write(|writer| signal.compact(&halves, writer));
        say(&format!("compact four {:.0} ns/sample", each(start)));
        report_files(&merged, samples);
        if let Some(out) = std::env::var_os("SAMPLES_OUT") {
            export(&signal, &folder, &merged, std::path::Path::new(&out));
        }
        let one = [Matcher::equal("__name__", "metric_number_3_total"), Matcher::equal("instance", "10.1.0.7:9100")];
        let blocks = [merged];
        let start = Cpu::now();
        blocks[0].opened(&signal).expect("opens");
        say(&format!("open {:.2} ms", start.nanos() / 1e6));
        time_select("block, all", &signal, &[], &blocks, &[]);
        time_select("block, ten", &signal, &[], &blocks, &one);
        time_select("block, one in ten", &signal, &[], &blocks, &[Matcher::equal("code", "200")]);
        time_select("head, all", &signal, std::slice::from_ref(&head), &[], &[]);
        time_select("head, ten", &signal, &[head], &[], &one);
    }
}

fn attribute(out: &mut Writer, field: u32, key: &str, value: &str) {
    out.message(field, |pair| {
        pair.str(1, key).message(2, |any| {
            any.str(1, value);
        });
    });
}

/// OTLP requests of twenty targets with a hundred points each, ten points a metric.
fn otlp_requests() -> Vec<Payload> {
    let mut out = Vec::new();
    for round in 0..ROUNDS as u64 {
        for some in (0..TARGETS).collect::<Vec<_>>().chunks(20) {
            let mut request = Writer::new();
            for target in some {
                request.message(1, |envelope| {
                    envelope.message(1, |resource| {
                        attribute(resource, 1, "service.name", "api-gateway");
                        attribute(resource, 1, "service.instance.id", &format!("10.1.0.{target}:9100"));
                        attribute(resource, 1, "k8s.pod.name", "service-7d9f8b6c5-01234");
                    });
                    envelope.message(2, |scope| {
                        for metric in 0..10 {
                            scope.message(2, |out| otlp_metric(out, metric, round));
                        }
                    });
                });
            }
            let body = request.into_bytes().into();
            out.push(Payload { format: WireFormat::OtlpMetrics, body, encoded: None, received: UnixNanos(1) });
        }
    }
    out
}

fn otlp_metric(out: &mut Writer, metric: u64, round: u64) {
    out.str(1, &format!("http.requests.of.{metric}")).str(2, "what it counts").str(3, "{request}");
    out.message(7, |sum| {
        for point in 0..10 {
            sum.message(1, |out| {
                attribute(out, 7, "http.response.status_code", ["200", "201", "204", "400", "500"][point % 5]);
                attribute(out, 7, "http.request.method", if point < 5 { "GET" } else { "POST" });
                out.fixed64(2, 1_700_000_000_000_000_000)
                    .fixed64(3, 1_700_000_000_000_000_000 + round * 15_000_000_000);
                out.fixed64(6, round * metric);
            });
        }
        sum.varint(2, 2).varint(3, 1);
    });
}

#[test]
#[ignore = "a measurement"]
fn measure_otlp() {
    let payloads = otlp_requests();
    let signal = Samples::default();
    let head = signal.new_head(&TenantId::default());
    let (mut decode, mut attach, mut samples) = (0.0, 0.0, 0.0);
    for payload in &payloads {
        let start = Cpu::now();
        let batch = signal.decode(payload).expect("valid").batch.expect("has samples");
        decode += start.nanos();
        samples += batch.floats.len() as f64;
        let start = Cpu::now();
        signal.attach(&head, batch);
        attach += start.nanos();
    }
    say(&format!("OTLP decode {:.0}, attach {:.0} ns/sample", decode / samples, attach / samples));
}
