//! DELTA_BINARY_PACKED: differences to the number before, bit-packed in blocks of 128 with a common minimum.
//!
//! Four miniblocks of 32 differences each have a width of their own. The last block is cut after its last used miniblock,
//! as the format wants it.

use store_api::StoreError;

use super::thrift::damaged;

const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Appends `values`. With `narrow` the differences wrap at 32 bits, as an INT32 column needs it.
pub(super) fn encode(values: &[i64], narrow: bool, out: &mut Vec<u8>) {
    put_varint(out, BLOCK as u64);
    put_varint(out, (BLOCK / MINIBLOCK) as u64);
    put_varint(out, values.len() as u64);
    let Some(&first) = values.first() else { return put_varint(out, 0) };
    put_varint(out, zigzag(first));
    let mut previous = first;
    let mut deltas = [0i64; BLOCK];
    for block in values[1..].chunks(BLOCK) {
        for (delta, &value) in deltas.iter_mut().zip(block) {
            let difference = value.wrapping_sub(previous);
            *delta = if narrow { i64::from(difference as i32) } else { difference };
            previous = value;
        }
        let used = &deltas[..block.len()];
        let least = used.iter().fold(i64::MAX, |least, &delta| least.min(delta));
        put_varint(out, zigzag(least));
        put_block(used, least, narrow, out);
    }
}

fn put_block(deltas: &[i64], least: i64, narrow: bool, out: &mut Vec<u8>) {
    let widths_at = out.len();
    out.extend_from_slice(&[0; BLOCK / MINIBLOCK]);
    for (index, miniblock) in deltas.chunks(MINIBLOCK).enumerate() {
        let mut offsets = [0u64; MINIBLOCK];
        let mut all = 0;
        for (offset, &delta) in offsets.iter_mut().zip(miniblock) {
            let difference = delta.wrapping_sub(least) as u64;
            *offset = if narrow { difference & 0xffff_ffff } else { difference };
            all |= *offset;
        }
        let width = u64::BITS - all.leading_zeros();
        out[widths_at + index] = width as u8;
        pack(&offsets, width, out);
    }
}

fn pack(offsets: &[u64; MINIBLOCK], width: u32, out: &mut Vec<u8>) {
    let (mut pending, mut bits) = (0u128, 0u32);
    for &offset in offsets {
        pending |= u128::from(offset) << bits;
        bits += width;
        if bits >= 64 {
            out.extend_from_slice(&(pending as u64).to_le_bytes());
            pending >>= 64;
            bits -= 64;
        }
    }
    out.extend_from_slice(&(pending as u64).to_le_bytes()[..bits as usize / 8]);
}

fn take_varint(data: &mut &[u8]) -> Result<u64, StoreError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = data.split_first().ok_or_else(|| damaged("numbers end early"))?;
        *data = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(damaged("a number is too long"))
}

fn take_zigzag(data: &mut &[u8]) -> Result<i64, StoreError> {
    let value = take_varint(data)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// Decodes `count` numbers and gives what follows them.
pub(super) fn decode<'a>(
    mut data: &'a [u8],
    count: usize,
    narrow: bool,
    out: &mut Vec<i64>,
) -> Result<&'a [u8], StoreError> {
    let block = take_varint(&mut data)?;
    let miniblocks = take_varint(&mut data)?;
    if (block, miniblocks) != (BLOCK as u64, (BLOCK / MINIBLOCK) as u64) {
        return Err(damaged("delta blocks of this size are not ours"));
    }
    if take_varint(&mut data)? != count as u64 {
        return Err(damaged("a page has a wrong number of values"));
    }
    let mut value = take_zigzag(&mut data)?;
    if count == 0 {
        return Ok(data);
    }
    out.reserve(count);
    out.push(value);
    let mut left = count - 1;
    while left > 0 {
        let least = take_zigzag(&mut data)?;
        let (widths, rest) =
            data.split_first_chunk::<{ BLOCK / MINIBLOCK }>().ok_or_else(|| damaged("numbers end early"))?;
        data = rest;
        for &width in widths {
            if left == 0 {
                break;
            }
            if width > 64 {
                return Err(damaged("a bit width is above 64"));
            }
            let bytes = usize::from(width) * MINIBLOCK / 8;
            let (packed, rest) = data.split_at_checked(bytes).ok_or_else(|| damaged("numbers end early"))?;
            data = rest;
            let mut offsets = [0u64; MINIBLOCK];
            unpack(packed, u32::from(width), &mut offsets);
            for &offset in &offsets[..left.min(MINIBLOCK)] {
                value = value.wrapping_add(least).wrapping_add(offset as i64);
                if narrow {
                    value = i64::from(value as i32);
                }
                out.push(value);
            }
            left -= left.min(MINIBLOCK);
        }
    }
    Ok(data)
}

fn unpack(data: &[u8], width: u32, offsets: &mut [u64; MINIBLOCK]) {
    if width == 0 {
        return;
    }
    let mask = u64::MAX >> (64 - width);
    // At most 8 * 32 bytes of numbers; room behind them so that each is one wide load.
    let mut padded = [0u8; 8 * MINIBLOCK + 16];
    padded[..data.len()].copy_from_slice(data);
    for (index, offset) in offsets.iter_mut().enumerate() {
        let bit = index * width as usize;
        let word: [u8; 16] = padded[bit / 8..bit / 8 + 16].try_into().expect("sixteen bytes");
        *offset = (u128::from_le_bytes(word) >> (bit % 8)) as u64 & mask;
    }
}
