//! Real Redis and PostgreSQL servers for tests: own folder, free port, stopped with the last user.
//!
//! Both are Debian packages that `make test` installs (`redis-server`, `postgresql`); where the program is absent the test says so
//! loudly and does not run. Tests of one process share a server and take a database (PostgreSQL) or a key prefix (Redis) each.

use std::fs::File;
use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::wait;

/// A server that takes longer to start is not coming; `initdb` on a loaded machine needs some seconds.
const START_LIMIT: Duration = Duration::from_secs(60);
/// A stop that takes longer becomes a kill.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Another program may take the free port first.
const STARTS: u32 = 5;

/// Tells on stderr, unmissably, that a test did not run.
pub fn loud_skip(test: &str, why: &str) {
    use std::io::Write as _;
    // Written past the test harness's capture, so that a passing run shows it too.
    drop(writeln!(std::io::stderr(), "\nSKIPPED {test}: {why}\n"));
}

/// A child that is told to end, then killed, and its folder removed.
#[derive(Debug)]
struct Process {
    child: Child,
    folder: PathBuf,
    port: u16,
    /// What to send to end it.
    signal: &'static str,
}

impl Drop for Process {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        drop(Command::new("kill").args([self.signal, &pid]).status());
        let ended = wait::until("end of the server", STOP_LIMIT, || Ok(self.child.try_wait()?));
        if ended.is_err() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn folder(name: &str) -> Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("quartet-test-{name}-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts `command` for a free port until it stays and answers there.
fn listen(folder: &Path, signal: &'static str, mut command: impl FnMut(u16) -> Command) -> Result<Process> {
    let log = folder.join("log");
    for _ in 0..STARTS {
        let port = free_port()?;
        let output = File::create(&log)?;
        let mut command = command(port);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut process = Process { child, folder: folder.to_owned(), port, signal };
        let up = wait::until("listener", START_LIMIT, || {
            ensure!(process.child.try_wait()?.is_none(), "the server ended");
            Ok(TcpStream::connect(("127.0.0.1", port)).ok())
        });
        if up.is_ok() {
            return Ok(process);
        }
        // The folder is still needed.
        process.folder = PathBuf::new();
    }
    bail!("no start: {}", std::fs::read_to_string(&log).unwrap_or_default())
}

/// The one server that the tests of this process use at the moment.
fn shared<T>(place: &Mutex<Weak<T>>, start: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = place.upgrade() {
        return Ok(server);
    }
    let server = Arc::new(start()?);
    *place = Arc::downgrade(&server);
    Ok(server)
}

/// A Redis server without persistence. Clones keep it alive.
#[derive(Clone, Debug)]
pub struct Redis(Arc<Process>);

impl Redis {
    /// The server that tests share; `None`, told loudly, where `redis-server` is absent.
    ///
    /// # Errors
    /// A server that is there but does not start.
    pub fn shared(test: &str) -> Result<Option<Self>> {
        static PLACE: Mutex<Weak<Process>> = Mutex::new(Weak::new());
        if !installed("redis-server") {
            loud_skip(test, "no redis-server: `make test` installs it");
            return Ok(None);
        }
        Ok(Some(Self(shared(&PLACE, Self::process)?)))
    }

    /// A server of one's own, to be stopped in the middle of a test.
    ///
    /// # Errors
    /// As [`Redis::shared`].
    pub fn own(test: &str) -> Result<Option<Self>> {
        if !installed("redis-server") {
            loud_skip(test, "no redis-server: `make test` installs it");
            return Ok(None);
        }
        Ok(Some(Self(Arc::new(Self::process()?))))
    }

    fn process() -> Result<Process> {
        let folder = folder("redis")?;
        listen(&folder, "-TERM", |port| {
            let mut command = Command::new("redis-server");
            command.args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
            ]);
            command.arg(&folder);
            command
        })
    }

    /// Its address, `redis://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.0.port)
    }
}

/// A PostgreSQL server without durability. Clones keep it alive.
#[derive(Clone, Debug)]
pub struct Postgres {
    process: Arc<Process>,
    programs: PathBuf,
}

