//! What was found, and how it is masked.

/// What a masked text was. The name stands in the mask and in metrics, so there are few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A key or token whose shape tells its issuer.
    ApiKey,
    /// A JSON web token.
    Jwt,
    /// Credentials of an `Authorization` header.
    Authorization,
    /// The value of something that is named as a secret: `password=…`, a cookie.
    Secret,
    /// User and password of a URL.
    UrlCredentials,
    /// A private key in PEM.
    PrivateKey,
    /// An e-mail address.
    Email,
    /// A card number.
    Card,
}

impl Kind {
    /// All of them, in the order of [`Kind::index`].
    pub const ALL: [Self; 8] = [
        Self::ApiKey,
        Self::Jwt,
        Self::Authorization,
        Self::Secret,
        Self::UrlCredentials,
        Self::PrivateKey,
        Self::Email,
        Self::Card,
    ];

    /// Position in [`Kind::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// As it stands in the mask.
    pub fn name(self) -> &'static str {
        self.mask()[MASK_PREFIX.len() + 1..].trim_end_matches(']')
    }

    /// What stands in place of the text: `[REDACTED:jwt]`.
    pub fn mask(self) -> &'static str {
        match self {
            Self::ApiKey => "[REDACTED:api-key]",
            Self::Jwt => "[REDACTED:jwt]",
            Self::Authorization => "[REDACTED:authorization]",
            Self::Secret => "[REDACTED:secret]",
            Self::UrlCredentials => "[REDACTED:url-credentials]",
            Self::PrivateKey => "[REDACTED:private-key]",
            Self::Email => "[REDACTED:email]",
            Self::Card => "[REDACTED:card]",
        }
    }
}

/// How each mask begins.
pub(crate) const MASK_PREFIX: &str = "[REDACTED";

/// Overwrites `name`, of a metric or a label, with `REDACTED____`: only letters, digits and `_` are allowed there.
pub fn mask_name_in_place(name: &mut [u8]) {
    name.fill(b'_');
    name.iter_mut().zip(b"REDACTED").for_each(|(byte, letter)| *byte = *letter);
}

/// Overwrites `bytes` with a mask of the same length: `[REDACTED:jwt]****`, or stars alone where that does not fit.
pub fn mask_in_place(bytes: &mut [u8], kind: Kind) {
    let mask = [kind.mask(), "[REDACTED]"].into_iter().find(|mask| mask.len() <= bytes.len()).unwrap_or_default();
    let (head, tail) = bytes.split_at_mut(mask.len());
    head.copy_from_slice(mask.as_bytes());
    tail.fill(b'*');
}

/// True for what [`mask_in_place`] and [`crate::Redactor::text`] leave behind: masking it again would count it twice.
pub fn is_mask(bytes: &[u8]) -> bool {
    let stars = |bytes: &[u8]| bytes.iter().all(|byte| *byte == b'*');
    match bytes.strip_prefix(MASK_PREFIX.as_bytes()) {
        // The second form stands in names of metrics and labels, where brackets are not allowed.
        None => {
            stars(bytes) || bytes.strip_prefix(b"REDACTED").is_some_and(|rest| rest.iter().all(|byte| *byte == b'_'))
        }
        // Where a value ends, the closing bracket may be taken for its end.
        Some(rest) => match rest.iter().position(|byte| *byte == b']') {
            None => is_kind_name(rest),
            Some(end) => is_kind_name(&rest[..end]) && stars(&rest[end + 1..]),
        },
    }
}

fn is_kind_name(bytes: &[u8]) -> bool {
    bytes.is_empty() || bytes[0] == b':' && bytes[1..].iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_lengths_and_are_known_again() {
        for kind in Kind::ALL {
            assert_eq!(Kind::ALL[kind.index()], kind);
            assert_eq!(kind.mask(), format!("[REDACTED:{}]", kind.name()));
            for length in 0..40 {
                let mut bytes = vec![b'x'; length];
                mask_in_place(&mut bytes, kind);
                assert_eq!(bytes.len(), length);
                assert!(is_mask(&bytes), "{bytes:?}");
                mask_name_in_place(&mut bytes);
                assert!(length < 8 || is_mask(&bytes), "{bytes:?}");
            }
        }
        for text in ["x", "[REDACTED]x", "[REDACTED:a b]", "[REDACT", "[REDACTED:Jwt]"] {
            assert!(!is_mask(text.as_bytes()), "{text}");
        }
    }
}
