//! Native histograms: deltas to absolute counts, and the rules that Prometheus applies before it stores one.

use model::{BucketSpan, NativeHistogram, UnixMillis};
use protowire::cursor::{BYTES, Cursor, FIXED64, VARINT};
use protowire::zigzag;

use crate::error::DecodeError;
use crate::view::HistogramView;

/// Schema of histograms with custom bounds.
const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// Most buckets or spans of one side of a histogram. Prometheus' own default limit for scraping is 160; a packed count takes one
/// byte on the wire and eight in memory, so there must be some limit.
const BUCKETS_MAX: usize = 65_536;

/// Reads a `Histogram` (the same in remote write 1.0 and 2.0).
pub(crate) fn decode_histogram(message: &[u8]) -> Result<HistogramView, DecodeError> {
    let mut view = HistogramView::default();
    let out = &mut view.histogram;
    let (mut positive_deltas, mut negative_deltas) = (Vec::new(), Vec::new());
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, VARINT) => (out.count, out.is_float) = (cursor.varint()? as f64, false),
            (2, FIXED64) => (out.count, out.is_float) = (cursor.double()?, true),
            (3, FIXED64) => out.sum = cursor.double()?,
            (4, VARINT) => out.schema = zigzag32(cursor.varint()?),
            (5, FIXED64) => out.zero_threshold = cursor.double()?,
            (6, VARINT) => out.zero_count = cursor.varint()? as f64,
            (7, FIXED64) => out.zero_count = cursor.double()?,
            (8, BYTES) => push(&mut out.negative_spans, decode_span(cursor.bytes()?)?)?,
            (9, BYTES) => packed_deltas(cursor.bytes()?, &mut negative_deltas)?,
            (9, VARINT) => push(&mut negative_deltas, zigzag(cursor.varint()?))?,
            (10, BYTES) => packed_doubles(cursor.bytes()?, &mut out.negative_counts)?,
            (10, FIXED64) => push(&mut out.negative_counts, cursor.double()?)?,
            (11, BYTES) => push(&mut out.positive_spans, decode_span(cursor.bytes()?)?)?,
            (12, BYTES) => packed_deltas(cursor.bytes()?, &mut positive_deltas)?,
            (12, VARINT) => push(&mut positive_deltas, zigzag(cursor.varint()?))?,
            (13, BYTES) => packed_doubles(cursor.bytes()?, &mut out.positive_counts)?,
            (13, FIXED64) => push(&mut out.positive_counts, cursor.double()?)?,
            (14, VARINT) => out.reset_hint = u8::try_from(cursor.varint()?).unwrap_or(0),
            (15, VARINT) => out.time = UnixMillis(cursor.varint()? as i64),
            (16, BYTES) => packed_doubles(cursor.bytes()?, &mut out.custom_values)?,
            (16, FIXED64) => push(&mut out.custom_values, cursor.double()?)?,
            (17, VARINT) => view.start_time = UnixMillis(cursor.varint()? as i64),
            other => cursor.skip(other, 0x3_fffe)?,
        }
    }
    // The count says whether the histogram holds integers (deltas) or floats (absolute counts); the other lists are ignored.
    if !out.is_float {
        out.positive_counts = absolute(&positive_deltas)?;
        out.negative_counts = absolute(&negative_deltas)?;
    }
    Ok(view)
}

fn push<T>(out: &mut Vec<T>, part: T) -> Result<(), DecodeError> {
    if out.len() >= BUCKETS_MAX {
        return Err(DecodeError::Histogram("too many buckets"));
    }
    out.push(part);
    Ok(())
}

fn zigzag32(number: u64) -> i32 {
    zigzag(number & u64::from(u32::MAX)) as i32
}

fn packed_deltas(bytes: &[u8], out: &mut Vec<i64>) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_at_end() {
        push(out, zigzag(cursor.varint()?))?;
    }
    Ok(())
}

fn packed_doubles(bytes: &[u8], out: &mut Vec<f64>) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_at_end() {
        push(out, cursor.double()?)?;
    }
    Ok(())
}

