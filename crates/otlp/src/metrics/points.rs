//! Data points.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use protowire::{Fields, WireError, WireValue, zigzag};

use crate::PARTS_MAX;
use crate::attributes::{Attributes, push_part};
use crate::error::DecodeError;
use crate::view::{ExemplarView, ExponentialHistogramView, HistogramView, NumberView, PointView, SummaryView};

/// Seeded once per process, so that nobody outside can prepare attributes whose hashes collide.
static HASH_STATE: LazyLock<foldhash::fast::RandomState> = LazyLock::new(foldhash::fast::RandomState::default);

/// The lists of the point that is being read; the memory is used again for the next one.
pub(super) struct PointParts<'a> {
    start_time: u64,
    time: u64,
    flags: u32,
    attributes: Attributes<'a>,
    hasher: foldhash::fast::FoldHasher<'static>,
    exemplars: Vec<ExemplarView<'a>>,
    exemplar_attributes: Attributes<'a>,
    counts: Vec<u64>,
    negative_counts: Vec<u64>,
    bounds: Vec<f64>,
    quantiles: Vec<(f64, f64)>,
}

impl Default for PointParts<'_> {
    fn default() -> Self {
        Self {
            start_time: 0,
            time: 0,
            flags: 0,
            attributes: Attributes::default(),
            hasher: HASH_STATE.build_hasher(),
            exemplars: Vec::new(),
            exemplar_attributes: Attributes::default(),
            counts: Vec::new(),
            negative_counts: Vec::new(),
            bounds: Vec::new(),
            quantiles: Vec::new(),
        }
    }
}

impl<'a> PointParts<'a> {
    /// Forgets the point.
    #[inline]
    pub(super) fn clear(&mut self) {
        (self.start_time, self.time, self.flags) = (0, 0, 0);
        self.attributes.clear();
        self.hasher = HASH_STATE.build_hasher();
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
            attributes_hash: self.hasher.finish(),
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
        self.hasher.write(message);
        // Told apart from the same bytes cut elsewhere.
        self.hasher.write_usize(message.len());
        self.attributes.push(message)
    }

    /// A point of a gauge or sum.
    pub(super) fn read_number(&mut self, message: &'a [u8]) -> Result<NumberView, DecodeError> {
        let mut value = NumberView::None;
        let mut fields = Fields::new(message);
        while let Some((field, wire)) = fields.next_field()? {
            match field {
                7 => self.attribute(wire.bytes(7)?)?,
                2 => self.start_time = wire.fixed64(2)?,
                3 => self.time = wire.fixed64(3)?,
                4 => value = NumberView::Double(wire.double(4)?),
                5 => self.read_exemplar(wire.bytes(5)?)?,
                6 => value = NumberView::Int(wire.fixed64(6)? as i64),
                8 => self.flags = wire.varint(8)? as u32,
                _ => {}
            }
        }
        Ok(value)
    }

