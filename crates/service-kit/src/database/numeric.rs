//! PostgreSQL's `NUMERIC` in its binary form, for `SUM` and `AVG` of queries that we did not write.
//!
//! Layout (big endian 16-bit words): number of digits, weight of the first, sign, decimals to show; then digits to the base 10,000.
//! Source: `numeric_send` in PostgreSQL's `numeric.c`.

use serde_json::Value;

const NEGATIVE: u16 = 0x4000;
const POSITIVE: u16 = 0x0000;

/// A number, as text when a double would not hold it; `None` for NaN and infinities.
pub(super) fn json(bytes: &[u8]) -> Option<Value> {
    let text = text(bytes)?;
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    // 15 decimal digits survive the way through a double.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits <= 15 { text.parse::<f64>().ok().map(Value::from) } else { Some(text.into()) }
}

fn text(bytes: &[u8]) -> Option<String> {
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, scale) = (words.next()?, words.next()?.cast_signed(), words.next()?, words.next()?);
    if sign != NEGATIVE && sign != POSITIVE {
        return None;
    }
    let digits: Vec<u16> = words.take(usize::from(count)).collect();
    // The digit of weight `place`, 0 beyond those that are there.
    let at = |place: i32| {
        let index = usize::try_from(i32::from(weight) - place).ok();
        index.and_then(|index| digits.get(index)).copied().unwrap_or(0)
    };
    let mut text = String::from(if sign == NEGATIVE { "-" } else { "" });
    text.push_str(&at(i32::from(weight).max(0)).to_string());
    for place in (0..i32::from(weight).max(0)).rev() {
        text.push_str(&format!("{:04}", at(place)));
    }
    if scale > 0 {
        text.push('.');
        let groups = i32::from(scale.div_ceil(4));
        let decimals: String = (1..=groups).map(|group| format!("{:04}", at(-group))).collect();
        text.push_str(&decimals[..usize::from(scale)]);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;

    fn of(words: &[i32]) -> Option<Value> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| (*word as u16).to_be_bytes()).collect();
        json(&bytes)
    }

    #[test]
    fn numbers() {
        assert_eq!(of(&[0, 0, 0, 0]), Some(value!(0)));
        assert_eq!(of(&[1, 0, 0, 0, 42]), Some(value!(42)));
        assert_eq!(of(&[1, 1, 0x4000, 0, 3]), Some(value!(-30_000)));
        assert_eq!(of(&[2, 0, 0, 2, 12, 3400]), Some(value!(12.34)));
        assert_eq!(of(&[1, -1, 0, 6, 1]), Some(value!(0.0001)));
        assert_eq!(of(&[1, -2, 0, 8, 1]), Some(value!(0.000_000_01)));
        assert_eq!(of(&[5, 4, 0, 0, 1, 2345, 6789, 123, 4567]), Some(value!(12_345_678_901_234_567_i64)));
        assert_eq!(of(&[6, 5, 0, 0, 9, 0, 0, 0, 0, 1]), Some(value!("900000000000000000001")));
        assert_eq!((of(&[0, 0, 0xC000, 0]), of(&[1])), (None, None));
    }
}
