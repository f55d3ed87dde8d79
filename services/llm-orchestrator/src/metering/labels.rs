//! Keeps the number of series bounded: label values that callers choose are taken up to a limit each, the rest becomes `other`.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Distinct values of one label. A dashboard by user of more than this is a job for the ledger.
const VALUES_MAX: usize = 500;
/// Longest value; longer ones are ids that went astray.
const VALUE_BYTES_MAX: usize = 128;
const OTHER: &str = "other";

/// The values that have been seen, by label.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    seen: Mutex<HashMap<&'static str, HashSet<String>>>,
}

impl Labels {
    /// The value itself, or `other`.
    pub(crate) fn bounded(&self, label: &'static str, value: &str) -> String {
        if value.len() > VALUE_BYTES_MAX {
            return OTHER.to_owned();
        }
        // Nothing panics while it holds the lock; the set stays good anyway.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let values = seen.entry(label).or_default();
        if values.contains(value) || values.len() < VALUES_MAX && values.insert(value.to_owned()) {
            return value.to_owned();
        }
        OTHER.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_limit_are_other() {
        let labels = Labels::default();
        for user in 0..VALUES_MAX {
            assert_eq!(labels.bounded("user.id", &user.to_string()), user.to_string());
        }
        assert_eq!(labels.bounded("user.id", "one more"), OTHER);
        assert_eq!(labels.bounded("user.id", "7"), "7");
        assert_eq!(labels.bounded("tenant.id", "one more"), "one more");
        assert_eq!(labels.bounded("tenant.id", &"x".repeat(200)), OTHER);
    }
}
