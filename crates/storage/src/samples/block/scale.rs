//! Values as integers: most series hold numbers that are integers once multiplied by one number.
//!
//! `value = (base + value_int) / divisor` in doubles, bit for bit, where `divisor` is a power of ten (two decimals: 100) or of two
//! (sizes in pages of 4096: 1/4096; floats of full precision: the power that makes their last bit a one). Neighbours of a series
//! differ little, so the differences that Parquet's DELTA_BINARY_PACKED stores are small: 5 bits for a counter of requests
//! where the double has 64, 38 for a counter of CPU seconds.
//!
//! `base` is chosen per series such that `value_int` goes on where the series before ended: a jump between two series
//! would widen 128 differences.

use model::Sample;

/// Most decimals that are tried. Prices and ratios rounded by people and exporters have at most six.
const DECIMALS_MAX: i32 = 6;

/// One row in so many may be no integer (stale markers, infinities) before the series is stored as doubles.
const MISFITS_SHARE: usize = 16;

/// Largest scaled integer: leaves room for bases and differences.
const INT_MAX: f64 = (1u64 << 61) as f64;

/// Differences of more bits than this do not pay: a double with its bytes split compresses to about 50.
const BITS_MAX: u32 = 50;

/// The integer that stands for `value`, if it gives back every bit.
#[inline]
pub(super) fn to_int(value: f64, divisor: f64) -> Option<i64> {
    let scaled = (value * divisor).round_ties_even();
    if scaled.abs() >= INT_MAX {
        return None;
    }
    let int = scaled as i64;
    (to_value(int, divisor).to_bits() == value.to_bits()).then_some(int)
}

/// The value that stands behind `int`.
#[inline]
pub(super) fn to_value(int: i64, divisor: f64) -> f64 {
    int as f64 / divisor
}

/// The divisor for a series; `None` when it is better stored as doubles.
pub(super) fn divisor(samples: &[Sample]) -> Option<f64> {
    let misfits_max = samples.len() / MISFITS_SHARE + 1;
    let bits = Bits::of(samples);
    if bits.finite + misfits_max < samples.len() || bits.finite == 0 {
        return None;
    }
    if bits.lowest >= 0 {
        // Integers. Common trailing zeros are taken off, but not so many that the divisor itself is odd to look at.
        return fits(&bits, -bits.lowest.min(40)).then(|| power_of_two(-bits.lowest.min(40)));
    }
    if let Some(divisor) = decimal(samples, misfits_max) {
        return Some(divisor);
    }
    (fits(&bits, -bits.lowest) && is_narrow(samples, power_of_two(-bits.lowest))).then(|| power_of_two(-bits.lowest))
}

/// Exponents of the bits that the series' values have.
struct Bits {
    /// Least exponent of a value's last one bit; 0 when all values are 0.
    lowest: i32,
    /// Greatest exponent of a value's first bit.
    highest: i32,
    finite: usize,
}

impl Bits {
    fn of(samples: &[Sample]) -> Self {
        let (mut lowest, mut highest, mut finite) = (i32::MAX, i32::MIN, 0);
        for sample in samples {
            let bits = sample.value.to_bits();
            let exponent = (bits >> 52 & 0x7ff) as i32;
            let fraction = bits & ((1 << 52) - 1);
            if exponent == 0x7ff {
                continue;
            }
            finite += 1;
            if exponent == 0 {
                // Zero; what is below 2^-1022 is left to the doubles.
                continue;
            }
            let zeros = (fraction | 1 << 52).trailing_zeros() as i32;
            lowest = lowest.min(exponent - 1075 + zeros);
            highest = highest.max(exponent - 1023);
        }
        if lowest == i32::MAX { Self { lowest: 0, highest: 0, finite } } else { Self { lowest, highest, finite } }
    }
}

fn fits(bits: &Bits, shift: i32) -> bool {
    bits.highest + shift < 60 && shift.abs() <= 1000
}

fn power_of_two(exponent: i32) -> f64 {
    f64::powi(2.0, exponent)
}

/// The least power of ten that makes integers of all values but a few.
fn decimal(samples: &[Sample], misfits_max: usize) -> Option<f64> {
    let (mut decimals, mut misfits) = (1, 0);
    for sample in samples {
        let fits = (decimals..=DECIMALS_MAX).find(|&decimals| {
            let scaled = to_int(sample.value, f64::powi(10.0, decimals));
            // Beyond 2^53 the sum of base and integer is no longer exact as a double.
            scaled.is_some_and(|int| int.unsigned_abs() < 1 << 53)
        });
        match fits {
            Some(enough) => decimals = enough,
            None => misfits += 1,
        }
        if misfits > misfits_max {
            return None;
        }
    }
    (misfits < samples.len()).then(|| f64::powi(10.0, decimals))
}

/// True when the differences are worth storing.
fn is_narrow(samples: &[Sample], divisor: f64) -> bool {
    let (mut bits, mut previous) = (0u64, None);
    for sample in samples {
        if let Some(int) = to_int(sample.value, divisor) {
            bits += u64::from(64 - (int - previous.unwrap_or(int)).unsigned_abs().leading_zeros());
            previous = Some(int);
        }
    }
    bits <= u64::from(BITS_MAX) * samples.len() as u64
}

#[cfg(test)]
mod tests {
    use model::UnixMillis;
    use proptest::prelude::*;

    use super::*;

    fn divisor_of(values: &[f64]) -> Option<f64> {
        let samples: Vec<Sample> = values.iter().map(|&value| Sample { time: UnixMillis(0), value }).collect();
        divisor(&samples)
    }

    #[test]
    fn each_kind_of_number_has_its_divisor() {
        assert_eq!(divisor_of(&[0.0, 0.0]), Some(1.0));
        assert_eq!(divisor_of(&[3.0, 4.0, 1e15]), Some(1.0));
        assert_eq!(divisor_of(&[4096.0, 8192.0, 0.0]), Some(1.0 / 4096.0));
        assert_eq!(divisor_of(&[0.1, 2.25, -7.0]), Some(100.0));
        assert_eq!(divisor_of(&[1.5, 1.25]), Some(100.0));
        assert_eq!(divisor_of(&[5000.0 + 1.0 / 3.0, 5000.0 + 2.0 / 3.0]), Some(f64::powi(2.0, 40)));
        assert_eq!(divisor_of(&[1.0 / 3.0, 1e-9 / 7.0]), None);
        assert_eq!(divisor_of(&[f64::NAN, f64::INFINITY]), None);
        assert_eq!(divisor_of(&[]), None);
        assert_eq!(to_int(-0.0, 1.0), None, "the sign of zero would be lost");
    }

    proptest! {
        #[test]
        fn what_becomes_an_integer_comes_back(values in prop::collection::vec(prop_oneof![
            any::<f64>(), (-1e6..1e6).prop_map(|v: f64| (v * 100.0).round() / 100.0), (-1e9..1e9).prop_map(f64::round),
        ], 1..20)) {
            if let Some(divisor) = divisor_of(&values) {
                for &value in &values {
                    if let Some(int) = to_int(value, divisor) {
                        prop_assert_eq!(to_value(int, divisor).to_bits(), value.to_bits());
                    }
                }
            }
        }
    }
}
