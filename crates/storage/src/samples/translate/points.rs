//! Data points to samples.

use model::sample::STALE_NAN_BITS;
use model::{Exemplar, Labels, NativeHistogram, UnixMillis};
use otlp::view::{
    ExemplarView, ExponentialHistogramView, HistogramView, KeyValueView, NumberView, PointView, SummaryView,
};

use super::labels::{LabelBuilder, text_of};
use super::{Target, TranslateSink};
use crate::samples::batch::{Float, HistogramPoint};
use crate::samples::histogram::{is_finite, layout, lowered};
use crate::samples::key::{Key, combine, key_of, widen};
use crate::samples::naming::LabelNamer;
use crate::samples::series::SeriesRef;

/// `NO_RECORDED_VALUE` of `DataPointFlags`.
const NO_RECORDED_VALUE: u32 = 1;

/// Schemas of Prometheus' native histograms.
const SCHEMA_MIN: i32 = -4;
const SCHEMA_MAX: i32 = 8;

/// The zero bucket's width when the sender does not say (Prometheus' default).
const ZERO_THRESHOLD: f64 = 1e-128;

/// Runes of an exemplar's labels beyond which only the ids are kept (OpenMetrics).
const EXEMPLAR_RUNES_MAX: usize = 128;

/// Positions in the target of a histogram or summary.
const COUNT: usize = 0;
const SUM: usize = 1;
const FIRST_BUCKET: usize = 2;

/// A point's samples before they have a series.
struct Stamp {
    time: i64,
    start: i64,
    stale: bool,
}

impl Target {
    fn one(self) -> SeriesRef {
        match self {
            Self::One(series) => series,
            Self::Many(series) => series[COUNT].clone(),
        }
    }

    fn many(&self) -> &[SeriesRef] {
        match self {
            Self::One(series) => std::slice::from_ref(series),
            Self::Many(series) => series,
        }
    }
}

