//! Each package explains itself in a short README.md; each Rust file opens with `//!`.

use crate::tree::Tree;

/// House style rule 6: longer ones are not read.
const README_LINES_MAX: usize = 60;

/// Missing or long README.md files and files without a first word.
pub(super) fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (folder, _) in tree.packages().into_iter().filter(|(folder, _)| !folder.ends_with("/fuzz")) {
        let readme = format!("{folder}/README.md");
        match tree.text(&readme).map(|text| text.lines().count()) {
            None => faults.push(format!("{readme}: is missing")),
            Some(lines) if lines > README_LINES_MAX => {
                faults.push(format!("{readme}: {lines} lines, at most {README_LINES_MAX}"));
            }
            Some(_) => {}
        }
    }
    for (path, text) in tree.files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        // A fuzz target must open with `#![no_main]`.
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with("#!["));
        if !first.is_some_and(|line| line.starts_with("//!")) {
            faults.push(format!("{path}: does not open with `//!`"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_needs_a_short_readme_and_a_file_its_first_word() {
        let long = "x\n".repeat(61);
        let manifest = "[package]\nname = \"a\"\n";
        let tree = Tree::of(&[
            ("crates/a/Cargo.toml", manifest),
            ("crates/a/src/lib.rs", "#![no_main]\n//! Words.\n"),
            ("crates/b/Cargo.toml", manifest),
            ("crates/b/README.md", &long),
            ("crates/b/src/lib.rs", "use x;\n"),
            ("Cargo.toml", "[workspace]\n"),
        ]);
        let expected = [
            "crates/a/README.md: is missing",
            "crates/b/README.md: 61 lines, at most 60",
            "crates/b/src/lib.rs: does not open with `//!`",
        ];
        assert_eq!(faults(&tree), expected);
    }
}
