//! Looks for many secrets in many bytes at once, also for parts of them: what is cut before it is masked leaves a part.

use std::collections::{BTreeMap, BTreeSet};

use testkit::canaries::Canary;

/// A part of this length is as good as the secret.
const PART: usize = 16;
/// Shorter secrets have no part that could not stand there by chance.
const SPLIT_FROM: usize = 32;
/// How much is shown around a find.
const AROUND: usize = 90;

/// Secrets and parts of them, by their first two bytes.
pub(crate) struct Needles {
    known: Vec<(&'static str, Vec<u8>)>,
    by_start: Vec<Vec<usize>>,
}

impl Needles {
    pub(crate) fn new(canaries: &[Canary]) -> Self {
        let mut known = Vec::new();
        for canary in canaries {
            let secret = canary.secret.as_bytes();
            known.push((canary.name, secret.to_vec()));
            if secret.len() >= SPLIT_FROM {
                let middle = secret.len() / 2 - PART / 2;
                known.push((canary.name, secret[middle..middle + PART].to_vec()));
                known.push((canary.name, secret[secret.len() - PART..].to_vec()));
            }
        }
        let mut by_start = vec![Vec::new(); 1 << 16];
        for (index, (_, needle)) in known.iter().enumerate() {
            by_start[start(needle)].push(index);
        }
        Self { known, by_start }
    }

    /// Adds to `leaks` what `bytes` hold.
    pub(crate) fn find(&self, place: &str, bytes: &[u8], leaks: &mut Leaks) {
        for at in 0..bytes.len().saturating_sub(1) {
            for index in &self.by_start[start(&bytes[at..])] {
                let (name, needle) = &self.known[*index];
                if bytes[at..].starts_with(needle) {
                    let (before, after) = (at.saturating_sub(AROUND), at + needle.len());
                    let around = (&bytes[before..at], &bytes[after..bytes.len().min(after + AROUND)]);
                    leaks.note(place, name, around.0, needle, around.1);
                }
            }
        }
    }
}

fn start(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// What was found, by place and by what stands before it: the same door leaks many formats, and is told once.
#[derive(Default)]
pub(crate) struct Leaks(BTreeMap<(String, String), Leak>);

#[derive(Default)]
struct Leak {
    times: usize,
    names: BTreeSet<&'static str>,
    example: String,
}

impl Leaks {
    fn note(&mut self, place: &str, name: &'static str, before: &[u8], found: &[u8], after: &[u8]) {
        const LIKE: usize = 14;
        let door = shown(&before[before.len().saturating_sub(LIKE)..]);
        let leak = self.0.entry((place.to_owned(), door)).or_default();
        if leak.times == 0 {
            leak.example = format!("{}«{}»{}", shown(before), shown(found), shown(after));
        }
        leak.times += 1;
        leak.names.insert(name);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn shown(bytes: &[u8]) -> String {
    let replaced = |character: char| match character {
        control if control.is_control() || control == '\u{fffd}' => '·',
        digit if digit.is_ascii_digit() => '9',
        other => other,
    };
    String::from_utf8_lossy(bytes).chars().map(replaced).collect()
}

impl std::fmt::Display for Leaks {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for ((place, _), Leak { times, names, example }) in &self.0 {
            let names: Vec<&str> = names.iter().copied().collect();
            writeln!(out, "{place}: {times} times, {}\n    …{example}…", names.join(", "))?;
        }
        Ok(())
    }
}
