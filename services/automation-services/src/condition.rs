//! Conditions of a workflow: two rendered texts and a comparison.
//!
//! `equals` compares numbers as numbers when both sides are numbers (`5` equals `5.0`), all else as text, case matters, white space
//! around does not. `contains` asks whether the left text holds the right one.

use crate::names::words;

words! {
    /// What is compared.
    Comparison {
        /// Both sides are the same.
        Equals = "equals",
        /// The sides differ.
        NotEquals = "not_equals",
        /// The left side holds the right one.
        Contains = "contains",
        /// The left side does not hold the right one.
        NotContains = "not_contains",
    }
}

impl Comparison {
    /// Whether the comparison holds.
    pub fn eval(self, left: &str, right: &str) -> bool {
        match self {
            Self::Equals => same(left, right),
            Self::NotEquals => !same(left, right),
            Self::Contains => left.contains(right),
            Self::NotContains => !left.contains(right),
        }
    }
}

fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.trim(), right.trim());
    if left == right {
        return true;
    }
    // `nan` and `inf` are words here, not numbers.
    let number = |text: &str| text.parse::<f64>().ok().filter(|_| text.bytes().any(|byte| byte.is_ascii_digit()));
    matches!((number(left), number(right)), (Some(a), Some(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::Comparison::*;

    #[test]
    fn comparisons() {
        for (comparison, left, right, expected) in [
            (Equals, "a", "a", true),
            (Equals, " a ", "a", true),
            (Equals, "A", "a", false),
            (Equals, "5", "5.0", true),
            (Equals, "nan", "NaN", false),
            (Equals, "", "0", false),
            (NotEquals, "5", "6", true),
            (NotEquals, "x", "x", false),
            (Contains, "invoice.pdf", ".pdf", true),
            (Contains, "x", "", true),
            (Contains, "", "x", false),
            (NotContains, "abc", "d", true),
            (NotContains, "abc", "b", false),
        ] {
            assert_eq!(comparison.eval(left, right), expected, "{comparison:?} {left:?} {right:?}");
        }
    }
}
