//! Ten thousand time series and how they move: half integer counters, the rest gauges, sizes, constants and floats.

use testkit::rng::Rng;

/// Series of one target (a scraped process).
pub(crate) const SERIES_PER_TARGET: usize = 100;
/// Time between two scrapes.
pub(crate) const INTERVAL_MS: i64 = 15_000;

/// How a series moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    /// Whole numbers that grow by up to this much a scrape; 0 when nothing happens.
    Counter(u64),
    /// Whole numbers around a level.
    Gauge,
    /// Memory and disk: multiples of a page.
    Size,
    /// Build information, limits.
    Constant,
    /// CPU seconds, ratios: all digits count.
    Float,
}

/// One series.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// Labels besides the name, sorted.
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) motion: Motion,
    pub(crate) value: f64,
}

impl Series {
    /// The value at the next scrape.
    pub(crate) fn step(&mut self, rng: &mut Rng) -> f64 {
        match self.motion {
            Motion::Counter(most) => {
                if rng.chance(0.7) {
                    self.value += rng.below(most + 1) as f64;
                }
            }
            Motion::Gauge => {
                if rng.chance(0.4) {
                    self.value = (self.value + rng.below(9) as f64 - 4.0).max(0.0);
                }
            }
            Motion::Size => {
                if rng.chance(0.5) {
                    self.value = (self.value + (rng.below(201) as f64 - 100.0) * 4096.0).max(4096.0);
                }
            }
            Motion::Constant => {}
            Motion::Float => self.value += rng.unit() * 0.3,
        }
        self.value
    }
}

/// The series of target `number`: the same hundred shapes for each target, other labels and levels.
pub(crate) fn target(rng: &mut Rng, number: usize) -> Vec<Series> {
    let job = ["api-gateway", "llm-orchestrator", "airtable-gateway", "user-service", "postgres"][number % 5];
    let pod = format!("{job}-7d9f8b6c5-{:05x}", number * 2_654_435 % 0xf_ffff);
    let instance = format!("10.1.{}.{}:9100", number / 250, number % 250);
    let mut series: Vec<Series> =
        (0..SERIES_PER_TARGET).map(|position| series(rng, job, &pod, &instance, position)).collect();
    // An exporter writes the series of one name together.
    series.sort_by(|left, right| left.name.cmp(&right.name));
    series
}

fn series(rng: &mut Rng, job: &'static str, pod: &str, instance: &str, position: usize) -> Series {
    let variant = position % 10;
    let mut labels = vec![
        ("cluster", "prod-east".to_owned()),
        ("instance", instance.to_owned()),
        ("job", job.to_owned()),
        ("namespace", "pyairtable".to_owned()),
        ("pod", pod.to_owned()),
    ];
    let (name, motion, value) = match position / 10 {
        0 | 1 => {
            labels.push(("code", ["200", "201", "204", "400", "404"][variant / 2].to_owned()));
            labels.push(("method", if position < 10 { "GET" } else { "POST" }.to_owned()));
            let busy = [400, 80, 20, 3, 0][variant / 2];
            (format!("http_requests_{}_total", variant % 2), Motion::Counter(busy), rng.below(1_000_000) as f64)
        }
        2 | 3 => {
            let bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"];
            labels.push(("le", bounds[variant].to_owned()));
            let name =
                if position < 30 { "http_request_duration_seconds_bucket" } else { "db_query_duration_seconds_bucket" };
            (name.to_owned(), Motion::Counter(10 + variant as u64 * 30), rng.below(100_000) as f64)
        }
        4 => (format!("process_events_{variant}_total"), Motion::Counter(variant as u64 * 5), rng.below(10_000) as f64),
        5 | 6 => {
            let name = format!("queue_depth_{}", position - 50);
            (name, Motion::Gauge, rng.below(200) as f64)
        }
        7 => (format!("memory_{variant}_bytes"), Motion::Size, (rng.range(1_000, 200_000) * 4096) as f64),
        8 => (format!("limit_{variant}"), Motion::Constant, *rng.pick(&[1.0, 100.0, 65_536.0, 0.0])),
        _ => (format!("cpu_usage_{variant}_seconds_total"), Motion::Float, rng.unit() * 10_000.0),
    };
    labels.sort_unstable_by_key(|(label, _)| *label);
    Series { name, labels, motion, value }
}
