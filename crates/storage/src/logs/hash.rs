//! The 64-bit hash by which blocks name streams, resources and scopes. It is part of the block format (`docs/formats/logs.md`): the
//! same bytes give the same hash on every machine and in every version.

/// Odd constants with evenly spread bits (digits of the golden ratio and of pi).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const SEED: u64 = 0x243f_6a88_85a3_08d3;

/// Hashes `bytes`: eight at a time, little-endian, the rest padded with zeros, the length last.
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut state = words.iter().fold(SEED, |state, word| mix(state ^ u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        state = mix(state ^ u64::from_le_bytes(word));
    }
    mix(state ^ bytes.len() as u64)
}

/// Multiplies to 128 bits and folds the halves.
fn mix(word: u64) -> u64 {
    let product = u128::from(word ^ FACTOR.rotate_left(32)) * u128::from(FACTOR);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_does_not_change() {
        let hashes = [stable_hash(b""), stable_hash(b"a"), stable_hash(b"{service_name=\"cart\"}")];
        assert_eq!(hashes, [12378342161816318824, 80247622603849046, 3350940681186201213]);
    }

    #[test]
    fn near_texts_differ() {
        let hashes: std::collections::HashSet<u64> =
            (0..10_000).map(|n| stable_hash(format!("stream {n}").as_bytes())).collect();
        assert_eq!(hashes.len(), 10_000);
        assert_ne!(stable_hash(b"a"), stable_hash(b"a\0"));
    }
}
