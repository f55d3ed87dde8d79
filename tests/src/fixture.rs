//! A server in a folder of its own that goes with the test.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;
use testkit::process::{Options, Server};

/// A folder and the server that lives in it.
#[derive(Debug)]
pub struct Fixture {
    folder: TempDir,
    options: Options,
    /// The server.
    pub server: Server,
}

impl Fixture {
    /// Starts with default durability.
    pub fn start() -> Result<Self> {
        Self::start_with(|_| {})
    }

    /// Starts with options that `adapt` changed.
    pub fn start_with(adapt: impl FnOnce(&mut Options)) -> Result<Self> {
        let folder = TempDir::with_prefix("quartet-test-")?;
        let mut options = Options::new(&folder.path().join("data"))?;
        adapt(&mut options);
        let server = Server::start(&options)?;
        Ok(Self { folder, options, server })
    }

    /// Kill -9 and start again on the same data.
    pub fn crash_and_restart(&mut self) -> Result<()> {
        self.server.kill()?;
        self.restart()
    }

    /// Starts again after the server was stopped or killed.
    pub fn restart(&mut self) -> Result<()> {
        self.server = Server::start(&self.options)?;
        Ok(())
    }

    /// Where data lives.
    pub fn data_dir(&self) -> &Path {
        &self.options.data_dir
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Now in Unix nanoseconds.
pub fn now_nanos() -> u64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    elapsed.expect("the clock of the test machine is past 1970").as_nanos() as u64
}

/// A whole number from the environment, or the default.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Tells on stderr, unmissably, that a test did not run.
pub fn loud_skip(test: &str, why: &str) {
    use std::io::Write as _;
    // Written past the test harness's capture, so that a passing run shows it too.
    drop(writeln!(std::io::stderr(), "\nSKIPPED {test}: {why}\n"));
}
