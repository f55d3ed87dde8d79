//! Reading spans.

use std::collections::BTreeSet;

use model::{Span, TenantId, TimeRange, TraceId};

use crate::StoreError;

/// Where an attribute lives (TraceQL scopes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagScope {
    /// On the resource.
    Resource,
    /// On the span.
    Span,
    /// On a span event.
    Event,
    /// On a span link.
    Link,
    /// On the instrumentation scope.
    Instrumentation,
}

/// A field that every span has, and whose values are worth listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intrinsic {
    /// Span name.
    Name,
    /// Status code, as keyword.
    Status,
    /// Status message.
    StatusMessage,
    /// Span kind, as keyword.
    Kind,
    /// Name of a trace's root span.
    RootName,
    /// Service of a trace's root span.
    RootServiceName,
    /// Name of an event.
    EventName,
    /// Instrumentation scope's name.
    InstrumentationName,
    /// Instrumentation scope's version.
    InstrumentationVersion,
}

/// What [`SpanSource::tag_values`] is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tag {
    /// An attribute in one scope.
    Scoped(TagScope, String),
    /// An attribute of span or resource (TraceQL `.key`).
    Anywhere(String),
    /// An intrinsic field.
    Intrinsic(Intrinsic),
}

/// Attribute names by scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagNames {
    /// Resource attributes.
    pub resource: BTreeSet<String>,
    /// Span attributes.
    pub span: BTreeSet<String>,
    /// Event attributes.
    pub event: BTreeSet<String>,
    /// Link attributes.
    pub link: BTreeSet<String>,
    /// Instrumentation scope attributes.
    pub instrumentation: BTreeSet<String>,
}

/// One distinct value with its type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagValue {
    /// Text.
    Str(String),
    /// Integer.
    Int(i64),
    /// Double, by its bits so that it can be a key.
    Double(u64),
    /// Boolean.
    Bool(bool),
    /// A TraceQL keyword such as `error` or `server`.
    Keyword(&'static str),
}

/// What a read cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// Bytes of blocks that were decoded.
    pub inspected_bytes: u64,
    /// Blocks that were opened.
    pub inspected_blocks: u64,
    /// Rows that were looked at.
    pub inspected_rows: u64,
    /// Blocks that the tenant has for the signal.
    pub total_blocks: u64,
}

/// Reads spans. Every record whose append ended before a call began is seen by it.
pub trait SpanSource: Send + Sync {
    /// All spans of a trace, by start time; empty when there is none. `range` is a hint that may leave out blocks outside it.
    fn trace(&self, tenant: &TenantId, id: TraceId, range: TimeRange) -> Result<(Vec<Span>, ReadStats), StoreError>;

    /// Names of the attributes of spans that touch `range`.
    fn tag_names(&self, tenant: &TenantId, range: TimeRange) -> Result<(TagNames, ReadStats), StoreError>;

    /// At most `limit` distinct values of `tag` on spans that touch `range`, sorted. Which ones are left out beyond the limit is open.
    fn tag_values(
        &self,
        tenant: &TenantId,
        tag: &Tag,
        range: TimeRange,
        limit: usize,
    ) -> Result<(Vec<TagValue>, ReadStats), StoreError>;
}
