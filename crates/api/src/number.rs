//! Numbers as text, the way Go prints and reads them.

/// A sample value as Prometheus prints it: the shortest digits that read back the same; plain notation unless the magnitude
/// is below 1e-6 or at least 1e21 (`util/jsonutil` of Prometheus); `NaN`, `+Inf`, `-Inf`.
pub(crate) fn format_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        return format_exponent(value);
    }
    format!("{value}")
}

/// Go's `'e'` format: a sign and at least two digits in the exponent.
fn format_exponent(value: f64) -> String {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("{:e} always prints an exponent");
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Milliseconds as the seconds that Prometheus prints: an integer, or three decimals.
pub(crate) fn format_millis(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let magnitude = millis.unsigned_abs();
    match magnitude % 1000 {
        0 => format!("{sign}{}", magnitude / 1000),
        fraction => format!("{sign}{}.{fraction:03}", magnitude / 1000),
    }
}

/// Reads a float as PromQL and LogQL write it: decimal, `0x` hexadecimal integers, `Inf` and `NaN` of any case, `_` between digits.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let plain = text.replace('_', "");
    if let Some(digits) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok().map(|number| number as f64);
    }
    match plain.to_ascii_lowercase().as_str() {
        "inf" | "+inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        "nan" => Some(f64::NAN),
        other if other.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => other.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_go() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (9.9e-7, "9.9e-07"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::MAX, "1.7976931348623157e+308"),
        ];
        for (value, expected) in cases {
            assert_eq!(format_float(value), expected);
        }
    }

    #[test]
    fn milliseconds_print_as_seconds() {
        for (millis, expected) in [(0, "0"), (1_700_000_000_000, "1700000000"), (1500, "1.500"), (-1001, "-1.001")] {
            assert_eq!(format_millis(millis), expected);
        }
    }

    #[test]
    fn floats_are_read() {
        assert_eq!(parse_float("0x1F"), Some(31.0));
        assert_eq!(parse_float("1_000.5"), Some(1000.5));
        assert_eq!(parse_float("1e3"), Some(1000.0));
        assert_eq!(parse_float("-Inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_float("infinity"), None);
        assert_eq!(parse_float("abc"), None);
    }
}
