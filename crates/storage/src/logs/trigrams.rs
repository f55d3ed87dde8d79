//! Which three-byte pieces occur in the lines of a stretch of rows: proves that a text is in none of them.
//!
//! A row group has a bitmap for each [`WINDOW_ROWS`] rows. A bit stands for all trigrams of one hash; a text whose trigrams do not
//! all have their bits set cannot be in any line of the window. Ids that are all digits or all hexadecimal prove little, words
//! nearly everything. A bitmap is folded in half while few of its bits are set, so lines with little variety cost little.

use store_api::{LineFilter, LineFilterOp};

use crate::table::Dict;

/// Rows of a window: two pages of lines. Smaller windows prove more and cost more.
pub(crate) const WINDOW_ROWS: usize = 2048;
/// Bits of a bitmap before folding: 4 KiB. Measured: usual lines set a tenth of them.
const BITS_MAX: usize = 1 << 15;
/// Bits of a bitmap that is folded no more.
const BITS_MIN: usize = 1 << 9;
/// A bitmap is folded while fewer than one in so many bits is set.
const FOLD_BELOW: usize = 8;

/// The bit of a trigram, given in the low 24 bits. The low bits of it are the bit in a folded map.
#[inline]
fn bit_of(trigram: u32) -> usize {
    ((trigram & 0x00ff_ffff).wrapping_mul(0x9e37_79b1) >> 17) as usize
}

/// Bitmaps of all windows of a row group, whose lines are `ids` into `lines`.
pub(crate) fn build(ids: &[u32], lines: &Dict) -> Dict {
    let mut flags = vec![0u8; BITS_MAX];
    // Window in which a line was last seen; lines that repeat are looked at once a window.
    let mut seen = vec![u32::MAX; lines.len()];
    let mut out = Dict::default();
    for (window, ids) in ids.chunks(WINDOW_ROWS).enumerate() {
        flags.fill(0);
        for &id in ids {
            if std::mem::replace(&mut seen[id as usize], window as u32) != window as u32 {
                mark(&mut flags, lines.get(id));
            }
        }
        out.push(&fold(pack(&flags)));
    }
    out
}

fn mark(flags: &mut [u8], line: &[u8]) {
    let flags: &mut [u8; BITS_MAX] = flags.try_into().expect("one flag a bit");
    // Four bytes at a time are one load; the last trigram has no fourth.
    for four in line.windows(4) {
        let word = u32::from_le_bytes(four.try_into().expect("four bytes"));
        flags[bit_of(word) & (BITS_MAX - 1)] = 1;
    }
    if let Some(last) = line.last_chunk::<3>() {
        flags[bit_of(trigram(*last)) & (BITS_MAX - 1)] = 1;
    }
}

fn trigram([a, b, c]: [u8; 3]) -> u32 {
    u32::from_le_bytes([a, b, c, 0])
}

fn pack(flags: &[u8]) -> Vec<u8> {
    let pack = |eight: &[u8]| eight.iter().enumerate().fold(0, |byte, (bit, flag)| byte | flag << bit);
    flags.chunks_exact(8).map(pack).collect()
}

fn fold(mut bits: Vec<u8>) -> Vec<u8> {
    while bits.len() * 8 > BITS_MIN {
        let set: usize = bits.iter().map(|byte| byte.count_ones() as usize).sum();
        if set * FOLD_BELOW >= bits.len() * 8 {
            break;
        }
        let upper = bits.split_off(bits.len() / 2);
        bits.iter_mut().zip(upper).for_each(|(low, high)| *low |= high);
    }
    bits
}

/// What must be in a window for line filters to pass.
#[derive(Debug, Default)]
pub(crate) struct Needles {
    /// Each of these must hold: one of the alternatives has all of its bits.
    filters: Vec<Vec<Vec<usize>>>,
}

impl Needles {
    /// Looks at the filters that ask for a text; others prove nothing.
    pub(crate) fn new(filters: &[LineFilter]) -> Self {
        let bits = |op: &LineFilterOp| match op {
            LineFilterOp::Contains(text) if text.len() >= 3 => {
                Some(text.as_bytes().windows(3).map(|w| bit_of(trigram([w[0], w[1], w[2]]))).collect())
            }
            _ => None,
        };
        let alternatives = |filter: &LineFilter| filter.any.iter().map(bits).collect::<Option<Vec<Vec<usize>>>>();
        Self { filters: filters.iter().filter_map(alternatives).collect() }
    }

    /// True when nothing can be proved.
    pub(crate) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// False when no line of the window passes the filters.
    pub(crate) fn may_be_in(&self, bits: &[u8]) -> bool {
        if !bits.len().is_power_of_two() {
            return true; // not ours; proves nothing
        }
        let mask = bits.len() * 8 - 1;
        let is_set = |&bit: &usize| bits[(bit & mask) / 8] & 1 << (bit % 8) != 0;
        self.filters.iter().all(|alternatives| alternatives.iter().any(|needle| needle.iter().all(is_set)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contains(texts: &[&str]) -> LineFilter {
        LineFilter { any: texts.iter().map(|text| LineFilterOp::Contains(text.to_string())).collect() }
    }

    fn bitmaps(lines: &[String]) -> Dict {
        let mut dict = Dict::default();
        let ids: Vec<u32> = lines.iter().map(|line| dict.push(line.as_bytes())).collect();
        build(&ids, &dict)
    }

    #[test]
    fn words_that_are_nowhere_are_proved_absent() {
        let lines: Vec<String> =
            (0..WINDOW_ROWS as u32 + 1).map(|n| format!("request {n} took {} ms", n * 31 % 977)).collect();
        let maps = bitmaps(&lines);
        assert_eq!(maps.len(), 2);
        assert!(maps.get(1).len() < maps.get(0).len(), "one line needs fewer bits");
        let may = |texts: &[&str]| Needles::new(&[contains(texts)]).may_be_in(maps.get(0));
        assert!(may(&["request 17 took"]) && may(&["absent", "took"]) && may(&["xy"]));
        assert!(!may(&["absent"]) && !may(&["absent", "missing"]));
        let both = Needles::new(&[contains(&["request"]), contains(&["absent"])]);
        assert!(!both.may_be_in(maps.get(0)));
        assert!(Needles::new(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_there_is_never_denied(lines in prop::collection::vec("[a-c0-9 ]{0,12}", 1..40), at in any::<prop::sample::Index>(), from in 0usize..12, length in 0usize..12) {
            let maps = bitmaps(&lines);
            let line = at.get(&lines);
            let start = from.min(line.len());
            let needle = &line[start..(start + length).min(line.len())];
            prop_assert!(Needles::new(&[contains(&[needle])]).may_be_in(maps.get(0)));
        }
    }
}
