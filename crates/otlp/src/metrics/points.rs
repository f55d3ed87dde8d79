//! Data points.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use protowire::cursor::{BYTES, Cursor, FIXED64, VARINT};
use protowire::{Fields, WireError, zigzag};

use crate::PARTS_MAX;
use crate::attributes::{Attributes, push_part};
use crate::error::DecodeError;
use crate::view::{ExemplarView, ExponentialHistogramView, HistogramView, NumberView, PointView, SummaryView};

/// Seeded once per process, so that nobody outside can prepare attributes whose hashes collide.
static HASH_STATE: LazyLock<foldhash::fast::RandomState> = LazyLock::new(foldhash::fast::RandomState::default);

/// The lists of the point that is being read; the memory is used again for the next one.
#[derive(Default)]
pub(super) struct PointParts<'a> {
    start_time: u64,
    time: u64,
    flags: u32,
    attributes: Attributes<'a>,
    /// Hash of the message at each place among the attributes.
    hashes: Vec<u64>,
    exemplars: Vec<ExemplarView<'a>>,
    exemplar_attributes: Attributes<'a>,
    counts: Vec<u64>,
    negative_counts: Vec<u64>,
    bounds: Vec<f64>,
    quantiles: Vec<(f64, f64)>,
}

impl<'a> PointParts<'a> {
    /// Forgets the point.
    #[inline]
    pub(super) fn clear(&mut self) {
        (self.start_time, self.time, self.flags) = (0, 0, 0);
        self.attributes.clear();
        self.exemplars.clear();
        self.exemplar_attributes.clear();
        self.counts.clear();
        self.negative_counts.clear();
        self.bounds.clear();
        self.quantiles.clear();
    }

    /// What all points have.
    #[inline]
    pub(super) fn point(&self) -> PointView<'_, 'a> {
        PointView {
            attributes: self.attributes.as_slice(),
            attributes_hash: self.attributes_hash(),
            exemplars: &self.exemplars,
            exemplar_attributes: self.exemplar_attributes.as_slice(),
            start_time: self.start_time,
            time: self.time,
            flags: self.flags,
        }
    }