    /// A point of a histogram, without its lists.
    pub(super) fn read_histogram(&mut self, message: &'a [u8]) -> Result<HistogramView<'static>, DecodeError> {
        let mut own = HistogramView::default();
        let mut fields = Fields::new(message);
        while let Some((field, wire)) = fields.next_field()? {
            match field {
                9 => self.attribute(wire.bytes(9)?)?,
                2 => self.start_time = wire.fixed64(2)?,
                3 => self.time = wire.fixed64(3)?,
                4 => own.count = wire.fixed64(4)?,
                5 => own.sum = Some(wire.double(5)?),
                6 => read_fixed64s(6, wire, &mut self.counts, |bits| bits)?,
                7 => read_fixed64s(7, wire, &mut self.bounds, f64::from_bits)?,
                8 => self.read_exemplar(wire.bytes(8)?)?,
                10 => self.flags = wire.varint(10)? as u32,
                11 => own.min = Some(wire.double(11)?),
                12 => own.max = Some(wire.double(12)?),
                _ => {}
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
        let mut fields = Fields::new(message);
        while let Some((field, wire)) = fields.next_field()? {
            match field {
                1 => self.attribute(wire.bytes(1)?)?,
                2 => self.start_time = wire.fixed64(2)?,
                3 => self.time = wire.fixed64(3)?,
                4 => own.count = wire.fixed64(4)?,
                5 => own.sum = Some(wire.double(5)?),
                6 => own.scale = zigzag32(wire.varint(6)?),
                7 => own.zero_count = wire.fixed64(7)?,
                8 => read_buckets(wire.bytes(8)?, &mut own.positive_offset, &mut self.counts)?,
                9 => read_buckets(wire.bytes(9)?, &mut own.negative_offset, &mut self.negative_counts)?,
                10 => self.flags = wire.varint(10)? as u32,
                11 => self.read_exemplar(wire.bytes(11)?)?,
                12 => own.min = Some(wire.double(12)?),
                13 => own.max = Some(wire.double(13)?),
                14 => own.zero_threshold = wire.double(14)?,
                _ => {}
            }
        }
        Ok(own)
    }

    /// A point of a summary, without its list.
    pub(super) fn read_summary(&mut self, message: &'a [u8]) -> Result<SummaryView<'static>, DecodeError> {
        let mut own = SummaryView::default();
        let mut fields = Fields::new(message);
        while let Some((field, wire)) = fields.next_field()? {
            match field {
                7 => self.attribute(wire.bytes(7)?)?,
                2 => self.start_time = wire.fixed64(2)?,
                3 => self.time = wire.fixed64(3)?,
                4 => own.count = wire.fixed64(4)?,
                5 => own.sum = wire.double(5)?,
                6 => push_part(&mut self.quantiles, read_quantile(wire.bytes(6)?)?, "quantiles")?,
                8 => self.flags = wire.varint(8)? as u32,
                _ => {}
            }
        }
        Ok(own)
    }

    fn read_exemplar(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let mut exemplar = ExemplarView::default();
        exemplar.filtered_attributes.0 = self.exemplar_attributes.len();
        let mut fields = Fields::new(message);
        while let Some((field, wire)) = fields.next_field()? {
            match field {
                2 => exemplar.time = wire.fixed64(2)?,
                3 => exemplar.value = NumberView::Double(wire.double(3)?),
                4 => exemplar.span_id = wire.bytes(4)?,
                5 => exemplar.trace_id = wire.bytes(5)?,
                6 => exemplar.value = NumberView::Int(wire.fixed64(6)? as i64),
                7 => self.exemplar_attributes.push(wire.bytes(7)?)?,
                _ => {}
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
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => quantile = wire.double(1)?,
            2 => value = wire.double(2)?,
            _ => {}
        }
    }
    Ok((quantile, value))
}

fn read_buckets(message: &[u8], offset: &mut i32, counts: &mut Vec<u64>) -> Result<(), DecodeError> {
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match (field, wire) {
            (1, _) => *offset = zigzag32(wire.varint(1)?),
            (2, WireValue::Varint(count)) => push_part(counts, count, "buckets")?,
            (2, _) => {
                let mut packed = Fields::new(wire.bytes(2)?);
                while let Some(count) = packed.next_packed_varint()? {
                    push_part(counts, count, "buckets")?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads a repeated fixed64 or double field, packed or not.
fn read_fixed64s<T>(
    field: u32,
    wire: WireValue<'_>,
    out: &mut Vec<T>,
    convert: impl Fn(u64) -> T,
) -> Result<(), DecodeError> {
    if let WireValue::Fixed64(bits) = wire {
        return push_part(out, convert(bits), "buckets");
    }
    let (numbers, rest) = wire.bytes(field)?.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(WireError::Truncated.into());
    }
    if out.len() + numbers.len() > PARTS_MAX {
        return Err(DecodeError::TooMany { what: "buckets" });
    }
    out.extend(numbers.iter().map(|bytes| convert(u64::from_le_bytes(*bytes))));
    Ok(())
}
