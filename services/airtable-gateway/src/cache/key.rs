//! Keys of answers: method, path, sorted parameters.

use super::Place;

/// The key of an answer, without its marks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    text: String,
    place: Option<Place>,
    what: &'static str,
}

impl Key {
    /// The bases that the token may see.
    pub(crate) fn bases() -> Self {
        Self { text: "GET:/bases".to_owned(), place: None, what: "bases" }
    }

    /// The schema of a base.
    pub(crate) fn schema(base: &str) -> Self {
        Self { text: format!("GET:/bases/{base}/schema"), place: Some(Place::base(base)), what: "schema" }
    }

    /// A list of records; the order of the parameters does not matter, except among `fields[]`, where it does not either.
    pub(crate) fn records(base: &str, table: &str, parameters: &[(String, String)]) -> Self {
        let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let query: Vec<String> =
            sorted.iter().map(|(name, value)| format!("{}={}", plain(name), plain(value))).collect();
        let text = format!("GET:/bases/{base}/tables/{}/records?{}", plain(table), query.join("&"));
        Self { text, place: Some(Place::table(base, table)), what: "records" }
    }

    /// One record.
    pub(crate) fn record(base: &str, table: &str, record: &str) -> Self {
        let text = format!("GET:/bases/{base}/tables/{}/records/{record}", plain(table));
        Self { text, place: Some(Place::table(base, table)), what: "record" }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// `bases`, `schema`, `records` or `record`.
    pub(super) fn what(&self) -> &'static str {
        self.what
    }

    /// The shape of the key, for spans: a key itself may hold a formula with personal data.
    pub(super) fn pattern(&self) -> &'static str {
        match self.what {
            "bases" => "GET:/bases",
            "schema" => "GET:/bases/*/schema",
            "records" => "GET:/bases/*/tables/*/records?*",
            _ => "GET:/bases/*/tables/*/records/*",
        }
    }
}

/// Escapes what separates the parts of a key, so that no two requests share one.
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '%' => escaped.push_str("%25"),
            '&' => escaped.push_str("%26"),
            '=' => escaped.push_str("%3D"),
            '/' => escaped.push_str("%2F"),
            '?' => escaped.push_str("%3F"),
            '#' => escaped.push_str("%23"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A caller's pattern as one that can only match answers. Without wildcards it means "anywhere in the key".
pub(super) fn pattern(asked: &str) -> String {
    let asked = asked.trim();
    let asked = asked.strip_prefix("GET:").unwrap_or(asked);
    let wild = asked.contains(['*', '?', '[']);
    match asked {
        "" => "GET:*".to_owned(),
        _ if !wild => format!("GET:*{}*", asked.replace('\\', "\\\\")),
        _ if asked.starts_with(['/', '*']) => format!("GET:{asked}"),
        _ => format!("GET:*{asked}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn order_does_not_matter_but_content_does() {
        let key = |parameters: &[(&str, &str)]| Key::records("appA", "Deals", &pairs(parameters));
        let one = key(&[("view", "Won"), ("fields[]", "A"), ("fields[]", "B")]);
        assert_eq!(one, key(&[("fields[]", "B"), ("fields[]", "A"), ("view", "Won")]));
        assert_eq!(one.text(), "GET:/bases/appA/tables/Deals/records?fields[]=A&fields[]=B&view=Won");
        assert_ne!(key(&[("view", "a&fields[]=b")]), key(&[("view", "a"), ("fields[]", "b")]));
        assert_ne!(Key::record("appA", "a/records/b", "c"), Key::record("appA", "a", "b/records/c"));
    }

    #[test]
    fn patterns_reach_answers_only() {
        for (asked, meant) in [
            ("", "GET:*"),
            ("*", "GET:*"),
            ("appA", "GET:*appA*"),
            ("GET:/bases/appA/*", "GET:/bases/appA/*"),
            ("/bases/appA/*", "GET:/bases/appA/*"),
            ("Deals*", "GET:*Deals*"),
            ("mark:appA", "GET:*mark:appA*"),
        ] {
            assert_eq!(pattern(asked), meant, "{asked}");
        }
    }
}
