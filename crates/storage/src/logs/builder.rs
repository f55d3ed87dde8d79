//! One request's records into a [`LogBatch`]: the sink of the OTLP walker and of the Loki push walker.
//!
//! A record is checked before any of it is kept, so a rejected one leaves nothing behind.

use std::sync::Arc;

use model::UnixNanos;
use otlp::view::{AnyValueView, LogView, ResourceView, ScopeView};
use push::{EntryView, StreamView};

use super::batch::{LogBatch, TextColumn, TimeSource};
use super::level::{self, Level};
use super::mapping;
use super::source::{KnownResource, NamedScope, NamedStream, Registry, SourceCache, owned_value};
use super::text;
use crate::attributes::interner::Interner;
use crate::attributes::value::encode_view;
use crate::attributes::{AttributesBuilder, Scalar};
use crate::table::NULL_ID;

/// Longest line (Loki's default `max_line_size`, which its OTLP endpoint applies too).
pub(crate) const LINE_BYTES_MAX: usize = 256 * 1024;

/// Resources, scopes or pushed streams of one request: more than a fleet has, and few enough that a request of nothing but small ones
/// stays below some 30 MiB of memory.
const SOURCES_MAX: usize = 10_000;

/// Bytes of a usual record with its attributes, rather too many: room for too many records would be wasted.
const RECORD_BYTES: usize = 512;

/// Collects the records of one request.
pub(crate) struct LogBuilder<'c> {
    cache: &'c SourceCache,
    received: i64,
    batch: LogBatch,
    attributes: AttributesBuilder,
    severity_texts: Interner,
    event_names: Interner,
    resources: Registry<Arc<model::Resource>>,
    scopes: Registry<Arc<model::Scope>>,
    streams: Registry<model::Labels>,
    current: Current,
    rejected: u64,
    reason: Option<String>,
    scratch: Vec<u8>,
}

/// What the next record belongs to. Registered with the first record, so that a request cannot fill memory with resources that no
/// record has.
struct Current {
    resource: u32,
    scope: u32,
    known: Option<Arc<KnownResource>>,
    named_scope: Option<Arc<NamedScope>>,
    /// Positions of the resource's streams by level, [`NULL_ID`] where not yet asked for.
    by_level: [u32; Level::ALL.len()],
    pushed: Pushed,
}

/// The stream whose entries are being pushed.
enum Pushed {
    /// Its position, its label text, and the level that its labels name.
    Stream(u32, String, Option<Level>),
    /// Why its entries are refused.
    Refused(String),
}

/// The fields of one row that both kinds of senders have.
struct Row<'a> {
    time: i64,
    source: TimeSource,
    level: Level,
    stream: u32,
    line: &'a str,
}

impl<'c> LogBuilder<'c> {
    /// For a request of `bytes` bytes that arrived at `received`.
    pub(crate) fn new(received: UnixNanos, bytes: usize, cache: &'c SourceCache) -> Self {
        let pushed = Pushed::Refused("entry without a stream".to_owned());
        let by_level = [NULL_ID; Level::ALL.len()];
        let current = Current { resource: NULL_ID, scope: NULL_ID, known: None, named_scope: None, by_level, pushed };
        Self {
            cache,
            received: received.0.min(i64::MAX as u64) as i64,
            batch: LogBatch::with_capacity(bytes / RECORD_BYTES, bytes / 4),
            attributes: AttributesBuilder::default(),
            severity_texts: Interner::default(),
            event_names: Interner::default(),
            resources: Registry::default(),
            scopes: Registry::default(),
            streams: Registry::default(),
            current,
            rejected: 0,
            reason: None,
            scratch: Vec::new(),
        }
    }

    /// The batch, how many records were rejected, and why the first of them was.
    pub(crate) fn finish(mut self) -> (LogBatch, u64, Option<String>) {
        self.batch.attributes = self.attributes.finish();
        self.batch.lines.bytes.shrink_to_fit(); // the largest column, and its size was a guess
        self.batch.resources = self.resources.into_items();
        self.batch.scopes = self.scopes.into_items();
        self.batch.streams = self.streams.into_items();
        (self.batch, self.rejected, self.reason)
    }

    fn reject(&mut self, records: u64, reason: impl FnOnce() -> String) {
        self.rejected += records;
        self.reason.get_or_insert_with(reason);
    }

