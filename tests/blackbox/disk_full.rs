//! A full disk: requests are refused as "unavailable", what was acknowledged stays, and writing goes on when space is back.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quartet_tests::fixture::{Fixture, loud_skip, now_nanos};
use tempfile::TempDir;
use testkit::grpc::{self, BlockingGrpc};
use testkit::otlp::{self, Any, Record, attributes};
use testkit::process::Options;
use testkit::wait;

use crate::ledger::Writer;

/// gRPC's UNAVAILABLE.
const UNAVAILABLE: u32 = 14;
/// Fills the disk of 48 MiB but for a little.
const BALLAST_BYTES: usize = 32 << 20;

/// A small file system of its own, unmounted when dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount() -> Result<Option<Self>> {
        let folder = TempDir::with_prefix("quartet-disk-")?;
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=48m", "none"]).arg(folder.path()).output();
        Ok(mounted.is_ok_and(|output| output.status.success()).then_some(Self { folder }))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.folder.path()).status());
    }
}

#[test]
fn a_full_disk_refuses_keeps_and_recovers() -> Result<()> {
    let Some(disk) = SmallDisk::mount()? else {
        loud_skip("a_full_disk_refuses_keeps_and_recovers", "cannot mount a tmpfs (needs root)");
        return Ok(());
    };
    let ballast = disk.path().join("ballast");
    File::create(&ballast)?.write_all(&vec![1; BALLAST_BYTES])?;
    let data: PathBuf = disk.path().join("data");
    let mut fixture = Fixture::start_with(|options: &mut Options| options.data_dir = data)?;
    let mut writer = Writer::connect(&fixture.server, "full", "before", now_nanos() - 60_000_000_000)?;
    for _ in 0..5 {
        writer.send_traces()?;
        writer.send_lines()?;
        writer.send_samples()?;
    }
    fill_up(&fixture).context("filling the disk")?;
    // Everything that was acknowledged can be read while the disk is full.
    writer.ledger.check_traces(&fixture.server).context("while full")?;
    ensure!(fixture.server.alive()?, "the server ended: {}", fixture.server.log_tail());

    fs::remove_file(&ballast)?;
    wait::until("write after space came back", Duration::from_secs(30), || Ok(writer.send_traces().ok()))?;
    writer.ledger.check_traces(&fixture.server).context("after space came back")?;
    fixture.crash_and_restart()?;
    writer.ledger.check_traces(&fixture.server).context("after the restart")?;
    writer.ledger.check_lines(&fixture.server, "full").context("after the restart")?;
    writer.ledger.check_samples(&fixture.server).context("after the restart")?;
    ensure!(!fixture.server.panicked(), "panic: {}", fixture.server.log_tail());
    Ok(())
}

/// Sends incompressible log records until they are refused, over both transports, and checks how.
fn fill_up(fixture: &Fixture) -> Result<()> {
    // A line may be 256 KiB long, as text; bytes become base64.
    let mut rng = testkit::rng::Rng::new(3);
    let mut http = fixture.server.http("otlp-http")?;
    let grpc = BlockingGrpc::connect(fixture.server.address("otlp-grpc")?)?;
    let resource = attributes([("service.name", "filler".into())]);
    for _ in 0..800 {
        let mut noise = vec![0; 100 << 10];
        rng.fill(&mut noise);
        let record = Record { time: now_nanos(), body: Some(Any::Bytes(noise)), ..Record::default() };
        let body = otlp::logs(&resource, &[record]);
        let reply = http.post("/v1/logs", "application/x-protobuf", &body)?;
        if reply.status == 200 {
            ensure!(reply.body.is_empty(), "not stored: {}", reply.text());
            continue;
        }
        ensure!(reply.status == 503, "a full disk is HTTP 503, got {}: {}", reply.status, reply.text());
        ensure!(reply.header("retry-after").is_some(), "503 without Retry-After");
        let reply = grpc.call(grpc::LOGS, &body, &[])?;
        ensure!(reply.status == Some(UNAVAILABLE), "a full disk is UNAVAILABLE, got {:?}", reply.status);
        return Ok(());
    }
    anyhow::bail!("80 MiB went onto a disk of 48")
}
