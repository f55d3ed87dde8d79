//! One pass over the bytes for a hundred literals; only where one stands is looked closer.
//!
//! The literals are searched all at once with vector instructions (Teddy, from `aho-corasick`), which costs about the same for
//! clean text whatever the number of shapes. A row of [`ANCHORS`] says what to check at its literal. Literals are as short as three
//! bytes, but none that is frequent in telemetry: a hit costs some ten nanoseconds.

use std::sync::LazyLock;

use aho_corasick::packed;
use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::kind::Kind;
use crate::shapes::{self, SHAPES, Shape};
use crate::{Options, addresses, pairs};

/// A secret and where it lies, in bytes. It begins and ends at boundaries of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
}

/// What to check where a literal stands.
#[derive(Clone, Copy)]
enum Check {
    Shape(&'static Shape),
    /// The literal and one of these make the end of a name.
    Name(&'static [&'static str]),
    Bearer,
    Basic,
    Jwt,
    PrivateKey,
}

/// Literals other than those of [`SHAPES`]. Case matters: a name is searched as `authorization`, `Authorization` and
/// `AUTHORIZATION` by the part that two of them share.
const ANCHORS: &[(&str, Check)] = &[
    ("earer", Check::Bearer),
    ("EARER", Check::Bearer),
    ("asic ", Check::Basic),
    ("asic%", Check::Basic),
    ("ASIC ", Check::Basic),
    ("eyJ", Check::Jwt),
    ("BEGIN ", Check::PrivateKey),
    ("uthorization", Check::Name(&[""])),
    ("UTHORIZATION", Check::Name(&[""])),
    ("asswor", Check::Name(&["d", "ds"])),
    ("ASSWOR", Check::Name(&["D", "DS"])),
    ("asswd", Check::Name(&[""])),
    ("ASSWD", Check::Name(&[""])),
    ("assphrase", Check::Name(&[""])),
    ("ASSPHRASE", Check::Name(&[""])),
    ("pwd", Check::Name(&[""])),
    ("Pwd", Check::Name(&[""])),
    ("PWD", Check::Name(&[""])),
    ("ecret", Check::Name(&["", "s"])),
    ("ECRET", Check::Name(&["", "S"])),
    ("oken", Check::Name(&[""])),
    ("OKEN", Check::Name(&[""])),
    ("ookie", Check::Name(&["", "s"])),
    ("OOKIE", Check::Name(&["", "S"])),
    ("redential", Check::Name(&["", "s"])),
    ("REDENTIAL", Check::Name(&["", "S"])),
    ("Key", Check::Name(&["", "s"])),
    ("KEY", Check::Name(&["", "S"])),
    ("sig=", Check::Name(&[""])),
    ("ignature", Check::Name(&[""])),
    ("auth=", Check::Name(&[""])),
];

/// Ends of names whose literal is already that of a shape: `key` is the beginning of an Airtable key too.
const KEY: &[&str] = &["", "s"];

struct Search {
    /// `None` where the processor has no fitting vector instructions.
    packed: Option<packed::Searcher>,
    automaton: AhoCorasick,
    checks: Vec<Check>,
}

static SEARCH: LazyLock<Search> = LazyLock::new(|| {
    let shapes = SHAPES.iter().map(|shape| (shape.anchor, Check::Shape(shape)));
    let (literals, checks): (Vec<&str>, Vec<Check>) = shapes.chain(ANCHORS.iter().copied()).unzip();
    // The library would rather not use Teddy for more than 64 literals; measured, it is the faster by far for ours.
    let packed = packed::Config::new().heuristic_pattern_limits(false).builder().extend(&literals).build();
    let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(&literals);
    let automaton = automaton.expect("a hundred short literals make a small automaton");
    Search { packed, automaton, checks }
});

impl Search {
    /// The first literal at or after `at`: its check, where it stands and where it ends.
    #[inline]
    fn next(&self, text: &[u8], at: usize) -> Option<(Check, usize, usize)> {
        let (id, start, end) = match &self.packed {
            Some(packed) => {
                let hit = packed.find_in(text, (at..text.len()).into())?;
                (hit.pattern(), hit.start(), hit.end())
            }
            None => {
                let hit = self.automaton.find(aho_corasick::Input::new(text).range(at..))?;
                (hit.pattern(), hit.start(), hit.end())
            }
        };
        Some((self.checks[id.as_usize()], start, end))
    }
}

