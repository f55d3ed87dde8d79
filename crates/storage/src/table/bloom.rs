//! Split-block bloom filters of Parquet: 32-byte blocks, one bit in each of their eight words.

use twox_hash::XxHash64;

use super::thrift::ThriftWriter;

/// Bytes of a block: what a look-up reads.
pub(super) const BLOCK_BYTES: usize = 32;
/// Least bits per value: 8 to 16 after rounding up to a power of two, which is 2.5 to 0.1 % of false positives.
const BITS_PER_VALUE: usize = 8;

const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// Hash of a value in its plain encoding.
pub(super) fn hash(value: &[u8]) -> u64 {
    XxHash64::oneshot(0, value)
}

fn masks(hash: u64) -> [u32; 8] {
    SALT.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

/// Which of `blocks` blocks has the bits of `hash`.
pub(super) fn block_of(hash: u64, blocks: u64) -> u64 {
    ((hash >> 32) * blocks) >> 32
}

/// Whether a block has all bits of `hash`.
pub(super) fn block_contains(block: &[u8; BLOCK_BYTES], hash: u64) -> bool {
    let (words, _) = block.as_chunks::<4>();
    words.iter().zip(masks(hash)).all(|(word, mask)| u32::from_le_bytes(*word) & mask != 0)
}

/// Appends a filter of `hashes`, header first.
pub(super) fn encode(hashes: &[u64], out: &mut Vec<u8>) {
    // A power of two, which some readers insist on, and which lets a reader tell the header's length from the whole's.
    let bytes = (hashes.len() * BITS_PER_VALUE / 8).next_power_of_two().max(BLOCK_BYTES);
    let mut writer = ThriftWriter::new(out);
    writer.i32(1, bytes as i32);
    // Block algorithm, XXHASH, uncompressed: the first member of each union.
    for id in 2..=4 {
        writer.begin(id);
        writer.begin(1);
        writer.end();
        writer.end();
    }
    writer.end();
    let mut blocks = vec![[0u32; 8]; bytes / BLOCK_BYTES];
    for &hash in hashes {
        let block = &mut blocks[block_of(hash, (bytes / BLOCK_BYTES) as u64) as usize];
        for (word, mask) in block.iter_mut().zip(masks(hash)) {
            *word |= mask;
        }
    }
    out.reserve(bytes);
    for word in blocks.iter().flatten() {
        out.extend_from_slice(&word.to_le_bytes());
    }
}

/// Bytes of the bit set in a filter of `length` bytes with its header; `None` when that cannot be.
pub(super) fn bitset_bytes(length: u32) -> Option<u32> {
    // The header is shorter than the smallest bit set, so the greatest power of two within is the bit set.
    let bytes = 1 << length.checked_sub(1)?.checked_ilog2()?;
    (bytes >= BLOCK_BYTES as u32).then_some(bytes)
}