impl TranslateSink<'_> {
    fn stamp(&self, point: &PointView<'_, '_>) -> Result<Stamp, String> {
        if let Some(refusal) = &self.metric.refusal {
            return Err(refusal.clone());
        }
        let nanos = if point.time == 0 { self.received.0 } else { point.time };
        let start = if self.metric.has_start { (point.start_time / 1_000_000) as i64 } else { 0 };
        Ok(Stamp { time: (nanos / 1_000_000) as i64, start, stale: point.flags & NO_RECORDED_VALUE != 0 })
    }

    /// The series that points with this key feed; `own` names them when they are new.
    fn target(
        &mut self,
        key: Key,
        point: &PointView<'_, '_>,
        own: impl FnOnce(&str) -> Vec<(String, Option<(&'static str, String)>)>,
    ) -> Result<Target, String> {
        if let Some(target) = self.targets.get(key) {
            return Ok(target);
        }
        let settings = self.settings;
        let mut weak = self.resource.promoted.clone();
        weak.extend_from_slice(&self.scope.labels);
        let mut base = LabelBuilder::new(settings.labels);
        for pair in point.attributes {
            base.add(pair).map_err(|error| error.to_string())?;
        }
        let base = base.finish(&weak, &self.resource.identity, &[]);
        let series = own(&self.metric.name).into_iter().map(|(name, label)| {
            let mut labels = base.clone();
            if let Some((name, value)) = &label {
                labels.set(name, value);
            }
            labels.set("__name__", &name);
            self.maker.make(labels, self.metric.family.clone())
        });
        let mut series: Vec<SeriesRef> = series.collect();
        let target = match series.len() {
            1 => Target::One(series.remove(0)),
            _ => Target::Many(series.into()),
        };
        self.targets.put(key, target.clone());
        Ok(target)
    }

    fn push(&mut self, series: SeriesRef, stamp: &Stamp, value: f64) -> u32 {
        let series = self.batch.add(series);
        let value = if stamp.stale { f64::from_bits(STALE_NAN_BITS) } else { value };
        // The end of a series adds nothing to its total.
        let delta = self.metric.delta && !stamp.stale;
        self.batch.floats.push(Float { series, delta, time: stamp.time, start: stamp.start, value });
        series
    }

    pub(super) fn take_number(&mut self, point: &PointView<'_, '_>, value: NumberView) -> Result<i64, String> {
        let stamp = self.stamp(point)?;
        let value = match value {
            NumberView::Int(number) => number as f64,
            NumberView::Double(number) => number,
            NumberView::None if stamp.stale => 0.0,
            NumberView::None => return Err(format!("a point of metric {:?} has no value", self.metric.name)),
        };
        let key = self.context ^ widen(point.attributes_hash);
        let target = self.target(key, point, |name| vec![(name.to_owned(), None)])?;
        let series = self.push(target.one(), &stamp, value);
        for view in point.exemplars {
            self.push_exemplar(series, point, view, &stamp);
        }
        Ok(stamp.time)
    }

    pub(super) fn take_histogram(
        &mut self,
        point: &PointView<'_, '_>,
        view: &HistogramView<'_>,
    ) -> Result<i64, String> {
        let stamp = self.stamp(point)?;
        let bounds = view.explicit_bounds;
        // A sender without buckets sends no counts; one with the overflow bucket only sends one.
        if !view.bucket_counts.is_empty() && view.bucket_counts.len() != bounds.len() + 1 {
            let name = &self.metric.name;
            return Err(format!(
                "histogram {name:?} has {} counts for {} bounds",
                view.bucket_counts.len(),
                bounds.len()
            ));
        }
        if !bounds.is_sorted_by(|left, right| left < right) {
            return Err(format!("histogram {:?} has bounds that do not rise", self.metric.name));
        }
        let bounds_hash = Bounds(bounds);
        let key = combine(self.context ^ widen(point.attributes_hash), key_of(&bounds_hash));
        let target = self.target(key, point, |name| {
            let mut own = vec![(format!("{name}_count"), None), (format!("{name}_sum"), None)];
            let texts = bounds.iter().filter(|bound| bound.is_finite()).map(f64::to_string);
            let bucket = |text: String| (format!("{name}_bucket"), Some(("le", text)));
            own.extend(texts.chain(["+Inf".to_owned()]).map(bucket));
            own
        })?;
        self.push(target.many()[COUNT].clone(), &stamp, view.count as f64);
        if view.sum.is_some() || stamp.stale {
            self.push(target.many()[SUM].clone(), &stamp, view.sum.unwrap_or_default());
        }
        let first = self.batch.series.len() as u32;
        let buckets = &target.many()[FIRST_BUCKET..];
        let (last, finite) = buckets.split_last().expect("there is always +Inf");
        let mut below = 0u64;
        for (position, series) in finite.iter().enumerate() {
            below = below.saturating_add(view.bucket_counts.get(position).copied().unwrap_or_default());
            self.push(series.clone(), &stamp, below as f64);
        }
        self.push(last.clone(), &stamp, view.count as f64);
        for exemplar in point.exemplars {
            let value = number(exemplar.value);
            let bucket = bounds.iter().take(finite.len()).position(|&bound| value <= bound).unwrap_or(finite.len());
            self.push_exemplar(first + bucket as u32, point, exemplar, &stamp);
        }
        Ok(stamp.time)
    }

    pub(super) fn take_exponential(
        &mut self,
        point: &PointView<'_, '_>,
        view: &ExponentialHistogramView<'_>,
    ) -> Result<i64, String> {
        let stamp = self.stamp(point)?;
        let histogram = native(view, &stamp).map_err(|reason| format!("histogram {:?}: {reason}", self.metric.name))?;
        let key = self.context ^ widen(point.attributes_hash);
        let target = self.target(key, point, |name| vec![(name.to_owned(), None)])?;
        let series = self.batch.add(target.one());
        let delta = self.metric.delta && !stamp.stale;
        self.batch.histograms.push(HistogramPoint { series, delta, start: stamp.start, histogram });
        for exemplar in point.exemplars {
            self.push_exemplar(series, point, exemplar, &stamp);
        }
        Ok(stamp.time)
    }

    pub(super) fn take_summary(&mut self, point: &PointView<'_, '_>, view: &SummaryView<'_>) -> Result<i64, String> {
        let stamp = self.stamp(point)?;
        let quantiles: Vec<f64> = view.quantiles.iter().map(|pair| pair.0).collect();
        let key = combine(self.context ^ widen(point.attributes_hash), key_of(&Bounds(&quantiles)));
        let target = self.target(key, point, |name| {
            let mut own = vec![(format!("{name}_count"), None), (format!("{name}_sum"), None)];
            own.extend(quantiles.iter().map(|quantile| (name.to_owned(), Some(("quantile", quantile.to_string())))));
            own
        })?;
        self.push(target.many()[COUNT].clone(), &stamp, view.count as f64);
        self.push(target.many()[SUM].clone(), &stamp, view.sum);
        for (series, &(_, value)) in target.many()[FIRST_BUCKET..].iter().zip(view.quantiles) {
            self.push(series.clone(), &stamp, value);
        }
        Ok(stamp.time)
    }

    fn push_exemplar(&mut self, series: u32, point: &PointView<'_, '_>, view: &ExemplarView<'_>, stamp: &Stamp) {
        let (first, last) = view.filtered_attributes;
        let attributes = point.exemplar_attributes.get(first as usize..last as usize).unwrap_or_default();
        let labels = exemplar_labels(view, attributes, self.settings.labels);
        let time = if view.time == 0 { stamp.time } else { (view.time / 1_000_000) as i64 };
        let exemplar = Exemplar { labels, value: number(view.value), time: UnixMillis(time) };
        self.batch.exemplars.push((series, exemplar));
    }
}

/// Doubles by their bits.
struct Bounds<'v>(&'v [f64]);

