//! Amounts of money as integers. Nothing here passes through a float on the way to a cost.

use std::fmt;
use std::iter::Sum;

use crate::error::NumberError;

/// Digits after the point of a USD amount in nano-USD.
const NANO_DIGITS: u32 = 9;
/// Digits after the point of a USD amount in femto-USD.
const FEMTO_DIGITS: u32 = 15;
const FEMTO_PER_NANO: i128 = 1_000_000;

/// A cost in 10⁻⁹ US dollars: what is stored, summed and shown. Range ±9.2 × 10⁹ USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// Nothing was charged. Not the same as not knowing.
    pub const ZERO: Self = Self(0);

    /// US dollars for a wire format or metric that has only floats. Exact to the nano-dollar below 9 million USD.
    #[expect(clippy::cast_precision_loss, reason = "documented limit")]
    pub fn to_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// From decimal text in US dollars.
    ///
    /// # Errors
    /// Not a decimal number, more than nine digits after the point, or out of range.
    pub fn parse_usd(text: &str) -> Result<Self, NumberError> {
        let value = scaled(text, NANO_DIGITS)?;
        i64::try_from(value).map(Self).map_err(|_| NumberError::OutOfRange(text.to_owned()))
    }

    /// The sum, or `None` when it leaves the range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

/// Saturates: a sum that leaves the range is wrong either way, and must not wrap to a small number.
impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| Self(sum.0.saturating_add(amount.0)))
    }
}

/// Decimal US dollars without trailing zeros, such as `0.0001546`.
impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, i128::from(self.0), NANO_DIGITS)
    }
}

/// An amount in 10⁻¹⁵ US dollars: the grain of one token at a rate given in USD per million tokens.
///
/// As a rate it is the price of one token: 1 USD per 1M tokens is 10⁹ femto-USD per token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FemtoUsd(pub i128);

impl FemtoUsd {
    /// From decimal text in US dollars.
    ///
    /// # Errors
    /// Not a decimal number, more than 15 digits after the point, or out of range.
    pub fn parse_usd(text: &str) -> Result<Self, NumberError> {
        scaled(text, FEMTO_DIGITS).map(Self)
    }

    /// The price of one token, from decimal text in US dollars per 1,000,000 tokens.
    ///
    /// # Errors
    /// As [`Self::parse_usd`], with nine digits after the point.
    pub fn parse_rate(text: &str) -> Result<Self, NumberError> {
        scaled(text, NANO_DIGITS).map(Self)
    }

    /// Rounded half up to whole nano-USD; `None` when out of its range. Done once per call.
    pub fn round(self) -> Option<NanoUsd> {
        let shifted = self.0.checked_add(FEMTO_PER_NANO / 2)?;
        i64::try_from(shifted.div_euclid(FEMTO_PER_NANO)).ok().map(NanoUsd)
    }

    /// The amount times a count; `None` when out of range.
    pub fn times(self, count: u64) -> Option<Self> {
        self.0.checked_mul(i128::from(count)).map(Self)
    }

    /// The sum; `None` when out of range.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

/// Decimal US dollars without trailing zeros.
impl fmt::Display for FemtoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.0, FEMTO_DIGITS)
    }
}

/// A multiplier of rates as a fraction, so that 1.1 stays exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    numerator: i128,
    denominator: i128,
}

