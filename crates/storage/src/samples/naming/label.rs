//! Label names.

use super::{NamingError, is_only_underscores};

/// Translates label names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LabelNamer {
    /// Names keep all characters.
    pub keep_utf8: bool,
    /// A single leading underscore gets `key` in front (`label_name_underscore_sanitization`).
    pub prefix_underscore: bool,
    /// Runs of underscores are kept (`label_name_preserve_multiple_underscores`).
    pub keep_underscores: bool,
}

/// Prometheus' defaults.
impl Default for LabelNamer {
    fn default() -> Self {
        Self { keep_utf8: false, prefix_underscore: true, keep_underscores: true }
    }
}

impl LabelNamer {
    /// The Prometheus name of an attribute.
    pub(crate) fn name(&self, name: &str) -> Result<String, NamingError> {
        if name.is_empty() {
            return Err(NamingError::EmptyLabel);
        }
        if self.keep_utf8 {
            let bad = is_only_underscores(name);
            return if bad { Err(NamingError::OnlyUnderscores(name.to_owned())) } else { Ok(name.to_owned()) };
        }
        let mut result = self.sanitize(name);
        if result.starts_with(|c: char| c.is_ascii_digit()) {
            result.insert_str(0, "key_");
        } else if self.prefix_underscore && result.starts_with('_') && !result.starts_with("__") {
            if is_only_underscores(&result) {
                return Err(NamingError::InvalidLabel { name: name.to_owned(), result });
            }
            result.insert_str(0, "key");
        }
        if is_only_underscores(&result) {
            return Err(NamingError::InvalidLabel { name: name.to_owned(), result });
        }
        Ok(result)
    }

    fn sanitize(&self, name: &str) -> String {
        let replaced: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if self.keep_underscores {
            return replaced;
        }
        let mut result = String::with_capacity(replaced.len());
        for c in replaced.chars() {
            if c != '_' || !result.ends_with('_') {
                result.push(c);
            }
        }
        // Names of the form `__x__` are Prometheus' own and keep their ends.
        let reserved = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
        if reserved && !is_only_underscores(&result) { format!("_{result}_") } else { result }
    }
}
