//! Query results as JSON.

use model::Labels;

use super::eval::{Point, Series};
use super::histogram::write_histogram;
use crate::json::Json;
use crate::number::{format_float, format_millis};

/// Writes `"resultType":"vector","result":[…]`: each series has exactly one point.
pub(super) fn write_vector(json: &mut Json, series: &[Series<'_>]) {
    json.key("resultType").str("vector");
    json.key("result").array(|json| {
        for series in series {
            json.object(|json| {
                write_metric(json, series.labels);
                for (time, point) in &series.points {
                    match point {
                        Point::Float(value) => {
                            json.key("value");
                            write_sample(json, *time, &format_float(*value));
                        }
                        Point::Histogram(histogram) => {
                            json.key("histogram").array(|json| {
                                json.raw(format_millis(*time));
                                write_histogram(json, histogram);
                            });
                        }
                    }
                }
            });
        }
    });
}

/// Writes `"resultType":"matrix","result":[…]`; `values` or `histograms` is absent when a series has none.
pub(super) fn write_matrix(json: &mut Json, series: &[Series<'_>]) {
    json.key("resultType").str("matrix");
    json.key("result").array(|json| {
        for series in series {
            json.object(|json| {
                write_metric(json, series.labels);
                write_points(json, &series.points);
            });
        }
    });
}

fn write_points(json: &mut Json, points: &[(i64, Point<'_>)]) {
    if points.iter().any(|(_, point)| matches!(point, Point::Float(_))) {
        json.key("values").array(|json| {
            for (time, point) in points {
                if let Point::Float(value) = point {
                    write_sample(json, *time, &format_float(*value));
                }
            }
        });
    }
    if points.iter().any(|(_, point)| matches!(point, Point::Histogram(_))) {
        json.key("histograms").array(|json| {
            for (time, point) in points {
                if let Point::Histogram(histogram) = point {
                    json.array(|json| {
                        json.raw(format_millis(*time));
                        write_histogram(json, histogram);
                    });
                }
            }
        });
    }
}

/// Writes `"resultType":"scalar","result":[t,"v"]`, or the same for a string.
pub(super) fn write_single(json: &mut Json, result_type: &str, time: i64, value: &str) {
    json.key("resultType").str(result_type);
    json.key("result");
    write_sample(json, time, value);
}

fn write_metric(json: &mut Json, labels: &Labels) {
    json.key("metric").strings(labels.iter());
}

/// Writes `[seconds,"value"]`.
pub(super) fn write_sample(json: &mut Json, time: i64, value: &str) {
    json.array(|json| {
        json.raw(format_millis(time)).str(value);
    });
}
