//! Quartet, the stand-ins and the four services on free ports, started by the demo and stopped with the test.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use testkit::http::HttpClient;
use testkit::process::binary;
use testkit::wait;

/// Eight processes of a debug build on two busy cores.
const START_LIMIT: Duration = Duration::from_secs(180);
/// All of them drain one after the other.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// A running installation; stopped when dropped.
#[derive(Debug)]
pub struct Installation {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    /// What the demo printed when everything answered: base URLs by name, `services` by service, and the id of a first `trace`.
    pub places: Value,
    folder: TempDir,
}

impl Installation {
    /// Starts `quartet-demo` with free ports and these arguments and variables, and waits until everything answers.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let folder = TempDir::with_prefix("quartet-installation-")?;
        let quartet = binary()?;
        let bin_dir = quartet.parent().context("the binary has a folder")?;
        let mut command = Command::new(bin_dir.join("quartet-demo"));
        command.args(["--free-ports", "-o", "json", "--bin-dir"]).arg(bin_dir);
        command.arg("--data-dir").arg(folder.path()).args(arguments);
        for name in ["DATABASE_URL", "REDIS_URL"] {
            command.env_remove(name);
        }
        command.envs(environment.iter().copied());
        let stderr = File::create(folder.path().join("demo.log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child =
            command.spawn().context("quartet-demo is not beside quartet: cargo build --workspace --bins")?;
        let stdout = child.stdout.take().context("the child has a stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next();
        let mut installation = Self { child, lines, places: Value::Null, folder };
        let Some(first) = first else { bail!("the demo did not start: {}", installation.log()) };
        installation.places = serde_json::from_str(&first?)?;
        Ok(installation)
    }

    /// A client of what the demo calls `name`: `tempo`, …, or a service.
    pub fn http(&self, name: &str) -> Result<HttpClient> {
        let url = self.url(name)?;
        let address: SocketAddr = url.trim_start_matches("http://").parse().with_context(|| url.clone())?;
        Ok(HttpClient::new(address))
    }

    /// The base URL of what the demo calls `name`.
    pub fn url(&self, name: &str) -> Result<String> {
        let url = self.places[name].as_str().or_else(|| self.places["services"][name].as_str());
        Ok(url.with_context(|| format!("the demo does not name {name}"))?.to_owned())
    }

    /// The folder of data and logs.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// What the demo and its processes logged: the demo's own log, and the end of each process's.
    pub fn log(&self) -> String {
        let mut text = std::fs::read_to_string(self.folder.path().join("demo.log")).unwrap_or_default();
        for file in std::fs::read_dir(self.folder.path().join("logs")).into_iter().flatten().flatten() {
            let log = std::fs::read_to_string(file.path()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(5)..].join("\n");
            text += &format!("\n--- {}\n{last}", file.path().display());
        }
        text
    }

    /// Waits for the end that `--seconds` asked for; gives status and the rest of stdout.
    pub fn finish(mut self) -> Result<(ExitStatus, String, String)> {
        let mut rest = String::new();
        for line in self.lines.by_ref() {
            rest += &line?;
            rest.push('\n');
        }
        let status = wait::until("end of the demo", START_LIMIT, || Ok(self.child.try_wait()?))?;
        let log = self.log();
        Ok((status, rest, log))
    }

    /// Ctrl-C.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        wait::until("end of the demo", STOP_LIMIT, || Ok(self.child.try_wait()?))
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        // The demo stops its children; killed it could not.
        if self.stop().is_err() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
