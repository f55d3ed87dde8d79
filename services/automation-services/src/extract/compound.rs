//! Compound files, the container of .doc and .xls ([MS-CFB]): a small file system of sector chains. Streams are read by name at any depth;
//! every chain is bounded by the file's own size, so loops end.

/// The first bytes of every compound file.
const MAGIC: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// Sector numbers from here on are marks, not sectors.
const REGULAR_MAX: u32 = 0xFFFF_FFFA;
/// Size of a mini sector: the header says 2^6, nobody writes another.
const MINI_BYTES: usize = 64;
/// Size of one directory entry.
const ENTRY_BYTES: usize = 128;
/// Streams shorter than this live in the mini stream.
const MINI_CUTOFF: u64 = 4096;

/// An opened compound file.
pub(super) struct Compound<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    /// The next sector of each sector.
    table: Vec<u32>,
    mini_table: Vec<u32>,
    mini_stream: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    is_stream: bool,
    start: u32,
    length: u64,
}

/// Reads the tables and the directory of the compound file in `bytes`.
pub(super) fn open(bytes: &[u8]) -> Result<Compound<'_>, &'static str> {
    if !bytes.starts_with(&MAGIC) || bytes.len() < 512 {
        return Err("no compound file header");
    }
    let shift = u16::from_le_bytes([bytes[30], bytes[31]]);
    if shift != 9 && shift != 12 {
        return Err("unknown sector size");
    }
    let mut file = Compound {
        bytes,
        sector_bytes: 1 << shift,
        table: Vec::new(),
        mini_table: Vec::new(),
        mini_stream: Vec::new(),
        entries: Vec::new(),
    };
    let mut table = Vec::new();
    for sector in file.table_sectors() {
        table.extend(words(file.sector(sector).ok_or("the sector table is cut off")?));
    }
    file.table = table;
    let directory = file.chain(word(bytes, 48).ok_or("header too short")?);
    file.entries = directory.chunks_exact(ENTRY_BYTES).map(entry).collect();
    let root = file.entries.first().ok_or("no directory")?;
    file.mini_stream = file.chain(root.start);
    let mini_table = file.chain(word(bytes, 60).ok_or("header too short")?);
    file.mini_table = words(&mini_table).collect();
    Ok(file)
}

impl Compound<'_> {
    /// The bytes of the stream called `name`, case aside. A chain that breaks off ends the stream.
    pub(super) fn stream(&self, name: &str) -> Option<Vec<u8>> {
        let entry = self.entries.iter().find(|entry| entry.is_stream && entry.name.eq_ignore_ascii_case(name))?;
        let mut bytes = if entry.length < MINI_CUTOFF { self.mini_chain(entry.start) } else { self.chain(entry.start) };
        bytes.truncate(usize::try_from(entry.length).unwrap_or(usize::MAX));
        Some(bytes)
    }

    /// The sectors of the sector table: 109 in the header, more in a chain of their own.
    fn table_sectors(&self) -> Vec<u32> {
        let count = word(self.bytes, 44).unwrap_or(0) as usize;
        let mut sectors: Vec<u32> = words(&self.bytes[76..512]).filter(|sector| *sector < REGULAR_MAX).collect();
        let mut next = word(self.bytes, 68).unwrap_or(u32::MAX);
        while next < REGULAR_MAX && sectors.len() < count.min(self.sectors()) {
            let Some(sector) = self.sector(next) else { break };
            let mut numbers: Vec<u32> = words(sector).collect();
            next = numbers.pop().unwrap_or(u32::MAX);
            sectors.extend(numbers.into_iter().filter(|sector| *sector < REGULAR_MAX));
        }
        sectors.truncate(count.min(self.sectors()));
        sectors
    }

    fn sectors(&self) -> usize {
        self.bytes.len() / self.sector_bytes
    }

    /// One sector; the last one of a file may be short.
    fn sector(&self, number: u32) -> Option<&[u8]> {
        let start = (number as usize).checked_add(1)?.checked_mul(self.sector_bytes)?;
        let end = start.checked_add(self.sector_bytes)?.min(self.bytes.len());
        self.bytes.get(start..end).filter(|sector| !sector.is_empty())
    }

    fn chain(&self, start: u32) -> Vec<u8> {
        let (mut out, mut next) = (Vec::new(), start);
        for _ in 0..self.sectors() {
            let Some(sector) = (next < REGULAR_MAX).then(|| self.sector(next)).flatten() else { break };
            out.extend_from_slice(sector);
            next = self.table.get(next as usize).copied().unwrap_or(u32::MAX);
        }
        out
    }

    fn mini_chain(&self, start: u32) -> Vec<u8> {
        let (mut out, mut next) = (Vec::new(), start);
        // A short stream has at most this many mini sectors.
        for _ in 0..(MINI_CUTOFF as usize / MINI_BYTES) {
            let Some(from) = (next < REGULAR_MAX).then(|| (next as usize).checked_mul(MINI_BYTES)).flatten() else {
                break;
            };
            let Some(part) = self.mini_stream.get(from..(from + MINI_BYTES).min(self.mini_stream.len())) else { break };
            out.extend_from_slice(part);
            next = self.mini_table.get(next as usize).copied().unwrap_or(u32::MAX);
        }
        out
    }
}

fn entry(bytes: &[u8]) -> Entry {
    // The length counts the closing NUL.
    let name_bytes = usize::from(u16::from_le_bytes([bytes[64], bytes[65]])).clamp(2, 64) - 2;
    Entry {
        name: super::plain::utf16(&bytes[..name_bytes], u16::from_le_bytes),
        is_stream: bytes[66] == 2,
        start: word(bytes, 116).unwrap_or(u32::MAX),
        // The upper half is not defined in files with 512-byte sectors, and no file here is that long.
        length: u64::from(word(bytes, 120).unwrap_or(0)),
    }
}

/// The little-endian 32-bit number at `at`.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}
