//! The remote write walkers never panic, whatever the bytes; labels and histograms that they hand out can be checked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use push::{DecodeError, MetadataView, SeriesSink, SeriesView};

/// Looks at everything that it is given.
#[derive(Default)]
struct Everything {
    sums: u64,
}

impl SeriesSink for Everything {
    fn series(&mut self, series: &SeriesView<'_, '_>) {
        let mut labels = Vec::new();
        if series.labels.decode(&mut labels).is_ok() && push::check_labels(&labels).is_ok() {
            assert!(labels.iter().any(|(name, _)| *name == "__name__"));
        }
        for exemplar in series.exemplars {
            let _ = exemplar.labels.decode(&mut labels);
        }
        for histogram in series.histograms {
            if push::check_histogram(&histogram.histogram).is_ok() {
                let buckets: u64 = histogram.histogram.positive_spans.iter().map(|span| u64::from(span.length)).sum();
                assert_eq!(buckets, histogram.histogram.positive_counts.len() as u64);
            }
        }
        self.sums = self.sums.wrapping_add(series.labels_hash).wrapping_add(series.samples.len() as u64);
    }
    fn metadata(&mut self, metadata: &MetadataView<'_>) {
        self.sums = self.sums.wrapping_add(metadata.help.len() as u64);
    }
    fn malformed(&mut self, samples: u64, error: DecodeError) {
        self.sums = self.sums.wrapping_add(samples + error.to_string().len() as u64);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = push::decode_remote_write_v1(bytes, &mut Everything::default());
    let _ = push::decode_remote_write_v2(bytes, &mut Everything::default());
});
