//! Writes JSON text in the order of the calls, without a tree in between: answers are large and their shape is fixed.

use std::fmt::{Display, Write};

/// One JSON document under construction. Commas are put where they belong.
#[derive(Debug, Default)]
pub(crate) struct Json {
    out: String,
    comma: bool,
}

impl Json {
    /// An empty document.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The text.
    pub(crate) fn into_string(self) -> String {
        self.out
    }

    /// Writes `{…}` with what `fill` writes inside.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.nest('{', '}', fill)
    }

    /// Writes `[…]` with what `fill` writes inside.
    pub(crate) fn array(&mut self, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.nest('[', ']', fill)
    }

    /// Writes `"name":`; a value must follow.
    pub(crate) fn key(&mut self, name: &str) -> &mut Self {
        self.str(name);
        self.out.push(':');
        self.comma = false;
        self
    }

    /// Writes a string value.
    pub(crate) fn str(&mut self, text: &str) -> &mut Self {
        self.separate();
        self.out.push('"');
        escape_into(&mut self.out, text);
        self.out.push('"');
        self
    }

    /// Writes a number, `true`, `null` or text that is JSON already.
    pub(crate) fn raw(&mut self, value: impl Display) -> &mut Self {
        self.separate();
        write!(self.out, "{value}").expect("writing to a String cannot fail");
        self
    }

    /// Writes a value that needs no escapes between quotes: the 64-bit numbers of protobuf's JSON.
    pub(crate) fn quoted(&mut self, value: impl Display) -> &mut Self {
        self.separate();
        write!(self.out, "\"{value}\"").expect("writing to a String cannot fail");
        self
    }

    /// Writes an object of strings.
    pub(crate) fn strings<'a>(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> &mut Self {
        self.object(|json| {
            for (name, value) in pairs {
                json.key(name).str(value);
            }
        })
    }

    fn nest(&mut self, open: char, close: char, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.separate();
        self.out.push(open);
        self.comma = false;
        fill(self);
        self.out.push(close);
        self.comma = true;
        self
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(',');
        }
        self.comma = true;
    }
}

fn escape_into(out: &mut String, text: &str) {
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[clean..at]);
        clean = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => write!(out, "\\u{other:04x}").expect("writing to a String cannot fail"),
        }
    }
    out.push_str(&text[clean..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_escapes() {
        let mut json = Json::new();
        json.object(|json| {
            json.key("a").array(|json| {
                json.raw(1).str("x\"\\\n\u{1}é").quoted(7);
                json.array(|_| {}).object(|_| {});
            });
            json.key("b").object(|json| {
                json.key("c").raw(true);
            });
            json.key("d").strings([("k", "v"), ("l", "w")].into_iter());
        });
        let text = json.into_string();
        assert_eq!(text, r#"{"a":[1,"x\"\\\n\u0001é","7",[],{}],"b":{"c":true},"d":{"k":"v","l":"w"}}"#);
        serde_json::from_str::<serde_json::Value>(&text).expect("valid");
    }
}
