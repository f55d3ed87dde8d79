//! The metrics part of `rebuild`.

use super::*;

fn exemplars(point: &PointView<'_, '_>) -> Vec<pm::Exemplar> {
    let exemplar = |view: &ExemplarView<'_>| pm::Exemplar {
        filtered_attributes: pairs(range(point.exemplar_attributes, view.filtered_attributes)),
        time_unix_nano: view.time,
        span_id: view.span_id.into(),
        trace_id: view.trace_id.into(),
        value: match view.value {
            NumberView::None => None,
            NumberView::Int(number) => Some(pm::exemplar::Value::AsInt(number)),
            NumberView::Double(number) => Some(pm::exemplar::Value::AsDouble(number)),
        },
    };
    point.exemplars.iter().map(exemplar).collect()
}

fn temporality(temporality: Temporality) -> i32 {
    match temporality {
        Temporality::Unspecified => 0,
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    }
}

impl Rebuilt<ExportMetricsServiceRequest> {
    fn data(&mut self) -> &mut pm::metric::Data {
        let scope = self.request.resource_metrics.last_mut().expect("resource first").scope_metrics.last_mut();
        let metric = scope.expect("scope first").metrics.last_mut().expect("metric first");
        metric.data.as_mut().expect("points only of metrics with data")
    }
}

impl MetricSink for Rebuilt<ExportMetricsServiceRequest> {
    fn resource(&mut self, view: &ResourceView<'_, '_>) {
        let schema_url = view.schema_url.into();
        let metrics = pm::ResourceMetrics { resource: resource(view), scope_metrics: Vec::new(), schema_url };
        self.request.resource_metrics.push(metrics);
    }
    fn scope(&mut self, view: &ScopeView<'_, '_>) {
        let metrics = pm::ScopeMetrics { scope: scope(view), metrics: Vec::new(), schema_url: view.schema_url.into() };
        self.request.resource_metrics.last_mut().expect("resource first").scope_metrics.push(metrics);
    }
    fn metric(&mut self, view: &MetricView<'_>) {
        let data = match view.data {
            MetricData::None => None,
            MetricData::Gauge => Some(pm::metric::Data::Gauge(pm::Gauge::default())),
            MetricData::Sum { temporality: t, monotonic } => Some(pm::metric::Data::Sum(pm::Sum {
                data_points: Vec::new(),
                aggregation_temporality: temporality(t),
                is_monotonic: monotonic,
            })),
            MetricData::Histogram(t) => Some(pm::metric::Data::Histogram(pm::Histogram {
                data_points: Vec::new(),
                aggregation_temporality: temporality(t),
            })),
            MetricData::ExponentialHistogram(t) => {
                Some(pm::metric::Data::ExponentialHistogram(pm::ExponentialHistogram {
                    data_points: Vec::new(),
                    aggregation_temporality: temporality(t),
                }))
            }
            MetricData::Summary => Some(pm::metric::Data::Summary(pm::Summary::default())),
        };
        let metric = pm::Metric {
            name: view.name.into(),
            description: view.description.into(),
            unit: view.unit.into(),
            metadata: Vec::new(),
            data,
        };
        let scope = self.request.resource_metrics.last_mut().expect("resource first").scope_metrics.last_mut();
        scope.expect("scope first").metrics.push(metric);
    }
    fn number(&mut self, point: &PointView<'_, '_>, value: NumberView) {
        let point = pm::NumberDataPoint {
            attributes: pairs(point.attributes),
            start_time_unix_nano: point.start_time,
            time_unix_nano: point.time,
            exemplars: exemplars(point),
            flags: point.flags,
            value: match value {
                NumberView::None => None,
                NumberView::Int(number) => Some(pm::number_data_point::Value::AsInt(number)),
                NumberView::Double(number) => Some(pm::number_data_point::Value::AsDouble(number)),
            },
        };
        match self.data() {
            pm::metric::Data::Gauge(gauge) => gauge.data_points.push(point),
            pm::metric::Data::Sum(sum) => sum.data_points.push(point),
            _ => panic!("a number of no gauge or sum"),
        }
    }
    fn histogram(&mut self, point: &PointView<'_, '_>, own: &HistogramView<'_>) {
        let point = pm::HistogramDataPoint {
            attributes: pairs(point.attributes),
            start_time_unix_nano: point.start_time,
            time_unix_nano: point.time,
            count: own.count,
            sum: own.sum,
            bucket_counts: own.bucket_counts.into(),
            explicit_bounds: own.explicit_bounds.into(),
            exemplars: exemplars(point),
            flags: point.flags,
            min: own.min,
            max: own.max,
        };
        match self.data() {
            pm::metric::Data::Histogram(histogram) => histogram.data_points.push(point),
            _ => panic!("a histogram of no histogram"),
        }
    }
    fn exponential_histogram(&mut self, point: &PointView<'_, '_>, own: &ExponentialHistogramView<'_>) {
        let buckets = |offset, counts: &[u64]| {
            Some(pm::exponential_histogram_data_point::Buckets { offset, bucket_counts: counts.into() })
        };
        let point = pm::ExponentialHistogramDataPoint {
            attributes: pairs(point.attributes),
            start_time_unix_nano: point.start_time,
            time_unix_nano: point.time,
            count: own.count,
            sum: own.sum,
            scale: own.scale,
            zero_count: own.zero_count,
            positive: buckets(own.positive_offset, own.positive_counts),
            negative: buckets(own.negative_offset, own.negative_counts),
            flags: point.flags,
            exemplars: exemplars(point),
            min: own.min,
            max: own.max,
            zero_threshold: own.zero_threshold,
        };
        match self.data() {
            pm::metric::Data::ExponentialHistogram(histogram) => histogram.data_points.push(point),
            _ => panic!("an exponential histogram of no such"),
        }
    }
    fn summary(&mut self, point: &PointView<'_, '_>, own: &SummaryView<'_>) {
        let quantile = |(quantile, value): &(f64, f64)| pm::summary_data_point::ValueAtQuantile {
            quantile: *quantile,
            value: *value,
        };
        let point = pm::SummaryDataPoint {
            attributes: pairs(point.attributes),
            start_time_unix_nano: point.start_time,
            time_unix_nano: point.time,
            count: own.count,
            sum: own.sum,
            quantile_values: own.quantiles.iter().map(quantile).collect(),
            flags: point.flags,
        };
        match self.data() {
            pm::metric::Data::Summary(summary) => summary.data_points.push(point),
            _ => panic!("a summary of no summary"),
        }
    }
    fn malformed(&mut self, points: u64, error: DecodeError) {
        assert!(points > 0, "a malformed metric counts at least one point");
        self.malformed.push(error);
    }
}

