//! One pass over the bytes for a hundred short literals, at about a gigabyte a second on one busy core.
//!
//! Each literal is known by a window of four bytes, and each window by its two trigrams. The pass looks at the trigram of every
//! second position: one of the two must be met, whatever the parity. A table of hashed trigrams answers nearly always no; what
//! remains is compared with the literals of that trigram.
//!
//! Windows are chosen by hand so that their trigrams are rare in telemetry (`okie` of `cookie`, not `cook`). In a window stand, besides
//! the bytes themselves: `?` for any byte, `+` for a letter or digit, `_` at the end for those with `-` and `_`, `#` for a hex digit,
//! `=` at the end for what may follow a name.
//!
//! Measured against the alternatives on ordinary spans: Teddy of `aho-corasick` 0.1 GB/s (its fingerprints are too weak for a hundred
//! literals made of ordinary letters), its DFA 0.4 GB/s, this one above 1 GB/s, all on a busy machine.

use crate::bytes::{ALNUM, HEX, URL64};

const WINDOW_BYTES: usize = 4;
/// A byte for each hash, as picking bits out of words costs half as much again. 64 KiB stay in the second-level cache, of which
/// ordinary text uses a small part; a thousand trigrams make 1.5 % of false hits.
const HASH_BITS: u32 = 16;
/// Lists of trigrams with the same hash are found by fewer bits; they need not be in a cache.
const LIST_BITS: u32 = 11;

/// What the receiver of a hit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Enough.
    Stop,
    /// Go on, at this position at the earliest.
    From(usize),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    trigram: u32,
    literal: u16,
    /// Where the literal begins, counted from the trigram.
    offset: i16,
}

/// The literals, prepared.
#[derive(Debug)]
pub(crate) struct Search {
    literals: Vec<&'static [u8]>,
    table: Box<[u8; 1 << HASH_BITS]>,
    /// In the order of their hashes' upper bits.
    entries: Vec<Entry>,
    /// Where the entries with these upper bits begin; one more at the end.
    starts: Vec<u16>,
}

/// Bytes that are looked at in one step: eight positions.
const STEP_BYTES: usize = 16;

#[inline]
fn hash(trigram: u32) -> u32 {
    // Knuth's multiplicative hash of the lower three bytes: the upper bits depend on all of the lower ones.
    (trigram << 8).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)
}

fn list_of(trigram: u32) -> usize {
    (hash(trigram) >> (HASH_BITS - LIST_BITS)) as usize
}

impl Search {
    /// Prepares pairs of a literal and its window; the first four bytes of the latter count.
    pub(crate) fn new(rows: &[(&'static str, &'static str)]) -> Self {
        let mut entries = Vec::new();
        for (literal, (text, window)) in (0u16..).zip(rows) {
            let (text, window) = (text.as_bytes(), &window.as_bytes()[..WINDOW_BYTES]);
            let places: Vec<Vec<u8>> = (0..WINDOW_BYTES).map(|at| class(window, at, text)).collect();
            let offset = alignment(&places, text).expect("each window of the table fits its literal");
            for shift in 0..2 {
                for &a in &places[usize::from(shift == 1)] {
                    for &b in &places[usize::from(shift == 1) + 1] {
                        for &c in &places[usize::from(shift == 1) + 2] {
                            let trigram = u32::from_le_bytes([a, b, c, 0]);
                            entries.push(Entry { trigram, literal, offset: offset - shift });
                        }
                    }
                }
            }
        }
        entries.sort_by_key(|entry| list_of(entry.trigram));
        let mut table = Box::new([0; 1 << HASH_BITS]);
        entries.iter().for_each(|entry| table[hash(entry.trigram) as usize] = 1);
        let start = |list: usize| entries.partition_point(|entry| list_of(entry.trigram) < list) as u16;
        let starts = (0..=1 << LIST_BITS).map(start).collect();
        Self { literals: rows.iter().map(|(literal, _)| literal.as_bytes()).collect(), table, entries, starts }
    }

    #[inline(always)]
    fn bit(&self, trigram: u32) -> u8 {
        self.table[hash(trigram) as usize]
    }

    /// The marks of the four positions in `word`; the last needs the byte after it.
    #[inline(always)]
    fn marks(&self, word: u64, after: u8) -> [u8; 4] {
        let last = (word >> 48) as u32 | u32::from(after) << 16;
        [self.bit(word as u32), self.bit((word >> 16) as u32), self.bit((word >> 32) as u32), self.bit(last)]
    }

