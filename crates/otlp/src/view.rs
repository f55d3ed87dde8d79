//! Borrowed forms of OTLP's messages: what the walkers hand to a sink, pointing into the request's bytes.

/// An `AnyValue` as it stands on the wire. Arrays and lists keep their protobuf bytes (already checked: well formed, UTF-8, nested
/// at most [`crate::NESTING_MAX`] deep), because most readers only store them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum AnyValueView<'a> {
    /// No variant set.
    #[default]
    Empty,
    /// Text.
    Str(&'a str),
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Double.
    Double(f64),
    /// Bytes of an `ArrayValue` message.
    Array(&'a [u8]),
    /// Bytes of a `KeyValueList` message.
    KvList(&'a [u8]),
    /// Raw bytes.
    Bytes(&'a [u8]),
}

/// A `KeyValue`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KeyValueView<'a> {
    /// Attribute name.
    pub key: &'a str,
    /// Attribute value.
    pub value: AnyValueView<'a>,
}

/// A `Resource` with the `schema_url` of the message that carried it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceView<'v, 'a> {
    /// Attributes in the sender's order.
    pub attributes: &'v [KeyValueView<'a>],
    /// Attributes that the sender dropped.
    pub dropped_attributes_count: u32,
    /// Schema of the resource.
    pub schema_url: &'a str,
}

/// An `InstrumentationScope` with the `schema_url` of the message that carried it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScopeView<'v, 'a> {
    /// Library name.
    pub name: &'a str,
    /// Library version.
    pub version: &'a str,
    /// Attributes in the sender's order.
    pub attributes: &'v [KeyValueView<'a>],
    /// Attributes that the sender dropped.
    pub dropped_attributes_count: u32,
    /// Schema of the scope's records.
    pub schema_url: &'a str,
}

/// A `Span`. Ids are as long as the sender made them; checking them is the sink's business.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpanView<'v, 'a> {
    /// Field 1.
    pub trace_id: &'a [u8],
    /// Field 2.
    pub span_id: &'a [u8],
    /// Field 3.
    pub trace_state: &'a str,
    /// Field 4; empty for a root.
    pub parent_span_id: &'a [u8],
    /// Field 16.
    pub flags: u32,
    /// Field 5.
    pub name: &'a str,
    /// Field 6.
    pub kind: u8,
    /// Field 7, ns.
    pub start: u64,
    /// Field 8, ns.
    pub end: u64,
    /// Field 9.
    pub attributes: &'v [KeyValueView<'a>],
    /// Field 10.
    pub dropped_attributes_count: u32,
    /// Field 11.
    pub events: &'v [EventView<'a>],
    /// Attributes of all events; each event owns a range of it.
    pub event_attributes: &'v [KeyValueView<'a>],
    /// Field 12.
    pub dropped_events_count: u32,
    /// Field 13.
    pub links: &'v [LinkView<'a>],
    /// Attributes of all links; each link owns a range of it.
    pub link_attributes: &'v [KeyValueView<'a>],
    /// Field 14.
    pub dropped_links_count: u32,
    /// Field 15.3.
    pub status_code: u8,
    /// Field 15.2.
    pub status_message: &'a str,
}

/// A `Span.Event`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EventView<'a> {
    /// When, ns.
    pub time: u64,
    /// What.
    pub name: &'a str,
    /// Range of [`SpanView::event_attributes`].
    pub attributes: (u32, u32),
    /// Attributes that the sender dropped.
    pub dropped_attributes_count: u32,
}

/// A `Span.Link`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkView<'a> {
    /// Target trace, as long as the sender made it.
    pub trace_id: &'a [u8],
    /// Target span, as long as the sender made it.
    pub span_id: &'a [u8],
    /// Target's `tracestate`.
    pub trace_state: &'a str,
    /// Range of [`SpanView::link_attributes`].
    pub attributes: (u32, u32),
    /// Attributes that the sender dropped.
    pub dropped_attributes_count: u32,
    /// Flags.
    pub flags: u32,
}

