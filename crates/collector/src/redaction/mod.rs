//! Masks secrets in requests before anything is kept of them: the log stores the bytes of requests.
//!
//! | file | owns |
//! |---|---|
//! | `schema.rs` | where texts lie in the messages |
//! | `walk.rs` | what is to be overwritten |
//!
//! A pass over the whole body says whether there may be a secret; nearly always there is none, and the body goes on untouched and
//! uncopied, compressed form included. Otherwise the message's fields are walked, and each secret is overwritten with a mask of the same
//! length, so that no length changes and nothing is encoded anew; the compressed form is dropped. Limits: what is encoded as a whole
//! (base64, compressed attribute values) is not looked into, and a name after its value in a pair is only found when the pair's last
//! byte is one that separates; no encoder writes pairs so.

mod schema;
mod walk;

use bytes::{Bytes, BytesMut};
use redact::{Kind, Options, Redactor};
use store_api::WireFormat;

use walk::{Edit, Walk};

/// Whether and what to mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedactionSettings {
    /// Keys, tokens, passwords, credentials.
    pub enabled: bool,
    /// E-mail addresses too.
    pub emails: bool,
    /// Card numbers too; each request is walked then.
    pub cards: bool,
}

impl Default for RedactionSettings {
    fn default() -> Self {
        Self { enabled: true, emails: false, cards: false }
    }
}

/// Masked values by [`Kind::index`].
pub type Masked = [u64; Kind::ALL.len()];

/// Masks as its settings say.
#[derive(Clone, Copy, Debug)]
pub struct Redaction {
    redactor: Option<Redactor>,
}

impl Redaction {
    /// One for `settings`.
    pub fn new(settings: RedactionSettings) -> Self {
        let options = Options { emails: settings.emails, cards: settings.cards };
        Self { redactor: settings.enabled.then(|| Redactor::new(options)) }
    }

    /// True when `body` may hold a secret.
    pub fn suspects(&self, body: &[u8]) -> bool {
        self.redactor.is_some_and(|redactor| redactor.suspects(body))
    }

    /// The body without its secrets, and how many were masked; `None` when there was none.
    pub fn mask(&self, format: WireFormat, body: &Bytes) -> Option<(Bytes, Masked)> {
        let redactor = self.redactor.filter(|redactor| redactor.suspects(body))?;
        let edits = edits(redactor, format, body);
        if edits.is_empty() {
            return None;
        }
        let mut masked = Masked::default();
        let mut bytes = BytesMut::from(&body[..]);
        for Edit { range, kind, in_name } in edits {
            masked[kind.index()] += 1;
            let secret = &mut bytes[range];
            if in_name { redact::mask_name_in_place(secret) } else { redact::mask_in_place(secret, kind) }
        }
        Some((bytes.freeze(), masked))
    }
}

/// A reason for a refusal, which may repeat a piece of the request or its path, as it may be shown and logged: without secrets, and
/// without the text that `serde_json` quotes (`invalid type: string \"…\", expected …`), which may be one that only its name gave away.
pub fn reason(text: &str) -> String {
    let text = Redactor::default().text(text);
    let quoted =
        text.split_once("string \"").and_then(|(head, rest)| Some((head, rest.rsplit_once("\", expected")?.1)));
    match quoted {
        Some((head, tail)) => format!("{head}string, expected{tail}"),
        None => text.into_owned(),
    }
}

fn edits(redactor: Redactor, format: WireFormat, body: &[u8]) -> Vec<Edit> {
    let mut walk = Walk::new(redactor, body);
    match format {
        WireFormat::OtlpTraces => walk.message(&schema::TRACES),
        WireFormat::OtlpLogs => walk.message(&schema::LOGS),
        WireFormat::OtlpMetrics => walk.message(&schema::METRICS),
        WireFormat::RemoteWriteV1 => walk.message(&schema::REMOTE_WRITE),
        WireFormat::RemoteWriteV2 => walk.remote_write_v2(),
        WireFormat::LokiPush => walk.message(&schema::LOKI_PUSH),
    }
    walk.edits
}

#[cfg(test)]
mod tests;
