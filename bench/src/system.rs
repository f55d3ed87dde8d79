//! What is measured: our own server, and peers that happen to be on PATH, behind one small interface.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use testkit::http::HttpClient;
use testkit::process::{Options, Server, cpu_seconds, memory_kib};
use testkit::wait;

/// A server counts as quiet when it used less than this much CPU in [`QUIET_WINDOW`].
const QUIET_CPU: f64 = 0.015;
const QUIET_WINDOW: Duration = Duration::from_secs(1);
/// Flushing and compacting what a phase wrote takes less than this.
const QUIET_LIMIT: Duration = Duration::from_secs(300);
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running server that takes load.
pub(crate) enum System {
    /// Ours.
    Ours(Server),
    /// Another product.
    Peer(Peer),
}

/// A peer's process.
pub(crate) struct Peer {
    child: Child,
    address: SocketAddr,
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How to start a peer and what it takes.
#[derive(Clone, Debug)]
pub(crate) struct PeerSpec {
    pub(crate) name: String,
    /// Names of the phases that it can take.
    pub(crate) phases: Vec<String>,
    /// Path of remote write, where it takes that.
    pub(crate) write_path: &'static str,
    /// Program and arguments, `{port}` `{port2}` and `{dir}` filled in.
    pub(crate) command: Vec<String>,
    /// A file to write into `{dir}` first.
    pub(crate) config: Option<(&'static str, &'static str)>,
}

impl System {
    /// Starts ours in `dir`.
    pub(crate) fn start_ours(dir: &Path, durability: &str) -> Result<Self> {
        let mut options = Options::new(dir)?;
        options.durability = Some(durability.to_owned());
        Ok(Self::Ours(Server::start(&options)?))
    }

    /// Starts a peer in `dir`.
    pub(crate) fn start_peer(spec: &PeerSpec, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        if let Some((name, text)) = spec.config {
            fs::write(dir.join(name), text)?;
        }
        let (port, second) = (free_port()?, free_port()?);
        let fill = |part: &String| {
            let part = part.replace("{port2}", &second.to_string()).replace("{port}", &port.to_string());
            part.replace("{dir}", &dir.display().to_string())
        };
        let parts: Vec<String> = spec.command.iter().map(fill).collect();
        let (program, arguments) = parts.split_first().ok_or_else(|| anyhow!("{} has no command", spec.name))?;
        let log = fs::File::create(dir.join("log"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let listening = wait::until(&format!("{} on port {port}", spec.name), START_LIMIT, || {
            if let Some(status) = child.try_wait()? {
                bail!("{} ended: {status}; see {}", spec.name, dir.join("log").display());
            }
            Ok(std::net::TcpStream::connect(address).ok())
        });
        let peer = Peer { child, address };
        listening?;
        Ok(Self::Peer(peer))
    }

    /// Where load of this kind goes.
    pub(crate) fn address(&self, listener: &str) -> Result<SocketAddr> {
        match self {
            Self::Ours(server) => server.address(listener),
            Self::Peer(peer) => Ok(peer.address),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        match self {
            Self::Ours(server) => server.pid(),
            Self::Peer(peer) => peer.child.id(),
        }
    }

    pub(crate) fn cpu(&self) -> Result<f64> {
        cpu_seconds(self.pid())
    }

    pub(crate) fn memory_mib(&self, name: &str) -> Result<f64> {
        Ok(memory_kib(self.pid(), name)? as f64 / 1024.0)
    }

    /// Has all heads flushed (ours) and waits until nothing works any more.
    pub(crate) fn settle(&self) -> Result<()> {
        if let Self::Ours(server) = self {
            server.flush(QUIET_LIMIT)?;
        }
        let deadline = Instant::now() + QUIET_LIMIT;
        let mut before = self.cpu()?;
        loop {
            std::thread::sleep(QUIET_WINDOW);
            let now = self.cpu()?;
            if now - before < QUIET_CPU || Instant::now() > deadline {
                break;
            }
            before = now;
        }
        Ok(())
    }

    /// A client for one of our faces.
    pub(crate) fn http(&self, listener: &str) -> Result<HttpClient> {
        Ok(HttpClient::new(self.address(listener)?))
    }
}

/// Bytes of all files below `dir`, as their lengths.
pub(crate) fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => disk_bytes(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// The peers that this machine has.
pub(crate) fn peers_on_path() -> Vec<PeerSpec> {
    let all = [
        peer("prometheus", &["samples rw"], "/api/v1/write", PROMETHEUS, Some(("prometheus.yml", "global: {}\n"))),
        peer("victoria-metrics", &["samples rw"], "/api/v1/write", VICTORIA, None),
        peer("rotel", &["spans grpc", "logs grpc"], "", ROTEL, None),
    ];
    all.into_iter().filter(|spec| on_path(&spec.command[0]).is_some()).collect()
}

const PROMETHEUS: &[&str] = &[
    "prometheus",
    "--config.file={dir}/prometheus.yml",
    "--storage.tsdb.path={dir}/data",
    "--web.listen-address=127.0.0.1:{port}",
    "--web.enable-remote-write-receiver",
    "--log.level=warn",
];
const VICTORIA: &[&str] =
    &["victoria-metrics", "-storageDataPath={dir}/data", "-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=1y"];
/// Receives and discards: the floor of what receiving costs.
const ROTEL: &[&str] = &[
    "rotel",
    "start",
    "--exporter",
    "blackhole",
    "--otlp-grpc-endpoint",
    "127.0.0.1:{port}",
    "--otlp-http-endpoint",
    "127.0.0.1:{port2}",
];

fn peer(
    name: &str,
    phases: &[&str],
    write_path: &'static str,
    command: &[&str],
    config: Option<(&'static str, &'static str)>,
) -> PeerSpec {
    let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
    PeerSpec { name: name.to_owned(), phases: owned(phases), write_path, command: owned(command), config }
}

/// A peer from the command line: `name=phase,phase=command with {port} and {dir}`; remote write goes to `/api/v1/write`.
pub(crate) fn parse_peer(text: &str) -> Result<PeerSpec, String> {
    let mut parts = text.splitn(3, '=');
    let (Some(name), Some(phases), Some(command)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("want name=phase,phase=command".to_owned());
    };
    let phases: Vec<&str> = phases.split(',').collect();
    let command: Vec<&str> = command.split_whitespace().collect();
    Ok(peer(name, &phases, "/api/v1/write", &command, None))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
