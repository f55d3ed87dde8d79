//! From columns to encoded pages: picks an encoding per chunk and writes the bodies of its pages.

use store_api::StoreError;

use super::compress::Compressor;
use super::frames::{Cut, FRAME_BYTES};
use super::header::encoding;
use super::numbers::{NumberIndex, NumberKind};
use super::raw::{RawChunk, Rows};
use super::{ColumnData, ColumnSpec, ColumnType, Dict, NULL_ID, bloom, delta, fixed, indexes, numbers, rle};

/// Buffers that live from chunk to chunk.
#[derive(Default)]
pub(super) struct Encoder {
    /// New id of each entry of the dictionary at hand.
    remap: Vec<u32>,
    ids: Vec<u32>,
    entries: Vec<u32>,
    present: Vec<bool>,
    ints: Vec<i64>,
    bytes: Vec<u8>,
    numbers: NumberIndex,
}

/// What an encoder writes with and into.
pub(super) struct Tools<'a> {
    /// To try encodings on samples.
    pub zstd: &'a mut Compressor,
    /// The result.
    pub raw: &'a mut RawChunk,
}

fn mismatch(spec: &ColumnSpec) -> StoreError {
    StoreError::InvalidInput(format!("column {} got data of another type or length", spec.name))
}

impl Encoder {
    /// Encodes a column of `rows` rows.
    pub(super) fn encode(
        &mut self,
        spec: &ColumnSpec,
        rows: usize,
        per_page: usize,
        data: ColumnData<'_>,
        tools: Tools<'_>,
    ) -> Result<(), StoreError> {
        tools.raw.clear();
        // Samples are compared as they will be stored; of the types that take none no page is compressed before the end.
        tools.zstd.set_finer(true)?;
        let rows = Rows { count: rows, per_page, present: &[], optional: spec.optional };
        match (spec.column_type, data) {
            (ColumnType::Utf8 | ColumnType::Json | ColumnType::Binary, ColumnData::Dict { ids, dict })
                if ids.len() == rows.count =>
            {
                self.dict(spec, rows, ids, dict, tools)
            }
            (ColumnType::Fixed(width), ColumnData::Dict { ids, dict }) if ids.len() == rows.count => {
                let mut bytes = std::mem::take(&mut self.bytes);
                bytes.clear();
                for &id in ids {
                    match id {
                        NULL_ID => bytes.resize(bytes.len() + width, 0),
                        id => bytes.extend_from_slice(dict.get(id)),
                    }
                }
                if bytes.len() != rows.count * width {
                    return Err(mismatch(spec));
                }
                let result = self.fixed(spec, rows, width, &bytes, tools);
                self.bytes = bytes;
                result
            }
            (ColumnType::Fixed(width), ColumnData::Fixed(bytes)) if bytes.len() == rows.count * width => {
                self.fixed(spec, rows, width, bytes, tools)
            }
            (
                ColumnType::Int64 | ColumnType::Int32 | ColumnType::TimestampNanos | ColumnType::TimestampMillis,
                ColumnData::Int { values, present },
            ) if values.len() == rows.count => {
                let rows = with_present(spec, rows, present)?;
                let mut dense = std::mem::take(&mut self.ints);
                self.int(spec, rows, compact(values, rows.present, &mut dense), tools);
                self.ints = dense;
                Ok(())
            }
            (ColumnType::Double, ColumnData::Double { values, present }) if values.len() == rows.count => {
                let rows = with_present(spec, rows, present)?;
                let mut bits = std::mem::take(&mut self.ints);
                bits.clear();
                if rows.present.is_empty() {
                    bits.extend(values.iter().map(|value| value.to_bits() as i64));
                } else {
                    let values = values.iter().zip(present).filter(|(_, present)| **present);
                    bits.extend(values.map(|(value, _)| value.to_bits() as i64));
                }
                numbers::encode(&bits, NumberKind::Double, rows, &mut self.numbers, tools.zstd, tools.raw);
                self.ints = bits;
                Ok(())
            }
            (ColumnType::Bool, ColumnData::Bool { values, present }) if values.len() == rows.count => {
                let rows = with_present(spec, rows, present)?;
                let mut dense = Vec::new();
                bools(rows, compact(values, rows.present, &mut dense), tools.raw);
                Ok(())
            }
            _ => Err(mismatch(spec)),
        }
    }

