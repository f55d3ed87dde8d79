//! Where a listener listens.

use std::fmt;
use std::str::FromStr;

/// `host:port`, or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    /// Switched off.
    Off,
    /// `host:port`; the host may be a name.
    At(String),
}

impl ListenAddress {
    /// `port` on loopback.
    pub(crate) fn loopback(port: u16) -> Self {
        Self::At(format!("127.0.0.1:{port}"))
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Off);
        }
        let hint = "write host:port (port 0 picks a free one) or none";
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(format!("listen address {text:?} has no port: {hint}"));
        };
        if host.is_empty() {
            return Err(format!("listen address {text:?} has no host: write 127.0.0.1{text} or 0.0.0.0{text}"));
        }
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err(format!("listen address {text:?}: write an IPv6 host in brackets, as in [::1]:{port}"));
        }
        match port.parse::<u16>() {
            Ok(_) => Ok(Self::At(text.to_owned())),
            Err(_) => Err(format!("listen address {text:?} has an invalid port {port:?}: {hint}")),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("none"),
            Self::At(address) => f.write_str(address),
        }
    }
}

super::units::as_text!(ListenAddress);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_their_mistakes() {
        assert_eq!("none".parse(), Ok(ListenAddress::Off));
        for good in ["127.0.0.1:0", "localhost:4317", "[::1]:4317"] {
            assert_eq!(good.parse(), Ok(ListenAddress::At(good.to_owned())));
        }
        for (bad, hint) in [
            ("4317", "has no port"),
            (":4317", "write 127.0.0.1:4317"),
            ("::1:4317", "in brackets"),
            ("host:grpc", "invalid port"),
            ("host:70000", "invalid port"),
        ] {
            let message = bad.parse::<ListenAddress>().expect_err(bad);
            assert!(message.contains(hint), "{bad}: {message}");
        }
    }
}
