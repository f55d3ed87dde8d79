//! Typed values from environment variables; a bad one is an error that names the variable.
//!
//! An empty variable counts as unset, as the OpenTelemetry specification has it. Messages never hold the value: it may be a
//! secret that was put into the wrong variable.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {reason}")]
pub struct Error {
    /// Name of the variable.
    pub variable: String,
    /// What is wrong with its value, and what would be right.
    pub reason: String,
}

impl Error {
    /// An error for `variable`; `reason` must not quote the value.
    pub fn new(variable: &str, reason: impl fmt::Display) -> Self {
        Self { variable: variable.to_owned(), reason: reason.to_string() }
    }
}

/// Where variables come from: the process, or a fixed set, so that tests run several services side by side.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    fixed: Option<Arc<BTreeMap<String, String>>>,
}

impl Environment {
    /// The variables of this process.
    pub fn process() -> Self {
        Self { fixed: None }
    }

    /// Only these variables; those of the process are not seen.
    pub fn of<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let fixed = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { fixed: Some(Arc::new(fixed)) }
    }

    /// The trimmed text of a variable; `None` when unset or empty.
    ///
    /// # Errors
    /// When the value is not Unicode.
    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let value = match &self.fixed {
            Some(fixed) => fixed.get(name).cloned(),
            None => match std::env::var(name) {
                Ok(value) => Some(value),
                Err(std::env::VarError::NotPresent) => None,
                Err(std::env::VarError::NotUnicode(_)) => return Err(Error::new(name, "is not valid Unicode")),
            },
        };
        Ok(value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
    }

    /// A parsed variable, or `None` when unset.
    ///
    /// # Errors
    /// When the text cannot be parsed.
    pub fn optional<T>(&self, name: &str) -> Result<Option<T>, Error>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| match wanted::<T>() {
            Some(wanted) => Error::new(name, wanted),
            None => Error::new(name, error),
        })
    }

    /// A parsed variable, or `default` when unset.
    ///
    /// # Errors
    /// When the text cannot be parsed.
    pub fn get<T>(&self, name: &str, default: T) -> Result<T, Error>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// A parsed variable that must be set.
    ///
    /// # Errors
    /// When it is unset or cannot be parsed.
    pub fn required<T>(&self, name: &str) -> Result<T, Error>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.optional(name)?.ok_or_else(|| Error::new(name, "must be set"))
    }

    /// A number inside `range`, or `default` when unset.
    ///
    /// # Errors
    /// When the text is no number or lies outside.
    pub fn within<T>(&self, name: &str, default: T, range: RangeInclusive<T>) -> Result<T, Error>
    where
        T: FromStr + PartialOrd + fmt::Display,
        T::Err: fmt::Display,
    {
        let value = self.get(name, default)?;
        if range.contains(&value) {
            return Ok(value);
        }
        Err(Error::new(name, format_args!("must lie between {} and {}", range.start(), range.end())))
    }

    /// A time in seconds, fractions allowed, above zero.
    ///
    /// # Errors
    /// When the text is no number, not above zero, or beyond [`SECONDS_MAX`].
    pub fn seconds(&self, name: &str, default: Duration) -> Result<Duration, Error> {
        let Some(seconds) = self.optional::<f64>(name)? else { return Ok(default) };
        if seconds > 0.0 && seconds <= SECONDS_MAX {
            return Ok(Duration::from_secs_f64(seconds));
        }
        Err(Error::new(name, format_args!("must be seconds above 0 and at most {SECONDS_MAX}")))
    }

    /// A switch: `true`/`false`, `1`/`0`, `yes`/`no`, `on`/`off`, in any case.
    ///
    /// # Errors
    /// On any other text.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Error> {
        let Some(text) = self.text(name)? else { return Ok(default) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(Error::new(name, "must be true or false")),
        }
    }

    /// An http or https base address without a trailing slash, ready to have a path appended.
    ///
    /// # Errors
    /// When the text is no such address, or has a query or fragment.
    pub fn base_url(&self, name: &str, default: &str) -> Result<String, Error> {
        let text = self.text(name)?.unwrap_or_else(|| default.to_owned());
        let url = reqwest::Url::parse(&text).map_err(|error| Error::new(name, error))?;
        let plain = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
        if !plain {
            return Err(Error::new(name, "must be an http:// or https:// address without query"));
        }
        Ok(text.trim_end_matches('/').to_owned())
    }

    /// A secret, whose `Debug` shows nothing.
    ///
    /// # Errors
    /// When the value is not Unicode.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>, Error> {
        Ok(self.text(name)?.map(Secret))
    }
}

/// What a number must be: the parser's own words ("invalid digit found in string") name neither that nor the bounds.
fn wanted<T>() -> Option<&'static str> {
    match std::any::type_name::<T>() {
        "u16" => Some("must be a whole number from 0 to 65535"),
        "u8" | "u32" | "u64" | "usize" => Some("must be a whole number, not negative and not too large"),
        "i8" | "i16" | "i32" | "i64" | "isize" => Some("must be a whole number"),
        "f32" | "f64" => Some("must be a number"),
        _ => None,
    }
}

/// The longest time a variable may ask for: a day. Longer is a slip of units.
pub const SECONDS_MAX: f64 = 86_400.0;

/// A value that must not be shown: tokens, passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself: for the place that sends it, nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// A variable of this process, or `default` when unset.
///
/// # Errors
/// When the text cannot be parsed.
pub fn env<T>(name: &str, default: T) -> Result<T, Error>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    Environment::process().get(name, default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_variable_and_not_the_value() {
        let environment = Environment::of([("PORT", "sk-secret"), ("RATE", "9"), ("WAIT", "-1"), ("ON", "maybe")]);
        let errors = [
            environment.get("PORT", 1_u16).unwrap_err(),
            environment.within("RATE", 5, 1..=8).unwrap_err(),
            environment.seconds("WAIT", Duration::ZERO).unwrap_err(),
            environment.flag("ON", true).unwrap_err(),
            environment.required::<String>("ABSENT").unwrap_err(),
        ];
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "PORT: must be a whole number from 0 to 65535",
                "RATE: must lie between 1 and 8",
                "WAIT: must be seconds above 0 and at most 86400",
                "ON: must be true or false",
                "ABSENT: must be set",
            ]
        );
    }

    #[test]
    fn empty_counts_as_unset() {
        let environment = Environment::of([("PORT", " "), ("RATIO", " 0.5 ")]);
        assert_eq!(environment.get("PORT", 7_u16), Ok(7));
        assert_eq!(environment.get("RATIO", 1.0), Ok(0.5));
    }

    #[test]
    fn base_urls() {
        let of = |text: &str| Environment::of([("URL", text)]).base_url("URL", "http://127.0.0.1:1");
        assert_eq!(of("https://x/v0/").as_deref(), Ok("https://x/v0"));
        assert_eq!(of("").as_deref(), Ok("http://127.0.0.1:1"));
        for bad in ["x:80", "ftp://x", "http://x?key=1", "http://"] {
            assert_eq!(of(bad).unwrap_err().variable, "URL", "{bad}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Environment::of([("KEY", "abc")]).secret("KEY").unwrap().unwrap();
        assert_eq!((secret.expose(), format!("{secret:?}").as_str()), ("abc", "Secret(…)"));
    }
}
