//! Where texts lie in the messages that receivers take: OTLP, remote write 1.0, Loki push.
//!
//! Only fields that hold texts or further messages are named, and those of bytes that are no text. Numbers need no row; a field that is
//! not named is one that we do not know, and is searched as if it were text. Sources: `opentelemetry-proto` 1.x, Prometheus
//! `prompb/types.proto`, Loki `pkg/push/push.proto`.

/// What a length-delimited field holds.
#[derive(Clone, Copy)]
pub(super) enum Field {
    /// Text.
    Text,
    /// Text that names a metric or label, where brackets are not allowed.
    Name,
    /// A message.
    Message(&'static Message),
    /// Ids and packed numbers.
    Opaque,
}

/// A message.
pub(super) struct Message {
    /// By number.
    pub(super) fields: &'static [(u32, Field)],
    /// Field 1 names what field 2 holds.
    pub(super) is_pair: bool,
}

impl Message {
    const fn new(fields: &'static [(u32, Field)]) -> Self {
        Self { fields, is_pair: false }
    }

    const fn pair(fields: &'static [(u32, Field)]) -> Self {
        Self { fields, is_pair: true }
    }

    /// What field `number` holds; `None` for an unknown one.
    pub(super) fn field(&self, number: u32) -> Option<Field> {
        self.fields.iter().find(|(known, _)| *known == number).map(|(_, field)| *field)
    }
}

use Field::{Message as Of, Name, Opaque, Text};

static ANY_VALUE: Message = Message::new(&[(1, Text), (5, Of(&ARRAY)), (6, Of(&MAP)), (7, Text)]);
static ARRAY: Message = Message::new(&[(1, Of(&ANY_VALUE))]);
static MAP: Message = Message::new(&[(1, Of(&KEY_VALUE))]);
static KEY_VALUE: Message = Message::pair(&[(1, Text), (2, Of(&ANY_VALUE))]);
static RESOURCE: Message = Message::new(&[(1, Of(&KEY_VALUE))]);
static SCOPE: Message = Message::new(&[(1, Text), (2, Text), (3, Of(&KEY_VALUE))]);

/// `ExportTraceServiceRequest`.
pub(super) static TRACES: Message = Message::new(&[(1, Of(&RESOURCE_SPANS))]);
static RESOURCE_SPANS: Message = Message::new(&[(1, Of(&RESOURCE)), (2, Of(&SCOPE_SPANS)), (3, Text)]);
static SCOPE_SPANS: Message = Message::new(&[(1, Of(&SCOPE)), (2, Of(&SPAN)), (3, Text)]);
static SPAN: Message = Message::new(&[
    (1, Opaque),
    (2, Opaque),
    (3, Text),
    (4, Opaque),
    (5, Text),
    (9, Of(&KEY_VALUE)),
    (11, Of(&EVENT)),
    (13, Of(&LINK)),
    (15, Of(&STATUS)),
]);
static EVENT: Message = Message::new(&[(2, Text), (3, Of(&KEY_VALUE))]);
static LINK: Message = Message::new(&[(1, Opaque), (2, Opaque), (3, Text), (4, Of(&KEY_VALUE))]);
static STATUS: Message = Message::new(&[(2, Text)]);

/// `ExportLogsServiceRequest`.
pub(super) static LOGS: Message = Message::new(&[(1, Of(&RESOURCE_LOGS))]);
static RESOURCE_LOGS: Message = Message::new(&[(1, Of(&RESOURCE)), (2, Of(&SCOPE_LOGS)), (3, Text)]);
static SCOPE_LOGS: Message = Message::new(&[(1, Of(&SCOPE)), (2, Of(&LOG_RECORD)), (3, Text)]);
static LOG_RECORD: Message =
    Message::new(&[(3, Text), (5, Of(&ANY_VALUE)), (6, Of(&KEY_VALUE)), (9, Opaque), (10, Opaque), (12, Text)]);

/// `ExportMetricsServiceRequest`.
pub(super) static METRICS: Message = Message::new(&[(1, Of(&RESOURCE_METRICS))]);
static RESOURCE_METRICS: Message = Message::new(&[(1, Of(&RESOURCE)), (2, Of(&SCOPE_METRICS)), (3, Text)]);
static SCOPE_METRICS: Message = Message::new(&[(1, Of(&SCOPE)), (2, Of(&METRIC)), (3, Text)]);
static METRIC: Message = Message::new(&[
    (1, Text),
    (2, Text),
    (3, Text),
    (5, Of(&NUMBERS)),
    (7, Of(&NUMBERS)),
    (9, Of(&HISTOGRAM)),
    (10, Of(&EXPONENTIAL)),
    (11, Of(&SUMMARY)),
    (12, Of(&KEY_VALUE)),
]);
static NUMBERS: Message = Message::new(&[(1, Of(&NUMBER_POINT))]);
static NUMBER_POINT: Message = Message::new(&[(5, Of(&EXEMPLAR)), (7, Of(&KEY_VALUE))]);
static HISTOGRAM: Message = Message::new(&[(1, Of(&HISTOGRAM_POINT))]);
static HISTOGRAM_POINT: Message = Message::new(&[(6, Opaque), (7, Opaque), (8, Of(&EXEMPLAR)), (9, Of(&KEY_VALUE))]);
static EXPONENTIAL: Message = Message::new(&[(1, Of(&EXPONENTIAL_POINT))]);
static EXPONENTIAL_POINT: Message = Message::new(&[(1, Of(&KEY_VALUE)), (8, Opaque), (9, Opaque), (11, Of(&EXEMPLAR))]);
static SUMMARY: Message = Message::new(&[(1, Of(&SUMMARY_POINT))]);
static SUMMARY_POINT: Message = Message::new(&[(6, Opaque), (7, Of(&KEY_VALUE))]);
static EXEMPLAR: Message = Message::new(&[(4, Opaque), (5, Opaque), (7, Of(&KEY_VALUE))]);

/// `prometheus.WriteRequest`.
pub(super) static REMOTE_WRITE: Message = Message::new(&[(1, Of(&SERIES)), (3, Of(&METADATA))]);
static SERIES: Message = Message::new(&[(1, Of(&LABEL)), (2, Opaque), (3, Of(&LABELLED)), (4, Opaque)]);
static LABELLED: Message = Message::new(&[(1, Of(&LABEL))]);
static LABEL: Message = Message::pair(&[(1, Name), (2, Text)]);
static METADATA: Message = Message::new(&[(2, Name), (4, Text), (5, Text)]);

/// `logproto.PushRequest`.
pub(super) static LOKI_PUSH: Message = Message::new(&[(1, Of(&STREAM))]);
static STREAM: Message = Message::new(&[(1, Text), (2, Of(&ENTRY))]);
static ENTRY: Message = Message::new(&[(1, Opaque), (2, Text), (3, Of(&LABEL)), (4, Of(&LABEL))]);
