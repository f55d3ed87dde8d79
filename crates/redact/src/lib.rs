//! Finds secrets in text and masks them; shared by the SDK and the collector.
//!
//! | module | owns |
//! |---|---|
//! | `search` | one pass over the bytes for a hundred literals |
//! | `find` | what to check at which literal |
//! | `shapes` | keys and tokens that their shape gives away |
//! | `names` | names whose value is a secret |
//! | `pairs` | a name and its value in running text; credentials after `Bearer` and `Basic` |
//! | `addresses` | credentials of URLs, e-mail addresses, card numbers |
//! | `url` | parameters of URLs, their percent-encoding |
//! | `sql` | literals of SQL statements |
//! | `kind` | what was found, masks |
//! | `bytes` | classes of bytes, words |
//!
//! Pure: no I/O, no settings but [`Options`], no allocation for clean text. A secret without a shape and without a name (a bare
//! password in prose) cannot be found; nor one that is encoded as a whole, in base64 for instance.

mod addresses;
mod bytes;
mod find;
mod kind;
mod names;
mod pairs;
mod search;
mod shapes;
mod sql;
mod url;

use std::borrow::Cow;

pub use find::Found;
pub use kind::{Kind, is_mask, mask_in_place, mask_name_in_place};
pub use sql::sql;

/// How much of prompts and completions is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    #[default]
    Off,
    /// The text without secrets, e-mail addresses and card numbers.
    Redacted,
    /// The text as it is, without secrets all the same.
    Full,
}

/// What is masked besides secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// E-mail addresses.
    pub emails: bool,
    /// Card numbers: 13 to 19 digits with the beginning of an issuer and the right check digit (Luhn).
    pub cards: bool,
}

/// Masks secrets. Free to clone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redactor {
    options: Options,
}

impl Redactor {
    /// One that masks secrets, and what `options` ask for.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// `text` with each secret replaced by its [`Kind::mask`]; borrowed when there is none.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        replace(text, &self.find(text.as_bytes()))
    }

    /// The secrets of `text` in order; none overlaps another. Bytes that are not UTF-8 are allowed.
    pub fn find(&self, text: &[u8]) -> Vec<Found> {
        find::find(text, self.options, false)
    }

    /// The secrets of a URL, as [`Redactor::url`] masks them, or of its query alone (`a=b&c=d`).
    pub fn find_in_url(&self, url: &[u8]) -> Vec<Found> {
        let mut found = find::find(url, self.options, true);
        url::parameters(url, &mut found);
        url::encoded(url, self.options, &mut found);
        found
    }

    /// True when `body` may hold a secret: a pass at memory speed over a message of many texts, such as a request in protobuf. A
    /// text of a body that is not suspected holds nothing that [`Redactor::find`] would find, and no name that
    /// [`Redactor::key_is_secret`] knows is followed by a value: a byte below a space counts as the tag of one.
    pub fn suspects(&self, body: &[u8]) -> bool {
        find::suspects(body, self.options)
    }

    /// True for names of attributes, headers and JSON fields whose whole value is a secret, such as `authorization`, `x-api-key`,
    /// `dbPassword`. What lies before the last `.`, `-` or `_` only matters where it makes the meaning: `api_key`, but not `key`.
    pub fn key_is_secret(&self, key: &str) -> bool {
        names::is_secret(key.as_bytes())
    }

    /// `url` without user and password and without the values of secret parameters, then as by [`Redactor::text`]; borrowed when
    /// nothing was to be masked.
    pub fn url<'a>(&self, url: &'a str) -> Cow<'a, str> {
        replace(url, &self.find_in_url(url.as_bytes()))
    }
}

fn replace<'a>(text: &'a str, found: &[Found]) -> Cow<'a, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16 * found.len());
    let mut at = 0;
    for secret in found {
        // Secrets begin and end at ASCII or at the ends of a quotation, never inside a character.
        out.push_str(text.get(at..secret.start).unwrap_or_default());
        out.push_str(secret.kind.mask());
        at = secret.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