    /// Registers resource and scope of the next record, if that is still to be done.
    #[inline]
    fn register(&mut self) -> Result<(), String> {
        let is_done = self.current.resource != NULL_ID && self.current.named_scope.is_none();
        if is_done { Ok(()) } else { self.register_now() }
    }

    #[cold]
    fn register_now(&mut self) -> Result<(), String> {
        let too_many = |what| format!("request has records of more than {SOURCES_MAX} different {what}");
        // A walker gives a resource first; bytes without one mean the empty resource.
        let (cache, scratch) = (self.cache, &mut self.scratch);
        let known = self.current.known.get_or_insert_with(|| cache.resource(&ResourceView::default(), scratch));
        let place = self.resources.add_within(&known.named, SOURCES_MAX);
        self.current.resource = place.ok_or_else(|| too_many("resources"))?;
        if let Some(scope) = &self.current.named_scope {
            self.current.scope = self.scopes.add_within(scope, SOURCES_MAX).ok_or_else(|| too_many("scopes"))?;
            self.current.named_scope = None;
        }
        Ok(())
    }

    /// Position of the current resource's stream for `level`.
    #[inline]
    fn stream_of(&mut self, level: Level) -> u32 {
        let known = self.current.by_level[level as usize];
        if known != NULL_ID { known } else { self.add_stream_of(level) }
    }

    #[cold]
    fn add_stream_of(&mut self, level: Level) -> u32 {
        let known = self.current.known.as_ref().expect("the resource is registered first");
        let stream = self.streams.add(known.stream(level));
        self.current.by_level[level as usize] = stream;
        stream
    }

    /// Appends what a row has whoever sent it; the rest of its columns is the caller's.
    #[inline]
    fn push_row(&mut self, row: &Row<'_>) {
        let batch = &mut self.batch;
        batch.time.push(row.time);
        batch.time_source.push(row.source as u8);
        batch.level.push(row.level as u8);
        batch.stream.push(row.stream);
        batch.lines.push(row.line.as_bytes());
    }

    fn check_line(&self, line: &str, stream: impl FnOnce() -> String) -> Result<(), String> {
        if line.len() <= LINE_BYTES_MAX {
            return Ok(());
        }
        let (limit, stream, length) = (LINE_BYTES_MAX, stream(), line.len());
        Err(format!(
            "max entry size '{limit}' bytes exceeded for stream '{stream}' while adding an entry with length '{length}' bytes"
        ))
    }

    fn try_log(&mut self, log: &LogView<'_, '_>) -> Result<(), String> {
        self.register()?;
        let trace_id = id("trace_id", log.trace_id)?;
        let span_id = id("span_id", log.span_id)?;
        let (time, source) = match (log.time, log.observed_time) {
            (0, 0) => (self.received, TimeSource::Received),
            (0, observed) => (nanos(observed)?, TimeSource::Observed),
            (time, _) => (nanos(time)?, TimeSource::Event),
        };
        let observed = nanos(log.observed_time)?;
        let owned;
        let (line, value) = match log.body {
            AnyValueView::Str(text) => (text, None),
            other => {
                owned = owned_value(other);
                (&*text::of_value(&owned), Some(other))
            }
        };
        let level = match Level::from_severity_number(log.severity_number) {
            Level::Unknown => level::of_record(log.severity_text, line),
            level => level,
        };
        let stream = self.stream_of(level);
        self.check_line(line, || self.streams.items()[stream as usize].value.to_string())?;
        let row = self.batch.rows() as u32;
        self.push_row(&Row { time, source, level, stream, line });
        if let Some(value) = value {
            self.scratch.clear();
            encode_view(value, &mut self.scratch);
            self.batch.bodies.rows.push(row);
            self.batch.bodies.values.push(&self.scratch);
        }
        let batch = &mut self.batch;
        batch.observed.push(observed);
        batch.severity_number.push(log.severity_number);
        push_text(&mut batch.severity_text, &mut self.severity_texts, log.severity_text);
        batch.trace_id.push(trace_id);
        batch.span_id.push(span_id);
        batch.flags.push(log.flags);
        batch.dropped.push(log.dropped_attributes_count);
        push_text(&mut batch.event_name, &mut self.event_names, log.event_name);
        batch.resource.push(self.current.resource);
        batch.scope.push(self.current.scope);
        self.attributes.push_row(log.attributes);
        Ok(())
    }

