//! Which crate may see which: arrows point down DESIGN's list only, siblings do not see each other.

use std::collections::BTreeSet;

use crate::tree::Tree;

/// A package and those of ours that it may see. What may be seen in tests is in [`FOR_TESTS`].
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("protowire", &[]),
    ("otlp", &["model", "protowire"]),
    ("push", &["model", "protowire"]),
    ("store-api", &["model"]),
    ("storage", &["model", "protowire", "otlp", "push", "store-api"]),
    ("collector", &["model", "protowire", "otlp", "push", "store-api", "redact"]),
    ("api", &["model", "protowire", "otlp", "store-api"]),
    ("console", &["model", "store-api"]),
    ("quartet", &["model", "otlp", "push", "store-api", "storage", "collector", "api", "console"]),
    ("redact", &[]),
    ("cost", &[]),
    ("telemetry", &["redact"]),
    ("service-kit", &["telemetry"]),
    ("llm-orchestrator", &["telemetry", "service-kit", "cost", "redact"]),
    ("airtable-gateway", &["telemetry", "service-kit"]),
    ("mcp-server", &["telemetry", "service-kit"]),
    ("automation-services", &["telemetry", "service-kit"]),
    ("stand-in-gemini", &[]),
    ("stand-in-airtable", &[]),
    ("quartet-demo", &[]),
    ("testkit", &["protowire"]),
    ("quartet-tests", &["testkit", "protowire"]),
    ("quartet-bench", &["testkit", "protowire"]),
    ("quartet-sdk-bench", &["telemetry"]),
    ("xtask", &[]),
];

/// What any package may see as a dev-dependency, besides its own row.
const FOR_TESTS: &[&str] = &["testkit", "stand-in-gemini", "stand-in-airtable"];

/// Packages outside the workspace (fuzz targets): they see the crate that they are in and what that one sees.
const FUZZ_SUFFIX: &str = "/fuzz";

/// Forbidden and unlisted arrows.
pub(super) fn faults(tree: &Tree) -> Vec<String> {
    let packages = tree.packages();
    let ours: BTreeSet<&str> = packages.iter().filter_map(|(_, manifest)| name(manifest)).collect();
    let mut faults = Vec::new();
    for (folder, manifest) in packages {
        if folder.ends_with(FUZZ_SUFFIX) {
            continue;
        }
        let Some(own) = name(manifest) else { continue };
        let Some((_, allowed)) = ALLOWED.iter().find(|(package, _)| *package == own) else {
            faults.push(format!("{folder}/Cargo.toml: `{own}` has no row in xtask/src/tidy/arrows.rs"));
            continue;
        };
        for (dependency, for_tests) in dependencies(manifest) {
            let permitted = allowed.contains(&dependency) || for_tests && FOR_TESTS.contains(&dependency);
            if ours.contains(dependency) && !permitted {
                faults.push(format!("{folder}/Cargo.toml: `{own}` must not see `{dependency}`"));
            }
        }
    }
    faults
}

fn name(manifest: &str) -> Option<&str> {
    let line = manifest.lines().find_map(|line| line.strip_prefix("name = \""))?;
    line.strip_suffix('"')
}

/// Names in the dependency sections, with whether the section is for tests only.
fn dependencies(manifest: &str) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    let mut section = "";
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            // `[dependencies.name]` is the long form of one dependency.
            if let Some((kind, dependency)) = section.split_once("dependencies.") {
                found.push((dependency, kind == "dev-"));
            }
        } else if section.ends_with("dependencies") {
            let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !key.is_empty() && !key.starts_with('#') {
                found.push((key, section.ends_with("dev-dependencies")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\n{rest}")
    }

    fn check(package: &str, rest: &str) -> Vec<String> {
        let (model, storage) = (manifest("model", ""), manifest("storage", ""));
        let (testkit, own) = (manifest("testkit", ""), manifest(package, rest));
        faults(&Tree::of(&[
            ("crates/model/Cargo.toml", model.as_str()),
            ("crates/storage/Cargo.toml", storage.as_str()),
            ("crates/testkit/Cargo.toml", testkit.as_str()),
            ("crates/it/Cargo.toml", own.as_str()),
        ]))
    }

    #[test]
    fn a_downward_arrow_is_fine() {
        assert_eq!(check("collector", "[dependencies]\nmodel.workspace = true\ntokio = \"1\"\n"), [""; 0]);
    }

    #[test]
    fn the_collector_must_not_see_storage_however_it_is_written() {
        for line in ["storage.workspace = true", "storage = { workspace = true }", "storage={path=\"../storage\"}"] {
            let found = check("collector", &format!("[dependencies]\n{line}\n"));
            assert_eq!(found.len(), 1, "{line}");
            assert!(found[0].contains("`collector` must not see `storage`"), "{found:?}");
        }
        assert_eq!(check("collector", "[dependencies.storage]\nworkspace = true\n").len(), 1);
        assert_eq!(check("collector", "[dev-dependencies]\nstorage.workspace = true\n").len(), 1);
        assert_eq!(check("collector", "[target.'cfg(unix)'.dependencies]\nstorage.workspace = true\n").len(), 1);
    }

    #[test]
    fn testkit_is_for_tests_only() {
        assert_eq!(check("api", "[dev-dependencies]\ntestkit.workspace = true\n"), [""; 0]);
        assert_eq!(check("api", "[dependencies]\ntestkit.workspace = true\n").len(), 1);
    }

    #[test]
    fn a_package_without_a_row_is_a_fault() {
        assert!(check("newcomer", "")[0].contains("has no row"));
    }
}
