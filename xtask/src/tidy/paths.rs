//! A path that the front documents name must exist: a code map that lies is worse than none.

use crate::tree::Tree;

/// Documents at the root whose paths are checked.
const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

/// A word in backticks that starts with one of these folders is a path from the root.
const FOLDERS: &[&str] =
    &["crates/", "tests/", "bench/", "xtask/", "docs/", "changelog.d/", ".ci/", ".cargo/", "scripts/"];

/// Paths and links that lead nowhere.
pub(super) fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for document in DOCUMENTS {
        let Some(text) = tree.text(document) else {
            faults.push(format!("{document}: is missing"));
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let words = code_words(line).into_iter().filter(|word| is_path(word));
            let links = link_targets(line).into_iter();
            for path in words.chain(links) {
                let path = path.split(['#', ':']).next().unwrap_or_default();
                if !tree.exists(path) && !tree.exists(&format!("crates/{path}")) {
                    faults.push(format!("{document}:{}: `{path}` does not exist", number + 1));
                }
            }
        }
    }
    faults
}

/// A path from the root, or a source file written from `crates/` on; patterns and examples are not paths.
fn is_path(word: &str) -> bool {
    let plain = !word.contains(['*', '{', '<', ' ', '…', '$', '?']);
    let rooted = FOLDERS.iter().any(|folder| word.starts_with(folder));
    plain && (rooted || word.contains('/') && word.ends_with(".rs"))
}

fn code_words(line: &str) -> Vec<&str> {
    // Every other part between backticks is code.
    line.split('`').skip(1).step_by(2).collect()
}

fn link_targets(line: &str) -> Vec<&str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#') && !target.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(readme: &str) -> Vec<String> {
        let files =
            [("README.md", readme), ("ARCHITECTURE.md", ""), ("CONTRIBUTING.md", ""), ("crates/a/src/lib.rs", "")];
        faults(&Tree::of(&files))
    }

    #[test]
    fn existing_paths_pass() {
        assert_eq!(
            check("see `crates/a/src/lib.rs:12`, `a/src/lib.rs`, `crates/a` and [map](crates/a/src/lib.rs#x)"),
            [""; 0]
        );
    }

    #[test]
    fn missing_paths_and_broken_links_are_named_with_their_line() {
        assert_eq!(check("\nsee `crates/b/src/lib.rs`"), ["README.md:2: `crates/b/src/lib.rs` does not exist"]);
        assert_eq!(check("`collector/pipeline.rs`").len(), 1);
        assert_eq!(check("![picture](docs/picture.png)").len(), 1);
    }

    #[test]
    fn patterns_commands_and_addresses_are_no_paths() {
        let text = "`crates/*/fuzz` `/api/search` `--data-dir DIR` `application/json` [site](https://example.org/x)";
        assert_eq!(check(text), [""; 0]);
    }

    #[test]
    fn a_missing_document_is_a_fault() {
        assert_eq!(faults(&Tree::of(&[("README.md", ""), ("CONTRIBUTING.md", "")])), ["ARCHITECTURE.md: is missing"]);
    }
}