impl std::hash::Hash for Bounds<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|bound| state.write_u64(bound.to_bits()));
    }
}

fn number(view: NumberView) -> f64 {
    match view {
        NumberView::None => 0.0,
        NumberView::Int(number) => number as f64,
        NumberView::Double(number) => number,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Trace and span, and the attributes that the sender filtered from the point if all together are short.
fn exemplar_labels(view: &ExemplarView<'_>, attributes: &[KeyValueView<'_>], namer: LabelNamer) -> Labels {
    let mut pairs = Vec::new();
    for (name, id) in [("trace_id", view.trace_id), ("span_id", view.span_id)] {
        if id.iter().any(|&byte| byte != 0) {
            pairs.push((name.to_owned(), hex(id)));
        }
    }
    let ids = pairs.len();
    let texts = attributes.iter().filter_map(|pair| Some((namer.name(pair.key).ok()?, text_of(pair.value))));
    pairs.extend(texts);
    let runes: usize = pairs.iter().map(|pair| pair.0.chars().count() + pair.1.chars().count()).sum();
    if runes > EXEMPLAR_RUNES_MAX {
        pairs.truncate(ids);
    }
    // An attribute may not take an id's place: the last of a name wins.
    pairs.reverse();
    Labels::from_pairs(pairs)
}

fn native(view: &ExponentialHistogramView<'_>, stamp: &Stamp) -> Result<NativeHistogram, String> {
    if view.scale < SCHEMA_MIN {
        return Err(format!("scale {} is below {SCHEMA_MIN}", view.scale));
    }
    let steps = view.scale.max(SCHEMA_MAX).abs_diff(SCHEMA_MAX);
    let (positive_spans, positive_counts) = side(view.positive_offset, view.positive_counts, steps)?;
    let (negative_spans, negative_counts) = side(view.negative_offset, view.negative_counts, steps)?;
    let mut histogram = NativeHistogram {
        time: UnixMillis(stamp.time),
        schema: view.scale.min(SCHEMA_MAX),
        zero_threshold: if view.zero_threshold == 0.0 { ZERO_THRESHOLD } else { view.zero_threshold },
        zero_count: view.zero_count as f64,
        count: view.count as f64,
        sum: view.sum.unwrap_or_default(),
        positive_spans,
        positive_counts,
        negative_spans,
        negative_counts,
        ..NativeHistogram::default()
    };
    if stamp.stale {
        histogram.sum = f64::from_bits(STALE_NAN_BITS);
        return Ok(histogram);
    }
    if !is_finite(&histogram) {
        return Err("a number is not finite".into());
    }
    push::check_histogram(&histogram).map_err(|error| error.to_string())?;
    Ok(histogram)
}

type Side = (Vec<model::BucketSpan>, Vec<f64>);

/// One side's buckets: OTLP's bucket `i` is Prometheus' `i + 1`, since OTLP counts from the lower bound.
fn side(offset: i32, counts: &[u64], steps: u32) -> Result<Side, String> {
    let last = i64::from(offset) + counts.len() as i64 + 1;
    if i32::try_from(last).is_err() {
        return Err("bucket indexes are out of range".into());
    }
    let mut buckets: Vec<(i32, f64)> = Vec::with_capacity(counts.len() >> steps.min(31));
    for (position, &count) in counts.iter().enumerate() {
        let index = lowered(offset.wrapping_add(position as i32).wrapping_add(1), steps);
        match buckets.last_mut() {
            Some(bucket) if bucket.0 == index => bucket.1 += count as f64,
            _ => buckets.push((index, count as f64)),
        }
    }
    Ok(layout(buckets.into_iter()))
}
