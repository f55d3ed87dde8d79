//! The series as remote write 1.0 (snappy) and as OTLP metrics, 2,000 samples a request.

use protowire::Writer;
use testkit::rng::Rng;

use super::series::{self, INTERVAL_MS, Motion, SERIES_PER_TARGET, Series};
use super::world::attribute;
use super::{Chunk, Generator, Witnesses};

/// Prometheus sends this many at most in one request.
const BATCH_TARGETS: usize = 2_000 / SERIES_PER_TARGET;
/// The issue asks for 10,000 series.
const TARGETS: usize = 10_000 / SERIES_PER_TARGET;

/// Series that are read back, as target and position within it; about one of each motion.
const WITNESSES: [(usize, usize); 6] = [(0, 5), (17, 15), (50, 35), (71, 55), (88, 75), (99, 95)];

/// Which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Prometheus remote write 1.0, snappy.
    RemoteWrite,
    /// `ExportMetricsServiceRequest`.
    Otlp,
}

/// The generator of samples.
#[derive(Debug)]
pub(crate) struct MetricsGenerator {
    rng: Rng,
    shape: Shape,
    targets: Vec<Vec<Series>>,
    /// Unix milliseconds of the next scrape.
    clock: i64,
    scrapes: u64,
    target_infos: u64,
    pub(crate) witnesses: Witnesses,
}

impl MetricsGenerator {
    /// About `total` samples (whole scrapes of all series), the last of them shortly before `now` (Unix nanoseconds).
    pub(crate) fn new(seed: u64, total: u64, now: u64, shape: Shape) -> Self {
        let mut rng = Rng::new(seed);
        let targets: Vec<Vec<Series>> = (0..TARGETS).map(|number| series::target(&mut rng, number)).collect();
        let scrapes = total.div_ceil((TARGETS * SERIES_PER_TARGET) as u64);
        let end = (now / 1_000_000) as i64 / INTERVAL_MS * INTERVAL_MS - INTERVAL_MS;
        let clock = end - INTERVAL_MS * (scrapes as i64 - 1);
        let mut witnesses =
            Witnesses { time_range: (clock as u64 * 1_000_000, end as u64 * 1_000_000), ..Witnesses::default() };
        for (target, position) in WITNESSES {
            let selector = selector(&targets[target][position], shape);
            witnesses.series.push((selector, Vec::new()));
        }
        Self { rng, shape, targets, clock, scrapes, target_infos: 0, witnesses }
    }

    fn scrape(&mut self, chunk: &mut Chunk) {
        for target in &mut self.targets {
            for series in target {
                series.step(&mut self.rng);
            }
        }
        for (batch, targets) in self.targets.chunks(BATCH_TARGETS).enumerate() {
            let records = (targets.len() * SERIES_PER_TARGET) as u64;
            let request = match self.shape {
                Shape::RemoteWrite => remote_write(targets, self.clock),
                Shape::Otlp => otlp(targets, self.clock),
            };
            // As Prometheus does, a series always takes the same connection.
            chunk.push(batch, request, records);
        }
        for ((target, position), (_, values)) in WITNESSES.into_iter().zip(&mut self.witnesses.series) {
            values.push(self.targets[target][position].value);
        }
        if self.shape == Shape::Otlp {
            // One a resource and request: their resources have attributes that do not identify them.
            self.target_infos += TARGETS as u64;
        }
        self.clock += INTERVAL_MS;
        self.scrapes -= 1;
    }
}

impl Generator for MetricsGenerator {
    fn derived(&self) -> u64 {
        self.target_infos
    }

    fn next_chunk(&mut self, records: u64, bytes_max: u64) -> Chunk {
        let mut chunk = Chunk::default();
        while self.scrapes > 0 && chunk.records < records && chunk.bytes < bytes_max {
            self.scrape(&mut chunk);
        }
        chunk
    }
}

