//! Golden files: each `bad_*.yaml` begins with a comment that holds the expected message.

use std::path::{Path, PathBuf};

use super::*;

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/testdata")
}

fn parse(name: &str) -> Result<Config, Problem> {
    let text = std::fs::read_to_string(testdata().join(name)).expect("test data");
    let variable = |name: &str| (name == "QUARTET_TEST_SECRET").then(|| "s3cret".to_owned());
    Config::parse(Path::new(name), &text, variable)
}

#[test]
fn default_yaml_spells_out_the_defaults() {
    let text = std::fs::read_to_string(testdata().join("default.yaml")).expect("test data");
    assert_eq!(parse("default.yaml").expect("valid"), Config::default());
    let keys = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(keys(&text), keys(&Config::default().to_yaml()), "default.yaml must show every key");
}

#[test]
fn full_yaml_sets_every_key_and_its_secret_is_masked_when_shown() {
    let config = parse("full.yaml").expect("valid");
    let default = Config::default();
    assert_ne!(config.listeners, default.listeners);
    assert_eq!(config.listeners.telemetry, ListenAddress::Off);
    assert_eq!(config.storage.durability, Durability::Buffered);
    assert_eq!(config.storage.retention, Period(None));
    let bucket = config.storage.bucket.as_ref().expect("set");
    assert_eq!(bucket.options["aws_secret_access_key"], "s3cret");
    assert_eq!(config.receiver_settings().message_bytes_max, 32 << 20);
    assert_eq!(config.store_settings().head_bytes_max, 256 << 20);
    assert!(!config.receiver_settings().redaction.enabled && config.receiver_settings().redaction.cards);
    let shown = config.to_yaml();
    assert!(!shown.contains("s3cret") && shown.contains("<secret>"), "{shown}");
}

#[test]
fn bad_files_give_the_message_of_their_first_line() {
    let mut seen = 0;
    for entry in std::fs::read_dir(testdata()).expect("test data") {
        let name = entry.expect("test data").file_name().into_string().expect("a plain name");
        if !name.starts_with("bad_") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(testdata().join(&name)).expect("test data");
        let expected =
            text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a first line of `# message`");
        let problem = parse(&name).expect_err(&name);
        assert_eq!(problem.to_string(), expected);
    }
    assert!(seen >= 8, "only {seen} bad files");
}

#[test]
fn an_empty_file_means_the_defaults() {
    for text in ["", "# nothing\n", "storage:\n"] {
        let parsed = Config::parse(Path::new("x.yaml"), text, |_| None);
        if text == "storage:\n" {
            assert!(parsed.is_err() || parsed == Ok(Config::default()));
        } else {
            assert_eq!(parsed, Ok(Config::default()), "{text:?}");
        }
    }
}
