//! Literals of SQL statements.
use std::borrow::Cow;
/// x
pub fn sql(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}
