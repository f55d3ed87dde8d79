//! Parquet's hybrid of runs and bit-packed groups, for dictionary indexes and definition levels.

use std::ops::Range;

use store_api::StoreError;

use super::thrift::damaged;

/// The greatest of `values`, 0 when there are none. A fold over `max`, because `Iterator::max` becomes a call per value where
/// code generation is split into units.
pub(super) fn greatest(values: impl IntoIterator<Item = u32>) -> u32 {
    values.into_iter().fold(0, |greatest, value| greatest.max(value))
}

/// Bits that a number up to `max` takes.
pub(super) fn bit_width(max: u32) -> u32 {
    u32::BITS - max.leading_zeros()
}

fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_run(out: &mut Vec<u8>, value: u32, length: usize, width: u32) {
    put_varint(out, (length as u32) << 1);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Packs groups of 32 values, `W` words each. The width is a constant so that the compiler unrolls it.
fn pack_blocks<const W: u32>(values: &[u32], out: &mut Vec<u8>) {
    for block in values.as_chunks::<32>().0 {
        let mut packed = [0u8; 128];
        let (mut pending, mut bits, mut at) = (0u64, 0u32, 0);
        for &value in block {
            pending |= u64::from(value) << bits;
            bits += W;
            if bits >= 32 {
                packed[at..at + 4].copy_from_slice(&(pending as u32).to_le_bytes());
                at += 4;
                pending >>= 32;
                bits -= 32;
            }
        }
        out.extend_from_slice(&packed[..4 * W as usize]);
    }
}

/// [`pack_blocks`] for a width that is known at run time only.
fn pack_blocks_of(width: u32, values: &[u32], out: &mut Vec<u8>) {
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width { $($width => pack_blocks::<$width>(values, out),)* _ => unreachable!("widths are 1 to 32") }
        };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

/// Appends `values` packed to `width` bits, padded with zeros to a multiple of eight values.
pub(super) fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    match width {
        0 => return,
        8 => {
            out.extend(values.iter().map(|&value| value as u8));
            return out.resize(out.len() + values.len().next_multiple_of(8) - values.len(), 0);
        }
        _ => {}
    }
    out.reserve(values.len().div_ceil(8) * width as usize + 8);
    let whole = values.len() / 32 * 32;
    pack_blocks_of(width, &values[..whole], out);
    for group in values[whole..].chunks(8) {
        let (mut pending, mut bits) = (0u64, 0u32);
        for index in 0..8 {
            pending |= u64::from(group.get(index).copied().unwrap_or(0)) << bits;
            bits += width;
            while bits >= 8 {
                out.push(pending as u8);
                pending >>= 8;
                bits -= 8;
            }
        }
    }
}

fn put_packed(out: &mut Vec<u8>, values: &[u32], width: u32) {
    if !values.is_empty() {
        put_varint(out, ((values.len().div_ceil(8) as u32) << 1) | 1);
        pack(values, width, out);
    }
}

/// Appends `values` (each below 2^`width`): all as runs where they repeat, else all packed. A mix is not worth looking for,
/// because pages are compressed afterwards, and that finds the repeats among packed values.
pub(super) fn encode(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let following = values.get(1..).unwrap_or_default();
    let runs = 1 + values.iter().zip(following).map(|(left, right)| u32::from(left != right)).sum::<u32>() as usize;
    let run_bytes = 1 + width.div_ceil(8) as usize;
    if width == 0 || runs * run_bytes * 2 <= values.len() * width as usize / 8 {
        encode_runs(values, width, out);
    } else {
        put_packed(out, values, width);
    }
}

fn run_length(values: &[u32], value: u32) -> usize {
    values.iter().position(|&other| other != value).unwrap_or(values.len())
}

fn encode_runs(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut position = 0;
    while position < values.len() {
        let length = run_length(&values[position..], values[position]);
        put_run(out, values[position], length, width);
        position += length;
    }
}

/// Unpacks groups of eight values, `W` bytes each; as many as `values` has whole groups and `data` has bytes for.
fn unpack_groups<const W: usize>(data: &[u8], values: &mut [u32]) {
    let mask = (u64::MAX >> (64 - W)) as u32;
    for (group, values) in data.as_chunks::<W>().0.iter().zip(values.as_chunks_mut::<8>().0) {
        // Room behind the group, so that each value is one load at a constant place.
        let mut padded = [0u8; 40];
        padded[..W].copy_from_slice(group);
        for (index, value) in values.iter_mut().enumerate() {
            let bit = index * W;
            let word = padded[bit / 8..].first_chunk::<8>().expect("room for eight bytes");
            *value = (u64::from_le_bytes(*word) >> (bit % 8)) as u32 & mask;
        }
    }
}

