//! A store in memory and a client without a network, for the tests of the faces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use model::{
    Exemplar, Labels, LogEntry, MetricMetadata, NativeHistogram, Sample, Span, TenantId, TimeRange, TraceId,
    UnixMillis, UnixNanos,
};
use store_api::{
    Direction, ExemplarSeries, LogSelect, LogSelection, LogSource, LogStream, Matcher, ReadStats, SampleSource,
    SeriesSamples, SpanSource, StoreError, Tag, TagNames, TagValue,
};
use tower::ServiceExt;

use crate::face::{BuildInfo, FaceSettings, Phase, Readiness};

/// Makes the error of every read.
pub(crate) type Failure = fn() -> StoreError;

/// Data of the tenant `anonymous`; others have none.
#[derive(Default)]
pub(crate) struct FakeStore {
    pub(crate) spans: Vec<Span>,
    pub(crate) tags: TagNames,
    pub(crate) values: BTreeMap<String, Vec<TagValue>>,
    pub(crate) streams: Vec<LogStream>,
    pub(crate) series: Vec<SeriesSamples>,
    pub(crate) metadata: BTreeMap<String, Vec<MetricMetadata>>,
    pub(crate) exemplars: Vec<ExemplarSeries>,
    /// Every read fails with this.
    pub(crate) failure: Option<Failure>,
    /// Every read waits until the other end of this is dropped.
    pub(crate) gate: Mutex<Option<Receiver<()>>>,
}

impl FakeStore {
    fn check(&self, tenant: &TenantId) -> Result<bool, StoreError> {
        if let Some(gate) = &*self.gate.lock().unwrap_or_else(PoisonError::into_inner) {
            gate.recv().expect_err("nothing is sent");
        }
        self.failure.map_or(Ok(tenant.as_str() == TenantId::DEFAULT), |failure| Err(failure()))
    }
}

impl SpanSource for FakeStore {
    fn trace(&self, tenant: &TenantId, id: TraceId, range: TimeRange) -> Result<(Vec<Span>, ReadStats), StoreError> {
        let known = self.check(tenant)?;
        let spans = self.spans.iter().filter(|span| known && span.trace_id == id && range.contains(span.start));
        Ok((spans.cloned().collect(), ReadStats { inspected_bytes: 1234, ..ReadStats::default() }))
    }

    fn tag_names(&self, tenant: &TenantId, _range: TimeRange) -> Result<(TagNames, ReadStats), StoreError> {
        let known = self.check(tenant)?;
        Ok((if known { self.tags.clone() } else { TagNames::default() }, ReadStats::default()))
    }

    fn tag_values(
        &self,
        tenant: &TenantId,
        tag: &Tag,
        _range: TimeRange,
        limit: usize,
    ) -> Result<(Vec<TagValue>, ReadStats), StoreError> {
        self.check(tenant)?;
        let values = self.values.get(&format!("{tag:?}")).cloned().unwrap_or_default();
        Ok((values.into_iter().take(limit).collect(), ReadStats::default()))
    }
}

fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
}

fn any_selects(selectors: &[Vec<Matcher>], labels: &Labels) -> bool {
    selectors.is_empty() || selectors.iter().any(|matchers| all_match(matchers, labels))
}

impl LogSource for FakeStore {
    fn select(&self, tenant: &TenantId, select: &LogSelect) -> Result<LogSelection, StoreError> {
        let known = self.check(tenant)?;
        let mut found: Vec<(usize, &LogEntry)> = Vec::new();
        for (at, stream) in self.streams.iter().enumerate().filter(|_| known) {
            if all_match(&select.matchers, &stream.labels) {
                let passes = |entry: &&LogEntry| select.line_filters.iter().all(|filter| filter.passes(&entry.line));
                let entries = stream.entries.iter().filter(|entry| select.range.contains(entry.time)).filter(passes);
                found.extend(entries.map(|entry| (at, entry)));
            }
        }
        match select.direction {
            Direction::Forward => found.sort_by_key(|(_, entry)| entry.time),
            Direction::Backward => found.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.time)),
        }
        found.truncate(if select.limit == 0 { usize::MAX } else { select.limit });
        let mut streams: BTreeMap<usize, LogStream> = BTreeMap::new();
        for (at, entry) in found {
            let labels = self.streams[at].labels.clone();
            let stream = streams.entry(at).or_insert_with(|| LogStream { labels, entries: Vec::new() });
            stream.entries.push(entry.clone());
        }
        Ok(LogSelection { streams: streams.into_values().collect(), line_bytes: 77, ..LogSelection::default() })
    }

    fn label_names(
        &self,
        tenant: &TenantId,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let series = LogSource::series(self, tenant, &[matchers.to_vec()], range)?;
        Ok(series
            .iter()
            .flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>())
            .collect())
    }

    fn label_values(
        &self,
        tenant: &TenantId,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let series = LogSource::series(self, tenant, &[matchers.to_vec()], range)?;
        Ok(series.iter().filter_map(|labels| labels.get(name).map(str::to_owned)).collect())
    }

    fn series(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<Labels>, StoreError> {
        let known = self.check(tenant)?;
        let streams = self.streams.iter().filter(|stream| known && any_selects(selectors, &stream.labels));
        let in_range = streams.filter(|stream| stream.entries.iter().any(|entry| range.contains(entry.time)));
        Ok(in_range.map(|stream| stream.labels.clone()).collect())
    }
}