/// A `LogRecord`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogView<'v, 'a> {
    /// Field 1, ns; 0 when unknown.
    pub time: u64,
    /// Field 11, ns; 0 when unknown.
    pub observed_time: u64,
    /// Field 2.
    pub severity_number: i32,
    /// Field 3.
    pub severity_text: &'a str,
    /// Field 5.
    pub body: AnyValueView<'a>,
    /// Field 6.
    pub attributes: &'v [KeyValueView<'a>],
    /// Field 7.
    pub dropped_attributes_count: u32,
    /// Field 8.
    pub flags: u32,
    /// Field 9; empty when none.
    pub trace_id: &'a [u8],
    /// Field 10; empty when none.
    pub span_id: &'a [u8],
    /// Field 12.
    pub event_name: &'a str,
}

/// What a metric is, apart from its points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MetricView<'a> {
    /// Name as the sender wrote it.
    pub name: &'a str,
    /// Description.
    pub description: &'a str,
    /// UCUM unit.
    pub unit: &'a str,
    /// Which kind of points it holds.
    pub data: MetricData,
}

/// Kind of a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricData {
    /// No data set.
    #[default]
    None,
    /// Last value.
    Gauge,
    /// Sum over time.
    Sum {
        /// Delta or cumulative.
        temporality: Temporality,
        /// Only rises.
        monotonic: bool,
    },
    /// Explicit buckets.
    Histogram(Temporality),
    /// Exponential buckets.
    ExponentialHistogram(Temporality),
    /// Quantiles.
    Summary,
}

/// OTLP `AggregationTemporality`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// Not said, which OTLP forbids.
    #[default]
    Unspecified,
    /// Since the last report.
    Delta,
    /// Since `start_time`.
    Cumulative,
}

/// What all data points have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct PointView<'v, 'a> {
    /// Attributes in the sender's order.
    pub attributes: &'v [KeyValueView<'a>],
    /// A hash of the attributes' bytes in the sender's order: equal bytes give equal hashes within one process.
    pub attributes_hash: u64,
    /// Start of the interval, ns; 0 when unknown.
    pub start_time: u64,
    /// When, ns.
    pub time: u64,
    /// Flags; bit 0 is `NO_RECORDED_VALUE`.
    pub flags: u32,
    /// Exemplars.
    pub exemplars: &'v [ExemplarView<'a>],
    /// Attributes of all exemplars; each owns a range of it.
    pub exemplar_attributes: &'v [KeyValueView<'a>],
}

/// An `Exemplar`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExemplarView<'a> {
    /// Range of [`PointView::exemplar_attributes`].
    pub filtered_attributes: (u32, u32),
    /// When, ns.
    pub time: u64,
    /// Observed value.
    pub value: NumberView,
    /// Trace, empty when none.
    pub trace_id: &'a [u8],
    /// Span, empty when none.
    pub span_id: &'a [u8],
}

/// A number that is an integer, a double, or missing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum NumberView {
    /// Not set.
    #[default]
    None,
    /// `as_int`
    Int(i64),
    /// `as_double`
    Double(f64),
}

/// A `HistogramDataPoint`'s own fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistogramView<'v> {
    /// Observations.
    pub count: u64,
    /// Sum, if sent.
    pub sum: Option<f64>,
    /// Counts per bucket; one more than bounds, or empty.
    pub bucket_counts: &'v [u64],
    /// Upper bounds, rising.
    pub explicit_bounds: &'v [f64],
    /// Smallest observation, if sent.
    pub min: Option<f64>,
    /// Largest observation, if sent.
    pub max: Option<f64>,
}

/// An `ExponentialHistogramDataPoint`'s own fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExponentialHistogramView<'v> {
    /// Observations.
    pub count: u64,
    /// Sum, if sent.
    pub sum: Option<f64>,
    /// Resolution.
    pub scale: i32,
    /// Observations around zero.
    pub zero_count: u64,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Index of the first positive bucket.
    pub positive_offset: i32,
    /// Counts of positive buckets.
    pub positive_counts: &'v [u64],
    /// Index of the first negative bucket.
    pub negative_offset: i32,
    /// Counts of negative buckets.
    pub negative_counts: &'v [u64],
    /// Smallest observation, if sent.
    pub min: Option<f64>,
    /// Largest observation, if sent.
    pub max: Option<f64>,
}

/// A `SummaryDataPoint`'s own fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct SummaryView<'v> {
    /// Observations.
    pub count: u64,
    /// Sum.
    pub sum: f64,
    /// `(quantile, value)` pairs.
    pub quantiles: &'v [(f64, f64)],
}
