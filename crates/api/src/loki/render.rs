//! Answers to queries as JSON.

use std::time::Duration;

use model::{Labels, LogEntry, UnixNanos};
use store_api::{Direction, LogSelection, ReadStats};

use crate::constant::Constant;
use crate::json::Json;
use crate::number::{format_float, format_millis};

/// Appended to a metadata label whose name an index label has already taken (Loki's rule).
const CLASH_SUFFIX: &str = "_extracted";

/// How labels of an entry are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LabelShape {
    /// One stream for each distinct set of index labels and metadata together.
    Merged,
    /// A stream has index labels only, and each value says its metadata (`categorize-labels`).
    Categorized,
}

/// What a query cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) read: ReadStats,
    pub(super) line_bytes: u64,
    pub(super) entries: usize,
    pub(super) elapsed: Duration,
}

/// The whole answer to a log query.
pub(super) fn streams(selection: &LogSelection, shape: LabelShape, direction: Direction, elapsed: Duration) -> String {
    let entries = || selection.streams.iter().flat_map(|stream| &stream.entries);
    let returned: u64 = entries().map(|entry| entry.line.len() as u64).sum();
    let cost = Cost {
        read: selection.stats,
        // A read without line filters looks at no line; what it returns was still read.
        line_bytes: selection.line_bytes.max(returned),
        entries: entries().count(),
        elapsed,
    };
    envelope("streams", cost, |json| {
        if shape == LabelShape::Categorized {
            json.key("encodingFlags").array(|json| {
                json.str("categorize-labels");
            });
        }
        json.key("result").array(|json| match shape {
            LabelShape::Categorized => categorized(json, selection, direction),
            LabelShape::Merged => merged(json, selection, direction),
        });
    })
}

/// `{"status":…,"data":{"resultType":…, <fill>, "stats":…}}` and a newline, as Loki ends every answer.
fn envelope(result_type: &str, cost: Cost, fill: impl FnOnce(&mut Json)) -> String {
    let mut json = Json::new();
    json.object(|json| {
        json.key("status").str("success");
        json.key("data").object(|json| {
            json.key("resultType").str(result_type);
            fill(json);
            json.key("stats");
            write_stats(json, cost);
        });
    });
    json.into_string() + "\n"
}

fn categorized(json: &mut Json, selection: &LogSelection, direction: Direction) {
    let streams = selection.streams.iter().map(|stream| (stream.labels.clone(), stream.entries.iter().collect()));
    for (labels, entries) in in_order(streams.collect(), direction) {
        write_stream(json, &labels, &entries, |json, entry| {
            json.object(|json| {
                if !entry.metadata.is_empty() {
                    json.key("structuredMetadata").strings(entry.metadata.iter());
                }
            });
        });
    }
}

fn merged(json: &mut Json, selection: &LogSelection, direction: Direction) {
    let mut groups: std::collections::HashMap<Labels, Vec<&LogEntry>> = std::collections::HashMap::new();
    for stream in &selection.streams {
        // Neighbours mostly share their metadata, so the last key is tried before a new one is built.
        let mut last: Option<(&Labels, Labels)> = None;
        for entry in &stream.entries {
            let labels = match &last {
                Some((metadata, labels)) if **metadata == entry.metadata => labels.clone(),
                _ => merge(&stream.labels, &entry.metadata),
            };
            last = Some((&entry.metadata, labels.clone()));
            groups.entry(labels).or_default().push(entry);
        }
    }
    for (labels, entries) in in_order(groups.into_iter().collect(), direction) {
        write_stream(json, &labels, &entries, |_, _| {});
    }
}

fn merge(index: &Labels, metadata: &Labels) -> Labels {
    if metadata.is_empty() {
        return index.clone();
    }
    let own = index.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let added = metadata.iter().map(|(name, value)| {
        let suffix = if index.get(name).is_some() { CLASH_SUFFIX } else { "" };
        (format!("{name}{suffix}"), value.to_owned())
    });
    own.chain(added).collect()
}

