//! Which series have a label: name → value → ids in rising order. The same for heads and blocks.

use std::borrow::Cow;
use std::collections::BTreeSet;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use model::Labels;
use store_api::{MatchOp, Matcher};

type Values = HashMap<Box<str>, Vec<u32>, RandomState>;

/// Bytes of a map entry beside its text: two words for the text, three for the list, one of control.
const ENTRY_BYTES: usize = 48;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Postings {
    names: HashMap<Box<str>, Values, RandomState>,
    count: u32,
}

impl Postings {
    /// Adds series `id`, which must be the number of series added before; gives the bytes of memory that it took.
    pub(super) fn add(&mut self, id: u32, labels: &Labels) -> usize {
        assert_eq!(id, self.count, "series are added in order");
        self.count += 1;
        let mut bytes = 0;
        for (name, value) in labels.iter() {
            if !self.names.contains_key(name) {
                bytes += ENTRY_BYTES + name.len();
                self.names.insert(name.into(), Values::default());
            }
            let values = self.names.get_mut(name).expect("it was just added");
            if let Some(ids) = values.get_mut(value) {
                bytes += 4;
                ids.push(id);
            } else {
                bytes += ENTRY_BYTES + value.len() + 16;
                values.insert(value.into(), vec![id]);
            }
        }
        bytes
    }

    /// Ids of the series that satisfy all `matchers`, rising. `labels` gives a series' labels.
    pub(super) fn select<'a>(&self, matchers: &[Matcher], labels: impl Fn(u32) -> &'a Labels) -> Vec<u32> {
        let (negative, positive): (Vec<&Matcher>, Vec<&Matcher>) =
            matchers.iter().partition(|matcher| matcher.matches_empty());
        let mut lists: Vec<Cow<'_, [u32]>> = positive.iter().map(|matcher| self.list(matcher)).collect();
        lists.sort_by_key(|list| list.len());
        let mut lists = lists.into_iter();
        let mut ids = match lists.next() {
            Some(first) => first.into_owned(),
            None => (0..self.count).collect(),
        };
        for list in lists {
            ids.retain(|id| list.binary_search(id).is_ok());
        }
        ids.retain(|&id| negative.iter().all(|matcher| matcher.matches(labels(id).get(matcher.name()).unwrap_or(""))));
        ids
    }

    /// Ids of the series with a label that `matcher` accepts.
    fn list(&self, matcher: &Matcher) -> Cow<'_, [u32]> {
        let Some(values) = self.names.get(matcher.name()) else { return Cow::Borrowed(&[]) };
        if matcher.op() == MatchOp::Equal {
            return Cow::Borrowed(values.get(matcher.value()).map_or(&[], Vec::as_slice));
        }
        let mut hits = values.iter().filter(|(value, _)| matcher.matches(value)).map(|(_, ids)| ids.as_slice());
        let Some(first) = hits.next() else { return Cow::Borrowed(&[]) };
        let Some(second) = hits.next() else { return Cow::Borrowed(first) };
        let mut ids = [first, second].concat();
        hits.for_each(|more| ids.extend_from_slice(more));
        ids.sort_unstable();
        Cow::Owned(ids)
    }

    /// All label names.
    pub(super) fn names(&self, out: &mut BTreeSet<String>) {
        for name in self.names.keys() {
            if !out.contains(&**name) {
                out.insert(name.to_string());
            }
        }
    }

    /// All values of `name`.
    pub(super) fn values(&self, name: &str, out: &mut BTreeSet<String>) {
        for value in self.names.get(name).into_iter().flat_map(|values| values.keys()) {
            if !out.contains(&**value) {
                out.insert(value.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_meet() {
        let series: Vec<Labels> = (0..100u32)
            .map(|n| {
                let pairs = [("__name__", "up".to_owned()), ("job", format!("j{}", n % 7)), ("n", n.to_string())];
                pairs
                    .into_iter()
                    .filter(|pair| pair.0 != "job" || n % 10 != 0)
                    .map(|(a, b)| (a.to_owned(), b))
                    .collect()
            })
            .collect();
        let mut postings = Postings::default();
        for (id, labels) in series.iter().enumerate() {
            postings.add(id as u32, labels);
        }
        let ops = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
        let values = ["", "j3", "j[1-4]|", "j.*", "up", "absent", ".*5"];
        for (first, second) in ops.iter().flat_map(|a| ops.iter().map(move |b| (*a, *b))) {
            for value in values {
                let matchers = [
                    Matcher::new("job", first, value).expect("valid"),
                    Matcher::new("n", second, ".*5").expect("valid"),
                ];
                let expected: Vec<u32> = (0..100u32)
                    .filter(|id| matchers.iter().all(|m| m.matches(series[*id as usize].get(m.name()).unwrap_or(""))))
                    .collect();
                assert_eq!(postings.select(&matchers, |id| &series[id as usize]), expected, "{matchers:?}");
            }
        }
        assert_eq!(postings.select(&[], |id| &series[id as usize]).len(), 100);
        let mut names = BTreeSet::new();
        postings.names(&mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["__name__", "job", "n"]);
    }
}
