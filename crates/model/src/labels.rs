//! A label set: names and values, sorted by name, each name once.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Sorted pairs with unique names. Prometheus and Loki both identify a series or stream by one of these.
///
/// One shared allocation holds all text, so that a copy costs a counter and ten thousand series fit in a few megabytes.
#[derive(Clone, Default)]
pub struct Labels(Option<Arc<Packed>>);

/// `text` is name, value, name, value, ... without separators; `ends` says where each ends.
#[derive(PartialEq, Eq, Hash)]
struct Packed {
    text: Box<str>,
    ends: Box<[u32]>,
}

impl Labels {
    /// Sorts `pairs` by name; where a name repeats, the last value wins. Empty values are dropped (Prometheus: an empty
    /// value equals an absent label).
    pub fn from_pairs(mut pairs: Vec<(String, String)>) -> Self {
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        pairs.retain(|pair| !pair.1.is_empty());
        Self::from_sorted(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Takes pairs that are already sorted by name, unique and without empty values.
    pub fn from_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for (name, value) in pairs {
            text.push_str(name);
            ends.push(text.len() as u32);
            text.push_str(value);
            ends.push(text.len() as u32);
        }
        if ends.is_empty() {
            return Self(None);
        }
        Self(Some(Arc::new(Packed { text: text.into_boxed_str(), ends: ends.into_boxed_slice() })))
    }

    fn name(&self, position: usize) -> &str {
        self.piece(2 * position)
    }

    fn piece(&self, piece: usize) -> &str {
        let packed = self.0.as_deref().expect("a position exists only in a set that is not empty");
        let start = if piece == 0 { 0 } else { packed.ends[piece - 1] as usize };
        &packed.text[start..packed.ends[piece] as usize]
    }

    /// The value of `name`, if present.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.find(name).ok()?;
        Some(self.piece(2 * at + 1))
    }

    /// Position of `name`, or where it would stand.
    fn find(&self, name: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.name(middle).cmp(name) {
                Ordering::Equal => return Ok(middle),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Sets `name`; an empty `value` removes it.
    pub fn set(&mut self, name: &str, value: &str) {
        let (before, after) = match self.find(name) {
            Ok(at) => (at, at + 1),
            Err(at) => (at, at),
        };
        let added = (!value.is_empty()).then_some((name, value));
        *self = Self::from_sorted(self.iter().take(before).chain(added).chain(self.iter().skip(after)));
    }

    /// Pairs in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.len()).map(|position| (self.name(position), self.piece(2 * position + 1)))
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |packed| packed.ends.len() / 2)
    }

    /// True without labels.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Bytes of memory that all copies share.
    pub fn memory(&self) -> usize {
        self.0.as_ref().map_or(0, |packed| 56 + packed.text.len() + 4 * packed.ends.len())
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(left), Some(right)) => Arc::ptr_eq(left, right) || left == right,
            (left, right) => left.is_none() == right.is_none(),
        }
    }
}

impl Eq for Labels {}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By the first pair that differs, name before value; a set that is the beginning of another comes first.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        let (Some(left), Some(right)) = (&self.0, &other.0) else {
            return self.len().cmp(&other.len());
        };
        let (mut left_start, mut right_start) = (0, 0);
        // Texts compare as their bytes do, and slices of bytes need no check for whole characters.
        for (&left_end, &right_end) in left.ends.iter().zip(&right.ends) {
            let left_piece = &left.text.as_bytes()[left_start..left_end as usize];
            match left_piece.cmp(&right.text.as_bytes()[right_start..right_end as usize]) {
                Ordering::Equal => (left_start, right_start) = (left_end as usize, right_end as usize),
                differs => return differs,
            }
        }
        left.ends.len().cmp(&right.ends.len())
    }
}

impl std::hash::Hash for Labels {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.as_deref().hash(state);
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(String, String)> for Labels {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self::from_pairs(pairs.into_iter().collect())
    }
}

/// `{a="1", b="2"}` with Go-style quotes, the form in which Loki writes a stream.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (position, (name, value)) in self.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{name}=")?;
            write_quoted(value, f)?;
        }
        f.write_str("}")
    }
}

/// Writes `text` as Go's `%q` does. (Rust's `{:?}` has escapes like `\u{301}` that no parser of labels reads.)
fn write_quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\x07' => f.write_str("\\a")?,
            '\x08' => f.write_str("\\b")?,
            '\t' => f.write_str("\\t")?,
            '\n' => f.write_str("\\n")?,
            '\x0b' => f.write_str("\\v")?,
            '\x0c' => f.write_str("\\f")?,
            '\r' => f.write_str("\\r")?,
            '\0'..' ' | '\x7f' => write!(f, "\\x{:02x}", u32::from(c))?,
            // Of white space only the blank counts as printable in Go; none of it lies above U+FFFF.
            _ if c.is_control() || (c.is_whitespace() && c != ' ') => write!(f, "\\u{:04x}", u32::from(c))?,
            _ => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_unique_and_not_empty() {
        let pairs = [("b", "1"), ("a", "2"), ("b", "3"), ("c", "")];
        let labels: Labels = pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        assert_eq!(labels.to_string(), r#"{a="2", b="3"}"#);
        assert_eq!(labels.get("b"), Some("3"));
        assert_eq!(labels.get("c"), None);
    }

    #[test]
    fn sets_change_and_have_an_order() {
        let set = |pairs: &[(&str, &str)]| Labels::from_sorted(pairs.iter().copied());
        let mut labels = set(&[("a", "1"), ("c", "3")]);
        for (name, value) in [("b", "2"), ("a", "x"), ("c", ""), ("d", ""), ("z", "9")] {
            labels.set(name, value);
        }
        assert_eq!(labels, set(&[("a", "x"), ("b", "2"), ("z", "9")]));
        let sorted = [
            set(&[]),
            set(&[("a", "1")]),
            set(&[("a", "1"), ("b", "1")]),
            set(&[("a", "12")]),
            set(&[("a", "2")]),
            set(&[("a1", "0")]),
            set(&[("b", "0")]),
        ];
        assert!(sorted.is_sorted_by(|left, right| left < right));
    }

    #[test]
    fn values_are_quoted_as_in_go() {
        let labels = Labels::from_pairs(vec![("a".into(), "\"\\\n\u{1}\u{a0}é\u{301}'😀".into())]);
        assert_eq!(labels.to_string(), "{a=\"\\\"\\\\\\n\\x01\\u00a0é\u{301}'😀\"}");
    }
}
