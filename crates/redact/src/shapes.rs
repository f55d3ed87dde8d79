//! Keys and tokens that are known by their shape: a fixed beginning and a run of certain characters.
//!
//! The shapes are those that the issuers publish or print in their consoles, most of them for the sake of secret scanners. Minimum
//! lengths are a little below the issued ones, so that a longer or shorter generation of keys is still found.

use crate::Found;
use crate::bytes::{self, ALNUM, DOTTED, HEX, Set, UPPER, URL64};
use crate::kind::Kind;

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// The fixed beginning, or its recognisable part.
    pub(crate) anchor: &'static str,
    /// Four characters by which it is searched, see [`crate::search`].
    pub(crate) window: &'static str,
    /// What stands before the anchor and belongs to the secret too.
    before: &'static [&'static str],
    /// What follows.
    set: Set,
    /// Least and most characters that follow; a longer run is something else.
    least: usize,
    most: usize,
    need: Need,
}

/// What the run must also be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    /// At least one digit.
    Digit,
    /// See [`bytes::is_scrambled`].
    Scrambled,
    /// 16 letters or digits without `-` and `_` between them, not all lower-case letters, or a known first word: kebab-case names
    /// have neither.
    Dense,
    /// A dot, then 16 characters.
    DotRun,
    /// Digits before the anchor: the number of a bot.
    DigitsBefore,
}

const fn shape(anchor: &'static str, set: Set, least: usize) -> Shape {
    Shape { anchor, window: anchor, before: &[""], set, least, most: usize::MAX, need: Need::Nothing }
}

impl Shape {
    const fn by(mut self, window: &'static str) -> Self {
        self.window = window;
        self
    }

    const fn exactly(mut self) -> Self {
        self.most = self.least;
        self
    }

    const fn need(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    const fn after(mut self, before: &'static [&'static str]) -> Self {
        self.before = before;
        self
    }
}

/// All shapes.
pub(crate) const SHAPES: &[Shape] = &[
    // Google: API key, OAuth access token, client secret, refresh token.
    shape("AIza", URL64, 30),
    shape("ya29.", DOTTED, 20),
    shape("GOCSPX-", URL64, 20),
    shape("1//0", URL64, 30),
    // OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse and others who took over the form.
    shape("sk-", URL64, 20).need(Need::Dense).by("sk-_"),
    shape("sess-", ALNUM, 32).by("ss-+"),
    shape("gsk_", ALNUM, 30),
    shape("xai-", ALNUM, 40),
    shape("pplx-", ALNUM, 30).by("plx-"),
    shape("r8_", ALNUM, 30).by("r8_+"),
    shape("nvapi-", URL64, 40),
    shape("hf_", ALNUM, 30).by("hf_+"),
    shape("api_org_", ALNUM, 30).by("i_or"),
    shape("lsv2_", URL64, 30),
    // Airtable's older key; for the token see `airtable_token`.
    shape("key", ALNUM, 14).exactly().need(Need::Scrambled).by("key+"),
    // AWS and Alibaba access key ids; the secrets have no shape.
    shape("AKIA", UPPER, 16).exactly(),
    shape("ASIA", UPPER, 16).exactly(),
    shape("LTAI", ALNUM, 16).need(Need::Digit),
    // Code hosts.
    shape("ghp_", ALNUM, 30),
    shape("gho_", ALNUM, 30),
    shape("ghu_", ALNUM, 30),
    shape("ghs_", ALNUM, 30),
    shape("ghr_", ALNUM, 30),
    shape("hub_pat_", URL64, 30).after(&["git"]).by("b_pa"),
    shape("glpat-", URL64, 18),
    shape("gldt-", URL64, 18),
    shape("glrt-", URL64, 18),
    shape("glptt-", URL64, 18),
    // Package registries.
    shape("npm_", ALNUM, 30),
    shape("pypi-Ag", URL64, 30),
    shape("dckr_pat_", URL64, 20),
    // Chat and mail.
    shape("xox", URL64, 12).need(Need::Digit).by("xox+"),
    shape("xapp-", URL64, 20).need(Need::Digit).by("?xap"),
    shape("/services/T", SLACK_PATH, 20).need(Need::Digit).by("s/T+"),
    shape(":AA", URL64, 32).need(Need::DigitsBefore).by(":AA_"),
    shape("SG.", URL64, 16).need(Need::DotRun).by("SG._"),
    // Payments.
    shape("k_live_", ALNUM, 16).after(&["s", "r"]),
    shape("k_test_", ALNUM, 16).after(&["s", "r"]),
    shape("whsec_", ALNUM, 24),
    shape("shpat_", HEX, 30),
    shape("sq0", URL64, 22).need(Need::Digit).by("sq0+"),
    // Operations.
    shape("_v1_", HEX, 60).after(&["dop", "doo", "dor"]),
    shape("glsa_", URL64, 32),
    shape("glc_", ALNUM, 32),
    shape("hvs.", URL64, 24),
    shape("NRAK-", UPPER, 20),
    shape("PMAK-", URL64, 40),
    shape("lin_api_", ALNUM, 30).by("n_ap"),
    shape("ntn_", ALNUM, 40),
    shape("sntrys_", URL64, 40),
    shape("pul-", HEX, 40),
    shape("sbp_", HEX, 40),
    shape("SK", HEX, 32).exactly().by("SK##"),
];

/// `T0…/B0…/…`: the path of a Slack webhook, whose knowledge is enough to post.
const SLACK_PATH: Set = bytes::TOKEN68;

/// First words after `sk-` that keys of known issuers have.
const SK_ISSUERS: &[&str] = &["proj-", "ant-", "svcacct-", "admin-", "or-v1-", "lf-", "None-"];

