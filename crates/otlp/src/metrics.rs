//! Walks over `ExportMetricsServiceRequest`.

mod points;

use protowire::cursor::{BYTES, Cursor, VARINT};
use protowire::{Fields, WireError, WireValue};

use crate::envelope::{Records, walk};
use crate::error::DecodeError;
use crate::sink::MetricSink;
use crate::view::{MetricData, MetricView, ResourceView, ScopeView, Temporality};
use points::PointParts;

/// Walks an `ExportMetricsServiceRequest`. An error means that the message's outer structure is broken; the sink may already have
/// been given points, which the caller then throws away.
pub fn decode_metrics(request: &[u8], sink: &mut impl MetricSink) -> Result<(), DecodeError> {
    walk(request, &mut Metrics { sink, data: Vec::new(), parts: PointParts::default() })
}

/// Numbers of the fields of `Metric`'s oneof `data`.
mod data_field {
    pub(super) const GAUGE: u32 = 5;
    pub(super) const SUM: u32 = 7;
    pub(super) const HISTOGRAM: u32 = 9;
    pub(super) const EXPONENTIAL_HISTOGRAM: u32 = 10;
    pub(super) const SUMMARY: u32 = 11;
}

struct Metrics<'s, 'a, S> {
    sink: &'s mut S,
    /// Messages that hold the metric's points: one, unless an encoder wrote the same field twice, which adds up.
    data: Vec<&'a [u8]>,
    parts: PointParts<'a>,
}

impl<'a, S: MetricSink> Records<'a> for Metrics<'_, 'a, S> {
    fn resource(&mut self, resource: &ResourceView<'_, 'a>) {
        self.sink.resource(resource);
    }

    fn scope(&mut self, scope: &ScopeView<'_, 'a>) {
        self.sink.scope(scope);
    }

    fn record(&mut self, record: &'a [u8]) {
        let metric = match read_metric(record, &mut self.data) {
            Ok(metric) => metric,
            Err(error) => return self.sink.malformed(count_points(record).max(1), error),
        };
        self.sink.metric(&metric);
        for position in 0..self.data.len() {
            let mut fields = Fields::new(self.data[position]);
            // The structure has been checked by `read_metric`.
            while let Ok(Some((field, wire))) = fields.next_field() {
                if let (1, WireValue::Bytes(point)) = (field, wire) {
                    self.point(metric.data, point);
                }
            }
        }
    }
}

impl<'a, S: MetricSink> Metrics<'_, 'a, S> {
    #[inline]
    fn point(&mut self, data: MetricData, message: &'a [u8]) {
        let (sink, parts) = (&mut *self.sink, &mut self.parts);
        parts.clear();
        let result = match data {
            MetricData::None => Ok(()),
            MetricData::Gauge | MetricData::Sum { .. } => {
                parts.read_number(message).map(|value| sink.number(&parts.point(), value))
            }
            MetricData::Histogram(_) => {
                parts.read_histogram(message).map(|own| sink.histogram(&parts.point(), &parts.histogram(own)))
            }
            MetricData::ExponentialHistogram(_) => parts
                .read_exponential(message)
                .map(|own| sink.exponential_histogram(&parts.point(), &parts.exponential(own))),
            MetricData::Summary => {
                parts.read_summary(message).map(|own| sink.summary(&parts.point(), &parts.summary(own)))
            }
        };
        if let Err(error) = result {
            sink.malformed(1, error);
        }
    }
}

fn read_metric<'a>(message: &'a [u8], data: &mut Vec<&'a [u8]>) -> Result<MetricView<'a>, DecodeError> {
    data.clear();
    let mut metric = MetricView::default();
    let mut kind = 0;
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => metric.name = cursor.str(1)?,
            (2, BYTES) => metric.description = cursor.str(2)?,
            (3, BYTES) => metric.unit = cursor.str(3)?,
            (
                field @ (data_field::GAUGE
                | data_field::SUM
                | data_field::HISTOGRAM
                | data_field::EXPONENTIAL_HISTOGRAM
                | data_field::SUMMARY),
                BYTES,
            ) => {
                if kind != field {
                    kind = field;
                    data.clear();
                    metric.data = MetricData::None;
                }
                let bytes = cursor.bytes()?;
                metric.data = read_data(field, bytes, metric.data)?;
                data.push(bytes);
            }
            other => cursor.skip(other, 0b1110_1010_1110)?,
        }
    }
    Ok(metric)
}

/// Reads what stands beside the points, which come first on the wire; `before` is what an earlier message of the same kind said.
fn read_data(kind: u32, message: &[u8], before: MetricData) -> Result<MetricData, DecodeError> {
    let (mut temporality, mut monotonic) = match before {
        MetricData::Sum { temporality, monotonic } => (temporality, monotonic),
        MetricData::Histogram(temporality) | MetricData::ExponentialHistogram(temporality) => (temporality, false),
        _ => (Temporality::Unspecified, false),
    };
    let has_temporality = !matches!(kind, data_field::GAUGE | data_field::SUMMARY);
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => drop(cursor.bytes()?),
            (2, VARINT) if has_temporality => temporality = read_temporality(cursor.varint()?),
            (3, VARINT) if kind == data_field::SUM => monotonic = cursor.varint()? != 0,
            (2, _) if has_temporality => return Err(WireError::WrongType(2).into()),
            (3, _) if kind == data_field::SUM => return Err(WireError::WrongType(3).into()),
            other => cursor.skip(other, 0b10)?,
        }
    }
    Ok(match kind {
        data_field::GAUGE => MetricData::Gauge,
        data_field::SUM => MetricData::Sum { temporality, monotonic },
        data_field::HISTOGRAM => MetricData::Histogram(temporality),
        data_field::EXPONENTIAL_HISTOGRAM => MetricData::ExponentialHistogram(temporality),
        _ => MetricData::Summary,
    })
}

fn read_temporality(number: u64) -> Temporality {
    match number as i32 {
        1 => Temporality::Delta,
        2 => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    }
}

/// How many points a metric holds that could not be read, as far as its bytes make sense.
fn count_points(metric: &[u8]) -> u64 {
    let mut points = 0;
    let mut fields = Fields::new(metric);
    while let Ok(Some((field, wire))) = fields.next_field() {
        let (5 | 7 | 9..=11, WireValue::Bytes(data)) = (field, wire) else { continue };
        let mut inner = Fields::new(data);
        while let Ok(Some((field, _))) = inner.next_field() {
            points += u64::from(field == 1);
        }
    }
    points
}

#[cfg(test)]
mod tests;
