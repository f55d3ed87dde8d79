//! The few words of the SDK about itself. They go to stderr, never through `tracing`: telemetry about telemetry would feed itself.

use std::io::Write as _;

/// Writes a line. A closed stderr is nobody's fault.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