/// Characters without `-` and `_` that a key has at some place.
const DENSE_BYTES: usize = 16;

impl Shape {
    /// The secret whose anchor stands at `at`.
    pub(crate) fn find(&self, text: &[u8], at: usize) -> Option<Found> {
        let body = at + self.anchor.len();
        let mut end = self.set.run(text, body);
        if !(self.least..=self.most).contains(&(end - body)) {
            return None;
        }
        let before = &text[..at];
        let head = self.before.iter().find(|head| before.ends_with(head.as_bytes()))?;
        let mut start = at - head.len();
        let run = &text[body..end];
        match self.need {
            Need::Nothing => {}
            Need::Digit => run.iter().any(u8::is_ascii_digit).then_some(())?,
            Need::Scrambled => bytes::is_scrambled(run).then_some(())?,
            Need::Dense => is_dense(run).then_some(())?,
            Need::DotRun => end = dot_run(text, end, URL64, 16)?,
            Need::DigitsBefore => {
                start = HEX.run_back(text, at, 12);
                (at - start >= 6 && text[start..at].iter().all(u8::is_ascii_digit)).then_some(())?;
            }
        }
        // Only a letter before letters makes one word of both; webhooks follow a host name.
        let one_word = self.anchor.as_bytes()[0].is_ascii_alphanumeric() && !bytes::begins_word(text, start);
        (!one_word).then_some(Found { start, end, kind: Kind::ApiKey })
    }

    /// Whether [`Shape::find`] could find something here if the text were cut elsewhere: no claim about what stands before, nor
    /// about where the run ends.
    pub(crate) fn suspects(&self, text: &[u8], at: usize) -> bool {
        let body = at + self.anchor.len();
        self.set.stands(text, body, self.least)
            && (self.need != Need::DotRun
                || text[body..].iter().take(self.most.min(1024) + 1).any(|byte| *byte == b'.'))
    }
}

fn is_dense(run: &[u8]) -> bool {
    let mixed = |part: &[u8]| part.iter().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    if SK_ISSUERS.iter().any(|issuer| run.starts_with(issuer.as_bytes())) {
        return mixed(run);
    }
    run.split(|byte| matches!(byte, b'-' | b'_')).any(|part| part.len() >= DENSE_BYTES && mixed(part))
}

fn dot_run(text: &[u8], at: usize, set: Set, least: usize) -> Option<usize> {
    (text.get(at) == Some(&b'.')).then_some(())?;
    let end = set.run(text, at + 1);
    (end > at + least).then_some(end)
}

/// `pat`, 14 letters or digits, a dot and 64 hex digits: Airtable's personal access token. `pat` alone is in every `path`, so it is
/// searched by its digits, one of which stands at `at`.
pub(crate) fn airtable_token(text: &[u8], at: usize) -> Option<Found> {
    let dot = HEX.run_back(text, at, HEX_DIGITS).checked_sub(1)?;
    let end = HEX.run(text, at);
    let start = dot.checked_sub("pat".len() + 14)?;
    let found = text[dot] == b'.'
        && end - dot > HEX_DIGITS / 2
        && text[start..].starts_with(b"pat")
        && ALNUM.stands(text, start + 3, 14)
        && bytes::begins_word(text, start);
    found.then_some(Found { start, end, kind: Kind::ApiKey })
}

/// Whether [`airtable_token`] could find something here.
pub(crate) fn suspects_airtable_token(text: &[u8], at: usize) -> bool {
    HEX.run_back(text, at, HEX_DIGITS).checked_sub(18).is_some_and(|start| text[start..].starts_with(b"pat"))
}

/// Digits of an Airtable token after its dot.
pub(crate) const HEX_DIGITS: usize = 64;

/// `eyJ…`: two or more parts of base64 joined by dots, the first of which opens a JSON object.
pub(crate) fn jwt(text: &[u8], at: usize) -> Option<Found> {
    let mut end = URL64.run(text, at);
    let mut parts = 1;
    while text.get(end) == Some(&b'.') && (parts < 2 || parts < 5) {
        let next = URL64.run(text, end + 1);
        if parts == 1 && next - end <= JWT_PART_BYTES {
            break;
        }
        end = next;
        parts += 1;
    }
    let found = end - at > JWT_PART_BYTES && parts > 1 && bytes::begins_word(text, at);
    found.then_some(Found { start: at, end, kind: Kind::Jwt })
}

/// Whether [`jwt`] could find something here.
pub(crate) fn suspects_jwt(text: &[u8], at: usize) -> bool {
    let end = URL64.run(text, at);
    end - at > JWT_PART_BYTES && text.get(end) == Some(&b'.')
}

/// The shortest header of a token, `{"alg":"HS256"}`, takes 20 characters.
const JWT_PART_BYTES: usize = 10;

/// `-----BEGIN … PRIVATE KEY-----` to the end of its block, or of the text; `at` is where `BEGIN ` stands.
pub(crate) fn private_key(text: &[u8], at: usize) -> Option<Found> {
    const LABEL_BYTES: usize = 48;
    let start = at.checked_sub(5)?;
    let label = &text[at..text.len().min(at + LABEL_BYTES)];
    if !text[start..at].iter().all(|byte| *byte == b'-') || memchr::memmem::find(label, b"PRIVATE KEY").is_none() {
        return None;
    }
    let rest = &text[at..];
    let end = memchr::memmem::find(rest, b"-----END ").map_or(text.len(), |footer| {
        let label = at + footer + "-----END ".len();
        memchr::memmem::find(&text[label..], b"-----").map_or(text.len(), |dashes| label + dashes + 5)
    });
    Some(Found { start, end, kind: Kind::PrivateKey })
}
