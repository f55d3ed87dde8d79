//! Walks over Loki's `logproto.PushRequest` {streams 1 {labels 1, entries 2 {timestamp 1, line 2, structured metadata 3}}}.

pub mod json;
pub mod labels;

use protowire::Fields;
use protowire::cursor::{BYTES, Cursor, VARINT};

use crate::error::DecodeError;
use crate::hash::hash_bytes;
use crate::labels::decode_label;
use crate::sink::StreamSink;
use crate::view::{EntryView, StreamView};

/// Most structured metadata of an entry; Loki's own default limit is 128. An empty pair takes two bytes on the wire and 32 in
/// memory, so there must be some limit.
const METADATA_MAX: usize = 65_536;

/// Walks a `logproto.PushRequest`, already decompressed. An error means that the outer structure is broken; the sink may already
/// have been given entries, which the caller then throws away.
pub fn decode_loki_push(request: &[u8], sink: &mut impl StreamSink) -> Result<(), DecodeError> {
    let mut metadata = Vec::new();
    let mut cursor = Cursor::new(request);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => {
                let stream = cursor.bytes()?;
                match stream_labels(stream) {
                    Ok(labels) => {
                        sink.stream(&StreamView { labels, labels_hash: hash_bytes(labels.as_bytes()) });
                        walk_entries(stream, &mut metadata, sink);
                    }
                    Err(error) => sink.malformed(count_entries(stream), error),
                }
            }
            other => cursor.skip(other, 0b10)?,
        }
    }
    Ok(())
}

/// Finds the labels, which may stand behind the entries, and checks the structure on the way.
fn stream_labels(stream: &[u8]) -> Result<&str, DecodeError> {
    let mut labels = "";
    let mut cursor = Cursor::new(stream);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => labels = cursor.str(1)?,
            (2, BYTES) => drop(cursor.bytes()?),
            other => cursor.skip(other, 0b110)?,
        }
    }
    Ok(labels)
}

fn walk_entries<'a>(stream: &'a [u8], metadata: &mut Vec<(&'a str, &'a str)>, sink: &mut impl StreamSink) {
    let mut cursor = Cursor::new(stream);
    // `stream_labels` has passed over the same fields without an error.
    while let Ok(Some(tag)) = cursor.next_tag() {
        match tag {
            (2, BYTES) => {
                let Ok(entry) = cursor.bytes() else { return };
                match decode_entry(entry, metadata) {
                    Ok((time, line)) => sink.entry(&EntryView { time, line, metadata }),
                    Err(error) => sink.malformed(1, error),
                }
            }
            other => {
                if cursor.skip(other, 0).is_err() {
                    return;
                }
            }
        }
    }
}

fn decode_entry<'a>(entry: &'a [u8], metadata: &mut Vec<(&'a str, &'a str)>) -> Result<(i64, &'a str), DecodeError> {
    metadata.clear();
    let (mut time, mut line) = ((0, 0), "");
    let mut cursor = Cursor::new(entry);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => decode_timestamp(cursor.bytes()?, &mut time)?,
            (2, BYTES) => line = cursor.str(2)?,
            (3, BYTES) => {
                if metadata.len() >= METADATA_MAX {
                    return Err(DecodeError::TooMany { max: METADATA_MAX });
                }
                metadata.push(decode_label(cursor.bytes()?)?);
            }
            other => cursor.skip(other, 0b1110)?,
        }
    }
    let (seconds, nanos) = time;
    Ok((seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanos)), line))
}

/// Reads a `google.protobuf.Timestamp`: seconds 1, nanos 2.
fn decode_timestamp(message: &[u8], time: &mut (i64, i32)) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, VARINT) => time.0 = cursor.varint()? as i64,
            (2, VARINT) => time.1 = cursor.varint()? as i32,
            other => cursor.skip(other, 0b110)?,
        }
    }
    Ok(())
}

/// How many entries a stream holds that could not be read, as far as its bytes make sense.
fn count_entries(stream: &[u8]) -> u64 {
    let mut entries = 0;
    let mut fields = Fields::new(stream);
    while let Ok(Some((field, _))) = fields.next_field() {
        entries += u64::from(field == 2);
    }
    entries
}

#[cfg(test)]
mod tests;
