//! OTLP names to Prometheus names: metrics, units, labels. Pure.
//!
//! | module | owns |
//! |---|---|
//! | [`metric`] | metric names: escaping, unit, `_total`, `_ratio` |
//! | [`unit`] | UCUM units to Prometheus words |
//! | [`label`] | label names |
//!
//! Rules: OpenTelemetry's "Prometheus and OpenMetrics compatibility" as `prometheus/otlptranslator` reads it.

mod label;
mod metric;
mod unit;

#[cfg(test)]
mod tests;

pub(crate) use label::LabelNamer;
pub(crate) use metric::{MetricNamer, NamedType};

/// How names are changed (Prometheus' `translation_strategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the configuration offers the default only; the conformance data names all")
)]
pub(crate) enum Strategy {
    /// Characters outside `[A-Za-z0-9_:]` become `_`; unit and type are appended. Prometheus' default and ours.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// The same without unit and type (Mimir's default).
    UnderscoreEscapingWithoutSuffixes,
    /// All of Unicode is kept; unit and type are appended.
    NoUtf8EscapingWithSuffixes,
    /// Nothing is changed.
    NoTranslation,
}

impl Strategy {
    /// True when names keep all characters.
    pub(crate) fn keeps_utf8(self) -> bool {
        matches!(self, Self::NoUtf8EscapingWithSuffixes | Self::NoTranslation)
    }

    /// True when unit and type are appended.
    pub(crate) fn has_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}

/// Why a name cannot be translated. The texts are otlptranslator's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NamingError {
    /// Nothing is left of a metric's name.
    #[error("normalization for metric \"{0}\" resulted in empty name")]
    EmptyMetric(String),
    /// Only underscores are left of a metric's name.
    #[error("normalization for metric \"{name}\" resulted in invalid name \"{result}\"")]
    InvalidMetric {
        /// As sent.
        name: String,
        /// What came out.
        result: String,
    },
    /// A label without a name.
    #[error("label name is empty")]
    EmptyLabel,
    /// Only underscores are left of a label's name.
    #[error("normalization for label name \"{name}\" resulted in invalid name \"{result}\"")]
    InvalidLabel {
        /// As sent.
        name: String,
        /// What came out.
        result: String,
    },
    /// A label that is kept as it is but has no other character than underscores.
    #[error("label name \"{0}\" contains only underscores")]
    OnlyUnderscores(String),
}

/// True for text that is not empty and has no other character than `_`.
fn is_only_underscores(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'_')
}
