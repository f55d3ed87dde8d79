//! Which traces may be in a batch: a Bloom filter of one word per eight traces, so that looking a trace up in a head costs one
//! memory access a batch.

/// Set bits of one trace. Three bits in a word that eight traces share: about 3 % of false positives.
const BITS: u32 = 3;

/// See the module. Without words it excludes nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct TraceFilter {
    /// A power of two of them.
    words: Box<[u64]>,
}

impl TraceFilter {
    /// A filter of all ids in `trace_ids`; runs of one trace cost one entry.
    pub(crate) fn new(trace_ids: &[[u8; 16]]) -> Self {
        let runs = || trace_ids.chunk_by(|a, b| a == b).map(|run| &run[0]);
        let count = runs().count();
        let mut words = vec![0u64; count.div_ceil(8).next_power_of_two()].into_boxed_slice();
        for id in runs() {
            let (word, bits) = place(id, words.len());
            words[word] |= bits;
        }
        Self { words }
    }

    /// False when no row has this trace.
    pub(crate) fn might_contain(&self, id: &[u8; 16]) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let (word, bits) = place(id, self.words.len());
        self.words[word] & bits == bits
    }

    /// Bytes of memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.words.len() * 8
    }
}

/// Word and bits of a trace. Ids are random in most senders, but some put a clock in front or zeros in half of it: mix both halves.
fn place(id: &[u8; 16], words: usize) -> (usize, u64) {
    let id = u128::from_le_bytes(*id);
    let mixed = ((id as u64) ^ ((id >> 64) as u64).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (0..BITS).fold(0, |bits, n| bits | 1 << ((mixed >> (6 * n)) & 63));
    ((mixed >> 32) as usize & (words - 1), bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_is_found_and_little_else() {
        let id = |n: u32| {
            let mut id = [0; 16];
            id[12..].copy_from_slice(&n.to_be_bytes());
            id
        };
        let ids: Vec<[u8; 16]> = (0..1000).flat_map(|n| [id(n), id(n)]).collect();
        let filter = TraceFilter::new(&ids);
        assert!(ids.iter().all(|id| filter.might_contain(id)));
        let wrong = (1000..101_000).filter(|&n| filter.might_contain(&id(n))).count();
        assert!(wrong < 6000, "{wrong} of 100000 false positives");
    }
}
