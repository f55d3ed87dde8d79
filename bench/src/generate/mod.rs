//! Seeded telemetry that looks like that of a real system, encoded before any clock runs.
//!
//! | file | what |
//! |---|---|
//! | `world` | the twelve services and the words that they use |
//! | `spans` | traces of 4 to 15 spans, batched by service as a batch processor does |
//! | `logs` | lines of about 120 bytes from 20 templates |
//! | `series` | 10,000 time series that move as counters, gauges, sizes, constants and floats do |
//! | `metrics` | those series as remote write and as OTLP |

mod logs;
mod metrics;
mod series;
mod spans;
mod world;

use bytes::Bytes;

pub(crate) use logs::LogGenerator;
pub(crate) use metrics::{MetricsGenerator, Shape};
pub(crate) use spans::SpanGenerator;

/// Requests for one connection, in order.
pub(crate) type Requests = Vec<Bytes>;

/// A part of the load, encoded: one list for each connection.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// Requests by connection.
    pub(crate) lanes: [Requests; 2],
    /// Spans, log records or samples in them.
    pub(crate) records: u64,
    /// Bytes of all requests, uncompressed where they are not compressed on the wire.
    pub(crate) bytes: u64,
}

impl Chunk {
    fn push(&mut self, lane: usize, request: Vec<u8>, records: u64) {
        self.bytes += request.len() as u64;
        self.records += records;
        self.lanes[lane % 2].push(Bytes::from(request));
    }
}

/// Makes load part by part, so that memory stays bounded.
pub(crate) trait Generator {
    /// Rows that the server makes besides, by the standard translation (`target_info`); so far.
    fn derived(&self) -> u64 {
        0
    }

    /// Up to `records` more records, fewer when `bytes_max` is reached first.
    fn next_chunk(&mut self, records: u64, bytes_max: u64) -> Chunk;
}

/// What must be found again afterwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witnesses {
    /// Trace ids with the number of their spans.
    pub(crate) traces: Vec<([u8; 16], u64)>,
    /// Words that stand in exactly one log line each.
    pub(crate) needles: Vec<String>,
    /// Series (as PromQL selectors) with their values, oldest first.
    pub(crate) series: Vec<(String, Vec<f64>)>,
    /// Unix nanoseconds of the oldest and newest record.
    pub(crate) time_range: (u64, u64),
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000_000_000;

    fn all(generator: &mut dyn Generator) -> Chunk {
        generator.next_chunk(u64::MAX, u64::MAX)
    }

    #[test]
    fn one_seed_gives_one_load() {
        let spans = |seed| all(&mut SpanGenerator::new(seed, 3_000, NOW)).lanes;
        assert_eq!(spans(1), spans(1));
        assert_ne!(spans(1), spans(2));
    }

    #[test]
    fn exactly_so_many_records_are_made_however_they_are_cut() {
        let mut spans = SpanGenerator::new(1, 20_000, NOW);
        assert_eq!(all(&mut spans).records, 20_000);
        assert_eq!(all(&mut spans).records, 0);
        let mut logs = LogGenerator::new(1, 20_000, NOW);
        let mut made = 0;
        loop {
            let chunk = logs.next_chunk(3_000, u64::MAX);
            made += chunk.records;
            if chunk.records == 0 {
                break;
            }
        }
        assert_eq!(made, 20_000);
        let mut samples = MetricsGenerator::new(1, 30_000, NOW, Shape::RemoteWrite);
        assert_eq!(all(&mut samples).records, 30_000);
        assert!(samples.witnesses.series.iter().all(|(_, values)| values.len() == 3));
    }

    #[test]
    fn records_have_the_sizes_of_real_ones() {
        let spans = all(&mut SpanGenerator::new(1, 20_000, NOW));
        let bytes = spans.bytes / spans.records;
        assert!((350..650).contains(&bytes), "{bytes} bytes a span");
        let logs = all(&mut LogGenerator::new(1, 20_000, NOW));
        let bytes = logs.bytes / logs.records;
        assert!((250..420).contains(&bytes), "{bytes} bytes a log record");
    }
}