    /// `own` with its lists.
    pub(super) fn histogram(&self, own: HistogramView<'static>) -> HistogramView<'_> {
        HistogramView { bucket_counts: &self.counts, explicit_bounds: &self.bounds, ..own }
    }

    /// `own` with its lists.
    pub(super) fn exponential(&self, own: ExponentialHistogramView<'static>) -> ExponentialHistogramView<'_> {
        ExponentialHistogramView { positive_counts: &self.counts, negative_counts: &self.negative_counts, ..own }
    }

    /// `own` with its list.
    pub(super) fn summary(&self, own: SummaryView<'static>) -> SummaryView<'_> {
        SummaryView { quantiles: &self.quantiles, ..own }
    }

    #[inline]
    fn attribute(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let at = self.attributes.len() as usize;
        let pushed = self.attributes.push(message);
        if matches!(pushed, Ok(false)) {
            return Ok(());
        }
        // After an error `Attributes` holds the empty message at this place.
        let hash = HASH_STATE.hash_one(if pushed.is_ok() { message } else { &[] });
        match self.hashes.get_mut(at) {
            Some(slot) => *slot = hash,
            None => self.hashes.push(hash),
        }
        pushed.map(drop)
    }

    #[inline]
    fn attributes_hash(&self) -> u64 {
        let mut hasher = HASH_STATE.build_hasher();
        for hash in &self.hashes[..self.attributes.len() as usize] {
            hasher.write_u64(*hash);
        }
        hasher.finish()
    }

    /// A point of a gauge or sum.
    pub(super) fn read_number(&mut self, message: &'a [u8]) -> Result<NumberView, DecodeError> {
        let mut value = NumberView::None;
        let mut cursor = Cursor::new(message);
        while let Some(tag) = cursor.next_tag()? {
            match tag {
                (7, BYTES) => self.attribute(cursor.bytes()?)?,
                (2, FIXED64) => self.start_time = cursor.fixed64()?,
                (3, FIXED64) => self.time = cursor.fixed64()?,
                (4, FIXED64) => value = NumberView::Double(cursor.double()?),
                (5, BYTES) => self.read_exemplar(cursor.bytes()?)?,
                (6, FIXED64) => value = NumberView::Int(cursor.fixed64()? as i64),
                (8, VARINT) => self.flags = cursor.varint()? as u32,
                other => cursor.skip(other, 0b1_1111_1100)?,
            }
        }
        Ok(value)
    }

    /// A point of a histogram, without its lists.
    pub(super) fn read_histogram(&mut self, message: &'a [u8]) -> Result<HistogramView<'static>, DecodeError> {
        let mut own = HistogramView::default();
        let mut cursor = Cursor::new(message);
        while let Some(tag) = cursor.next_tag()? {
            match tag {
                (9, BYTES) => self.attribute(cursor.bytes()?)?,
                (2, FIXED64) => self.start_time = cursor.fixed64()?,
                (3, FIXED64) => self.time = cursor.fixed64()?,
                (4, FIXED64) => own.count = cursor.fixed64()?,
                (5, FIXED64) => own.sum = Some(cursor.double()?),
                (6, BYTES) => read_packed(cursor.bytes()?, &mut self.counts, |bits| bits)?,
                (6, FIXED64) => push_part(&mut self.counts, cursor.fixed64()?, "buckets")?,
                (7, BYTES) => read_packed(cursor.bytes()?, &mut self.bounds, f64::from_bits)?,
                (7, FIXED64) => push_part(&mut self.bounds, cursor.double()?, "buckets")?,
                (8, BYTES) => self.read_exemplar(cursor.bytes()?)?,
                (10, VARINT) => self.flags = cursor.varint()? as u32,
                (11, FIXED64) => own.min = Some(cursor.double()?),
                (12, FIXED64) => own.max = Some(cursor.double()?),
                other => cursor.skip(other, 0b1_1111_1111_1100)?,
            }
        }
        Ok(own)
    }

    /// A point of an exponential histogram, without its lists.
    pub(super) fn read_exponential(
        &mut self,
        message: &'a [u8],
    ) -> Result<ExponentialHistogramView<'static>, DecodeError> {
        let mut own = ExponentialHistogramView::default();
        let mut cursor = Cursor::new(message);
        while let Some(tag) = cursor.next_tag()? {
            match tag {
                (1, BYTES) => self.attribute(cursor.bytes()?)?,
                (2, FIXED64) => self.start_time = cursor.fixed64()?,
                (3, FIXED64) => self.time = cursor.fixed64()?,
                (4, FIXED64) => own.count = cursor.fixed64()?,
                (5, FIXED64) => own.sum = Some(cursor.double()?),
                (6, VARINT) => own.scale = zigzag32(cursor.varint()?),
                (7, FIXED64) => own.zero_count = cursor.fixed64()?,
                (8, BYTES) => read_buckets(cursor.bytes()?, &mut own.positive_offset, &mut self.counts)?,
                (9, BYTES) => read_buckets(cursor.bytes()?, &mut own.negative_offset, &mut self.negative_counts)?,
                (10, VARINT) => self.flags = cursor.varint()? as u32,
                (11, BYTES) => self.read_exemplar(cursor.bytes()?)?,
                (12, FIXED64) => own.min = Some(cursor.double()?),
                (13, FIXED64) => own.max = Some(cursor.double()?),
                (14, FIXED64) => own.zero_threshold = cursor.double()?,
                other => cursor.skip(other, 0b111_1111_1111_1110)?,
            }
        }
        Ok(own)
    }

    /// A point of a summary, without its list.
    pub(super) fn read_summary(&mut self, message: &'a [u8]) -> Result<SummaryView<'static>, DecodeError> {
        let mut own = SummaryView::default();
        let mut cursor = Cursor::new(message);
        while let Some(tag) = cursor.next_tag()? {
            match tag {
                (7, BYTES) => self.attribute(cursor.bytes()?)?,
                (2, FIXED64) => self.start_time = cursor.fixed64()?,
                (3, FIXED64) => self.time = cursor.fixed64()?,
                (4, FIXED64) => own.count = cursor.fixed64()?,
                (5, FIXED64) => own.sum = cursor.double()?,
                (6, BYTES) => push_part(&mut self.quantiles, read_quantile(cursor.bytes()?)?, "quantiles")?,
                (8, VARINT) => self.flags = cursor.varint()? as u32,
                other => cursor.skip(other, 0b1_1111_1100)?,
            }
        }
        Ok(own)
    }

    fn read_exemplar(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let mut exemplar = ExemplarView::default();
        exemplar.filtered_attributes.0 = self.exemplar_attributes.len();
        let mut cursor = Cursor::new(message);
        while let Some(tag) = cursor.next_tag()? {
            match tag {
                (2, FIXED64) => exemplar.time = cursor.fixed64()?,
                (3, FIXED64) => exemplar.value = NumberView::Double(cursor.double()?),
                (4, BYTES) => exemplar.span_id = cursor.bytes()?,
                (5, BYTES) => exemplar.trace_id = cursor.bytes()?,
                (6, FIXED64) => exemplar.value = NumberView::Int(cursor.fixed64()? as i64),
                (7, BYTES) => drop(self.exemplar_attributes.push(cursor.bytes()?)?),
                other => cursor.skip(other, 0b1111_1100)?,
            }
        }
        exemplar.filtered_attributes.1 = self.exemplar_attributes.len();
        push_part(&mut self.exemplars, exemplar, "exemplars")
    }
}

fn zigzag32(number: u64) -> i32 {
    zigzag(number & u64::from(u32::MAX)) as i32
}

fn read_quantile(message: &[u8]) -> Result<(f64, f64), DecodeError> {
    let (mut quantile, mut value) = (0.0, 0.0);
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, FIXED64) => quantile = cursor.double()?,
            (2, FIXED64) => value = cursor.double()?,
            other => cursor.skip(other, 0b110)?,
        }
    }
    Ok((quantile, value))
}

fn read_buckets(message: &[u8], offset: &mut i32, counts: &mut Vec<u64>) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, VARINT) => *offset = zigzag32(cursor.varint()?),
            (2, VARINT) => push_part(counts, cursor.varint()?, "buckets")?,
            (2, BYTES) => {
                let mut packed = Fields::new(cursor.bytes()?);
                while let Some(count) = packed.next_packed_varint()? {
                    push_part(counts, count, "buckets")?;
                }
            }
            other => cursor.skip(other, 0b110)?,
        }
    }
    Ok(())
}

/// Reads a packed field of fixed64 or double.
fn read_packed<T>(bytes: &[u8], out: &mut Vec<T>, convert: impl Fn(u64) -> T) -> Result<(), DecodeError> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(WireError::Truncated.into());
    }
    if out.len() + numbers.len() > PARTS_MAX {
        return Err(DecodeError::TooMany { what: "buckets" });
    }
    out.extend(numbers.iter().map(|bytes| convert(u64::from_le_bytes(*bytes))));
    Ok(())
}
