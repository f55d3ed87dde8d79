//! Stands in for `storage::Store` until it is complete: takes everything, keeps nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::{Labels, MetricMetadata, Span, TenantId, TimeRange, TraceId};
use storage::StoreSettings;
use store_api::append::AppendFuture;
use store_api::*;

pub(crate) struct Store(StoreSettings);

impl Store {
    pub(crate) fn open(settings: StoreSettings) -> Result<Arc<Self>, StoreError> {
        Ok(Arc::new(Self(settings)))
    }
    pub(crate) fn shutdown(&self, _patience: Duration) {}
}

impl Appender for Store {
    fn append<'a>(&'a self, _tenant: &'a TenantId, payload: Payload) -> AppendFuture<'a> {
        let accepted = collector::count::records(payload.format, &payload.body);
        Box::pin(async move { Ok(Appended { accepted, ..Appended::default() }) })
    }
}
impl StatusSource for Store {
    fn status(&self) -> StoreStatus {
        StoreStatus { data_dir: self.0.data_dir.display().to_string(), ..StoreStatus::default() }
    }
}
impl SpanSource for Store {
    fn trace(&self, _: &TenantId, _: TraceId, _: TimeRange) -> Result<(Vec<Span>, ReadStats), StoreError> {
        Ok(Default::default())
    }
    fn tag_names(&self, _: &TenantId, _: TimeRange) -> Result<(TagNames, ReadStats), StoreError> {
        Ok(Default::default())
    }
    fn tag_values(
        &self,
        _: &TenantId,
        _: &Tag,
        _: TimeRange,
        _: usize,
    ) -> Result<(Vec<TagValue>, ReadStats), StoreError> {
        Ok(Default::default())
    }
}
impl LogSource for Store {
    fn select(&self, _: &TenantId, _: &LogSelect) -> Result<LogSelection, StoreError> {
        Ok(Default::default())
    }
    fn label_names(&self, _: &TenantId, _: &[Matcher], _: TimeRange) -> Result<BTreeSet<String>, StoreError> {
        Ok(Default::default())
    }
    fn label_values(&self, _: &TenantId, _: &str, _: &[Matcher], _: TimeRange) -> Result<BTreeSet<String>, StoreError> {
        Ok(Default::default())
    }
    fn series(&self, _: &TenantId, _: &[Vec<Matcher>], _: TimeRange) -> Result<Vec<Labels>, StoreError> {
        Ok(Default::default())
    }
}
impl SampleSource for Store {
    fn select(&self, _: &TenantId, _: &[Matcher], _: TimeRange) -> Result<(Vec<SeriesSamples>, ReadStats), StoreError> {
        Ok(Default::default())
    }
    fn label_names(&self, _: &TenantId, _: &[Vec<Matcher>], _: TimeRange) -> Result<BTreeSet<String>, StoreError> {
        Ok(Default::default())
    }
    fn label_values(
        &self,
        _: &TenantId,
        _: &str,
        _: &[Vec<Matcher>],
        _: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        Ok(Default::default())
    }
    fn series(&self, _: &TenantId, _: &[Vec<Matcher>], _: TimeRange) -> Result<Vec<Labels>, StoreError> {
        Ok(Default::default())
    }
    fn metadata(&self, _: &TenantId) -> Result<BTreeMap<String, Vec<MetricMetadata>>, StoreError> {
        Ok(Default::default())
    }
    fn exemplars(&self, _: &TenantId, _: &[Vec<Matcher>], _: TimeRange) -> Result<Vec<ExemplarSeries>, StoreError> {
        Ok(Default::default())
    }
}
