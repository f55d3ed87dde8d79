//! No file over 600 lines; functions are clippy's `too_many_lines`, and nobody may switch that off.

use crate::tree::Tree;

/// House style rule 7: aim at 300, stop here.
const LINES_MAX: usize = 600;

/// The one list of files that may be longer, each with its reason. It may only shrink.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Kinds of files that people write.
const SOURCES: &[&str] = &[".rs", ".py", ".ts", ".tsx", ".sh"];

/// Long files, exceptions that are no longer needed, and functions freed of their limit.
pub(super) fn faults(tree: &Tree) -> Vec<String> {
    check(tree, EXCEPTIONS)
}

fn check(tree: &Tree, exceptions: &[(&str, &str)]) -> Vec<String> {
    let mut faults = Vec::new();
    let sources = tree.files.iter().filter(|(path, _)| SOURCES.iter().any(|ending| path.ends_with(ending)));
    for (path, text) in sources {
        let lines = text.lines().count();
        let excepted = exceptions.iter().any(|(file, _)| file == path);
        if lines > LINES_MAX && !excepted {
            faults.push(format!("{path}: {lines} lines, at most {LINES_MAX}"));
        } else if lines <= LINES_MAX && excepted {
            faults.push(format!("{path}: is short enough now, take it off the list of exceptions"));
        }
        let frees_functions = text.contains(concat!("(clippy::too_many", "_lines"));
        if frees_functions && !excepted {
            faults.push(format!("{path}: switches the limit of 70 lines a function off"));
        }
    }
    for (file, _) in exceptions.iter().filter(|(file, _)| tree.text(file).is_none()) {
        faults.push(format!("{file}: is gone, take it off the list of exceptions"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_needs_an_exception_and_a_short_one_must_have_none() {
        let long = "x\n".repeat(601);
        let tree = Tree::of(&[("a.rs", &long), ("b.rs", "x"), ("c.txt", &long)]);
        assert_eq!(check(&tree, &[]), ["a.rs: 601 lines, at most 600"]);
        assert_eq!(check(&tree, &[("a.rs", "a table")]), [""; 0]);
        assert_eq!(check(&tree, &[("a.rs", "a table"), ("b.rs", "old")]).len(), 1);
        assert_eq!(check(&tree, &[("a.rs", "a table"), ("gone.rs", "old")]).len(), 1);
    }

    #[test]
    fn no_function_may_free_itself() {
        let attribute = format!("#[expect({}{}, reason = \"long\")]", "clippy::too_many", "_lines");
        assert_eq!(check(&Tree::of(&[("a.rs", attribute.as_str())]), &[]).len(), 1);
    }
}