/// All secrets of `text` in order, none overlapping another. `in_url` is for texts that are a URL as a whole.
pub(crate) fn find(text: &[u8], options: Options, in_url: bool) -> Vec<Found> {
    let mut found = Vec::new();
    let search = &*SEARCH;
    let mut at = 0;
    while let Some((check, start, end)) = search.next(text, at) {
        let secret = match check {
            Check::Shape(shape) => {
                let secret = shape.find(text, start);
                if shape.anchor == "key" { secret.or_else(|| named(text, start, end, KEY)) } else { secret }
            }
            Check::Name(rest) => named(text, start, end, rest),
            Check::Bearer => pairs::bearer(text, start),
            Check::Basic => pairs::basic(text, start),
            Check::Jwt => shapes::jwt(text, start),
            Check::PrivateKey => shapes::private_key(text, start),
        };
        // Inside of what was found there may be more, but it is masked already.
        at = secret.map_or(start + 1, |secret| secret.end.max(start + 1));
        found.extend(secret);
    }
    for at in memchr::memchr_iter(b'@', text) {
        let secret = addresses::credentials(text, at, in_url);
        found.extend(secret.or_else(|| options.emails.then(|| addresses::email(text, at))?));
    }
    if options.cards {
        addresses::cards(text, &mut found);
    }
    if found.len() > 1 {
        join_overlapping(&mut found);
    }
    found
}

/// `end` is where the literal ends; a trailing `=` is part of some.
fn named(text: &[u8], start: usize, end: usize, rest: &[&str]) -> Option<Found> {
    let end = if text[end - 1] == b'=' { end - 1 } else { end };
    rest.iter().find_map(|rest| {
        text[end..].starts_with(rest.as_bytes()).then(|| pairs::value_of_name(text, start, end + rest.len()))?
    })
}

pub(crate) fn join_overlapping(found: &mut Vec<Found>) {
    found.sort_by_key(|found| found.start);
    found.dedup_by(|next, kept| {
        let overlap = next.start < kept.end;
        if overlap {
            kept.end = kept.end.max(next.end);
        }
        overlap
    });
}

/// True when `body`, a message of many texts and other bytes, may hold a secret. What it does not suspect holds none, wherever its
/// texts begin and end; what it does may be clean.
pub(crate) fn suspects(body: &[u8], options: Options) -> bool {
    let search = &*SEARCH;
    let mut at = 0;
    while let Some((check, start, end)) = search.next(body, at) {
        let suspect = match check {
            Check::Shape(shape) => {
                shape.suspects(body, start) || shape.anchor == "key" && suspects_name(body, start, end, KEY)
            }
            Check::Name(rest) => suspects_name(body, start, end, rest),
            Check::Bearer | Check::Basic => {
                matches!(body.get(end), Some(b' ' | b'%')) || matches!(body[end - 1], b' ' | b'%')
            }
            Check::Jwt => shapes::suspects_jwt(body, start),
            Check::PrivateKey => shapes::private_key(body, start).is_some(),
        };
        if suspect {
            return true;
        }
        at = start + 1;
    }
    options.cards
        || memchr::memchr_iter(b'@', body).any(|at| {
            addresses::credentials(body, at, false).is_some() || options.emails && addresses::email(body, at).is_some()
        })
}

/// Whether what ends here could be a name with a value: a separator follows, or (in a message) the tag of the next field.
fn suspects_name(body: &[u8], start: usize, end: usize, rest: &[&str]) -> bool {
    let end = if body[end - 1] == b'=' { end - 1 } else { end };
    rest.iter().any(|rest| {
        let Some(after) = body[end..].strip_prefix(rest.as_bytes()) else { return false };
        match after {
            [b'=' | b':' | b'"' | b'\'' | b'`' | b'\\' | b'%' | b']' | b'>', ..] => true,
            [b' ' | b'\t', next, ..] => {
                matches!(next, b'=' | b':' | b' ' | b'\t' | b'\'' | b'>') || is_flag(body, start)
            }
            [next, ..] => *next < b' ' && !matches!(next, b'\n' | b'\r'),
            [] => true,
        }
    })
}

/// True when what stands before `at` may be the beginning of `--some-name`.
fn is_flag(body: &[u8], at: usize) -> bool {
    memchr::memmem::find(&body[at.saturating_sub(pairs::NAME_BYTES)..at], b"--").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_literal_hides_another() {
        let literals: Vec<&str> =
            SHAPES.iter().map(|shape| shape.anchor).chain(ANCHORS.iter().map(|(literal, _)| *literal)).collect();
        for (at, literal) in literals.iter().enumerate() {
            for (other_at, other) in literals.iter().enumerate() {
                assert!(at == other_at || !other.starts_with(literal), "{literal} hides {other}");
            }
        }
        assert!(
            SEARCH.packed.is_some() || !cfg!(target_arch = "x86_64"),
            "no vector search: {} literals",
            literals.len()
        );
    }
}
