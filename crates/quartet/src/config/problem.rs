//! What is wrong with a configuration, where, and what was probably meant.

use std::fmt;
use std::path::Path;

/// A configuration error, shown as `file:line: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    place: String,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    /// About the file as a whole.
    pub(super) fn whole(path: &Path, message: String) -> Self {
        Self { place: path.display().to_string(), message }
    }

    /// About one line, from 1.
    pub(super) fn at(path: &Path, line: usize, message: String) -> Self {
        Self { place: format!("{}:{line}", path.display()), message }
    }

    /// From the YAML reader's error, whose text ends with the place and lists what is allowed.
    pub(super) fn from_yaml(path: &Path, error: &serde_norway::Error) -> Self {
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        let message = match suggestion(message) {
            Some(meant) => {
                format!("{}: did you mean `{meant}`?", message.split(", expected").next().unwrap_or(message))
            }
            None => message.to_owned(),
        };
        match error.location() {
            Some(location) => Self::at(path, location.line(), message),
            None => Self::whole(path, message),
        }
    }
}

/// For "unknown field `x`, expected one of `a`, `b`": the one that is nearest to `x`, if any is near.
fn suggestion(message: &str) -> Option<&str> {
    let (unknown, expected) = message.split_once(", expected")?;
    let unknown = unknown.split('`').nth(1).filter(|_| unknown.contains("unknown"))?;
    let allowed = expected.split('`').skip(1).step_by(2);
    nearest(unknown, allowed)
}

fn nearest<'a>(unknown: &str, allowed: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, best) = allowed.map(|name| (distance(unknown, name), name)).min()?;
    // A third of the letters wrong is a typing mistake; more is another word.
    (distance <= (unknown.chars().count().max(best.len()) / 3).max(1)).then_some(best)
}

/// Edit distance: letters put in, left out, replaced.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_far_ones_are_not() {
        assert_eq!(distance("kitten", "sitting"), 3);
        let message = "unknown field `otlp_grcp`, expected one of `otlp_http`, `otlp_grpc`, `tempo`";
        assert_eq!(suggestion(message), Some("otlp_grpc"));
        assert_eq!(suggestion("unknown field `zzz`, expected `tempo` or `loki`"), None);
        assert_eq!(suggestion("invalid type: map, expected a text"), None);
    }
}
