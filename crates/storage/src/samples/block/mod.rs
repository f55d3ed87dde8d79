//! A block of samples: five tables, see `docs/formats/samples.md`.
//!
//! | file | rows | module |
//! |---|---|---|
//! | `series.parquet` | one a series, sorted by labels | [`write`], [`open`] |
//! | `samples.parquet` | one a float sample, sorted by series and time | [`rows`], [`scan`] |
//! | `histograms.parquet` | one a native histogram, sorted likewise | [`write`], [`scan`] |
//! | `exemplars.parquet` | one an exemplar | [`write`], [`open`] |
//! | `metadata.parquet` | one a family and sender's opinion of it | [`write`], [`open`] |
//! | `delta.parquet` | one a series whose values are sums of deltas | [`write`], [`open`] |
//!
//! A file without rows is not written, but for `series.parquet`.

pub(super) mod columns;
pub(super) mod open;
pub(super) mod rows;
pub(super) mod scale;
pub(super) mod scan;
pub(super) mod write;

/// Labels and where each series' rows are.
pub(super) const SERIES: &str = "series.parquet";
/// Float samples.
pub(super) const SAMPLES: &str = "samples.parquet";
/// Native histograms.
pub(super) const HISTOGRAMS: &str = "histograms.parquet";
/// Exemplars.
pub(super) const EXEMPLARS: &str = "exemplars.parquet";
/// Types, help texts, units.
pub(super) const METADATA: &str = "metadata.parquet";
/// Running totals of delta series.
pub(super) const DELTA: &str = "delta.parquet";
