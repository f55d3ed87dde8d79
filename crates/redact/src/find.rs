//! What to check at which literal, and the two passes: exact for one text, cautious for a whole message.

use std::sync::LazyLock;

use crate::kind::Kind;
use crate::search::{self, Next, Search};
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
const ANCHORS: &[(&str, &str, Check)] = &[
    ("Bearer", "Bear", Check::Bearer),
    ("bearer", "bear", Check::Bearer),
    ("BEARER", "BEAR", Check::Bearer),
    ("asic ", "asic", Check::Basic),
    ("asic%", "sic%", Check::Basic),
    ("ASIC ", "ASIC", Check::Basic),
    ("eyJ", "eyJ_", Check::Jwt),
    ("BEGIN ", "BEGI", Check::PrivateKey),
    ("uthorization", "riza", Check::Name(&[""])),
    ("UTHORIZATION", "RIZA", Check::Name(&[""])),
    ("asswor", "sswo", Check::Name(&["d", "ds"])),
    ("ASSWOR", "SSWO", Check::Name(&["D", "DS"])),
    ("asswd", "sswd", Check::Name(&[""])),
    ("ASSWD", "SSWD", Check::Name(&[""])),
    ("assphrase", "ssph", Check::Name(&[""])),
    ("ASSPHRASE", "SSPH", Check::Name(&[""])),
    ("pwd", "pwd=", Check::Name(&[""])),
    ("Pwd", "Pwd=", Check::Name(&[""])),
    ("PWD", "PWD=", Check::Name(&[""])),
    ("ecret", "ecre", Check::Name(&["", "s"])),
    ("ECRET", "ECRE", Check::Name(&["", "S"])),
    ("oken", "oken", Check::Name(&[""])),
    ("OKEN", "OKEN", Check::Name(&[""])),
    ("ookie", "okie", Check::Name(&["", "s"])),
    ("OOKIE", "OKIE", Check::Name(&["", "S"])),
    ("redential", "tial", Check::Name(&["", "s"])),
    ("REDENTIAL", "TIAL", Check::Name(&["", "S"])),
    ("key", "key=", Check::Name(&["", "s"])),
    ("Key", "Key=", Check::Name(&["", "s"])),
    ("KEY", "KEY=", Check::Name(&["", "S"])),
    ("sig=", "sig=", Check::Name(&[""])),
    ("ignature", "gnat", Check::Name(&[""])),
    ("auth=", "uth=", Check::Name(&[""])),
];

static SEARCH: LazyLock<(Search, Vec<Check>)> = LazyLock::new(|| {
    let shapes = SHAPES.iter().map(|shape| (shape.anchor, shape.window, Check::Shape(shape)));
    let rows: Vec<(&str, &str, Check)> = shapes.chain(ANCHORS.iter().copied()).collect();
    let literals: Vec<(&'static str, &'static str)> =
        rows.iter().map(|(literal, window, _)| (*literal, *window)).collect();
    (Search::new(&literals), rows.into_iter().map(|(_, _, check)| check).collect())
});

/// All secrets of `text` in order, none overlapping another. `in_url` is for texts that are a URL as a whole.
pub(crate) fn find(text: &[u8], options: Options, in_url: bool) -> Vec<Found> {
    let mut found = Vec::new();
    let (search, checks) = &*SEARCH;
    search.each(text, |id, start, end| {
        let secret = match checks[id] {
            Check::Shape(shape) => shape.find(text, start),
            Check::Name(rest) => named(text, start, end, rest),
            Check::Bearer => pairs::bearer(text, start, end),
            Check::Basic => pairs::basic(text, start, end),
            Check::Jwt => shapes::jwt(text, start),
            Check::PrivateKey => shapes::private_key(text, start),
        };
        found.extend(secret);
        // What else is inside of a secret is masked already.
        Next::From(secret.map_or(0, |secret| secret.end))
    });
    search::each_hex_run(text, shapes::HEX_DIGITS, |at| {
        found.extend(shapes::airtable_token(text, at));
        false
    });
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
    let (search, checks) = &*SEARCH;
    let mut suspect = options.cards;
    search.each(body, |id, start, end| {
        suspect = suspect
            || match checks[id] {
                Check::Shape(shape) => shape.suspects(body, start),
                Check::Name(rest) => suspects_name(body, start, end, rest),
                Check::Bearer | Check::Basic => {
                    matches!(body.get(end), Some(b' ' | b'%')) || matches!(body[end - 1], b' ' | b'%')
                }
                Check::Jwt => shapes::suspects_jwt(body, start),
                Check::PrivateKey => shapes::private_key(body, start).is_some(),
            };
        if suspect { Next::Stop } else { Next::From(0) }
    });
    suspect
        || search::each_hex_run(body, shapes::HEX_DIGITS, |at| shapes::suspects_airtable_token(body, at))
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
