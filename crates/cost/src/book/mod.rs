//! The price book: which model cost what on which day.
//!
//! | module | owns |
//! |---|---|
//! | `layout` | the JSON as written |
//! | `rows` | the same, checked and in integers |
//! | `names` | how names are compared |
//!
//! A book is read whole; one bad row refuses it. Books can be laid over each other ([`Book::overlaid`]): negotiated prices win over the
//! list. What has been priced is not looked up again when the book changes: a [`PriceRef`](crate::PriceRef) says what was used.

mod layout;
mod names;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::day::Day;
use crate::error::BookError;
pub(crate) use rows::{Price, Rates};

const LAYOUT: u32 = 1;
static BUNDLED: &str = include_str!("../../data/prices.json");

/// Prices of models by provider, name and day. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Book {
    /// Models by canonical provider and name, aliases included.
    by_name: HashMap<(String, String), Arc<Model>>,
    /// Aliases that end in `*`: provider, beginning, model. Longest beginning first.
    by_prefix: Vec<(String, String, Arc<Model>)>,
    version: String,
}

/// A model of the book.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) provider: String,
    pub(crate) name: String,
    /// By date, without overlap.
    pub(crate) prices: Vec<Price>,
}

impl Book {
    /// The book that is built into the program.
    pub fn bundled() -> &'static Self {
        static BOOK: LazyLock<Book> = LazyLock::new(|| Book::parse(BUNDLED).expect("a test reads the bundled book"));
        &BOOK
    }

    /// Reads a book from JSON of layout 1.
    ///
    /// # Errors
    /// Anything that is not exactly the layout: no row is skipped.
    pub fn parse(text: &str) -> Result<Self, BookError> {
        let file: layout::File = serde_json::from_str(text)?;
        if file.layout != LAYOUT {
            return Err(BookError::Version(file.layout));
        }
        let mut book = Self { by_name: HashMap::new(), by_prefix: Vec::new(), version: fingerprint(text) };
        for written in file.models {
            if let Some(price) = written.prices.iter().find(|price| !file.sources.contains_key(&price.source)) {
                let reason = format!("source `{}` is not described in `sources`", price.source);
                return Err(BookError::Row { model: written.model, reason });
            }
            book.add(written)?;
        }
        book.by_prefix.sort_by_key(|(_, beginning, _)| std::cmp::Reverse(beginning.len()));
        Ok(book)
    }

    fn add(&mut self, written: layout::Model) -> Result<(), BookError> {
        let provider = names::provider(&written.provider);
        let own_name = names::model(&written.model);
        let prices = rows::prices(&own_name, &written.prices)?;
        let model = Arc::new(Model { provider: provider.clone(), name: own_name.clone(), prices });
        for name in std::iter::once(&written.model).chain(&written.aliases) {
            let name = names::model(name);
            let twice = match name.strip_suffix('*') {
                Some(beginning) => {
                    self.by_prefix.push((provider.clone(), beginning.to_owned(), Arc::clone(&model)));
                    beginning.is_empty()
                }
                None => self.by_name.insert((provider.clone(), name.clone()), Arc::clone(&model)).is_some(),
            };
            if twice {
                return Err(BookError::Row {
                    model: own_name,
                    reason: format!("the name `{name}` is given twice or is empty"),
                });
            }
        }
        Ok(())
    }

    /// This book with another's models in front: where both know a name, the other's prices count.
    #[must_use]
    pub fn overlaid(&self, other: &Self) -> Self {
        let mut book = self.clone();
        book.by_name.extend(other.by_name.iter().map(|(name, model)| (name.clone(), Arc::clone(model))));
        book.by_prefix = other.by_prefix.iter().chain(&self.by_prefix).cloned().collect();
        book.version = format!("{}+{}", self.version, other.version);
        book
    }

    /// Names the book's content: 16 hexadecimal digits, `a+b` for a book laid over another.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Number of models, without aliases.
    pub fn len(&self) -> usize {
        self.by_name.iter().filter(|((_, name), model)| **name == model.name).count()
    }

    /// Whether it knows no model.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether it has a price for a model on a day.
    pub fn knows(&self, provider: &str, model: &str, day: Day) -> bool {
        self.model(provider, model).is_some_and(|model| model.price_on(day).is_some())
    }

    /// The model with a name: exact, by an alias, or without the date or version at its end.
    pub(crate) fn model(&self, provider: &str, name: &str) -> Option<&Model> {
        let (provider, name) = (names::provider(provider), names::model(name));
        self.exact(&provider, &name).or_else(|| self.exact(&provider, names::undated(&name)?))
    }

    fn exact(&self, provider: &str, name: &str) -> Option<&Model> {
        let by_prefix = || {
            let mut aliases = self.by_prefix.iter();
            aliases
                .find(|(of, beginning, _)| of == provider && name.starts_with(beginning.as_str()))
                .map(|(_, _, model)| model)
        };
        self.by_name.get(&(provider.to_owned(), name.to_owned())).or_else(by_prefix).map(AsRef::as_ref)
    }
}

impl Model {
    /// The price that is valid on a day.
    pub(crate) fn price_on(&self, day: Day) -> Option<&Price> {
        self.prices.iter().find(|price| price.is_valid_on(day))
    }
}

/// Whether the provider answers with a model name that is coarser than the asked one, so that the asked one prices the call.
pub(crate) fn prices_by_request(provider: &str) -> bool {
    names::provider(provider) == "aws.bedrock"
}

/// FNV-1a with 64 bits: it tells books apart, it does not protect them.
fn fingerprint(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