    fn try_entry(&mut self, entry: &EntryView<'_, '_>) -> Result<(), String> {
        let (stream, of_stream) = match &self.current.pushed {
            Pushed::Refused(reason) => return Err(reason.clone()),
            Pushed::Stream(stream, labels, level) => {
                self.check_line(entry.line, || labels.clone())?;
                (*stream, *level)
            }
        };
        let (time, source) = match entry.time {
            0 => (self.received, TimeSource::Received),
            time if time < 0 => return Err("timestamp is before 1970".to_owned()),
            time => (time, TimeSource::Event),
        };
        let of_entry = || level::of_labels(entry.metadata.iter().copied());
        let level = of_stream.or_else(of_entry).unwrap_or_else(|| level::of_line(entry.line));
        self.push_row(&Row { time, source, level, stream, line: entry.line });
        let batch = &mut self.batch;
        batch.observed.push(0);
        batch.severity_number.push(0);
        batch.severity_text.ids.push(NULL_ID);
        batch.trace_id.push([0; 16]);
        batch.span_id.push([0; 8]);
        batch.flags.push(0);
        batch.dropped.push(0);
        batch.event_name.ids.push(NULL_ID);
        batch.resource.push(NULL_ID);
        batch.scope.push(NULL_ID);
        for (name, value) in entry.metadata {
            self.attributes.push_scalar(name, Scalar::Str(value.as_bytes()));
        }
        self.attributes.finish_row();
        Ok(())
    }
}

impl otlp::LogSink for LogBuilder<'_> {
    fn resource(&mut self, resource: &ResourceView<'_, '_>) {
        self.current.known = Some(self.cache.resource(resource, &mut self.scratch));
        self.current.resource = NULL_ID;
        self.current.scope = NULL_ID;
        self.current.named_scope = None;
        self.current.by_level = [NULL_ID; Level::ALL.len()];
    }

    fn scope(&mut self, scope: &ScopeView<'_, '_>) {
        self.current.named_scope = Some(Arc::new(self.cache.scope(scope, &mut self.scratch)));
    }

    fn log(&mut self, log: &LogView<'_, '_>) {
        if let Err(reason) = self.try_log(log) {
            self.reject(1, || reason);
        }
    }

    fn malformed(&mut self, error: otlp::DecodeError) {
        self.reject(1, || error.to_string());
    }
}

impl push::StreamSink for LogBuilder<'_> {
    fn stream(&mut self, stream: &StreamView<'_>) {
        self.current.pushed = match push::parse_stream_labels(stream.labels) {
            Ok(mut labels) => {
                let level = level::of_labels(labels.iter());
                mapping::discover_service(&mut labels);
                let named: Arc<NamedStream> = Arc::new(NamedStream::new(labels));
                match self.streams.add_within(&named, SOURCES_MAX) {
                    Some(place) => Pushed::Stream(place, named.value.to_string(), level),
                    None => Pushed::Refused(format!("request has more than {SOURCES_MAX} different streams")),
                }
            }
            Err(error) => Pushed::Refused(error.to_string()),
        };
    }

    fn entry(&mut self, entry: &EntryView<'_, '_>) {
        if let Err(reason) = self.try_entry(entry) {
            self.reject(1, || reason);
        }
    }

    fn malformed(&mut self, entries: u64, error: push::DecodeError) {
        self.reject(entries, || error.to_string());
    }
}

fn push_text(column: &mut TextColumn, interner: &mut Interner, text: &str) {
    let id = if text.is_empty() { NULL_ID } else { interner.intern(&mut column.dict, text.as_bytes()) };
    column.ids.push(id);
}

/// An id of exactly `N` bytes; empty means none.
fn id<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N], String> {
    match bytes.len() {
        0 => Ok([0; N]),
        length => bytes.try_into().map_err(|_| format!("{name} must be {N} bytes long or empty, got {length}")),
    }
}

/// A time that fits 64 signed bits, as Parquet has them.
fn nanos(time: u64) -> Result<i64, String> {
    i64::try_from(time).map_err(|_| format!("timestamp {time} is after the year 2262"))
}
