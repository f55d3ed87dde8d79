//! `Cargo.lock` holds each heavy dependency once, and no TLS library written in C.

use crate::tree::Tree;

/// Two versions of one of these would cost minutes of build time and megabytes of binary.
const ONCE: &[&str] = &["tonic", "prost", "parquet", "axum", "hyper", "h2", "tokio", "http", "object_store"];

/// Need cmake, perl or a system library to build: a clean machine could not.
const NEVER: &[&str] = &["aws-lc-sys", "openssl-sys", "native-tls"];

/// Doubled and forbidden packages.
pub(super) fn faults(tree: &Tree) -> Vec<String> {
    let Some(lock) = tree.text("Cargo.lock") else { return vec!["Cargo.lock: is missing".to_owned()] };
    let count = |package: &str| lock.lines().filter(|line| *line == format!("name = \"{package}\"")).count();
    let doubled = ONCE.iter().filter(|package| count(package) > 1);
    let forbidden = NEVER.iter().filter(|package| count(package) > 0);
    let doubled = doubled.map(|package| format!("Cargo.lock: {} versions of {package}", count(package)));
    doubled.chain(forbidden.map(|package| format!("Cargo.lock: {package} must not be used"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(packages: &[&str]) -> Vec<String> {
        let lock: String = packages.iter().map(|name| format!("[[package]]\nname = \"{name}\"\n")).collect();
        faults(&Tree::of(&[("Cargo.lock", lock.as_str())]))
    }

    #[test]
    fn heavy_packages_once_and_no_c_tls() {
        assert_eq!(check(&["tonic", "tonic-prost", "syn", "syn"]), [""; 0]);
        assert_eq!(check(&["prost", "prost"]), ["Cargo.lock: 2 versions of prost"]);
        assert_eq!(check(&["aws-lc-sys"]), ["Cargo.lock: aws-lc-sys must not be used"]);
        assert_eq!(faults(&Tree::of(&[])), ["Cargo.lock: is missing"]);
    }
}