impl Ratio {
    /// From decimal text above 0 and at most 1000, with at most six digits after the point.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let numerator = scaled(text, 6)?;
        let in_range = (1..=1_000_000_000).contains(&numerator);
        in_range
            .then_some(Self { numerator, denominator: 1_000_000 })
            .ok_or_else(|| NumberError::OutOfRange(text.into()))
    }

    /// The product, in lowest terms; `None` when it leaves the range.
    pub fn times(self, other: Self) -> Option<Self> {
        let numerator = self.numerator.checked_mul(other.numerator)?;
        let denominator = self.denominator.checked_mul(other.denominator)?;
        let divisor = common_divisor(numerator, denominator);
        Some(Self { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    /// The amount times the fraction, divided once and rounded half up; `None` when out of range.
    pub fn of(self, amount: FemtoUsd) -> Option<FemtoUsd> {
        let product = amount.0.checked_mul(self.numerator)?.checked_add(self.denominator / 2)?;
        Some(FemtoUsd(product.div_euclid(self.denominator)))
    }
}

fn common_divisor(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// `text` × 10^`digits` as an integer, exactly.
fn scaled(text: &str, digits: u32) -> Result<i128, NumberError> {
    let not_decimal = || NumberError::NotDecimal(text.to_owned());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().map_err(|_| not_decimal())?),
        None => (text, 0),
    };
    let (negative, unsigned) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) || text.len() > 64 {
        return Err(not_decimal());
    }
    let significant = format!("{whole}{fraction}");
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    let trimmed = significant.trim_end_matches('0');
    // Value = trimmed × 10^shift in units of 10^-digits.
    let zeros = significant.len() - trimmed.len();
    let places = |length: usize| i32::try_from(length).expect("the text is at most 64 bytes");
    let shift = places(zeros) - places(fraction.len()) + i32::from(exponent) + digits.cast_signed();
    let shift = u32::try_from(shift).map_err(|_| NumberError::TooFine(text.to_owned()))?;
    let out_of_range = || NumberError::OutOfRange(text.to_owned());
    let value: i128 = trimmed.parse().map_err(|_| out_of_range())?;
    let value = 10_i128.checked_pow(shift).and_then(|power| value.checked_mul(power)).ok_or_else(out_of_range)?;
    Ok(if negative { -value } else { value })
}

fn write_decimal(f: &mut fmt::Formatter<'_>, value: i128, digits: u32) -> fmt::Result {
    let unit = 10_u128.pow(digits);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, fraction) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    if fraction == 0 {
        return write!(f, "{sign}{whole}");
    }
    let fraction = format!("{fraction:0width$}", width = digits as usize);
    write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_exact() {
        for (text, nano) in
            [("0", 0), ("1", 1_000_000_000), ("0.0001546", 154_600), ("2.5e-07", 250), ("-3.5", -3_500_000_000)]
        {
            assert_eq!(NanoUsd::parse_usd(text), Ok(NanoUsd(nano)), "{text}");
        }
        assert_eq!(NanoUsd::parse_usd("1.50"), NanoUsd::parse_usd("1.5"));
        assert_eq!(NanoUsd::parse_usd("12e-1"), NanoUsd::parse_usd("1.2"));
        assert_eq!(FemtoUsd::parse_rate("0.3"), Ok(FemtoUsd(300_000_000)));
        assert_eq!(FemtoUsd::parse_usd("1e-15"), Ok(FemtoUsd(1)));
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        for text in ["", ".", "-", "1,5", "0x1", "NaN", "inf", "1e", " 1", "1e99999"] {
            assert!(matches!(NanoUsd::parse_usd(text), Err(NumberError::NotDecimal(_))), "{text}");
        }
        assert!(matches!(NanoUsd::parse_usd("1e-10"), Err(NumberError::TooFine(_))));
        assert!(matches!(NanoUsd::parse_usd("1e10"), Err(NumberError::OutOfRange(_))));
        assert!(matches!(FemtoUsd::parse_usd("1e38"), Err(NumberError::OutOfRange(_))));
    }

    #[test]
    fn half_a_nano_dollar_rounds_up() {
        assert_eq!(FemtoUsd(2_062_500_000).round(), Some(NanoUsd(2_063)));
        assert_eq!(FemtoUsd(499_999).round(), Some(NanoUsd(0)));
        assert_eq!(FemtoUsd(-500_000).round(), Some(NanoUsd(0)));
        assert_eq!(FemtoUsd(i128::MAX).round(), None);
    }

    #[test]
    fn shown_without_trailing_zeros() {
        assert_eq!(NanoUsd(154_600).to_string(), "0.0001546");
        assert_eq!(NanoUsd(-2_000_000_000).to_string(), "-2");
        assert_eq!(FemtoUsd(1).to_string(), "0.000000000000001");
    }

    #[test]
    fn ratios_multiply_exactly() {
        let eleven_tenths = Ratio::parse("1.1").expect("a ratio");
        let both = eleven_tenths.times(Ratio::parse("2").expect("a ratio")).expect("in range");
        assert_eq!(both.of(FemtoUsd(50)), Some(FemtoUsd(110)));
        assert!(Ratio::parse("0").is_err() && Ratio::parse("-1").is_err() && Ratio::parse("1001").is_err());
    }
}
