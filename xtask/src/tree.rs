//! The files of the repository, read once; the rules look at this only, so their tests need no disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders that hold no source: build output, data, histories, caches of other tools.
const SKIPPED: &[&str] = &["target", ".git", "quartet-data", "node_modules", "__pycache__", "corpus", "artifacts"];

/// Paths from the root with `/` between the parts, and what the text files among them hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// All files; binary ones with empty text.
    pub(crate) files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads all files below `root`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if entry.file_type()?.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    self.read_folder(&entry.path(), &path)?;
                }
            } else {
                self.files.insert(path, fs::read_to_string(entry.path()).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// True when `path` is a file or a folder with a file in it.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        self.files.contains_key(path)
            || self.files.range(folder.clone()..).next().is_some_and(|(found, _)| found.starts_with(&folder))
    }

    /// Folders of all packages of the workspace: each that has a Cargo.toml with `[package]`.
    pub(crate) fn packages(&self) -> Vec<(&str, &str)> {
        let manifests = self.files.iter().filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text)));
        manifests.filter(|(_, text)| text.contains("[package]")).map(|(folder, text)| (folder, text.as_str())).collect()
    }

    /// A tree from literals, for the rules' tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }
}

/// The folder above this package.
pub(crate) fn repository_root() -> Result<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(own.parent().context("xtask has no folder above it")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_exists_when_a_file_is_in_it() {
        let tree = Tree::of(&[("crates/a/src/lib.rs", ""), ("crates/ab/x", "")]);
        assert!(tree.exists("crates/a"));
        assert!(tree.exists("crates/a/"));
        assert!(tree.exists("crates/a/src/lib.rs"));
        assert!(!tree.exists("crates/a/src/li"));
        assert!(!tree.exists("crates/c"));
    }
}