    fn dict(
        &mut self,
        spec: &ColumnSpec,
        rows: Rows<'_>,
        ids: &[u32],
        dict: &Dict,
        tools: Tools<'_>,
    ) -> Result<(), StoreError> {
        let Tools { zstd, raw } = tools;
        // One more than each id: NULL_ID becomes 0, so the greatest shows whether an id is outside.
        let above = rle::greatest(ids.iter().map(|id| id.wrapping_add(1)));
        if above as usize > dict.len() {
            return Err(mismatch(spec));
        }
        self.number_entries(ids, dict);
        let nulls = ids.contains(&NULL_ID);
        self.ids.clear();
        self.ids.extend(ids.iter().map(|&id| self.remap[(id as usize).min(dict.len())]));
        self.present.clear();
        if nulls {
            if !spec.optional {
                return Err(StoreError::InvalidInput(format!("column {} has no nulls but got one", spec.name)));
            }
            self.present.extend(self.ids.iter().map(|&id| id != NULL_ID));
            remove_nulls(&mut self.ids);
        }
        let rows = Rows { present: &self.present, ..rows };
        if spec.bloom {
            raw.hashes.extend(self.entries.iter().map(|&id| bloom::hash(dict.get(id))));
        }
        // Where most values stand once, a dictionary only adds an indirection.
        if self.entries.len() * 10 > self.ids.len() * 7 {
            strings(rows, ids, dict, raw);
            return Ok(());
        }
        let mut frame_start = 0;
        for (number, &id) in self.entries.iter().enumerate() {
            let entry = dict.get(id);
            raw.dictionary.extend_from_slice(&(entry.len() as u32).to_le_bytes());
            raw.dictionary.extend_from_slice(entry);
            if raw.dictionary.len() - frame_start >= FRAME_BYTES || number + 1 == self.entries.len() {
                frame_start = raw.dictionary.len();
                raw.cuts.push(Cut { entries: number as u32 + 1, bytes: frame_start });
            }
        }
        indexes::put_pages(rows, &self.ids, self.entries.len(), zstd, raw);
        Ok(())
    }

    /// Numbers the entries that are used in the order of their first use: rows that stand together then use entries that do, and
    /// what is used often gets a small number. `self.remap` has the number of each, and behind them [`NULL_ID`]. No branch
    /// depends on an id, for ids come in no order that could be predicted.
    fn number_entries(&mut self, ids: &[u32], dict: &Dict) {
        self.remap.clear();
        self.remap.resize(dict.len() + 1, NULL_ID);
        self.entries.clear();
        // One more than can be used: each id is written before it is known whether it counts.
        self.entries.resize(ids.len().min(dict.len()) + 1, 0);
        let mut used = 0;
        for &id in ids {
            let slot = &mut self.remap[(id as usize).min(dict.len())];
            let fresh = *slot == NULL_ID && id != NULL_ID;
            self.entries[used] = id;
            *slot = if fresh { used as u32 } else { *slot };
            used += usize::from(fresh);
        }
        self.entries.truncate(used);
    }

    fn fixed(
        &mut self,
        spec: &ColumnSpec,
        rows: Rows<'_>,
        width: usize,
        bytes: &[u8],
        tools: Tools<'_>,
    ) -> Result<(), StoreError> {
        self.present.clear();
        let mut dense = Vec::new();
        let mut bytes = bytes;
        if spec.optional {
            self.present.extend(bytes.chunks_exact(width).map(|value| value.iter().any(|&byte| byte != 0)));
            if self.present.iter().all(|&present| present) {
                self.present.clear();
            } else {
                compact_fixed(bytes, width, &self.present, &mut dense);
                bytes = &dense;
            }
        }
        let rows = Rows { present: &self.present, ..rows };
        fixed::encode(bytes, width, spec, rows, &mut self.ids, tools.zstd, tools.raw);
        Ok(())
    }

