//! `calculate`: arithmetic by a parser of its own. Nothing is ever run: the only names are those in the tables below.
//!
//! Grammar, from loose to tight: `+ -`, `* / %`, sign, `^` (also `**`, to the right), then numbers, names, calls and brackets.
//! Numbers are 64-bit floats. Limits: [`BYTES_MAX`] bytes, [`DEPTH_MAX`] levels; what is not finite is an error, never `inf`.

use std::f64::consts;

use serde_json::{Value, json};

/// Longer ones were not written by a person or a model that knows what it does.
const BYTES_MAX: usize = 1_000;
/// Brackets, signs and powers inside each other: bounds the stack.
const DEPTH_MAX: usize = 50;
/// Largest whole number that a float holds exactly.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

type Function = fn(&[f64]) -> f64;

/// Name, least and most arguments, what it does.
const FUNCTIONS: &[(&str, usize, usize, Function)] = &[
    ("abs", 1, 1, |x| x[0].abs()),
    ("sqrt", 1, 1, |x| x[0].sqrt()),
    ("exp", 1, 1, |x| x[0].exp()),
    ("ln", 1, 1, |x| x[0].ln()),
    ("log", 1, 2, |x| x.get(1).map_or_else(|| x[0].log10(), |base| x[0].log(*base))),
    ("log10", 1, 1, |x| x[0].log10()),
    ("log2", 1, 1, |x| x[0].log2()),
    ("sin", 1, 1, |x| x[0].sin()),
    ("cos", 1, 1, |x| x[0].cos()),
    ("tan", 1, 1, |x| x[0].tan()),
    ("asin", 1, 1, |x| x[0].asin()),
    ("acos", 1, 1, |x| x[0].acos()),
    ("atan", 1, 1, |x| x[0].atan()),
    ("floor", 1, 1, |x| x[0].floor()),
    ("ceil", 1, 1, |x| x[0].ceil()),
    ("round", 1, 2, round),
    ("pow", 2, 2, |x| x[0].powf(x[1])),
    ("min", 1, 100, |x| x.iter().copied().fold(f64::INFINITY, f64::min)),
    ("max", 1, 100, |x| x.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
    ("sum", 1, 100, |x| x.iter().sum()),
    ("avg", 1, 100, |x| x.iter().sum::<f64>() / x.len() as f64),
];

const CONSTANTS: &[(&str, f64)] = &[("pi", consts::PI), ("e", consts::E), ("tau", consts::TAU)];

/// Half away from zero, to the given number of decimals (0 if not given).
fn round(x: &[f64]) -> f64 {
    let scale = 10_f64.powf(x.get(1).copied().unwrap_or(0.0).trunc());
    (x[0] * scale).round() / scale
}

/// The value of an expression.
///
/// # Errors
/// A sentence with the place (counted from 1) of what is wrong.
pub(crate) fn evaluate(expression: &str) -> Result<f64, String> {
    if expression.len() > BYTES_MAX {
        return Err(format!("the expression is longer than {BYTES_MAX} bytes"));
    }
    let mut parser = Parser { text: expression, at: 0, depth: 0 };
    parser.skip_blanks();
    if parser.rest().is_empty() {
        return Err("the expression is empty".to_owned());
    }
    let value = parser.sum()?;
    match parser.rest().chars().next() {
        None => Ok(value),
        Some(letter) => Err(parser.fault(format!("unexpected `{letter}`"))),
    }
}

/// The result as the tool answers it: whole numbers without a fraction.
pub(crate) fn answer(expression: &str, value: f64) -> Value {
    let number = if value.fract() == 0.0 && value.abs() <= EXACT_MAX { json!(value as i64) } else { json!(value) };
    json!({"expression": expression, "result": number})
}

struct Parser<'a> {
    text: &'a str,
    /// Bytes read; always at a letter's beginning.
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn fault(&self, reason: impl std::fmt::Display) -> String {
        let column = self.text[..self.at].chars().count() + 1;
        format!("{reason} at position {column}")
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes `token` if it comes next.
    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
            self.skip_blanks();
        }
        found
    }

    /// A result that is a number; `operation` says what made it otherwise.
    fn finite(&self, value: f64, operation: &str) -> Result<f64, String> {
        if value.is_nan() {
            return Err(self.fault(format!("{operation} is not defined")));
        }
        if value.is_infinite() {
            return Err(self.fault(format!("{operation} is too large")));
        }
        Ok(value)
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth >= DEPTH_MAX {
            return Err(self.fault(format!("more than {DEPTH_MAX} levels")));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn sum(&mut self) -> Result<f64, String> {
        let mut left = self.product()?;
        loop {
            if self.take("+") {
                left += self.product()?;
            } else if self.take("-") {
                left -= self.product()?;
            } else {
                return Ok(left);
            }
            left = self.finite(left, "the sum")?;
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut left = self.signed()?;
        loop {
            if !self.rest().starts_with("**") && self.take("*") {
                left *= self.signed()?;
            } else if self.take("/") {
                let right = self.signed()?;
                if right == 0.0 {
                    return Err(self.fault("division by zero"));
                }
                left /= right;
            } else if self.take("%") {
                let right = self.signed()?;
                if right == 0.0 {
                    return Err(self.fault("remainder of a division by zero"));
                }
                left %= right;
            } else {
                return Ok(left);
            }
            left = self.finite(left, "the product")?;
        }
    }

    /// A sign binds looser than a power: -2^2 is -4.
    fn signed(&mut self) -> Result<f64, String> {
        if self.take("-") {
            return self.deeper(|parser| Ok(-parser.signed()?));
        }
        if self.take("+") {
            return self.deeper(Self::signed);
        }
        self.power()
    }

    fn power(&mut self) -> Result<f64, String> {
        let base = self.atom()?;
        if self.take("^") || self.take("**") {
            let exponent = self.deeper(Self::signed)?;
            if base == 0.0 && exponent < 0.0 {
                return Err(self.fault("division by zero"));
            }
            return self.finite(base.powf(exponent), "the power");
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<f64, String> {
        let Some(first) = self.rest().chars().next() else { return Err(self.fault("the expression ends too early")) };
        if first == '(' {
            self.take("(");
            let value = self.deeper(Self::sum)?;
            return if self.take(")") { Ok(value) } else { Err(self.fault("a closing bracket is missing")) };
        }
        if first.is_ascii_digit() || first == '.' {
            return self.number();
        }
        if first.is_ascii_alphabetic() {
            return self.named();
        }
        Err(self.fault(format!("unexpected `{first}`")))
    }

    fn number(&mut self) -> Result<f64, String> {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = digits(0);
        if bytes.get(end) == Some(&b'.') {
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            // `2e` is two times nothing: left for the next step to complain about.
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        let value: f64 = self.rest()[..end].parse().map_err(|_| self.fault("not a number"))?;
        let value = self.finite(value, "the number")?;
        self.at += end;
        self.skip_blanks();
        Ok(value)
    }

    fn named(&mut self) -> Result<f64, String> {
        let length = self.rest().bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let name = self.rest()[..length].to_ascii_lowercase();
        if let Some((_, value)) = CONSTANTS.iter().find(|(known, _)| *known == name) {
            self.at += length;
            self.skip_blanks();
            return Ok(*value);
        }
        let Some((_, least, most, function)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            return Err(self.fault(format!("unknown name `{name}`")));
        };
        self.at += length;
        self.skip_blanks();
        if !self.take("(") {
            return Err(self.fault(format!("`{name}` needs its arguments in brackets")));
        }
        let mut arguments = Vec::new();
        while !self.take(")") {
            if !arguments.is_empty() && !self.take(",") {
                return Err(self.fault("a comma or a closing bracket is missing"));
            }
            arguments.push(self.deeper(Self::sum)?);
        }
        if !(*least..=*most).contains(&arguments.len()) {
            return Err(self.fault(format!("`{name}` does not take {} arguments", arguments.len())));
        }
        self.finite(function(&arguments), &format!("{name}()"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (expression, value) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("2 ^ 3 ^ 2", 512.0),
            ("2**3", 8.0),
            ("-2^2", -4.0),
            ("2^-1", 0.5),
            ("10 - 4 - 3", 3.0),
            ("7 % 4 / 2", 1.5),
            ("- -3", 3.0),
            ("1.5e3 + .5", 1_500.5),
            ("sqrt(16) + max(1, 5, 3)", 9.0),
            ("round(2.345, 2)", 2.35),
            ("log(8, 2)", 3.0),
            ("2 * PI", consts::TAU),
            ("avg(1,2,3,4)", 2.5),
        ] {
            let got = evaluate(expression).unwrap();
            assert!((got - value).abs() < 1e-9, "{expression} = {got}");
        }
    }

    #[test]
    fn faults_say_what_and_where() {
        for (expression, fault) in [
            ("", "the expression is empty"),
            ("1 +", "the expression ends too early at position 4"),
            ("1 / 0", "division by zero at position 6"),
            ("5 % (2-2)", "remainder of a division by zero at position 10"),
            ("0 ^ -1", "division by zero at position 7"),
            ("1 2", "unexpected `2` at position 3"),
            ("(1", "a closing bracket is missing at position 3"),
            ("foo(1)", "unknown name `foo` at position 1"),
            ("__import__('os')", "unexpected `_` at position 1"),
            ("sqrt 4", "`sqrt` needs its arguments in brackets at position 6"),
            ("sqrt(1, 2)", "`sqrt` does not take 2 arguments at position 11"),
            ("sqrt(-1)", "sqrt() is not defined at position 9"),
            ("10^400", "the power is too large at position 7"),
            ("1e999", "the number is too large at position 1"),
            ("min(1 2)", "a comma or a closing bracket is missing at position 7"),
            ("é", "unexpected `é` at position 1"),
        ] {
            assert_eq!(evaluate(expression).unwrap_err(), fault, "{expression}");
        }
    }

    #[test]
    fn limits_hold_instead_of_the_stack() {
        let deep = "(".repeat(400) + "1";
        assert!(evaluate(&deep).unwrap_err().starts_with("more than 50 levels"));
        assert!(evaluate(&"-".repeat(900)).unwrap_err().starts_with("more than 50 levels"));
        assert!(evaluate(&format!("1{}", "^1".repeat(400))).unwrap_err().starts_with("more than 50 levels"));
        assert!(evaluate(&"1+".repeat(600)).unwrap_err().contains("longer than"));
        assert_eq!(evaluate(&format!("{}1", "1+".repeat(400))).unwrap(), 401.0);
    }

    #[test]
    fn whole_results_have_no_fraction() {
        assert_eq!(answer("x", 7.0).to_string(), r#"{"expression":"x","result":7}"#);
        assert_eq!(answer("x", 0.5)["result"], 0.5);
        assert_eq!(answer("x", 1e300)["result"], 1e300);
    }
}
