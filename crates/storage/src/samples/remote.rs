//! Prometheus remote write (1.0 and 2.0) to series and samples.
//!
//! A series is found by the hash of its labels as they came; labels are decoded and checked only when that is new.

use std::sync::Arc;

use model::{Exemplar, Labels, MetricMetadata};
use push::view::{ExemplarView, MetadataView, SeriesView};
use push::{DecodeError, SeriesSink};

use super::batch::{Batch, Float, HistogramPoint};
use super::cache::{Cache, CacheReader};
use super::histogram::is_finite;
use super::key::{Key, combine, key_of, widen};
use super::series::{Family, SeriesMaker, SeriesRef};

/// Runes of an exemplar's labels (OpenMetrics); longer ones are left out, as Prometheus does.
const EXEMPLAR_RUNES_MAX: usize = 128;

/// Takes one request.
pub(super) struct RemoteSink<'t> {
    known: CacheReader<'t, SeriesRef>,
    maker: &'t SeriesMaker,
    /// Keeps the two versions apart: their hashes are made of different bytes.
    version: u64,
    /// What was taken so far.
    pub batch: Batch,
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
    pub rejected: u64,
    /// Why the first one was refused.
    pub reason: Option<String>,
}

impl<'t> RemoteSink<'t> {
    /// Series are remembered in `known`.
    pub(super) fn new(known: &'t Cache<SeriesRef>, maker: &'t SeriesMaker, version: u64) -> Self {
        Self {
            known: known.reader(),
            maker,
            version,
            batch: Batch::default(),
            samples: 0,
            histograms: 0,
            exemplars: 0,
            rejected: 0,
            reason: None,
        }
    }

    fn reject(&mut self, samples: u64, reason: impl FnOnce() -> String) {
        self.rejected += samples;
        self.reason.get_or_insert_with(reason);
    }

    fn find(&mut self, view: &SeriesView<'_, '_>) -> Result<SeriesRef, DecodeError> {
        // A hash of 64 bits: two of a million series collide with a chance of 10^-8.
        let mut key = combine(widen(view.labels_hash), Key::from(self.version));
        if let Some(metadata) = &view.metadata {
            key = combine(key, key_of(&(metadata.metric_type, metadata.help, metadata.unit)));
        }
        if let Some(series) = self.known.get(key) {
            return Ok(series);
        }
        let mut pairs = Vec::new();
        view.labels.decode(&mut pairs)?;
        push::check_labels(&pairs)?;
        let labels = Labels::from_sorted(pairs.iter().copied());
        let family =
            view.metadata.map(|metadata| Arc::new(family(labels.get("__name__").unwrap_or_default(), &metadata)));
        let series = self.maker.make(labels, family.filter(|family| family.metadata != MetricMetadata::default()));
        self.known.put(key, series.clone());
        Ok(series)
    }

    fn push_exemplar(&mut self, series: u32, view: &ExemplarView<'_, '_>) -> Result<(), DecodeError> {
        let mut pairs = Vec::new();
        view.labels.decode(&mut pairs)?;
        let runes: usize = pairs.iter().map(|pair| pair.0.chars().count() + pair.1.chars().count()).sum();
        if runes <= EXEMPLAR_RUNES_MAX {
            let labels = pairs.iter().map(|pair| (pair.0.to_owned(), pair.1.to_owned())).collect();
            self.batch.exemplars.push((series, Exemplar { labels, value: view.value, time: view.time }));
            self.exemplars += 1;
        }
        Ok(())
    }
}

fn family(name: &str, view: &MetadataView<'_>) -> Family {
    let metadata =
        MetricMetadata { metric_type: view.metric_type, help: view.help.to_owned(), unit: view.unit.to_owned() };
    Family { name: name.to_owned(), metadata }
}

impl SeriesSink for RemoteSink<'_> {
    fn series(&mut self, view: &SeriesView<'_, '_>) {
        let series = match self.find(view) {
            Ok(series) => self.batch.add(series),
            Err(error) => {
                return self.reject((view.samples.len() + view.histograms.len()) as u64, || error.to_string());
            }
        };
        self.samples += view.samples.len() as u64;
        self.batch.floats.extend(view.samples.iter().map(|sample| Float {
            series,
            delta: false,
            time: sample.time.0,
            start: sample.start_time.0,
            value: sample.value,
        }));
        for point in view.histograms {
            match push::check_histogram(&point.histogram) {
                Ok(()) if is_finite(&point.histogram) => {
                    self.histograms += 1;
                    let (start, histogram) = (point.start_time.0, point.histogram.clone());
                    self.batch.histograms.push(HistogramPoint { series, delta: false, start, histogram });
                }
                Ok(()) => self.reject(1, || "invalid histogram: a number is not finite".into()),
                Err(error) => self.reject(1, || error.to_string()),
            }
        }
        for exemplar in view.exemplars {
            // A bad exemplar does not refuse its samples.
            if let Err(error) = self.push_exemplar(series, exemplar) {
                self.reason.get_or_insert_with(|| error.to_string());
            }
        }
    }

    fn metadata(&mut self, view: &MetadataView<'_>) {
        self.batch.families.push(Arc::new(family(view.family, view)));
    }

    fn malformed(&mut self, samples: u64, error: DecodeError) {
        self.reject(samples, || error.to_string());
    }
}
