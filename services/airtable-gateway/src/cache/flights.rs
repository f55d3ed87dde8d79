//! Reads under way: of several that miss the same answer at once, one asks Airtable and the others wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

/// Keys remembered before those that nobody reads any more are dropped. Requests at a time are bounded by the kit, far below.
const KEYS_MAX: usize = 4_096;

/// The reads under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<String, Weak<Gate<()>>>>>);

/// What a read is to do.
pub(super) enum Flight {
    /// Ask, and hold this until the answer is kept.
    Leads(OwnedMutexGuard<()>),
    /// Someone else asked, and is done.
    Followed,
}

impl Flights {
    /// Joins the read of `key`: at once for the first, after the first has ended for the others. Those go on side by side, also when
    /// the first one failed.
    pub(super) async fn join(&self, key: &str) -> Flight {
        let gate = self.gate(key);
        match gate.clone().try_lock_owned() {
            Ok(lead) => Flight::Leads(lead),
            Err(_) => {
                drop(gate.lock().await);
                Flight::Followed
            }
        }
    }

    fn gate(&self, key: &str) -> Arc<Gate<()>> {
        // Nothing panics while it holds the lock.
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(key).and_then(Weak::upgrade) {
            return gate;
        }
        if gates.len() >= KEYS_MAX {
            gates.retain(|_, gate| gate.strong_count() > 0);
        }
        let gate = Arc::default();
        gates.insert(key.to_owned(), Arc::downgrade(&gate));
        gate
    }
}