/// Unpacks `width`-bit values, `values.len()` of them; `data` has all their bytes.
pub(super) fn unpack(data: &[u8], width: u32, values: &mut [u32]) {
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width { $($width => unpack_groups::<$width>(data, values),)* _ => unreachable!("widths are 1 to 32") }
        };
    }
    match width {
        0 => return values.fill(0),
        8 => return values.iter_mut().zip(data).for_each(|(value, &byte)| *value = byte.into()),
        16 => {
            let words = data.as_chunks::<2>().0.iter();
            return values.iter_mut().zip(words).for_each(|(value, word)| *value = u16::from_le_bytes(*word).into());
        }
        _ => by_width!(1 2 3 4 5 6 7 9 10 11 12 13 14 15 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32),
    }
    let whole = values.len() / 8 * 8;
    let mask = (u64::MAX >> (64 - width)) as u32;
    for (index, value) in values.iter_mut().enumerate().skip(whole) {
        let bit = index * width as usize;
        let mut word = [0; 8];
        let rest = &data[bit / 8..data.len().min(bit / 8 + 8)];
        word[..rest.len()].copy_from_slice(rest);
        *value = (u64::from_le_bytes(word) >> (bit % 8)) as u32 & mask;
    }
}

fn take_varint(data: &mut &[u8]) -> Result<u32, StoreError> {
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = data.split_first().ok_or_else(|| damaged("a run ends early"))?;
        *data = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return u32::try_from(value).map_err(|_| damaged("a run is too long"));
        }
    }
    Err(damaged("a run is too long"))
}

/// A piece of an encoded page.
enum Piece<'a> {
    /// A value and how often it stands there.
    Run(u32, usize),
    /// Packed values and how many.
    Packed(&'a [u8], usize),
}

/// Takes the next piece off `data`, of at most `left` values.
fn take_piece<'a>(data: &mut &'a [u8], width: u32, left: usize) -> Result<Piece<'a>, StoreError> {
    let header = take_varint(data)?;
    let count = (header >> 1) as usize;
    let bytes = if header & 1 == 0 { width.div_ceil(8) as usize } else { count * width as usize };
    let (body, rest) = data.split_at_checked(bytes).ok_or_else(|| damaged("a run ends early"))?;
    *data = rest;
    if count == 0 || (header & 1 == 0 && count > left) {
        return Err(damaged("a run has a wrong length"));
    }
    if header & 1 == 1 {
        return Ok(Piece::Packed(body, (count * 8).min(left)));
    }
    let mut word = [0; 4];
    word[..bytes].copy_from_slice(body);
    Ok(Piece::Run(u32::from_le_bytes(word), count))
}

/// Decodes `count` values.
pub(super) fn decode(mut data: &[u8], width: u32, count: usize, out: &mut Vec<u32>) -> Result<(), StoreError> {
    if width > 32 {
        return Err(damaged("a bit width is above 32"));
    }
    let end = out.len() + count;
    out.reserve(count);
    while out.len() < end {
        let start = out.len();
        match take_piece(&mut data, width, end - start)? {
            Piece::Run(value, length) => out.resize(start + length, value),
            Piece::Packed(packed, length) => {
                out.resize(start + length, 0);
                unpack(packed, width, &mut out[start..]);
            }
        }
    }
    Ok(())
}

/// Decodes the values `wanted` of `count`; what is before them is skipped, what is behind them not looked at.
pub(super) fn decode_range(
    mut data: &[u8],
    width: u32,
    count: usize,
    wanted: Range<usize>,
    out: &mut Vec<u32>,
) -> Result<(), StoreError> {
    if width > 32 {
        return Err(damaged("a bit width is above 32"));
    }
    let mut position = 0;
    while position < wanted.end {
        match take_piece(&mut data, width, count - position)? {
            Piece::Run(value, length) => {
                let end = (position + length).min(wanted.end);
                out.resize(out.len() + end.saturating_sub(position.max(wanted.start)), value);
                position += length;
            }
            Piece::Packed(packed, length) => {
                // From the group of eight on that has the first one wanted.
                let skipped = wanted.start.saturating_sub(position).min(length) / 8 * 8;
                let end = (wanted.end - position).min(length);
                let start = out.len();
                let before = (wanted.start.saturating_sub(position)).min(end).saturating_sub(skipped);
                out.resize(start + end.saturating_sub(skipped), 0);
                unpack(&packed[skipped / 8 * width as usize..], width, &mut out[start..]);
                out.drain(start..start + before);
                position += length;
            }
        }
    }
    Ok(())
}

/// The first value.
pub(super) fn first(mut data: &[u8], width: u32) -> Result<u32, StoreError> {
    if width > 32 {
        return Err(damaged("a bit width is above 32"));
    }
    Ok(match take_piece(&mut data, width, usize::MAX)? {
        Piece::Run(value, _) => value,
        Piece::Packed(packed, _) => {
            let mut values = [0];
            unpack(packed, width, &mut values);
            values[0]
        }
    })
}

/// Calls `visit` with each value and how often it stands there in a row, without writing out the runs.
pub(super) fn runs(
    mut data: &[u8],
    width: u32,
    count: usize,
    mut visit: impl FnMut(u32, usize),
) -> Result<(), StoreError> {
    if width > 32 {
        return Err(damaged("a bit width is above 32"));
    }
    let mut left = count;
    let mut values = Vec::new();
    while left > 0 {
        match take_piece(&mut data, width, left)? {
            Piece::Run(value, length) => {
                visit(value, length);
                left -= length;
            }
            Piece::Packed(packed, length) => {
                values.resize(length, 0);
                unpack(packed, width, &mut values);
                values.iter().for_each(|&value| visit(value, 1));
                left -= length;
            }
        }
    }
    Ok(())
}
