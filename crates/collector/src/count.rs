//! Counts the records of a request that was refused undecoded, so that the refused counters tell records, not requests.

use protowire::{Fields, WireValue};
use store_api::WireFormat;

/// Paths of field numbers from the message down to its records, for each format.
fn record_paths(format: WireFormat) -> &'static [&'static [u32]] {
    match format {
        WireFormat::OtlpTraces | WireFormat::OtlpLogs => &[&[1, 2, 2]],
        // Metric.{gauge, sum, histogram, exponential_histogram, summary}.data_points
        WireFormat::OtlpMetrics => {
            &[&[1, 2, 2, 5, 1], &[1, 2, 2, 7, 1], &[1, 2, 2, 9, 1], &[1, 2, 2, 10, 1], &[1, 2, 2, 11, 1]]
        }
        // samples and histograms
        WireFormat::RemoteWriteV1 => &[&[1, 2], &[1, 4]],
        WireFormat::RemoteWriteV2 => &[&[5, 2], &[5, 3]],
        WireFormat::LokiPush => &[&[1, 2]],
    }
}

/// Records in `body`, as far as it can be read.
pub fn records(format: WireFormat, body: &[u8]) -> u64 {
    record_paths(format).iter().map(|path| count(body, path)).sum()
}

fn count(message: &[u8], path: &[u32]) -> u64 {
    let Some((&wanted, rest)) = path.split_first() else { return 1 };
    let mut total = 0;
    let mut fields = Fields::new(message);
    while let Ok(Some((number, value))) = fields.next_field() {
        if let (true, WireValue::Bytes(nested)) = (number == wanted, value) {
            total += count(nested, rest);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use protowire::Writer;

    use super::*;

    #[test]
    fn records_are_counted_up_to_the_first_broken_byte() {
        let mut writer = Writer::new();
        for _ in 0..2 {
            writer.message(1, |resource| {
                resource.message(1, |_| {});
                resource.message(2, |scope| {
                    scope.message(2, |span| _ = span.str(5, "a"));
                    scope.message(2, |span| _ = span.str(5, "b"));
                });
            });
        }
        let mut body = writer.into_bytes();
        assert_eq!(records(WireFormat::OtlpTraces, &body), 4);
        body.push(0x0a);
        body.push(0x7f);
        assert_eq!(records(WireFormat::OtlpTraces, &body), 4);
        assert_eq!(records(WireFormat::OtlpTraces, b""), 0);
    }

    #[test]
    fn points_of_every_metric_kind_are_counted() {
        let mut writer = Writer::new();
        writer.message(1, |resource| {
            resource.message(2, |scope| {
                for kind in [5, 7, 9, 10, 11] {
                    scope.message(2, |metric| {
                        metric.str(1, "m");
                        metric.message(kind, |data| {
                            data.message(1, |_| {});
                            data.message(1, |_| {});
                        });
                    });
                }
            });
        });
        assert_eq!(records(WireFormat::OtlpMetrics, &writer.into_bytes()), 10);
    }
}
