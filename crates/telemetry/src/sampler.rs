//! Head sampling: the caller's decision, or a share of trace ids.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::config::SamplerConfig;
use crate::propagation::Verdict;
use crate::untraced::is_untraced;

/// The sampler of the contract; see [`SamplerConfig`].
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    /// Trace ids whose lower half, shifted right by one, is below this are kept: the rule of the other SDKs, so that services
    /// with the same ratio keep the same traces.
    bound: u64,
    parent_based: bool,
}

impl Sampler {
    pub(crate) fn new(config: SamplerConfig) -> Self {
        // 2⁶³ is exact as a float; the cast saturates nowhere since the ratio is at most 1.
        let bound = (config.ratio * (1u64 << 63) as f64) as u64;
        Self { bound, parent_based: config.parent_based }
    }

    fn by_ratio(&self, trace_id: TraceId) -> bool {
        let bytes = trace_id.to_bytes();
        let lower = bytes[8..].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        lower >> 1 < self.bound
    }

    fn decide(&self, parent: &Context, trace_id: TraceId) -> bool {
        if is_untraced(parent) {
            return false;
        }
        if !self.parent_based {
            return self.by_ratio(trace_id);
        }
        let span = parent.span();
        let caller = span.span_context();
        // A verdict speaks for the next hop alone: below a span of ours, that span's flag counts.
        let verdict = if caller.is_valid() && !caller.is_remote() { None } else { parent.get::<Verdict>() };
        match verdict {
            Some(Verdict::Accept | Verdict::Debug) => true,
            Some(Verdict::Deny) => false,
            Some(Verdict::Deferred) => self.by_ratio(trace_id),
            None if caller.is_valid() => caller.is_sampled(),
            None => self.by_ratio(trace_id),
        }
    }
}

impl ShouldSample for Sampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let nobody = Context::new();
        let parent = parent.unwrap_or(&nobody);
        let decision =
            if self.decide(parent, trace_id) { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        let span = parent.span();
        SamplingResult { decision, attributes: Vec::new(), trace_state: span.span_context().trace_state().clone() }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};

    use super::*;

    fn sampler(ratio: f64, parent_based: bool) -> Sampler {
        Sampler::new(SamplerConfig { ratio, parent_based })
    }

    fn remote(flags: TraceFlags) -> Context {
        let caller = SpanContext::new(TraceId::from(1), SpanId::from(1), flags, true, TraceState::default());
        Context::new().with_remote_span_context(caller)
    }

    #[test]
    fn ratios_by_the_lower_half_of_the_id() {
        let low = TraceId::from(1);
        let high = TraceId::from(u128::from(u64::MAX));
        let nobody = Context::new();
        assert!(sampler(1.0, true).decide(&nobody, high));
        assert!(!sampler(0.0, true).decide(&nobody, low));
        assert!(sampler(0.1, true).decide(&nobody, low) && !sampler(0.1, true).decide(&nobody, high));
        let kept = (0..10_000u64).filter(|id| {
            let id = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            sampler(0.25, true).decide(&nobody, TraceId::from(u128::from(id)))
        });
        assert!((2_300..2_700).contains(&kept.count()));
    }

    #[test]
    fn callers_decide_unless_told_otherwise() {
        let id = TraceId::from(u128::from(u64::MAX));
        assert!(sampler(0.0, true).decide(&remote(TraceFlags::SAMPLED), id));
        assert!(!sampler(1.0, true).decide(&remote(TraceFlags::default()), id));
        assert!(sampler(1.0, false).decide(&remote(TraceFlags::default()), id));
        let unsampled = remote(TraceFlags::default());
        assert!(sampler(1.0, true).decide(&unsampled.with_value(Verdict::Deferred), id));
        assert!(sampler(0.0, true).decide(&Context::new().with_value(Verdict::Accept), id));
        assert!(!sampler(1.0, true).decide(&Context::new().with_value(Verdict::Deny), id));
        assert!(!sampler(1.0, false).decide(&crate::untraced::untraced_context(), id));
    }
}
