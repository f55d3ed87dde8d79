//! Where the walkers put what they read.

use crate::error::DecodeError;
use crate::view::{EntryView, MetadataView, SeriesView, StreamView};

/// Takes remote write requests.
pub trait SeriesSink {
    /// One series; a request may name the same series more than once.
    fn series(&mut self, series: &SeriesView<'_, '_>);
    /// Remote write 1.0: metadata of a family.
    fn metadata(&mut self, metadata: &MetadataView<'_>);
    /// A series that could not be read; it held `samples` samples and histograms as far as they could be counted.
    fn malformed(&mut self, samples: u64, error: DecodeError);
}

/// Takes Loki push requests. A sink sees a stream, then its entries.
pub trait StreamSink {
    /// A stream begins.
    fn stream(&mut self, stream: &StreamView<'_>);
    /// One entry of it.
    fn entry(&mut self, entry: &EntryView<'_, '_>);
    /// An entry, or a whole stream with `entries` entries, that could not be read.
    fn malformed(&mut self, entries: u64, error: DecodeError);
}
