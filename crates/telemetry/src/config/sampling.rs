//! Which traces are kept.

use super::Environment;
use super::read::Variables;
use crate::Error;

/// A head sampler of the specification.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplerConfig {
    /// The share of new traces that are kept, 0 to 1, decided by the trace id.
    pub ratio: f64,
    /// Whether a caller's decision is followed.
    pub parent_based: bool,
}

/// `OTEL_TRACES_SAMPLER` and its argument win over `OTEL_SAMPLING_RATIO`, which wins over the environment's share.
pub(super) fn read(variables: &Variables<'_>, environment: Environment) -> Result<SamplerConfig, Error> {
    /// Parent-based or not, and the ratio when the name fixes it.
    const TABLE: &[(&str, (bool, Option<f64>))] = &[
        ("always_on", (false, Some(1.0))),
        ("always_off", (false, Some(0.0))),
        ("traceidratio", (false, None)),
        ("parentbased_always_on", (true, Some(1.0))),
        ("parentbased_always_off", (true, Some(0.0))),
        ("parentbased_traceidratio", (true, None)),
    ];
    let share = match environment {
        Environment::Development => 1.0,
        Environment::Staging => 0.5,
        Environment::Production => 0.1,
    };
    let plain = variables.ratio("OTEL_SAMPLING_RATIO")?;
    match variables.word("OTEL_TRACES_SAMPLER", TABLE)? {
        Some((parent_based, Some(ratio))) => Ok(SamplerConfig { ratio, parent_based }),
        // The specification's default for the argument is 1.0.
        Some((parent_based, None)) => {
            let ratio = variables.ratio("OTEL_TRACES_SAMPLER_ARG")?.unwrap_or(1.0);
            Ok(SamplerConfig { ratio, parent_based })
        }
        None => Ok(SamplerConfig { ratio: plain.unwrap_or(share), parent_based: true }),
    }
}
