//! The reading traits: a snapshot of heads and blocks, handed to the signal's own reader.

use std::collections::{BTreeMap, BTreeSet};

use model::{Labels, MetricMetadata, Span, TenantId, TimeRange, TraceId};
use store_api::{
    ExemplarSeries, LogSelect, LogSelection, LogSource, Matcher, ReadStats, SampleSource, SeriesSamples, SpanSource,
    StoreError, Tag, TagNames, TagValue,
};

use super::Store;
use crate::{logs, samples, spans};

impl SpanSource for Store {
    fn trace(&self, tenant: &TenantId, id: TraceId, range: TimeRange) -> Result<(Vec<Span>, ReadStats), StoreError> {
        let snapshot = self.spans.snapshot(tenant, range);
        let (found, stats) = spans::read::trace(&self.spans.signal, &snapshot.heads, &snapshot.blocks, id)?;
        Ok((found, ReadStats { total_blocks: snapshot.total_blocks, ..stats }))
    }

    fn tag_names(&self, tenant: &TenantId, range: TimeRange) -> Result<(TagNames, ReadStats), StoreError> {
        let snapshot = self.spans.snapshot(tenant, range);
        let (names, stats) = spans::read::tag_names(&self.spans.signal, &snapshot.heads, &snapshot.blocks)?;
        Ok((names, ReadStats { total_blocks: snapshot.total_blocks, ..stats }))
    }

    fn tag_values(
        &self,
        tenant: &TenantId,
        tag: &Tag,
        range: TimeRange,
        limit: usize,
    ) -> Result<(Vec<TagValue>, ReadStats), StoreError> {
        let snapshot = self.spans.snapshot(tenant, range);
        let found = spans::read::tag_values(&self.spans.signal, &snapshot.heads, &snapshot.blocks, tag, limit)?;
        Ok((found.0, ReadStats { total_blocks: snapshot.total_blocks, ..found.1 }))
    }
}

impl LogSource for Store {
    fn select(&self, tenant: &TenantId, select: &LogSelect) -> Result<LogSelection, StoreError> {
        let snapshot = self.logs.snapshot(tenant, select.range);
        let mut found = logs::read::select(&self.logs.signal, &snapshot.heads, &snapshot.blocks, select)?;
        found.stats.total_blocks = snapshot.total_blocks;
        Ok(found)
    }

    fn label_names(
        &self,
        tenant: &TenantId,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let snapshot = self.logs.snapshot(tenant, range);
        logs::read::label_names(&self.logs.signal, &snapshot.heads, &snapshot.blocks, matchers, range)
    }

    fn label_values(
        &self,
        tenant: &TenantId,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let snapshot = self.logs.snapshot(tenant, range);
        logs::read::label_values(&self.logs.signal, &snapshot.heads, &snapshot.blocks, name, matchers, range)
    }

    fn series(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<Labels>, StoreError> {
        let snapshot = self.logs.snapshot(tenant, range);
        logs::read::series(&self.logs.signal, &snapshot.heads, &snapshot.blocks, selectors, range)
    }
}

impl SampleSource for Store {
    fn select(
        &self,
        tenant: &TenantId,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<(Vec<SeriesSamples>, ReadStats), StoreError> {
        let snapshot = self.samples.snapshot(tenant, range);
        let found = samples::read::select(&self.samples.signal, &snapshot.heads, &snapshot.blocks, matchers, range)?;
        Ok((found.0, ReadStats { total_blocks: snapshot.total_blocks, ..found.1 }))
    }

    fn label_names(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let snapshot = self.samples.snapshot(tenant, range);
        samples::read::label_names(&self.samples.signal, &snapshot.heads, &snapshot.blocks, selectors, range)
    }

    fn label_values(
        &self,
        tenant: &TenantId,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let snapshot = self.samples.snapshot(tenant, range);
        samples::read::label_values(&self.samples.signal, &snapshot.heads, &snapshot.blocks, name, selectors, range)
    }

    fn series(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<Labels>, StoreError> {
        let snapshot = self.samples.snapshot(tenant, range);
        samples::read::series(&self.samples.signal, &snapshot.heads, &snapshot.blocks, selectors, range)
    }

    fn metadata(&self, tenant: &TenantId) -> Result<BTreeMap<String, Vec<MetricMetadata>>, StoreError> {
        let snapshot = self.samples.snapshot(tenant, TimeRange::ALL);
        samples::read::metadata(&self.samples.signal, &snapshot.heads, &snapshot.blocks)
    }

    fn exemplars(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<ExemplarSeries>, StoreError> {
        let snapshot = self.samples.snapshot(tenant, range);
        samples::read::exemplars(&self.samples.signal, &snapshot.heads, &snapshot.blocks, selectors, range)
    }
}
