//! One child process: its log file, its first line on stdout, its end.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

/// From SIGTERM to SIGKILL: longer than any of the programs drains.
const PATIENCE: Duration = Duration::from_secs(20);
/// From start to the first line; a debug build on a busy machine is slow.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks whether a process has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How much of a log is shown when its process died.
const LAST_LINES: usize = 15;

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: &'static str,
    child: Child,
    log: PathBuf,
}

/// What to start.
pub(crate) struct Program<'a> {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(&'a str, String)>,
    /// Folder for the log.
    pub(crate) logs: &'a Path,
}

impl Process {
    /// Starts a program with stdout and stderr in its log.
    pub(crate) fn start(program: &Program<'_>) -> anyhow::Result<Self> {
        Self::spawn(program, false).map(|(process, _)| process)
    }

    /// Starts a program and reads the JSON document that is its first line on stdout.
    pub(crate) async fn start_and_read(program: &Program<'_>) -> anyhow::Result<(Self, Value)> {
        let (mut process, log) = Self::spawn(program, true)?;
        let stdout = process.child.stdout.take().context("the child has no stdout")?;
        let (said, first_line) = tokio::sync::oneshot::channel();
        // A thread of its own: it reads as long as the child lives, else the child would block on a full pipe.
        std::thread::Builder::new().name(format!("{}-stdout", program.name)).spawn(move || drain(stdout, said, log))?;
        let line = match tokio::time::timeout(START_LIMIT, first_line).await {
            Ok(Ok(line)) => line,
            Ok(Err(_)) => return Err(process.last_words("ended before it was ready")),
            Err(_) => return Err(process.last_words("is not ready")),
        };
        let document = serde_json::from_str(&line).with_context(|| format!("{} said {line:?}", program.name))?;
        Ok((process, document))
    }

    fn spawn(program: &Program<'_>, read_stdout: bool) -> anyhow::Result<(Self, File)> {
        let log = program.logs.join(format!("{}.log", program.name));
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let stdout = if read_stdout { Stdio::piped() } else { file.try_clone()?.into() };
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).stdin(Stdio::null()).stdout(stdout).stderr(file.try_clone()?);
        for (name, value) in &program.environment {
            command.env(name, value);
        }
        // Ctrl-C goes to the whole foreground group; we stop the children ourselves, in order.
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {}", program.path.display()))?;
        Ok((Self { name: program.name, child, log }, file))
    }

    /// `Err` with the last words when the process is gone.
    pub(crate) fn still_runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.last_words(&format!("ended by itself: {status}"))),
        }
    }

    /// Asks it to end, and kills it when it does not.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        terminate(self.child.id())?;
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        self.child.kill()?;
        self.child.wait()?;
        bail!("{} did not end within {} s and was killed", self.name, PATIENCE.as_secs())
    }

    fn last_words(&self, what: &str) -> anyhow::Error {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n  ");
        anyhow!("{} {what}; the end of {}:\n  {last}", self.name, self.log.display())
    }
}

impl Drop for Process {
    /// Nothing that the demo started may outlive it, whatever ended it.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Hands over the first line, and writes the rest to the log.
fn drain(stdout: ChildStdout, said: tokio::sync::oneshot::Sender<String>, mut log: File) {
    let mut reader = BufReader::new(stdout);
    let mut line = String::new();
    if reader.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        // Nobody waits for it any more when the start took too long.
        drop(said.send(line));
    }
    drop(std::io::copy(&mut reader, &mut log));
}

/// SIGTERM to a child of ours that has not been waited for, so the id is still its own.
fn terminate(pid: u32) -> anyhow::Result<()> {
    let pid = i32::try_from(pid).context("a process id is out of range")?;
    #[expect(unsafe_code, reason = "sending a signal has no safe form in std")]
    // SAFETY: kill(2) takes two integers and touches no memory of ours.
    let outcome = unsafe { libc::kill(pid, libc::SIGTERM) };
    if outcome == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()).context("cannot send SIGTERM") }
}
