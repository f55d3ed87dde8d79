//! Metric samples in Prometheus' data model (remote write 1.0 and 2.0 messages).

use crate::{Labels, UnixMillis};

/// Bits of the NaN that ends a series (Prometheus `value.StaleNaN`).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// One float sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// When.
    pub time: UnixMillis,
    /// What; a NaN with [`STALE_NAN_BITS`] marks the end of the series.
    pub value: f64,
}

/// One native histogram sample with absolute bucket counts (integer histograms are widened; exact below 2^53).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NativeHistogram {
    /// When.
    pub time: UnixMillis,
    /// Resolution: -4 to 8, or -53 for custom bounds in `custom_values`.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// Number of observations.
    pub count: f64,
    /// Sum of observations; [`STALE_NAN_BITS`] marks the end of the series.
    pub sum: f64,
    /// Runs of populated positive buckets.
    pub positive_spans: Vec<BucketSpan>,
    /// Absolute counts of the positive buckets.
    pub positive_counts: Vec<f64>,
    /// Runs of populated negative buckets.
    pub negative_spans: Vec<BucketSpan>,
    /// Absolute counts of the negative buckets.
    pub negative_counts: Vec<f64>,
    /// Upper bounds for schema -53.
    pub custom_values: Vec<f64>,
    /// Reset hint: 0 unknown, 1 yes, 2 no, 3 gauge.
    pub reset_hint: u8,
    /// True when the sender counted in floats (a float histogram).
    pub is_float: bool,
}

/// A run of adjacent buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketSpan {
    /// Gap to the previous span, or the first bucket's index.
    pub offset: i32,
    /// How many buckets.
    pub length: u32,
}

/// A sample's example, usually with a `trace_id` label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exemplar {
    /// Labels of the exemplar itself.
    pub labels: Labels,
    /// Observed value.
    pub value: f64,
    /// When.
    pub time: UnixMillis,
}

/// Type of a metric family (remote write numbers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// Not said.
    #[default]
    Unknown = 0,
    /// Only rises, or resets.
    Counter = 1,
    /// Rises and falls.
    Gauge = 2,
    /// Buckets, classic or native.
    Histogram = 3,
    /// Histogram whose buckets may fall.
    GaugeHistogram = 4,
    /// Quantiles.
    Summary = 5,
    /// Constant 1 with labels that tell something.
    Info = 6,
    /// Set of states.
    StateSet = 7,
}

impl MetricType {
    /// The name that `/api/v1/metadata` prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }

    /// From a remote write number; unknown numbers read as [`MetricType::Unknown`].
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Counter,
            2 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            6 => Self::Info,
            7 => Self::StateSet,
            _ => Self::Unknown,
        }
    }
}

/// What is known of a metric family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MetricMetadata {
    /// Counter, gauge and so on.
    pub metric_type: MetricType,
    /// Help text.
    pub help: String,
    /// Unit as the sender wrote it.
    pub unit: String,
}
