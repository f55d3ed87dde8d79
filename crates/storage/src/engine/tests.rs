//! The engine with a toy signal: rows are the bytes of a request, a block is one file of them.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use model::{TenantId, TimeRange, UnixNanos};
use store_api::{Appended, Payload, StoreError, WireFormat};

use super::block::{Block, BlockFiles, BlockStore, BlockWriter};
use super::local::LocalBlocks;
use super::memory::MemoryGauge;
use super::signal::{BlockSummary, Decoded, HeadSize, Signal};
use super::wal::writer::Durability;
use super::{Engine, EngineSettings};

#[derive(Default)]
struct Toy {
    fail_flush: std::sync::atomic::AtomicBool,
}

impl Signal for Toy {
    const NAME: &'static str = "toy";
    type Batch = Vec<u8>;
    type Head = Mutex<Vec<u8>>;
    type Opened = Vec<u8>;

    fn decode(&self, payload: &Payload) -> Result<Decoded<Vec<u8>>, StoreError> {
        if payload.body.as_ref() == b"bad" {
            return Err(StoreError::InvalidInput("bad".to_owned()));
        }
        let appended = Appended { accepted: payload.body.len() as u64, ..Appended::default() };
        Ok(Decoded { batch: Some(payload.body.to_vec()), appended })
    }

    fn new_head(&self, _tenant: &TenantId) -> Self::Head {
        Mutex::default()
    }

    fn attach(&self, head: &Self::Head, batch: Vec<u8>) {
        head.lock().expect("no panics").extend(batch);
    }

    fn size(&self, head: &Self::Head) -> HeadSize {
        let rows = head.lock().expect("no panics").len() as u64;
        HeadSize { rows, bytes: rows, oldest: None, newest: None }
    }

    fn flush(&self, head: &Self::Head, writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
        if self.fail_flush.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(StoreError::Corrupt("told to fail".to_owned()));
        }
        write_rows(&head.lock().expect("no panics"), writer)
    }

    fn compact(&self, inputs: &[Arc<Block<Self>>], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
        let mut rows = Vec::new();
        for block in inputs {
            rows.extend(block.opened(self)?.iter());
        }
        write_rows(&rows, writer)
    }

    fn open(&self, files: &BlockFiles) -> Result<Vec<u8>, StoreError> {
        let file = files.open("rows")?.expect("every toy block has rows");
        Ok(file.read_at(0, file.size() as usize)?.to_vec())
    }
}

fn write_rows(rows: &[u8], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
    let mut file = writer.create("rows")?;
    file.write_all(rows).and_then(|()| file.flush()).expect("writes");
    let now = UnixNanos::now();
    Ok(BlockSummary { rows: rows.len() as u64, range: TimeRange::new(now, now) })
}

fn open(folder: &Path, memory: u64) -> Arc<Engine<Toy>> {
    let blocks: Arc<dyn BlockStore> = Arc::new(LocalBlocks::new(folder.to_owned()));
    let metas = blocks.list_metas().expect("lists");
    let settings = EngineSettings {
        data_dir: folder.to_owned(),
        durability: Durability::Fsync,
        flush_rows: 1 << 40,
        flush_bytes: 1 << 40,
        flush_age: Duration::from_secs(3600),
        retention: None,
    };
    let memory = Arc::new(MemoryGauge::new(memory));
    Engine::open(Toy::default(), settings, blocks, &metas, memory).expect("opens")
}

fn with_maintenance<T>(engine: &Arc<Engine<Toy>>, work: impl FnOnce() -> T) -> T {
    let thread = std::thread::spawn({
        let engine = engine.clone();
        move || engine.run_maintenance()
    });
    let outcome = work();
    engine.stop();
    thread.join().expect("ends");
    outcome
}

