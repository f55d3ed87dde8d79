//! What several calls of one answer used and cost together.

use cost::{Bucket, Buckets, NanoUsd, Priced, Status, Usage};

use crate::chat::wire::UsageView;

/// What one call used and cost.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    /// Tokens; all zero when nothing is known.
    pub(crate) tokens: Buckets,
    /// Cost, or why there is none.
    pub(crate) priced: Priced,
}

impl Charge {
    pub(crate) fn new(usage: Option<&Usage>, priced: Priced) -> Self {
        Self { tokens: usage.map(|usage| usage.tokens).unwrap_or_default(), priced }
    }

    /// What the provider calls cached and thought.
    pub(crate) fn cached_and_reasoning(tokens: &Buckets) -> (u64, u64) {
        (tokens.cache_read_total(), tokens.get(Bucket::OutputReasoning))
    }
}

/// A sum of charges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    view: UsageView,
    cost: NanoUsd,
    /// Calls with a cost.
    pub(crate) priced: u64,
    /// Calls without.
    pub(crate) unpriced: u64,
    uncertain: bool,
}

impl Totals {
    /// Adds a call.
    pub(crate) fn add(&mut self, charge: &Charge) {
        let tokens = &charge.tokens;
        let (cached, reasoning) = Charge::cached_and_reasoning(tokens);
        self.view.prompt_tokens = self.view.prompt_tokens.saturating_add(tokens.input_total());
        self.view.completion_tokens = self.view.completion_tokens.saturating_add(tokens.output_total());
        self.view.cached_tokens = self.view.cached_tokens.saturating_add(cached);
        self.view.reasoning_tokens = self.view.reasoning_tokens.saturating_add(reasoning);
        self.uncertain |= matches!(charge.priced.status(), Status::LowerBound | Status::Unknown);
        match charge.priced.cost() {
            Some(cost) => {
                self.cost = [self.cost, cost].into_iter().sum();
                self.priced += 1;
            }
            None => self.unpriced += 1,
        }
    }

    /// Adds another sum.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.view.prompt_tokens = self.view.prompt_tokens.saturating_add(other.view.prompt_tokens);
        self.view.completion_tokens = self.view.completion_tokens.saturating_add(other.view.completion_tokens);
        self.view.cached_tokens = self.view.cached_tokens.saturating_add(other.view.cached_tokens);
        self.view.reasoning_tokens = self.view.reasoning_tokens.saturating_add(other.view.reasoning_tokens);
        self.uncertain |= other.uncertain;
        self.cost = [self.cost, other.cost].into_iter().sum();
        self.priced += other.priced;
        self.unpriced += other.unpriced;
    }

    /// The sum of the known costs; `None` when there is none.
    pub(crate) fn cost(&self) -> Option<NanoUsd> {
        (self.priced > 0).then_some(self.cost)
    }

    /// As it is answered. With some calls priced and some not, the cost is a lower bound; with none it is unknown.
    pub(crate) fn view(&self) -> UsageView {
        let status = match (self.priced, self.uncertain) {
            (0, _) => Status::Unknown,
            (_, true) => Status::LowerBound,
            _ => Status::Computed,
        };
        UsageView {
            total_tokens: self.view.prompt_tokens.saturating_add(self.view.completion_tokens),
            cost: self.cost().map(NanoUsd::to_usd),
            cost_nanousd: self.cost().map(|cost| cost.0),
            cost_status: status.name(),
            ..self.view.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cost::{Bill, Unpriced};

    fn charge(cost: Option<i64>) -> Charge {
        let priced = match cost {
            Some(cost) => Priced::Bill(Bill { cost: NanoUsd(cost), ..Bill::default() }),
            None => Priced::Unpriced(Unpriced::Usage),
        };
        Charge { tokens: Buckets::default().with(Bucket::Input, 10).with(Bucket::OutputReasoning, 2), priced }
    }

    #[test]
    fn unknown_is_never_zero() {
        let mut totals = Totals::default();
        totals.add(&charge(None));
        assert_eq!((totals.view().cost, totals.view().cost_status), (None, "unknown"));
        totals.add(&charge(Some(154_600)));
        let view = totals.view();
        assert_eq!((view.cost_nanousd, view.cost, view.cost_status), (Some(154_600), Some(0.000_154_6), "lower_bound"));
        assert_eq!(
            (view.prompt_tokens, view.completion_tokens, view.total_tokens, view.reasoning_tokens),
            (20, 4, 24, 4)
        );
    }

    #[test]
    fn sums_of_sums_are_the_same() {
        let (mut one, mut two, mut all) = (Totals::default(), Totals::default(), Totals::default());
        one.add(&charge(Some(1)));
        two.add(&charge(Some(2)));
        [&charge(Some(1)), &charge(Some(2))].into_iter().for_each(|charge| all.add(charge));
        one.merge(&two);
        assert_eq!(one.view(), all.view());
    }
}
