//! What an OTLP receiver answers: `Export{Trace,Logs,Metrics}ServiceResponse`.

use protowire::Writer;

use crate::value::json::write_json_string;

/// Which of the three signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metrics.
    Metrics,
}

/// An answer to an export that was not refused as a whole. With nothing rejected and no message it is a full success, in which
/// `partial_success` must not be set; a message with nothing rejected is a warning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportResponse {
    /// Spans, records or points that were left out.
    pub rejected: u64,
    /// Why, in English, for a developer.
    pub message: String,
}

impl ExportResponse {
    fn is_full_success(&self) -> bool {
        self.rejected == 0 && self.message.is_empty()
    }

    /// The message's bytes, the same for all signals; empty for a full success.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Writer::new();
        if !self.is_full_success() {
            out.message(1, |partial| {
                if self.rejected > 0 {
                    partial.varint(1, self.rejected);
                }
                if !self.message.is_empty() {
                    partial.str(2, &self.message);
                }
            });
        }
        out.into_bytes()
    }

    /// The message as OTLP/JSON.
    pub fn to_json(&self, signal: Signal) -> String {
        if self.is_full_success() {
            return "{}".to_owned();
        }
        let rejected = match signal {
            Signal::Traces => "rejectedSpans",
            Signal::Logs => "rejectedLogRecords",
            Signal::Metrics => "rejectedDataPoints",
        };
        let mut out = format!("{{\"partialSuccess\":{{\"{rejected}\":\"{}\",\"errorMessage\":", self.rejected);
        write_json_string(&self.message, &mut out);
        out.push_str("}}");
        out
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
    use prost::Message;

    use super::*;

    #[test]
    fn full_success_is_empty() {
        assert_eq!(ExportResponse::default().to_protobuf(), b"");
        assert_eq!(ExportResponse::default().to_json(Signal::Logs), "{}");
    }

    #[test]
    fn partial_success_tells_how_many_and_why() {
        let response = ExportResponse { rejected: 3, message: "trace id \"\" is empty".into() };
        let theirs = ExportLogsServiceResponse::decode(response.to_protobuf().as_slice()).expect("protobuf");
        let partial = theirs.partial_success.expect("partial");
        assert_eq!((partial.rejected_log_records, partial.error_message), (3, response.message.clone()));
        let expected = r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"trace id \"\" is empty"}}"#;
        assert_eq!(response.to_json(Signal::Traces), expected);
    }
}