fn known(temporality: &mut i32) {
    if !(0..=2).contains(temporality) {
        *temporality = 0;
    }
}

fn normalise_exemplars(exemplars: &mut [pm::Exemplar]) {
    exemplars.iter_mut().for_each(|exemplar| normalise_pairs(&mut exemplar.filtered_attributes));
}

/// Takes out what our views do not carry.
pub(super) fn normalise_metric(metric: &mut pm::Metric) {
    metric.metadata.clear();
    let mut numbers = Vec::new();
    match &mut metric.data {
        None => {}
        Some(pm::metric::Data::Gauge(gauge)) => numbers.extend(&mut gauge.data_points),
        Some(pm::metric::Data::Sum(sum)) => {
            known(&mut sum.aggregation_temporality);
            numbers.extend(&mut sum.data_points);
        }
        Some(pm::metric::Data::Histogram(histogram)) => {
            known(&mut histogram.aggregation_temporality);
            for point in &mut histogram.data_points {
                normalise_pairs(&mut point.attributes);
                normalise_exemplars(&mut point.exemplars);
            }
        }
        Some(pm::metric::Data::ExponentialHistogram(histogram)) => {
            known(&mut histogram.aggregation_temporality);
            for point in &mut histogram.data_points {
                point.positive.get_or_insert_default();
                point.negative.get_or_insert_default();
                normalise_pairs(&mut point.attributes);
                normalise_exemplars(&mut point.exemplars);
            }
        }
        Some(pm::metric::Data::Summary(summary)) => {
            summary.data_points.iter_mut().for_each(|point| normalise_pairs(&mut point.attributes));
        }
    }
    for point in numbers {
        normalise_pairs(&mut point.attributes);
        normalise_exemplars(&mut point.exemplars);
    }
}
