//! Zip containers: what they unpack to is measured before any parser trusts them.

use super::sink::Sink;
use super::{ExtractError, INFLATED_BYTES_MAX};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zip::ZipArchive;

/// The most entries in one container. Office files of thousands of pictures stay below.
const ENTRIES_MAX: usize = 20_000;

/// An opened container.
pub(super) type Archive = ZipArchive<BufReader<File>>;

/// Opens the container at `path` and unpacks all of it into nothing, once, so that neither its directory nor its ratio can lie:
/// a file that passes cannot unpack to more than [`INFLATED_BYTES_MAX`] later.
pub(super) fn open(path: &Path, format: &'static str, sink: &Sink) -> Result<Archive, ExtractError> {
    let malformed = |error: zip::result::ZipError| ExtractError::Malformed { format, reason: error.to_string() };
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?)).map_err(malformed)?;
    if archive.len() > ENTRIES_MAX {
        return Err(ExtractError::TooLarge { limit: ENTRIES_MAX as u64, unit: "entries" });
    }
    let mut left = INFLATED_BYTES_MAX;
    let mut buffer = vec![0; 1 << 16];
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(malformed)?;
        if entry.encrypted() {
            return Err(ExtractError::Encrypted);
        }
        loop {
            sink.check_time()?;
            let read = entry
                .read(&mut buffer)
                .map_err(|error| ExtractError::Malformed { format, reason: error.to_string() })?;
            if read == 0 {
                break;
            }
            left = left
                .checked_sub(read as u64)
                .ok_or(ExtractError::TooLarge { limit: INFLATED_BYTES_MAX, unit: "bytes" })?;
        }
    }
    Ok(archive)
}
