//! What the routes do, between the cache and Airtable.
//!
//! | file | what |
//! |---|---|
//! | `reads` | bases, schema, lists, single records: through the cache |
//! | `writes` | create, update, replace, delete: in batches of ten, then the cache forgets |

mod reads;
mod writes;

use service_kit::cache::Cache;
use service_kit::tasks::Tasks;
use tokio::time::Instant;

use crate::cache::Answers;
use crate::config::Config;
use crate::error::Error;
use crate::measures::Measures;
use crate::model::WhoAmI;
use crate::upstream::{Airtable, Call};
pub(crate) use writes::Write;

/// The service's state. Clones share it.
#[derive(Clone)]
pub(crate) struct Gateway {
    airtable: Airtable,
    answers: Answers,
    tasks: Tasks,
    config: Config,
}

impl Gateway {
    pub(crate) fn new(config: Config, cache: Cache, tasks: Tasks) -> anyhow::Result<Self> {
        let measures = Measures::new();
        Ok(Self {
            airtable: Airtable::new(config.clone(), measures.clone())?,
            answers: Answers::new(cache, config.ttl, measures),
            tasks,
            config,
        })
    }

    /// Whose token it is; never from the cache.
    ///
    /// # Errors
    /// [`Error`]
    pub(crate) async fn who_am_i(&self) -> Result<WhoAmI, Error> {
        self.airtable.call(&who_am_i(), self.deadline()).await
    }

    /// For `/ready`: Airtable answers and takes the token.
    ///
    /// # Errors
    /// [`Error`]
    pub(crate) async fn reachable(&self) -> Result<(), Error> {
        self.airtable.probe::<WhoAmI>(&who_am_i()).await.map(drop)
    }

    /// Removes answers by a pattern; gives how many.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub(crate) async fn invalidate(&self, pattern: &str) -> Result<u64, service_kit::cache::Error> {
        self.answers.remove(pattern).await
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.config.deadline
    }
}

fn who_am_i() -> Call {
    Call::get("/meta/whoami", None, &["meta", "whoami"])
}
