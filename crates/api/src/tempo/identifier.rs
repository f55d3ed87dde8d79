//! TraceQL's attribute identifiers as they stand in `/api/v2/search/tag/{identifier}/values`.

use store_api::{Intrinsic, Tag, TagScope};

/// What an identifier names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identifier {
    /// Something whose values the store can list.
    Tag(Tag),
    /// `kind` or `status`: the values are known beforehand.
    Keywords(&'static [&'static str]),
    /// An intrinsic of which a list of values makes no sense, such as `duration` or `span:id`.
    Unlisted,
}

const STATUS_KEYWORDS: &[&str] = &["ok", "error", "unset"];
const KIND_KEYWORDS: &[&str] = &["client", "server", "producer", "consumer", "internal", "unspecified"];

/// Intrinsics that are valid but not listed.
const UNLISTED: [&str; 18] = [
    "duration",
    "traceDuration",
    "childCount",
    "nestedSetLeft",
    "nestedSetRight",
    "nestedSetParent",
    "parent",
    "trace:duration",
    "trace:id",
    "span:duration",
    "span:id",
    "span:parentID",
    "span:childCount",
    "event:timeSinceStart",
    "link:traceID",
    "link:spanID",
    "parent:id",
    "span:parent",
];

/// Intrinsics with values in the store, by every spelling.
const LISTED: [(&str, Intrinsic); 12] = [
    ("name", Intrinsic::Name),
    ("span:name", Intrinsic::Name),
    ("statusMessage", Intrinsic::StatusMessage),
    ("span:statusMessage", Intrinsic::StatusMessage),
    ("rootName", Intrinsic::RootName),
    ("trace:rootName", Intrinsic::RootName),
    ("rootServiceName", Intrinsic::RootServiceName),
    ("trace:rootService", Intrinsic::RootServiceName),
    ("event:name", Intrinsic::EventName),
    ("instrumentation:name", Intrinsic::InstrumentationName),
    ("instrumentation:version", Intrinsic::InstrumentationVersion),
    ("root.name", Intrinsic::RootName),
];

/// Parses an identifier; the error is a text for a 400.
pub(super) fn parse_identifier(text: &str) -> Result<Identifier, String> {
    match text {
        "status" | "span:status" => return Ok(Identifier::Keywords(STATUS_KEYWORDS)),
        "kind" | "span:kind" => return Ok(Identifier::Keywords(KIND_KEYWORDS)),
        _ => {}
    }
    if UNLISTED.contains(&text) {
        return Ok(Identifier::Unlisted);
    }
    if let Some((_, intrinsic)) = LISTED.iter().find(|(name, _)| *name == text && !name.starts_with("root.")) {
        return Ok(Identifier::Tag(Tag::Intrinsic(*intrinsic)));
    }
    if let Some(name) = text.strip_prefix('.') {
        return Ok(Identifier::Tag(Tag::Anywhere(attribute(name, text)?)));
    }
    let scopes = [
        ("resource.", TagScope::Resource),
        ("span.", TagScope::Span),
        ("event.", TagScope::Event),
        ("link.", TagScope::Link),
        ("instrumentation.", TagScope::Instrumentation),
    ];
    for (prefix, scope) in scopes {
        if let Some(name) = text.strip_prefix(prefix) {
            return Ok(Identifier::Tag(Tag::Scoped(scope, attribute(name, text)?)));
        }
    }
    Err(format!(
        "tag name is not a valid TraceQL attribute or intrinsic: {text:?}; an attribute needs its scope or a leading dot"
    ))
}

/// A tag as the older API names it: no scopes, a few names of its own.
pub(super) fn parse_legacy(text: &str) -> Identifier {
    match text {
        "status.code" | "status" => Identifier::Keywords(STATUS_KEYWORDS),
        "root.service.name" => Identifier::Tag(Tag::Intrinsic(Intrinsic::RootServiceName)),
        "root.name" => Identifier::Tag(Tag::Intrinsic(Intrinsic::RootName)),
        _ => match parse_identifier(text) {
            Ok(known @ (Identifier::Keywords(_) | Identifier::Unlisted | Identifier::Tag(Tag::Intrinsic(_)))) => known,
            _ => Identifier::Tag(Tag::Anywhere(text.to_owned())),
        },
    }
}

/// The name after the scope, with quoted parts (`span."a b".c`) resolved.
fn attribute(name: &str, whole: &str) -> Result<String, String> {
    let invalid = |reason: &str| Err(format!("invalid TraceQL attribute {whole:?}: {reason}"));
    let mut out = String::new();
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => loop {
                match chars.next() {
                    None => return invalid("unexpected end of input, expected closing quote"),
                    Some('"') => break,
                    Some('\\') => match chars.next() {
                        Some(escaped @ ('"' | '\\')) => out.push(escaped),
                        _ => return invalid("only \\\" and \\\\ may follow a backslash"),
                    },
                    Some(other) => out.push(other),
                }
            },
            c if c.is_whitespace() || "{}()=~!<>&|^,".contains(c) => return invalid("unquoted special character"),
            c => out.push(c),
        }
    }
    if out.is_empty() { invalid("the name is empty") } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        let scoped = |scope, name: &str| Identifier::Tag(Tag::Scoped(scope, name.to_owned()));
        for (text, expected) in [
            ("resource.service.name", scoped(TagScope::Resource, "service.name")),
            ("span.http.method", scoped(TagScope::Span, "http.method")),
            ("event.exception.type", scoped(TagScope::Event, "exception.type")),
            ("link.a/b", scoped(TagScope::Link, "a/b")),
            ("instrumentation.x", scoped(TagScope::Instrumentation, "x")),
            (r#"span."my key""#, scoped(TagScope::Span, "my key")),
            (r#"span."a \"b\"".c"#, scoped(TagScope::Span, "a \"b\".c")),
            (".http.method", Identifier::Tag(Tag::Anywhere("http.method".into()))),
            ("name", Identifier::Tag(Tag::Intrinsic(Intrinsic::Name))),
            ("trace:rootService", Identifier::Tag(Tag::Intrinsic(Intrinsic::RootServiceName))),
            ("span:kind", Identifier::Keywords(KIND_KEYWORDS)),
            ("status", Identifier::Keywords(STATUS_KEYWORDS)),
            ("trace:id", Identifier::Unlisted),
        ] {
            assert_eq!(parse_identifier(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn bad_identifiers() {
        for text in [
            "",
            "foo",
            "service.name",
            "trace:rootServiceName",
            "span.",
            "span.a b",
            "span.\"a",
            "span.\"\\n\"",
            "root.name",
        ] {
            parse_identifier(text).expect_err(text);
        }
    }

    #[test]
    fn legacy_names() {
        assert_eq!(parse_legacy("service.name"), Identifier::Tag(Tag::Anywhere("service.name".into())));
        assert_eq!(parse_legacy("root.name"), Identifier::Tag(Tag::Intrinsic(Intrinsic::RootName)));
        assert_eq!(parse_legacy("status.code"), Identifier::Keywords(STATUS_KEYWORDS));
        assert_eq!(parse_legacy("name"), Identifier::Tag(Tag::Intrinsic(Intrinsic::Name)));
    }
}
