//! Which names say that their value is a secret.
//!
//! A name is compared by its end, in lower case and without `-`, `_`, `.`: `http.request.header.X-Api-Key`, `OPENAI_API_KEY` and
//! `apiKey` all end in `apikey`. Names that go on after it, such as `api_key_hash` or `token_count`, are no secrets.

use crate::kind::MASK_PREFIX;

/// Of longer names only the end is looked at.
const TAIL_BYTES: usize = 64;

/// Ends of names that are a secret whatever stands before them.
const ENDINGS: &[&str] = &[
    "authorization",
    "apikey",
    "apikeys",
    "accesskey",
    "secretkey",
    "privatekey",
    "accountkey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "authkey",
    "subscriptionkey",
    "functionskey",
    "applicationkey",
    "licensekey",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "amzsignature",
    "googsignature",
];

/// Ends that must be a word of the name of their own.
const WORDS: &[&str] = &["token", "pwd"];

/// The last two letters of all [`ENDINGS`] and [`WORDS`].
const LAST_TWO: [[u8; 2]; ENDINGS.len() + WORDS.len()] = {
    let mut ends = [[0; 2]; ENDINGS.len() + WORDS.len()];
    let mut at = 0;
    while at < ends.len() {
        let name = if at < ENDINGS.len() { ENDINGS[at] } else { WORDS[at - ENDINGS.len()] }.as_bytes();
        ends[at] = [name[name.len() - 2], name[name.len() - 1]];
        at += 1;
    }
    ends
};

/// With these words before it, `token` is a unit of text or a place in a list.
const NOT_BEFORE_TOKEN: &[&str] = &[
    "page",
    "next",
    "continuation",
    "cursor",
    "sync",
    "cancel",
    "cancellation",
    "stop",
    "eos",
    "bos",
    "pad",
    "unk",
    "mask",
    "max",
    "min",
    "per",
    "each",
    "first",
    "last",
    "total",
    "input",
    "output",
    "prompt",
    "completion",
    "cached",
    "thinking",
    "reasoning",
    "special",
    "unexpected",
    "invalid",
    "new",
    "num",
];

/// Parameters of URLs that are secrets there, though their names say little elsewhere.
const PARAMETERS: &[&str] = &["key", "sig", "signature", "auth"];

/// The end of a name in lower case without separators.
struct Flat {
    text: [u8; TAIL_BYTES],
    length: usize,
    /// Bit `i` is set when a word begins at `text[i]`.
    begins: u64,
}

impl Flat {
    fn of(name: &[u8]) -> Self {
        let name = &name[name.len().saturating_sub(TAIL_BYTES)..];
        let mut flat = Self { text: [0; TAIL_BYTES], length: 0, begins: 0 };
        let mut before = b'.';
        for &byte in name {
            if byte.is_ascii_alphanumeric() {
                if !before.is_ascii_alphanumeric() || byte.is_ascii_uppercase() && before.is_ascii_lowercase() {
                    flat.begins |= 1 << flat.length;
                }
                flat.text[flat.length] = byte.to_ascii_lowercase();
                flat.length += 1;
            }
            before = byte;
        }
        flat
    }

    fn text(&self) -> &[u8] {
        &self.text[..self.length]
    }

    /// What stands before `word`, when the name ends in it and it is a word of its own.
    fn before_word(&self, word: &str) -> Option<&[u8]> {
        let head = self.text().strip_suffix(word.as_bytes())?;
        (self.begins >> head.len() & 1 == 1).then_some(head)
    }
}

/// True when the whole value of what bears this name is a secret.
pub(crate) fn is_secret(name: &[u8]) -> bool {
    // Most names are told by their last two letters, before anything is copied.
    let mut letters = name.iter().rev().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase);
    let (Some(last), Some(before)) = (letters.next(), letters.next()) else { return false };
    if !LAST_TWO.contains(&[before, last]) {
        return false;
    }
    // A mask in place of a name says `api-key` too.
    ends_like_a_secret(&Flat::of(name)) && memchr::memmem::find(name, MASK_PREFIX.as_bytes()).is_none()
}

fn ends_like_a_secret(flat: &Flat) -> bool {
    if ENDINGS.iter().any(|ending| flat.text().ends_with(ending.as_bytes())) {
        return true;
    }
    WORDS.iter().any(|word| match flat.before_word(word) {
        None => false,
        Some(before) => !(*word == "token" && NOT_BEFORE_TOKEN.iter().any(|unit| before.ends_with(unit.as_bytes()))),
    })
}

/// True when the parameter of a URL that bears this name is a secret.
pub(crate) fn is_secret_parameter(name: &[u8]) -> bool {
    let flat = Flat::of(name);
    PARAMETERS.iter().any(|parameter| parameter.as_bytes() == flat.text()) || is_secret(name)
}

/// True for names of HTTP's `Authorization` header.
pub(crate) fn is_authorization(name: &[u8]) -> bool {
    Flat::of(name).text().ends_with(b"authorization")
}

/// True for names of HTTP's `Cookie` and `Set-Cookie` headers.
pub(crate) fn is_cookie(name: &[u8]) -> bool {
    Flat::of(name).text().ends_with(b"cookie")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "authorization",
            "Authorization",
            "http.request.header.authorization",
            "Proxy-Authorization",
            "X-API-Key",
            "x_api_key",
            "http.request.header.x-goog-api-key",
            "OPENAI_API_KEY",
            "apiKey",
            "api_keys",
            "aws_secret_access_key",
            "AWS_SESSION_TOKEN",
            "x-amz-security-token",
            "password",
            "db.Password",
            "PGPASSWORD",
            "passwd",
            "pwd",
            "dbPwd",
            "client_secret",
            "ClientSecret",
            "token",
            "access_token",
            "refreshToken",
            "id_token",
            "GITHUB_TOKEN",
            "private-token",
            "cookie",
            "Set-Cookie",
            "AccountKey",
            "SharedAccessKey",
            "X-Amz-Signature",
            "google.credentials",
            "Ocp-Apim-Subscription-Key",
        ] {
            assert!(is_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_that_only_resemble_them_are_not() {
        for name in [
            "",
            "key",
            "cache.key",
            "db.redis.key",
            "api_key_hash",
            "api.key.id",
            "token_count",
            "gen_ai.usage.input_tokens",
            "tokens",
            "gen_ai.token.type",
            "next_page_token",
            "pageToken",
            "max_token",
            "time_per_output_token",
            "password_policy",
            "secret_name",
            "k8s.secret.name",
            "session.id",
            "cookie_count",
            "author",
            "monkey",
            "turnkey",
            "partition_key",
            "authorized",
            "url.path",
            "signature",
            "sig",
            "http.request.method",
        ] {
            assert!(!is_secret(name.as_bytes()), "{name}");
        }
        assert!(is_secret_parameter(b"key") && is_secret_parameter(b"sig") && !is_secret_parameter(b"keyword"));
    }
}