impl Postgres {
    /// The server that tests share; `None`, told loudly, where PostgreSQL is absent.
    ///
    /// # Errors
    /// A server that is there but does not start.
    pub fn shared(test: &str) -> Result<Option<Self>> {
        static PLACE: Mutex<Weak<Process>> = Mutex::new(Weak::new());
        let Some(programs) = postgres_programs() else {
            loud_skip(test, "no PostgreSQL (/usr/lib/postgresql/*/bin): `make test` installs it");
            return Ok(None);
        };
        let process = shared(&PLACE, || Self::process(&programs))?;
        Ok(Some(Self { process, programs }))
    }

    fn process(programs: &Path) -> Result<Process> {
        let folder = folder("postgres")?;
        let user = unprivileged()?;
        if let Some((_, uid, gid)) = &user {
            chown(&folder, Some(*uid), Some(*gid))?;
        }
        let data = folder.join("data");
        let mut init = as_user(user.as_ref(), &programs.join("initdb"));
        init.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"])
            .arg(&data);
        let output = init.current_dir(&folder).output().with_context(|| format!("cannot run {init:?}"))?;
        ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        // SIGINT is PostgreSQL's fast stop: clients are cut off.
        let process = listen(&folder, "-INT", |port| {
            let mut command = as_user(user.as_ref(), &programs.join("postgres"));
            command.arg("-D").arg(&data).args(["-p", &port.to_string()]).current_dir(&folder);
            for setting in [
                "listen_addresses=127.0.0.1",
                "unix_socket_directories=",
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "shared_buffers=16MB",
            ] {
                command.args(["-c", setting]);
            }
            command
        })?;
        // It listens before it takes connections.
        wait::until("PostgreSQL", START_LIMIT, || {
            let mut ready = Command::new(programs.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-p", &process.port.to_string()]);
            Ok(ready.status()?.success().then_some(()))
        })?;
        Ok(process)
    }

    /// The address of a new, empty database.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn database(&self) -> Result<String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let port = self.process.port.to_string();
        let mut create = Command::new(self.programs.join("createdb"));
        create.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &port, "--template=template0", &name]);
        let output = create.output().context("cannot run createdb")?;
        ensure!(output.status.success(), "createdb: {}", String::from_utf8_lossy(&output.stderr));
        Ok(format!("postgres://postgres@127.0.0.1:{port}/{name}"))
    }
}

/// Debian keeps the programs of each version in a folder of its own, off the PATH. The newest.
fn postgres_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let mut found: Vec<_> = folders.filter(|folder| folder.join("initdb").is_file()).collect();
    found.sort_by_key(|folder| version(folder));
    found.pop()
}

fn version(folder: &Path) -> u32 {
    let name = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    name.and_then(|name| name.split('.').next()?.parse().ok()).unwrap_or_default()
}

/// PostgreSQL refuses to run as root: then the user to run it as, by name, uid and gid.
fn unprivileged() -> Result<Option<(String, u32, u32)>> {
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    for wanted in ["postgres", "nobody"] {
        let line = users.lines().find(|line| line.split(':').next() == Some(wanted));
        let fields: Vec<&str> = line.unwrap_or_default().split(':').collect();
        if let [name, _, uid, gid, ..] = fields[..] {
            return Ok(Some((name.to_owned(), uid.parse()?, gid.parse()?)));
        }
    }
    bail!("no user but root to run PostgreSQL as")
}

/// `program` as `user`. `setpriv` replaces itself by the program, so the child's pid is the program's.
fn as_user(user: Option<&(String, u32, u32)>, program: &Path) -> Command {
    let Some((_, uid, gid)) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
    command.arg(program);
    command
}

fn installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_shared_and_go_with_their_last_user() {
        let Some(first) = Redis::shared("servers").expect("redis-server starts") else { return };
        let second = Redis::shared("servers").expect("it runs already").expect("it is there");
        assert_eq!(first.url(), second.url());
        let (port, folder) = (first.0.port, first.0.folder.clone());
        drop(first);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok(), "it has a user still");
        drop(second);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err() && !folder.exists());
    }

    #[test]
    fn each_test_gets_a_database_of_its_own() {
        let Some(server) = Postgres::shared("servers").expect("PostgreSQL starts") else { return };
        let (first, second) = (server.database().expect("one"), server.database().expect("another"));
        assert_ne!(first, second);
        let folder = server.process.folder.clone();
        drop(server);
        assert!(!folder.exists());
    }

    #[test]
    fn the_newest_version_is_taken() {
        assert!(version(Path::new("/usr/lib/postgresql/17/bin")) > version(Path::new("/usr/lib/postgresql/9.6/bin")));
    }
}