    fn int(&mut self, spec: &ColumnSpec, rows: Rows<'_>, values: &[i64], tools: Tools<'_>) {
        let Tools { zstd, raw } = tools;
        let kind = if spec.column_type == ColumnType::Int32 { NumberKind::Narrow } else { NumberKind::Wide };
        let bytes = spec.column_type.number_bytes();
        raw.int_bounds = min_max(values);
        if spec.bloom {
            raw.hashes.extend(values.iter().map(|value| bloom::hash(&value.to_le_bytes()[..bytes])));
        }
        numbers::encode(values, kind, rows, &mut self.numbers, zstd, raw);
        if spec.page_index {
            int_bounds(values, bytes, raw);
        }
    }
}

fn remove_nulls(ids: &mut Vec<u32>) {
    let mut kept = 0;
    for row in 0..ids.len() {
        let id = ids[row];
        ids[kept] = id;
        kept += usize::from(id != NULL_ID);
    }
    ids.truncate(kept);
}

fn with_present<'a>(spec: &ColumnSpec, rows: Rows<'a>, present: &'a [bool]) -> Result<Rows<'a>, StoreError> {
    if !present.is_empty() && present.len() != rows.count {
        return Err(mismatch(spec));
    }
    if present.iter().all(|&present| present) {
        return Ok(rows);
    }
    if !spec.optional {
        return Err(StoreError::InvalidInput(format!("column {} has no nulls but got one", spec.name)));
    }
    Ok(Rows { present, ..rows })
}

/// The values of the rows that have one.
fn compact<'a, T: Copy>(values: &'a [T], present: &[bool], buffer: &'a mut Vec<T>) -> &'a [T] {
    if present.is_empty() {
        return values;
    }
    buffer.clear();
    buffer.extend(values.iter().zip(present).filter(|(_, present)| **present).map(|(value, _)| *value));
    buffer
}

/// The values of `width` bytes of the rows that have one.
fn compact_fixed(bytes: &[u8], width: usize, present: &[bool], dense: &mut Vec<u8>) {
    fn of<const W: usize>(bytes: &[u8], present: &[bool], dense: &mut Vec<u8>) {
        let values = bytes.as_chunks::<W>().0.iter().zip(present).filter(|(_, present)| **present);
        values.for_each(|(value, _)| dense.extend_from_slice(value));
    }
    dense.reserve(bytes.len());
    match width {
        8 => of::<8>(bytes, present, dense),
        16 => of::<16>(bytes, present, dense),
        _ => {
            let values = bytes.chunks_exact(width).zip(present).filter(|(_, present)| **present);
            values.for_each(|(value, _)| dense.extend_from_slice(value));
        }
    }
}

pub(super) fn min_max(values: &[i64]) -> Option<(i64, i64)> {
    let (least, greatest) =
        values.iter().fold((i64::MAX, i64::MIN), |(least, greatest), &value| (least.min(value), greatest.max(value)));
    (least <= greatest).then_some((least, greatest))
}

/// Strings one behind the other, their lengths before them.
fn strings(rows: Rows<'_>, ids: &[u32], dict: &Dict, raw: &mut RawChunk) {
    let ids: Vec<u32> = ids.iter().copied().filter(|&id| id != NULL_ID).collect();
    let mut lengths = Vec::new();
    raw.put_pages(rows, encoding::DELTA_LENGTH_BYTE_ARRAY, |range, out| {
        let ids = &ids[range];
        lengths.clear();
        lengths.extend(ids.iter().map(|&id| dict.get(id).len() as i64));
        delta::encode(&lengths, true, out);
        ids.iter().for_each(|&id| out.extend_from_slice(dict.get(id)));
    });
}

fn bools(rows: Rows<'_>, values: &[bool], raw: &mut RawChunk) {
    raw.put_pages(rows, encoding::PLAIN, |range, out| {
        out.extend(
            values[range]
                .chunks(8)
                .map(|flags| flags.iter().enumerate().fold(0u8, |byte, (bit, &flag)| byte | u8::from(flag) << bit)),
        );
    });
}

fn int_bounds(values: &[i64], bytes: usize, raw: &mut RawChunk) {
    let mut start = 0;
    for page in &raw.pages {
        let end = start + (page.rows - page.nulls) as usize;
        let bound = |value: i64| Box::from(&value.to_le_bytes()[..bytes]);
        let bounds = min_max(&values[start..end]).map(|(least, greatest)| (bound(least), bound(greatest)));
        raw.bounds.pages.push(bounds.unwrap_or_default());
        start = end;
    }
}
