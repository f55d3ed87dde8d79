//! A label set: names and values, sorted by name, each name once.

use std::fmt;

/// Sorted pairs with unique names. Prometheus and Loki both identify a series or stream by one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// Sorts `pairs` by name; where a name repeats, the last value wins. Empty values are dropped (Prometheus: an empty
    /// value equals an absent label).
    pub fn from_pairs(mut pairs: Vec<(String, String)>) -> Self {
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        pairs.retain(|pair| !pair.1.is_empty());
        Self(pairs)
    }

    /// The value of `name`, if present.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|pair| pair.0.as_str().cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// Sets `name`; an empty `value` removes it.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.binary_search_by(|pair| pair.0.as_str().cmp(name)) {
            Ok(at) if value.is_empty() => drop(self.0.remove(at)),
            Ok(at) => self.0[at].1 = value.to_owned(),
            Err(_) if value.is_empty() => {}
            Err(at) => self.0.insert(at, (name.to_owned(), value.to_owned())),
        }
    }

    /// Pairs in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without labels.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
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
}
