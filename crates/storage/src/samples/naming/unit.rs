//! UCUM units to the words that Prometheus names use.

/// Words of the part before the slash.
const MAIN: &[(&str, &str)] = &[
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

/// Words of the part after the slash.
const PER: &[(&str, &str)] =
    &[("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"), ("mo", "month"), ("y", "year")];

/// A unit in words, either part empty when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UnitWords {
    /// `bytes`
    pub main: String,
    /// `second`, without `per`.
    pub per: String,
}

impl UnitWords {
    /// Translates `unit`. Annotations in braces are left out; what is not in the tables is made a valid name.
    pub(super) fn new(unit: &str, keep_utf8: bool) -> Self {
        let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
        Self { main: translate(main, MAIN, keep_utf8), per: translate(per, PER, keep_utf8) }
    }

    /// `bytes_per_second`: the unit as metadata names it.
    pub(super) fn joined(&self) -> String {
        match (self.main.as_str(), self.per.as_str()) {
            (main, "") => main.to_owned(),
            ("", per) => format!("per_{per}"),
            (main, per) => format!("{}_per_{per}", main.trim_end_matches('_')),
        }
    }
}

fn translate(part: &str, words: &[(&str, &str)], keep_utf8: bool) -> String {
    let part = part.trim();
    if part.contains(['{', '}']) {
        return String::new();
    }
    match words.iter().find(|(unit, _)| *unit == part) {
        Some((_, word)) => (*word).to_owned(),
        None if keep_utf8 => part.to_owned(),
        None => sanitize(part),
    }
}

/// Everything that a metric name may not hold becomes one underscore a run; none leads.
fn sanitize(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for c in part.chars() {
        let c = if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' };
        if c != '_' || !(out.is_empty() || out.ends_with('_')) {
            out.push(c);
        }
    }
    out
}