    /// Calls `hit` with the number, start and end of each literal, nearly in order of position.
    #[inline]
    pub(crate) fn each(&self, text: &[u8], mut hit: impl FnMut(usize, usize, usize) -> Next) {
        let mut at = 0;
        let word = |half: &[u8]| u64::from_le_bytes(half.first_chunk::<8>().copied().unwrap_or_default());
        while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<{ STEP_BYTES + 1 }>()) {
            let [low, high] = [self.marks(word(&chunk[..8]), chunk[8]), self.marks(word(&chunk[8..16]), chunk[16])];
            let (low, high) = (u32::from_le_bytes(low), u32::from_le_bytes(high));
            let mut marks = u64::from(low) | u64::from(high) << 32;
            let mut next = at + STEP_BYTES;
            while marks != 0 {
                let position = at + marks.trailing_zeros() as usize / 8 * 2;
                marks &= marks - 1;
                match self.compare(text, position, &mut hit) {
                    Next::Stop => return,
                    Next::From(from) if from > position + 2 => {
                        next = from;
                        break;
                    }
                    Next::From(_) => {}
                }
            }
            at = next;
        }
        while at + 2 < text.len() {
            at = match self.compare(text, at, &mut hit) {
                Next::Stop => return,
                Next::From(from) => from.max(at + 2),
            };
        }
    }

    /// The literals whose trigram stands at `at`.
    fn compare(&self, text: &[u8], at: usize, hit: &mut impl FnMut(usize, usize, usize) -> Next) -> Next {
        let trigram = u32::from_le_bytes([text[at], text[at + 1], text[at + 2], 0]);
        let list = list_of(trigram);
        let mut next = 0;
        for entry in &self.entries[usize::from(self.starts[list])..usize::from(self.starts[list + 1])] {
            if entry.trigram != trigram {
                continue;
            }
            let literal = self.literals[usize::from(entry.literal)];
            let Some(start) = at.checked_add_signed(isize::from(entry.offset)) else { continue };
            if text.get(start..).is_some_and(|rest| rest.starts_with(literal)) {
                match hit(usize::from(entry.literal), start, start + literal.len()) {
                    Next::Stop => return Next::Stop,
                    Next::From(from) => next = next.max(from),
                }
            }
        }
        Next::From(next)
    }
}

/// What may stand at place `at` of a window.
fn class(window: &[u8], at: usize, literal: &[u8]) -> Vec<u8> {
    let byte = window[at];
    // A wildcard stands where the literal has ended or has not begun.
    let wild = at == 0 && byte == b'?' || at > 0 && !contains(literal, &window[..=at]);
    let all = 0..=u8::MAX;
    match byte {
        _ if !wild => vec![byte],
        b'?' => all.collect(),
        b'+' => all.filter(|byte| ALNUM.has(*byte)).collect(),
        b'_' => all.filter(|byte| URL64.has(*byte)).collect(),
        b'#' => all.filter(|byte| HEX.has(*byte)).collect(),
        b'=' => {
            all.filter(|byte| !byte.is_ascii_alphanumeric() && *byte < 0x80 || matches!(byte, b's' | b'S')).collect()
        }
        byte => vec![byte],
    }
}

fn contains(literal: &[u8], part: &[u8]) -> bool {
    literal.windows(part.len()).any(|window| window == part)
}

/// Where the literal begins, counted from the window.
fn alignment(places: &[Vec<u8>], literal: &[u8]) -> Option<i16> {
    let fits = |offset: &i16| {
        places.iter().enumerate().all(|(at, class)| {
            let inside = usize::try_from(at as i16 - offset).ok().and_then(|at| literal.get(at));
            match inside {
                Some(byte) => class == &[*byte],
                None => class.len() > 1,
            }
        })
    };
    (-(literal.len() as i16)..WINDOW_BYTES as i16).find(fits)
}

/// Calls `hit` with a position inside of each run of at least `length` hex digits (some are met more than once), until it says
/// `true`; says whether it did.
pub(crate) fn each_hex_run(text: &[u8], length: usize, mut hit: impl FnMut(usize) -> bool) -> bool {
    // A run of `length` holds a whole block of half of it; four places of the block exclude nearly all others.
    let block = length / 2;
    text.chunks_exact(block).enumerate().any(|(number, bytes)| {
        let few = HEX.has(bytes[0]) & HEX.has(bytes[block / 4]) & HEX.has(bytes[block / 2]) & HEX.has(bytes[block - 1]);
        few && bytes.iter().all(|byte| HEX.has(*byte)) && hit(number * block)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROWS: &[(&str, &str)] =
        &[("AIza", "AIza"), ("sk-", "sk-_"), ("xapp-", "?xap"), ("cookie", "okie"), ("SK", "SK##"), ("key", "key=")];

    proptest! {
        #[test]
        fn each_literal_is_met_wherever_it_stands(before in "[a-z ]{0,20}", row in 0..ROWS.len(), after in "[a-z]{12}") {
            let search = Search::new(ROWS);
            let (literal, window) = ROWS[row];
            let follows = match window.as_bytes()[3] { b'#' => "0f", b'=' => ":", b'_' => "Z", _ => "" };
            let text = format!("{before}{literal}{follows}{after}");
            let mut met = false;
            search.each(text.as_bytes(), |id, start, end| {
                met |= (id, start, end) == (row, before.len(), before.len() + literal.len());
                Next::From(0)
            });
            // A word before `xapp-` is needed for its window; at the very beginning the other trigram is met.
            prop_assert!(met, "{text}");
        }
    }

    #[test]
    fn runs_of_hex_digits_are_met_at_any_place() {
        for before in 0..70 {
            let text = format!("{}.{}z", "p".repeat(before), "0af".repeat(22));
            assert!(each_hex_run(text.as_bytes(), 64, |at| at > before && at < before + 67), "{before}");
        }
    }
}