fn decode_span(message: &[u8]) -> Result<BucketSpan, DecodeError> {
    let mut span = BucketSpan::default();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, VARINT) => span.offset = zigzag32(cursor.varint()?),
            (2, VARINT) => span.length = cursor.varint()? as u32,
            other => cursor.skip(other, 0b110)?,
        }
    }
    Ok(span)
}

fn absolute(deltas: &[i64]) -> Result<Vec<f64>, DecodeError> {
    let mut count = 0i64;
    let mut counts = Vec::with_capacity(deltas.len());
    for delta in deltas {
        count = count.checked_add(*delta).ok_or(DecodeError::Histogram("bucket count overflows"))?;
        counts.push(count as f64);
    }
    Ok(counts)
}

/// Checks `histogram` by the rules of Prometheus' `Histogram.Validate` and `FloatHistogram.Validate`: known schema, spans that
/// agree with the counts, no negative counts, rising custom bounds, and for integers a count that is the sum of the buckets (at
/// least the sum, where the sum of observations is NaN, because NaN observations fall in no bucket).
pub fn check_histogram(histogram: &NativeHistogram) -> Result<(), DecodeError> {
    let fail = |reason| Err(DecodeError::Histogram(reason));
    match histogram.schema {
        CUSTOM_BUCKETS_SCHEMA => check_custom(histogram)?,
        -4..=8 if !histogram.custom_values.is_empty() => return fail("custom bounds with an exponential schema"),
        -4..=8 => {}
        _ => return fail("unknown schema"),
    }
    check_side(&histogram.positive_spans, &histogram.positive_counts)?;
    check_side(&histogram.negative_spans, &histogram.negative_counts)?;
    if histogram.zero_count < 0.0 {
        return fail("negative count in the zero bucket");
    }
    if histogram.zero_threshold < 0.0 || histogram.zero_threshold.is_nan() {
        return fail("zero threshold is negative or not a number");
    }
    if histogram.count < 0.0 {
        return fail("negative count of observations");
    }
    if !histogram.is_float {
        let buckets: f64 = histogram.positive_counts.iter().chain(&histogram.negative_counts).sum();
        let buckets = buckets + histogram.zero_count;
        // Exact below 2^53 observations; above, the sum of floats may be off by a few units in the last place.
        let slack = if buckets < 9e15 { 0.0 } else { buckets * 1e-12 };
        let over = buckets > histogram.count + slack;
        if over || (!histogram.sum.is_nan() && buckets < histogram.count - slack) {
            return fail("the buckets do not add up to the count of observations");
        }
    }
    Ok(())
}

fn check_side(spans: &[BucketSpan], counts: &[f64]) -> Result<(), DecodeError> {
    if spans.iter().skip(1).any(|span| span.offset < 0) {
        return Err(DecodeError::Histogram("a span other than the first has a negative offset"));
    }
    if spans.iter().map(|span| u64::from(span.length)).sum::<u64>() != counts.len() as u64 {
        return Err(DecodeError::Histogram("the spans need another number of buckets than there are"));
    }
    if counts.iter().any(|count| *count < 0.0) {
        return Err(DecodeError::Histogram("negative count in a bucket"));
    }
    Ok(())
}

fn check_custom(histogram: &NativeHistogram) -> Result<(), DecodeError> {
    let fail = |reason| Err(DecodeError::Histogram(reason));
    if histogram.zero_count != 0.0 || histogram.zero_threshold != 0.0 {
        return fail("custom bounds with a zero bucket");
    }
    if !histogram.negative_spans.is_empty() || !histogram.negative_counts.is_empty() {
        return fail("custom bounds with negative buckets");
    }
    let bounds = &histogram.custom_values;
    if bounds.iter().any(|bound| bound.is_nan() || *bound == f64::INFINITY)
        || bounds.windows(2).any(|pair| pair[0] >= pair[1])
    {
        return fail("custom bounds do not rise or are not finite");
    }
    if histogram.positive_spans.first().is_some_and(|span| span.offset < 0) {
        return fail("custom bounds with a negative first offset");
    }
    // One bucket more than there are bounds: the last one has none.
    let end: i64 = histogram.positive_spans.iter().map(|span| i64::from(span.offset) + i64::from(span.length)).sum();
    if end > bounds.len() as i64 + 1 { fail("more buckets than custom bounds") } else { Ok(()) }
}

#[cfg(test)]
mod tests;
