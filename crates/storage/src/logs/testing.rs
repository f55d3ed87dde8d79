//! Batches for tests.

use model::UnixNanos;
use otlp::LogSink;
use otlp::view::{AnyValueView, KeyValueView, LogView, ResourceView, ScopeView};

use super::batch::LogBatch;
use super::builder::LogBuilder;
use super::source::SourceCache;

/// Records of one service: time of arrival plus one, line.
pub(crate) fn batch_of(records: &[(u64, &str)]) -> LogBatch {
    let cache = SourceCache::default();
    let mut builder = LogBuilder::new(UnixNanos(1), 0, &cache);
    let service = [KeyValueView { key: "service.name", value: AnyValueView::Str("test") }];
    builder.resource(&ResourceView { attributes: &service, ..ResourceView::default() });
    builder.scope(&ScopeView::default());
    for (number, line) in records {
        builder.log(&LogView {
            time: number + 1,
            body: AnyValueView::Str(line),
            severity_number: 9,
            ..LogView::default()
        });
    }
    builder.finish().0
}
