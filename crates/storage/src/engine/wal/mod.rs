//! The write-ahead log of one signal: requests become durable here before they are acknowledged.
//!
//! One segment file holds one generation (the requests between two flushes): `{generation:020}.wal`. [`frame`] is the byte
//! format (`docs/formats/wal.md`), [`writer`] appends with group commit, [`replay`] reads back after a start. A segment is
//! deleted when all of its records are in blocks. Deliberately not here: what a request means.

pub(crate) mod frame;
pub(crate) mod replay;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use store_api::StoreError;

/// The path of a generation's segment.
pub(crate) fn segment_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{generation:020}.wal"))
}

/// The generations that have a segment in `folder`, rising. Files of other names are left alone.
pub(crate) fn list_generations(folder: &Path) -> Result<Vec<u64>, StoreError> {
    let mut generations = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| io_error("cannot list", folder, e))? {
        let entry = entry.map_err(|e| io_error("cannot list", folder, e))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".wal")).and_then(|stem| stem.parse::<u64>().ok());
        generations.extend(number);
    }
    generations.sort_unstable();
    Ok(generations)
}

/// An I/O error that names what was done to which path.
pub(crate) fn io_error(what: &str, path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { context: format!("{what} {}: {source}", path.display()), source }
}
