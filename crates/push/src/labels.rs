//! Labels of a remote write series: decoded only when somebody asks.

use protowire::WireError;
use protowire::cursor::{BYTES, Cursor};

use crate::error::{DecodeError, LabelError};

/// Labels as they stand in the request.
#[derive(Clone, Copy, Debug)]
pub struct LabelsView<'v, 'a>(pub(crate) Repr<'v, 'a>);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Repr<'v, 'a> {
    /// 1.0: a message, or the part of one, whose fields 1 are `Label` messages; other fields are none of our business.
    Fields(&'a [u8]),
    /// 2.0: pairs of indexes into the symbols; checked to be inside.
    Symbols { refs: &'v [u32], symbols: &'v [&'a str] },
}

impl<'a> LabelsView<'_, 'a> {
    /// Puts the labels into `out` (cleared first) in the sender's order. Fails on malformed bytes and invalid UTF-8; other rules
    /// are [`check_labels`]'s.
    pub fn decode(&self, out: &mut Vec<(&'a str, &'a str)>) -> Result<(), DecodeError> {
        out.clear();
        match self.0 {
            Repr::Fields(message) => {
                let mut cursor = Cursor::new(message);
                while let Some(tag) = cursor.next_tag()? {
                    match tag {
                        (1, BYTES) => out.push(decode_label(cursor.bytes()?)?),
                        other => cursor.skip(other, 0b10)?,
                    }
                }
            }
            Repr::Symbols { refs, symbols } => {
                out.extend(refs.chunks_exact(2).map(|pair| (symbols[pair[0] as usize], symbols[pair[1] as usize])));
            }
        }
        Ok(())
    }
}

/// Reads a `Label` (or Loki `LabelPair`): name 1, value 2.
pub(crate) fn decode_label(message: &[u8]) -> Result<(&str, &str), WireError> {
    let (mut name, mut value) = ("", "");
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => name = cursor.str(1)?,
            (2, BYTES) => value = cursor.str(2)?,
            other => cursor.skip(other, 0b110)?,
        }
    }
    Ok((name, value))
}

/// Checks a series' labels by the rules of the remote write specification: names not empty, rising, each once; values not
/// empty; `__name__` present.
pub fn check_labels(labels: &[(&str, &str)]) -> Result<(), LabelError> {
    let mut named = false;
    let mut previous: Option<&str> = None;
    for &(name, value) in labels {
        if name.is_empty() {
            return Err(LabelError::EmptyName);
        }
        match previous {
            Some(before) if before == name => return Err(LabelError::Duplicate(name.to_owned())),
            Some(before) if before > name => return Err(LabelError::Unsorted(name.to_owned(), before.to_owned())),
            _ => previous = Some(name),
        }
        if value.is_empty() {
            // Prometheus drops empty values on read but the remote write text forbids them; an empty metric name is none at all.
            return Err(if name == "__name__" { LabelError::NoName } else { LabelError::EmptyValue(name.to_owned()) });
        }
        named |= name == "__name__";
    }
    if named { Ok(()) } else { Err(LabelError::NoName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_remote_write() {
        let name = ("__name__", "up");
        assert_eq!(check_labels(&[name, ("a", "1"), ("b", "2")]), Ok(()));
        assert_eq!(check_labels(&[("A", "1"), name]), Ok(()));
        assert_eq!(check_labels(&[("a", "1")]), Err(LabelError::NoName));
        assert_eq!(check_labels(&[("__name__", "")]), Err(LabelError::NoName));
        assert_eq!(check_labels(&[]), Err(LabelError::NoName));
        assert_eq!(check_labels(&[("", "x"), name]), Err(LabelError::EmptyName));
        assert_eq!(check_labels(&[name, ("a", "")]), Err(LabelError::EmptyValue("a".into())));
        assert_eq!(check_labels(&[name, ("b", "1"), ("a", "2")]), Err(LabelError::Unsorted("a".into(), "b".into())));
        assert_eq!(check_labels(&[name, ("b", "1"), ("b", "1")]), Err(LabelError::Duplicate("b".into())));
    }
}
