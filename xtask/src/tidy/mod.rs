//! The rules of the house that no compiler knows, as a table.

mod arrows;
mod docs;
mod lockfile;
mod paths;
mod sizes;

use crate::tree::Tree;

/// A rule: its name and what finds its faults, each one line that starts with the file.
type Rule = (&'static str, fn(&Tree) -> Vec<String>);

const RULES: &[Rule] = &[
    ("arrow", arrows::faults),
    ("size", sizes::faults),
    ("path", paths::faults),
    ("lock", lockfile::faults),
    ("docs", docs::faults),
];

/// All faults of all rules, in the order of the table.
pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let tagged =
        RULES.iter().flat_map(|(name, rule)| rule(tree).into_iter().map(move |fault| format!("{name}: {fault}")));
    tagged.collect()
}