fn append(engine: &Engine<Toy>, tenant: &str, rows: &'static [u8]) -> Result<Appended, StoreError> {
    let payload =
        Payload { format: WireFormat::OtlpLogs, body: Bytes::from_static(rows), encoded: None, received: UnixNanos(1) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(engine.append(&TenantId::new(tenant).expect("valid"), payload))
}

fn rows(engine: &Engine<Toy>, tenant: &str) -> Vec<u8> {
    let snapshot = engine.snapshot(&TenantId::new(tenant).expect("valid"), TimeRange::ALL);
    let mut rows: Vec<u8> = snapshot.heads.iter().flat_map(|h| h.lock().expect("no panics").clone()).collect();
    for block in &snapshot.blocks {
        rows.extend(block.opened(&engine.signal).expect("opens").iter());
    }
    rows.sort_unstable();
    rows
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn rows_are_seen_once_before_and_after_flush_and_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), 1 << 30);
    with_maintenance(&engine, || {
        append(&engine, "a", b"12").expect("appends");
        append(&engine, "b", b"9").expect("appends");
        assert_eq!(rows(&engine, "a"), b"12");
        assert!(engine.flush_all(PATIENCE));
        append(&engine, "a", b"3").expect("appends");
        assert_eq!((rows(&engine, "a"), rows(&engine, "b")), (b"123".to_vec(), b"9".to_vec()));
        assert_eq!(engine.status().blocks, 2);
    });
    drop(engine);
    let engine = open(folder.path(), 1 << 30);
    assert_eq!((rows(&engine, "a"), rows(&engine, "b")), (b"123".to_vec(), b"9".to_vec()));
    assert_eq!(rows(&engine, "nobody"), b"");
}

#[test]
fn a_crash_between_publishing_and_deleting_the_segment_duplicates_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), 1 << 30);
    append(&engine, "a", b"12").expect("appends");
    let segment = super::wal::segment_path(&folder.path().join("wal/toy"), 1);
    let saved = std::fs::read(&segment).expect("reads");
    with_maintenance(&engine, || assert!(engine.flush_all(PATIENCE)));
    drop(engine);
    assert!(!segment.exists());
    std::fs::write(&segment, saved).expect("writes");
    let engine = open(folder.path(), 1 << 30);
    assert_eq!(rows(&engine, "a"), b"12");
    with_maintenance(&engine, || assert!(engine.flush_all(PATIENCE)));
    assert_eq!(rows(&engine, "a"), b"12");
    assert!(!segment.exists());
}

#[test]
fn eight_blocks_become_one_and_leftovers_of_a_crash_are_ignored() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), 1 << 30);
    let saved = tempfile::tempdir().expect("a folder");
    with_maintenance(&engine, || {
        for n in 0..8u8 {
            append(&engine, "a", [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"][usize::from(n)]).expect("appends");
            if n == 7 {
                copy_tree(&folder.path().join("blocks"), saved.path());
            }
            assert!(engine.flush_all(PATIENCE));
        }
        assert_eq!(rows(&engine, "a"), b"01234567");
        assert_eq!((engine.status().blocks, engine.status().compactions), (1, 1));
    });
    drop(engine);
    copy_tree(saved.path(), &folder.path().join("blocks"));
    let engine = open(folder.path(), 1 << 30);
    assert_eq!(rows(&engine, "a"), b"01234567");
    assert_eq!(engine.status().blocks, 1);
}

#[test]
fn a_failed_flush_keeps_the_rows_and_is_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), 1 << 30);
    engine.signal.fail_flush.store(true, std::sync::atomic::Ordering::Relaxed);
    append(&engine, "a", b"12").expect("appends");
    with_maintenance(&engine, || {
        assert!(!engine.flush_all(Duration::from_millis(200)));
        assert!(engine.last_error().contains("told to fail"));
        assert_eq!(rows(&engine, "a"), b"12");
        engine.signal.fail_flush.store(false, std::sync::atomic::Ordering::Relaxed);
        assert!(engine.flush_all(PATIENCE));
        assert_eq!((engine.last_error(), rows(&engine, "a")), (String::new(), b"12".to_vec()));
    });
}

#[test]
fn bad_requests_are_refused_and_not_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), 1 << 30);
    assert_eq!(append(&engine, "a", b"bad").expect_err("refused").kind(), model::Kind::InvalidInput);
    drop(engine);
    assert_eq!(rows(&open(folder.path(), 1 << 30), "a"), b"");
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("creates");
    for entry in std::fs::read_dir(from).expect("lists") {
        let path = entry.expect("lists").path();
        let target = to.join(path.file_name().expect("has a name"));
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copies");
        }
    }
}