fn selector(series: &Series, shape: Shape) -> String {
    // Over OTLP the names differ, so that both shapes can be in one store; `job` and `instance` come from the resource there.
    let name = match (shape, series.motion) {
        (Shape::RemoteWrite, _) => series.name.clone(),
        (Shape::Otlp, Motion::Counter(_) | Motion::Float) => {
            format!("otel_{}_total", series.name.trim_end_matches("_total"))
        }
        (Shape::Otlp, _) => format!("otel_{}", series.name),
    };
    let pairs = series.labels.iter().filter(|(label, _)| !matches!(*label, "cluster" | "namespace" | "pod"));
    let pairs: Vec<String> = pairs.map(|(label, value)| format!("{label}=\"{value}\"")).collect();
    format!("{name}{{{}}}", pairs.join(","))
}

fn remote_write(targets: &[Vec<Series>], time: i64) -> Vec<u8> {
    let mut out = Writer::new();
    for series in targets.iter().flatten() {
        out.message(1, |message| {
            message.message(1, |label| {
                label.str(1, "__name__").str(2, &series.name);
            });
            for (name, value) in &series.labels {
                message.message(1, |label| {
                    label.str(1, name).str(2, value);
                });
            }
            message.message(2, |sample| {
                sample.double(1, series.value).varint(2, time as u64);
            });
        });
    }
    let raw = out.into_bytes();
    let mut packed = vec![0; snap::raw::max_compress_len(raw.len())];
    let length =
        snap::raw::Encoder::new().compress(&raw, &mut packed).expect("the buffer has the length that snappy asks for");
    packed.truncate(length);
    packed
}

fn otlp(targets: &[Vec<Series>], time: i64) -> Vec<u8> {
    let mut out = Writer::new();
    for target in targets {
        out.message(1, |envelope| {
            envelope.message(1, |resource| write_resource(resource, &target[0]));
            envelope.message(2, |scope| {
                scope.message(1, |name| {
                    name.str(1, "bench").str(2, "1");
                });
                // Series of one name stand together: one metric with a point for each.
                let mut rest = target.as_slice();
                while let Some(first) = rest.first() {
                    let count = rest.iter().take_while(|series| series.name == first.name).count();
                    scope.message(2, |metric| write_metric(metric, &rest[..count], time));
                    rest = &rest[count..];
                }
            });
        });
    }
    out.into_bytes()
}

fn write_resource(out: &mut Writer, any: &Series) {
    let label = |name: &str| {
        let found = any.labels.iter().find(|(label, _)| *label == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    for (key, value) in [
        ("service.name", label("job")),
        ("service.instance.id", label("instance")),
        ("k8s.pod.name", label("pod")),
        ("k8s.namespace.name", label("namespace")),
        ("k8s.cluster.name", label("cluster")),
    ] {
        attribute(out, 1, key, |text| {
            text.str(1, value);
        });
    }
}

fn write_metric(out: &mut Writer, series: &[Series], time: i64) {
    let counts = matches!(series[0].motion, Motion::Counter(_) | Motion::Float);
    out.str(1, &format!("otel.{}", series[0].name.trim_end_matches("_total")));
    // Field 7 is a sum, field 5 a gauge.
    out.message(if counts { 7 } else { 5 }, |data| {
        for one in series {
            data.message(1, |point| {
                for (key, value) in one.labels.iter().filter(|(label, _)| matches!(*label, "code" | "le" | "method")) {
                    attribute(point, 7, key, |text| {
                        text.str(1, value);
                    });
                }
                let nanos = time as u64 * 1_000_000;
                if counts {
                    point.fixed64(2, 1_700_000_000_000_000_000);
                }
                point.fixed64(3, nanos);
                if one.value.fract() == 0.0 {
                    point.fixed64(6, one.value as i64 as u64);
                } else {
                    point.double(4, one.value);
                }
            });
        }
        if counts {
            data.varint(2, 2).varint(3, 1);
        }
    });
}
