//! Prometheus remote write (1.0 and 2.0) and Loki push without generated types: walks over protobuf bytes, the Loki JSON
//! transcoder, snappy.
//!
//! | module | owns |
//! |---|---|
//! | [`view`], [`sink`] | what the walkers hand out, and to whom |
//! | [`labels`] | labels of a series, decoded lazily, and their rules |
//! | [`remote_write`] | `prometheus.WriteRequest` and `io.prometheus.write.v2.Request` |
//! | `hash` | the hash by which a store recognises labels |
//! | [`histogram`] | native histograms with absolute counts, and their rules |
//! | [`loki`] | `logproto.PushRequest`, its JSON form, stream label text |
//! | [`snappy`] | block decompression with a limit |
//! | [`error`] | [`DecodeError`], [`LabelError`] |

pub mod error;
mod hash;
pub mod histogram;
pub mod labels;
pub mod loki;
pub mod remote_write;
pub mod sink;
pub mod snappy;
pub mod view;

pub use error::{DecodeError, LabelError};
pub use histogram::check_histogram;
pub use labels::{LabelsView, check_labels};
pub use loki::labels::parse_stream_labels;
pub use loki::{decode_loki_push, json::loki_json_to_protobuf};
pub use remote_write::{decode_remote_write_v1, decode_remote_write_v2};
pub use sink::{SeriesSink, StreamSink};
pub use view::{EntryView, ExemplarView, HistogramView, MetadataView, SampleView, SeriesView, StreamView};
