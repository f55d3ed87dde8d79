//! What handlers share.

use std::sync::Arc;

use cost::Book;
use service_kit::Boot;
use service_kit::cache::Cache;
use service_kit::database::{Database, Migrations};
use service_kit::tasks::Tasks;
use sqlx::migrate::Migrator;
use tokio::sync::Notify;

use crate::config::Config;
use crate::gemini::Gemini;
use crate::metering::Metering;
use crate::tools::Tools;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Everything a request may need.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) gemini: Gemini,
    pub(crate) metering: Arc<Metering>,
    pub(crate) tools: Tools,
    pub(crate) cache: Cache,
    pub(crate) database: Database,
    pub(crate) tasks: Tasks,
    /// Wakes the workers of batch jobs.
    pub(crate) jobs_wait: Notify,
}

/// A file with prices that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PriceBookError {
    /// It cannot be read.
    #[error("PRICE_BOOK: cannot read the file: {0}")]
    File(#[from] std::io::Error),
    /// It is not a price book.
    #[error("PRICE_BOOK: {0}")]
    Book(#[from] cost::BookError),
}

impl State {
    /// Opens what the service needs.
    ///
    /// # Errors
    /// A bad variable, a database that cannot be opened.
    pub(crate) async fn open(boot: &Boot) -> anyhow::Result<Arc<Self>> {
        let config = Config::read(boot.environment())?;
        let gemini = Gemini::new(boot.http()?, config.gemini.clone());
        let book = book(config.price_book.as_deref())?;
        let metering = Arc::new(Metering::new(book, config.cost_tracking, gemini.base_url()));
        let tools = Tools::new(boot.peer("MCP_SERVER_URL", "http://127.0.0.1:8001")?, config.tool_timeout);
        let cache = boot.cache().await?;
        let database = boot.database(Migrations { sqlite: &SQLITE, postgres: &POSTGRES }).await?;
        let (tasks, jobs_wait) = (boot.tasks().clone(), Notify::new());
        Ok(Arc::new(Self { config, gemini, metering, tools, cache, database, tasks, jobs_wait }))
    }
}

fn book(own_prices: Option<&str>) -> Result<Book, PriceBookError> {
    let Some(path) = own_prices else { return Ok(Book::bundled().clone()) };
    let own = Book::parse(&std::fs::read_to_string(path)?)?;
    Ok(Book::bundled().overlaid(&own))
}
