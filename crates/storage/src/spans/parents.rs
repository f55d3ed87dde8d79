//! Parents by distance: most parents stand a few rows above their children, and saying how many costs a byte where the id costs eight.

use hashbrown::HashMap;

/// Traces longer than this are searched through a map.
const LINEAR_MAX: usize = 32;

/// Parents of the rows of a row group.
#[derive(Debug, Default)]
pub(crate) struct Parents {
    /// The parent's id where it is in no row of the same trace in the row group; zero elsewhere.
    pub ids: Vec<[u8; 8]>,
    /// Row minus the parent's row, where the parent is in the row group.
    pub distances: Vec<i64>,
    /// Whether there is a distance.
    pub present: Vec<bool>,
}

impl Parents {
    /// Finds the parents of rows that are sorted by trace.
    pub(crate) fn find(traces: &[[u8; 16]], spans: &[[u8; 8]], parents: &[[u8; 8]]) -> Self {
        let rows = traces.len();
        let mut found = Self { ids: parents.to_vec(), distances: vec![0; rows], present: vec![false; rows] };
        let mut from = 0;
        for trace in traces.chunk_by(|a, b| a == b) {
            let range = from..from + trace.len();
            from = range.end;
            let map: HashMap<[u8; 8], usize, foldhash::fast::RandomState> = match trace.len() {
                0..=LINEAR_MAX => HashMap::default(),
                _ => range.clone().map(|row| (spans[row], row)).collect(),
            };
            for row in range.clone() {
                let parent = parents[row];
                let at = match trace.len() {
                    _ if parent == [0; 8] => None,
                    0..=LINEAR_MAX => range.clone().find(|&other| spans[other] == parent),
                    _ => map.get(&parent).copied(),
                };
                if let Some(at) = at {
                    found.ids[row] = [0; 8];
                    found.distances[row] = row as i64 - at as i64;
                    found.present[row] = true;
                }
            }
        }
        found
    }

    /// The parents' ids again. `first` is the row of the row group that stands first in `spans`; a row whose parent lies outside
    /// `spans` keeps a zero.
    pub(crate) fn restore(self, spans: &[[u8; 8]]) -> Vec<[u8; 8]> {
        let mut ids = self.ids;
        for (row, id) in ids.iter_mut().enumerate() {
            if self.present.get(row).copied().unwrap_or(self.present.is_empty()) {
                let at = row as i64 - self.distances[row];
                *id = usize::try_from(at).ok().and_then(|at| spans.get(at)).copied().unwrap_or_default();
            }
        }
        ids
    }
}
