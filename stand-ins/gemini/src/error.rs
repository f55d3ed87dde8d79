//! What can go wrong before an answer: a bad knob or a taken port.

/// Errors of the stand-in's own configuration; those of the API are bodies (see the module `fault`).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A `--fail` or `--slow` rule that cannot be read.
    #[error("rule `{rule}`: {reason}")]
    Rule {
        /// As written.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A scenario that cannot be read.
    #[error("scenario: {0}")]
    Scenario(String),
    /// The server could not run.
    #[error("server: {0}")]
    Serve(#[from] std::io::Error),
}