/// Streams by their labels' text, entries by time.
fn in_order(mut streams: Vec<(Labels, Vec<&LogEntry>)>, direction: Direction) -> Vec<(Labels, Vec<&LogEntry>)> {
    streams.retain(|(_, entries)| !entries.is_empty());
    streams.sort_by_cached_key(|(labels, _)| labels.to_string());
    for (_, entries) in &mut streams {
        match direction {
            Direction::Forward => entries.sort_by_key(|entry| entry.time),
            Direction::Backward => entries.sort_by_key(|entry| std::cmp::Reverse(entry.time)),
        }
    }
    streams
}

fn write_stream(json: &mut Json, labels: &Labels, entries: &[&LogEntry], third: impl Fn(&mut Json, &LogEntry)) {
    json.object(|json| {
        json.key("stream").strings(labels.iter());
        json.key("values").array(|json| {
            for entry in entries {
                json.array(|json| {
                    json.quoted(entry.time.0).str(&entry.line);
                    third(json, entry);
                });
            }
        });
    });
}

/// The answer to a constant expression at one time.
pub(super) fn instant_constant(constant: Constant, time: UnixNanos) -> String {
    let (result_type, value) = match constant {
        Constant::Scalar(value) => ("scalar", value),
        Constant::Vector(value) => ("vector", value),
    };
    let pair = |json: &mut Json| {
        json.array(|json| {
            json.raw(format_millis(time.millis().0)).quoted(format_float(value));
        });
    };
    envelope(result_type, Cost::default(), |json| {
        json.key("result");
        match constant {
            Constant::Scalar(_) => pair(json),
            Constant::Vector(_) => {
                json.array(|json| {
                    json.object(|json| {
                        json.key("metric").object(|_| {});
                        json.key("value");
                        pair(json);
                    });
                });
            }
        }
    })
}

/// The answer to a constant expression over a range.
pub(super) fn range_constant(constant: Constant, start: UnixNanos, end: UnixNanos, step_millis: i64) -> String {
    let (Constant::Scalar(value) | Constant::Vector(value)) = constant;
    let text = format_float(value);
    envelope("matrix", Cost::default(), |json| {
        json.key("result").array(|json| {
            json.object(|json| {
                json.key("metric").object(|_| {});
                json.key("values").array(|json| {
                    let mut time = start.millis().0;
                    while time <= end.millis().0 {
                        json.array(|json| {
                            json.raw(format_millis(time)).quoted(&text);
                        });
                        time = time.saturating_add(step_millis);
                    }
                });
            });
        });
    })
}

fn write_stats(json: &mut Json, cost: Cost) {
    let secs = cost.elapsed.as_secs_f64();
    let per_second = |amount: u64| if secs > 0.0 { (amount as f64 / secs) as u64 } else { 0 };
    let lines = cost.read.inspected_rows;
    json.object(|json| {
        json.key("summary").object(|json| {
            json.key("bytesProcessedPerSecond").raw(per_second(cost.line_bytes));
            json.key("linesProcessedPerSecond").raw(per_second(lines));
            json.key("totalBytesProcessed").raw(cost.line_bytes);
            json.key("totalLinesProcessed").raw(lines);
            json.key("execTime").raw(secs);
            json.key("queueTime").raw(0);
            json.key("subqueries").raw(0);
            json.key("totalEntriesReturned").raw(cost.entries);
            json.key("splits").raw(0).key("shards").raw(0);
            json.key("totalPostFilterLines").raw(cost.entries);
            json.key("totalStructuredMetadataBytesProcessed").raw(0);
        });
        json.key("querier").object(|json| {
            json.key("store").object(|json| {
                json.key("totalChunksRef").raw(cost.read.total_blocks);
                json.key("totalChunksDownloaded").raw(cost.read.inspected_blocks);
                json.key("chunksDownloadTime").raw(0);
                json.key("queryReferencedStructuredMetadata").raw(false);
                json.key("chunk").object(|json| {
                    json.key("decompressedBytes").raw(cost.read.inspected_bytes);
                    json.key("decompressedLines").raw(lines);
                    json.key("postFilterLines").raw(cost.entries);
                });
            });
        });
    });
}
