//! A seeded generator of random numbers (`SplitMix64`), so that each failure can be repeated from its seed.

/// The generator; two with the same seed give the same numbers.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// Starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        // The constants are those of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..end`; `end` must not be 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // Multiply-shift: the bias is below 2^-32 for the small ranges used here.
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// A number in `start..end`.
    pub fn range(&mut self, start: u64, end: u64) -> u64 {
        start + self.below(end - start)
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of the items; `items` must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// A number in `0..end` of which small ones are frequent, as popular users and pages are.
    pub fn skewed(&mut self, end: u64) -> u64 {
        let unit = self.unit();
        ((unit * unit * unit) * end as f64) as u64
    }

    /// Fills `bytes` at random.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.bits().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn one_seed_gives_one_sequence_within_the_range() {
        let (mut left, mut right) = (Rng::new(7), Rng::new(7));
        for _ in 0..1000 {
            let number = left.range(10, 20);
            assert_eq!(number, right.range(10, 20));
            assert!((10..20).contains(&number));
            assert!(left.skewed(5) < 5);
            right.skewed(5);
        }
    }
}
