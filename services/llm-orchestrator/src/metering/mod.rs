//! Prices each call of a model and tells it: span, metrics and log line are written here, from one [`Charge`], so they agree.
//!
//! | module | owns |
//! |---|---|
//! | `call` | [`Call`]: one call from its begin to its bill, however it ends |
//! | `content` | prompts and completions in the form of the GenAI conventions |
//! | `instruments` | the metrics |
//! | `labels` | bounds on label values that callers choose |
//! | `totals` | sums over calls |

mod call;
mod content;
mod instruments;
mod labels;
mod totals;

use cost::Book;

pub(crate) use call::{Call, Facts};
pub(crate) use totals::{Charge, Totals};

/// Who is billed, by the GenAI conventions and in the price book.
pub(crate) const PROVIDER: &str = "gcp.gemini";
/// The same as the older services name it.
pub(crate) const OLD_PROVIDER: &str = "google";

/// What is needed to price and tell calls.
#[derive(Debug)]
pub(crate) struct Metering {
    pub(crate) book: Book,
    /// Whether costs are told in spans, logs and metrics.
    cost_tracking: bool,
    server_address: String,
    server_port: u16,
    instruments: instruments::Instruments,
    labels: labels::Labels,
}

impl Metering {
    /// For calls to the API at `base_url`.
    pub(crate) fn new(book: Book, cost_tracking: bool, base_url: &str) -> Self {
        let uri: http::Uri = base_url.parse().unwrap_or_default();
        let default_port = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        Self {
            book,
            cost_tracking,
            server_address: uri.host().unwrap_or_default().to_owned(),
            server_port: uri.port_u16().unwrap_or(default_port),
            instruments: instruments::Instruments::new(&telemetry::meter("llm-orchestrator")),
            labels: labels::Labels::default(),
        }
    }
}

/// Text of users or models for a span: `None` unless asked for, without secrets unless asked for in full.
pub(crate) fn captured_text(text: impl FnOnce() -> String) -> Option<String> {
    match telemetry::capture_content() {
        redact::Content::Off => None,
        redact::Content::Redacted => Some(telemetry::redactor().text(&text()).into_owned()),
        redact::Content::Full => Some(text()),
    }
}
