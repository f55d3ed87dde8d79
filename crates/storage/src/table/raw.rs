//! A column chunk as encoded and not yet compressed: its dictionary, the bodies of its pages, and what its indexes will say.

use std::ops::Range;

use super::frames::Cut;
use super::header::encoding;
use super::index::PageBounds;
use super::rle;

/// The rows of a chunk, cut into pages; row counts are the same in all columns of a group.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// Number of rows.
    pub count: usize,
    /// Rows of a page.
    pub per_page: usize,
    /// Says for each row whether it has a value; empty when all have.
    pub present: &'a [bool],
    /// True when the column may have nulls: its pages then carry definition levels.
    pub optional: bool,
}

/// A page before compression.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawPage {
    /// End of its body in [`RawChunk::bodies`].
    pub end: usize,
    pub first_row: u32,
    pub rows: u32,
    pub nulls: u32,
}

/// See the module.
#[derive(Default)]
pub(super) struct RawChunk {
    /// Body of the dictionary page.
    pub dictionary: Vec<u8>,
    /// Entries of the dictionary; 0 when the chunk has none.
    pub entries: u32,
    /// Where the dictionary's frames end, for dictionaries of strings; the last is the end of the dictionary.
    pub cuts: Vec<Cut>,
    /// Encoding of the data pages.
    pub encoding: u8,
    /// True when it is worth a higher level of compression.
    pub finer: bool,
    pub bodies: Vec<u8>,
    pub pages: Vec<RawPage>,
    /// Bounds per page, or none.
    pub bounds: PageBounds,
    /// Bounds of the chunk, for Int columns.
    pub int_bounds: Option<(i64, i64)>,
    /// Hashes of the values for the bloom filter; empty when there is none.
    pub hashes: Vec<u64>,
    levels: Vec<u32>,
}

impl RawChunk {
    /// Forgets the chunk, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.dictionary.clear();
        self.entries = 0;
        self.cuts.clear();
        self.encoding = encoding::PLAIN;
        self.finer = false;
        self.bodies.clear();
        self.pages.clear();
        self.bounds.pages.clear();
        self.int_bounds = None;
        self.hashes.clear();
    }

    pub(super) fn nulls(&self) -> u64 {
        self.pages.iter().map(|page| u64::from(page.nulls)).sum()
    }

    /// The body of page `index`.
    pub(super) fn body(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.pages[before].end);
        &self.bodies[start..self.pages[index].end]
    }

    /// Writes all pages: levels by us, values by `put`, which gets the range of values (nulls left out) of a page.
    pub(super) fn put_pages(&mut self, rows: Rows<'_>, encoding: u8, mut put: impl FnMut(Range<usize>, &mut Vec<u8>)) {
        self.encoding = encoding;
        let mut value = 0;
        for first_row in (0..rows.count).step_by(rows.per_page) {
            let end_row = rows.count.min(first_row + rows.per_page);
            let present = rows.present.get(first_row..end_row).unwrap_or_default();
            let nulls = present.iter().filter(|&&present| !present).count();
            if rows.optional {
                self.put_levels(end_row - first_row, nulls, present);
            }
            let end_value = value + (end_row - first_row) - nulls;
            put(value..end_value, &mut self.bodies);
            value = end_value;
            self.pages.push(RawPage {
                end: self.bodies.len(),
                first_row: first_row as u32,
                rows: (end_row - first_row) as u32,
                nulls: nulls as u32,
            });
        }
    }

    /// Definition levels with their length before them, as version 1 of data pages has them.
    fn put_levels(&mut self, rows: usize, nulls: usize, present: &[bool]) {
        self.levels.clear();
        if nulls == 0 || nulls == rows {
            self.levels.resize(rows, u32::from(nulls == 0));
        } else {
            self.levels.extend(present.iter().map(|&present| u32::from(present)));
        }
        let at = self.bodies.len();
        self.bodies.extend_from_slice(&[0; 4]);
        rle::encode(&self.levels, 1, &mut self.bodies);
        let length = (self.bodies.len() - at - 4) as u32;
        self.bodies[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
}
