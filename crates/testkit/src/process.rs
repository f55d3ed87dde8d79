//! The real binary as a child process: started on free ports, watched through `/proc`, killed at will.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::http::HttpClient;
use crate::wait;

/// All listeners, by the flag that sets their address.
pub const LISTENERS: [&str; 8] = ["otlp-grpc", "otlp-http", "tempo", "loki", "mimir", "console", "health", "telemetry"];

/// A start that takes longer is a failure: a debug build replays a large WAL within it.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How the kernel counts CPU time for `/proc`: `USER_HZ` is 100 on each platform that Linux runs on today.
const TICKS_PER_SECOND: f64 = 100.0;

/// How a server is to be started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The binary.
    pub binary: PathBuf,
    /// Where data lives.
    pub data_dir: PathBuf,
    /// `fsync` or `buffered`; `None` for the default.
    pub durability: Option<String>,
    /// More arguments.
    pub extra: Vec<String>,
}

impl Options {
    /// The binary that `QUARTET_BIN` names, else the one next to the running test or benchmark.
    pub fn new(data_dir: &Path) -> Result<Self> {
        Ok(Self { binary: binary()?, data_dir: data_dir.to_owned(), durability: None, extra: Vec::new() })
    }
}

/// Finds the binary: `QUARTET_BIN`, else `quartet` in the target folder of the running program.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("QUARTET_BIN") {
        return Ok(PathBuf::from(path));
    }
    let own = std::env::current_exe()?;
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join("quartet")).find(|path| path.is_file());
    found.ok_or_else(|| anyhow!("no quartet beside {}: run `cargo build -p quartet` or set QUARTET_BIN", own.display()))
}

/// A running server; dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    addresses: BTreeMap<String, SocketAddr>,
    log: PathBuf,
    /// From the start of the process to the line that says that each listener answers.
    pub start_time: Duration,
}

impl Server {
    /// Starts and waits until it is ready.
    pub fn start(options: &Options) -> Result<Self> {
        let log = options.data_dir.with_extension("log");
        let mut command = Command::new(&options.binary);
        command.args(["up", "-o", "json", "--data-dir"]).arg(&options.data_dir);
        for listener in LISTENERS {
            command.arg(format!("--{listener}")).arg("127.0.0.1:0");
        }
        if let Some(durability) = &options.durability {
            command.args(["--durability", durability]);
        }
        command.args(&options.extra);
        let stderr = File::options().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", options.binary.display()))?;
        let stdout = child.stdout.take().ok_or_else(|| anyhow!("no stdout"))?;
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // Reads on after the first line, so that the child never blocks on a full pipe.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        let line = receiver.recv_timeout(START_LIMIT);
        let start_time = started.elapsed();
        let mut server = Self { child, addresses: BTreeMap::new(), log, start_time };
        let line = line.map_err(|_| anyhow!("not ready; its log ends with:\n{}", server.log_tail()))?;
        server.addresses = addresses(&line)?;
        Ok(server)
    }

    /// Where `listener` (a name of [`LISTENERS`]) listens.
    pub fn address(&self, listener: &str) -> Result<SocketAddr> {
        self.addresses.get(listener).copied().ok_or_else(|| anyhow!("{listener} is not among {:?}", self.addresses))
    }