impl SampleSource for FakeStore {
    fn select(
        &self,
        tenant: &TenantId,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<(Vec<SeriesSamples>, ReadStats), StoreError> {
        let known = self.check(tenant)?;
        let inside = |time: UnixMillis| range.contains(time.nanos());
        let series = self.series.iter().filter(|series| known && all_match(matchers, &series.labels));
        let cut = series.map(|series| SeriesSamples {
            labels: series.labels.clone(),
            floats: series.floats.iter().filter(|sample| inside(sample.time)).copied().collect(),
            histograms: series.histograms.iter().filter(|sample| inside(sample.time)).cloned().collect(),
        });
        let filled = cut.filter(|series| !series.floats.is_empty() || !series.histograms.is_empty());
        Ok((filled.collect(), ReadStats::default()))
    }

    fn label_names(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let series = SampleSource::series(self, tenant, selectors, range)?;
        Ok(series
            .iter()
            .flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>())
            .collect())
    }

    fn label_values(
        &self,
        tenant: &TenantId,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let series = SampleSource::series(self, tenant, selectors, range)?;
        Ok(series.iter().filter_map(|labels| labels.get(name).map(str::to_owned)).collect())
    }

    fn series(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<Labels>, StoreError> {
        let known = self.check(tenant)?;
        let inside = |series: &&SeriesSamples| {
            let mut times = series.floats.iter().map(|s| s.time).chain(series.histograms.iter().map(|h| h.time));
            times.any(|time| range.contains(time.nanos()))
        };
        let series = self.series.iter().filter(|series| known && any_selects(selectors, &series.labels)).filter(inside);
        Ok(series.map(|series| series.labels.clone()).collect())
    }

    fn metadata(&self, tenant: &TenantId) -> Result<BTreeMap<String, Vec<MetricMetadata>>, StoreError> {
        self.check(tenant)?;
        Ok(self.metadata.clone())
    }

    fn exemplars(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        _range: TimeRange,
    ) -> Result<Vec<ExemplarSeries>, StoreError> {
        self.check(tenant)?;
        Ok(self.exemplars.iter().filter(|series| any_selects(selectors, &series.labels)).cloned().collect())
    }
}

/// Labels from pairs.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A log entry.
pub(crate) fn entry(time: u64, line: &str, metadata: &[(&str, &str)]) -> LogEntry {
    LogEntry { time: UnixNanos(time), line: line.to_owned(), metadata: labels(metadata) }
}

/// A series of floats.
pub(crate) fn floats(name: &[(&str, &str)], samples: &[(i64, f64)]) -> SeriesSamples {
    let floats = samples.iter().map(|(time, value)| Sample { time: UnixMillis(*time), value: *value }).collect();
    SeriesSamples { labels: labels(name), floats, histograms: Vec::new() }
}

/// A series of one histogram.
pub(crate) fn histogram(name: &[(&str, &str)], histogram: NativeHistogram) -> SeriesSamples {
    SeriesSamples { labels: labels(name), floats: Vec::new(), histograms: vec![histogram] }
}

/// An exemplar series with one exemplar.
pub(crate) fn exemplar(name: &[(&str, &str)], own: &[(&str, &str)], time: i64, value: f64) -> ExemplarSeries {
    let exemplar = Exemplar { labels: labels(own), value, time: UnixMillis(time) };
    ExemplarSeries { labels: labels(name), exemplars: vec![exemplar] }
}

/// Settings of a face that is ready.
pub(crate) fn face(phase: Phase) -> FaceSettings {
    let readiness = Readiness::default();
    readiness.set(phase);
    let build = BuildInfo { version: "1.2.3".into(), revision: "abc".into(), ..BuildInfo::default() };
    let mut face = FaceSettings::new(build, readiness);
    face.metrics = Arc::new(|| "up 1\n".to_owned());
    face
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }
}

/// Sends a request to a router.
pub(crate) async fn send(router: &Router, request: Request<Body>) -> Reply {
    let response = router.clone().oneshot(request).await.expect("routers do not fail");
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("body").to_vec();
    Reply { status: parts.status, headers: parts.headers, bytes }
}

/// GET with headers.
pub(crate) async fn get_with(router: &Router, uri: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::get(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router, request.body(Body::empty()).expect("valid request")).await
}

/// GET.
pub(crate) async fn get(router: &Router, uri: &str) -> Reply {
    get_with(router, uri, &[]).await
}

/// POST of a form.
pub(crate) async fn post_form(router: &Router, uri: &str, form: &str) -> Reply {
    let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded");
    send(router, request.body(Body::from(form.to_owned())).expect("valid request")).await
}

/// Asserts statuses and parts of bodies: `(uri, status, part)`.
pub(crate) async fn check_all(router: &Router, cases: &[(&str, u16, &str)]) {
    for (uri, status, part) in cases {
        let reply = get(router, uri).await;
        assert_eq!(reply.status.as_u16(), *status, "{uri}: {}", reply.text());
        assert!(reply.text().contains(part), "{uri}: {} lacks {part}", reply.text());
    }
}