    /// A client for `listener`.
    pub fn http(&self, listener: &str) -> Result<HttpClient> {
        Ok(HttpClient::new(self.address(listener)?))
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kill -9: nothing of the process runs afterwards.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, then waits for the end; returns the exit code.
    pub fn stop(&mut self) -> Result<i32> {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().context("cannot send SIGTERM")?;
        let status = wait::until("end after SIGTERM", START_LIMIT, || Ok(self.child.try_wait()?))?;
        status.code().ok_or_else(|| anyhow!("ended by a signal: {status}"))
    }

    /// True while the process runs.
    pub fn alive(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// The last lines of its log, for a failure's message.
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// True when the log holds a panic: a thread may panic while the process lives on.
    pub fn panicked(&self) -> bool {
        fs::read_to_string(&self.log).unwrap_or_default().contains("panicked")
    }

    /// CPU time used so far, user and system, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(self.pid())
    }

    /// A figure of `/proc/<pid>/status` in KiB: `VmRSS`, `VmHWM`.
    pub fn memory_kib(&self, name: &str) -> Result<u64> {
        memory_kib(self.pid(), name)
    }

    /// What the status page tells.
    pub fn status(&self) -> Result<Value> {
        self.http("console")?.get("/api/status")?.ok()?.json()
    }

    /// A figure of one signal in the status, e.g. `("spans", "headRows")`.
    pub fn signal(&self, signal: &str, name: &str) -> Result<u64> {
        signal_figure(&self.status()?, signal, name)
    }

    /// Asks for a flush of all heads and waits until no flush or compaction is under way.
    pub fn flush(&self, limit: Duration) -> Result<()> {
        self.http("loki")?.post("/flush", "text/plain", b"")?.ok().context("POST /flush")?;
        wait::until("quiet store", limit, || {
            let status = self.status()?;
            let tasks = status["store"]["backgroundTasks"].as_u64();
            Ok((tasks.context("no store.backgroundTasks in the status")? == 0).then_some(()))
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One signal's figure out of what [`Server::status`] gives.
pub fn signal_figure(status: &Value, signal: &str, name: &str) -> Result<u64> {
    let signals = status["signals"].as_array().ok_or_else(|| anyhow!("`signals` is not a list: {status}"))?;
    let row = signals.iter().find(|row| row["signal"] == signal);
    row.and_then(|row| row[name].as_u64()).ok_or_else(|| anyhow!("no {signal}.{name} in {status}"))
}

/// CPU time of a process so far, user and system, in seconds (`utime` and `stime` of `/proc/<pid>/stat`).
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the name in parentheses and may hold spaces; utime and stime are fields 14 and 15.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest).ok_or_else(|| anyhow!("odd stat: {stat}"))?;
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_PER_SECOND)
}

/// A figure of `/proc/<pid>/status` in KiB.
pub fn memory_kib(pid: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(name));
    let figure = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|digits| digits.parse().ok());
    figure.ok_or_else(|| anyhow!("no {name} of process {pid}"))
}

/// Makes `VmHWM` start again at the present size.
pub fn reset_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("cannot reset the peak memory of the process")
}

fn addresses(line: &str) -> Result<BTreeMap<String, SocketAddr>> {
    let page: Value = serde_json::from_str(line).with_context(|| format!("the first line is not JSON: {line}"))?;
    let pairs: Vec<(String, &Value)> = match &page["listeners"] {
        Value::Object(fields) => fields.iter().map(|(name, address)| (name.clone(), address)).collect(),
        Value::Array(items) => {
            items.iter().map(|item| (item["name"].as_str().unwrap_or_default().to_owned(), &item["address"])).collect()
        }
        other => bail!("`listeners` is neither a map nor a list: {other}"),
    };
    let mut addresses = BTreeMap::new();
    for (name, address) in pairs {
        let Some(text) = address.as_str() else { continue };
        let text = text.trim_start_matches("http://");
        if let Ok(address) = text.parse() {
            addresses.insert(name.replace('_', "-"), address);
        }
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_line_that_says_ready() {
        let line = r#"{"listeners":{"otlp_grpc":"127.0.0.1:41","tempo":"http://127.0.0.1:42","loki":null}}"#;
        let found = addresses(line).expect("valid line");
        assert_eq!(found["otlp-grpc"].port(), 41);
        assert_eq!(found["tempo"].port(), 42);
        assert_eq!(found.len(), 2);
        assert!(addresses("ready").is_err());
    }

    #[test]
    fn reads_proc_of_this_process() {
        let own = std::process::id();
        assert!(cpu_seconds(own).expect("own stat") >= 0.0);
        assert!(memory_kib(own, "VmRSS").expect("own status") > 100);
    }

    #[test]
    fn finds_a_figure_of_a_signal_in_the_status() {
        let page = serde_json::json!({"signals": [{"signal": "logs"}, {"signal": "spans", "headRows": 7}]});
        assert_eq!(signal_figure(&page, "spans", "headRows").expect("figure is there"), 7);
        assert!(signal_figure(&page, "logs", "headRows").is_err());
    }
}
