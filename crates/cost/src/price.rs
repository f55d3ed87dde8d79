//! From usage and price to cost: the arithmetic, and what is said about it.

use crate::book::{Book, Model, Price, Rates, prices_by_request};
use crate::bucket::{Bucket, Buckets};
use crate::day::Day;
use crate::money::{FemtoUsd, NanoUsd, Ratio};
use crate::usage::{Fee, Tier, Usage};

/// A call to be priced. At least one model name is needed.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Who billed it, by any of the usual names (`gcp.gemini`, `google` …).
    pub provider: &'a str,
    /// The model that was asked for.
    pub request_model: Option<&'a str>,
    /// The model that answered. Its price is preferred.
    pub response_model: Option<&'a str>,
    /// The UTC day on which the call began.
    pub day: Day,
    /// What it used.
    pub usage: &'a Usage,
}

/// What is known about a call's cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Priced {
    /// It cost this much.
    Bill(Bill),
    /// Nobody can say what it cost. This is not zero: show it as unpriced and count it.
    Unpriced(Unpriced),
}

impl Priced {
    /// The cost, if it is known.
    pub fn cost(&self) -> Option<NanoUsd> {
        match self {
            Self::Bill(bill) => Some(bill.cost),
            Self::Unpriced(_) => None,
        }
    }

    /// How sure the cost is, as stored and shown.
    pub fn status(&self) -> Status {
        match self {
            Self::Bill(bill) => bill.status,
            Self::Unpriced(_) => Status::Unknown,
        }
    }

    /// A call that used nothing because it failed: known to cost nothing.
    pub fn zero() -> Self {
        Self::Bill(Bill { status: Status::Zero, ..Bill::default() })
    }
}

/// How a cost came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// Usage times price.
    #[default]
    Computed,
    /// The provider stated it.
    ProviderReported,
    /// At least this much: the end of the usage was not seen.
    LowerBound,
    /// The call failed and used nothing.
    Zero,
    /// Not known.
    Unknown,
}

impl Status {
    /// Its name in attributes and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Computed => "computed",
            Self::ProviderReported => "provider_reported",
            Self::LowerBound => "lower_bound",
            Self::Zero => "zero",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a call has no cost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    /// The book does not have the model.
    #[error("model `{0}` has no price")]
    Model(String),
    /// The book has the model, but no price for that day.
    #[error("model `{model}` has no price on {day}")]
    Day {
        /// The model.
        model: String,
        /// The day of the call.
        day: Day,
    },
    /// Tokens of a kind for which neither a rate nor a stand-in is given.
    #[error("model `{model}` has no rate for `{}` tokens", bucket.name())]
    Bucket {
        /// The model.
        model: String,
        /// The kind.
        bucket: Bucket,
    },
    /// Larger than any amount of money that is stored.
    #[error("the cost is out of range")]
    Range,
    /// What was used is not known, such as a stream that broke off before its first usage.
    #[error("usage is not known")]
    Usage,
}

/// Something about a bill that its reader should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// The tier has no rates of its own; the standard ones were used.
    TierPriceMissing,
    /// Something was billed apart for which the book has no price.
    FeePriceMissing,
    /// A multiplier applies that the book does not have.
    MultiplierMissing,
    /// Paid in advance, so the call adds nothing.
    Provisioned,
    /// The provider's cost and the computed one differ by more than 1 %.
    ReportedDiffers,
}

impl Flag {
    /// Its name in attributes and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::TierPriceMissing => "tier_price_missing",
            Self::FeePriceMissing => "fee_price_missing",
            Self::MultiplierMissing => "multiplier_missing",
            Self::Provisioned => "provisioned",
            Self::ReportedDiffers => "reported_differs",
        }
    }
}

/// A call's cost and how it was computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// How sure it is.
    pub status: Status,
    /// The cost, rounded once.
    pub cost: NanoUsd,
    /// The computed cost before rounding. Differs from `cost` when the provider stated one.
    pub computed: FemtoUsd,
    /// The tier that served the call.
    pub tier: Tier,
    /// The size tier: rates are those of requests above this many input tokens.
    pub above_input_tokens: u64,
    /// One line for each kind of token.
    pub lines: Vec<TokenLine>,
    /// One line for each kind of fee.
    pub fees: Vec<FeeLine>,
    /// What to know about it.
    pub flags: Vec<Flag>,
    /// The price that was used. `None` when none was needed.
    pub price: Option<PriceRef>,
}

/// Tokens of one kind on a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLine {
    /// The kind.
    pub bucket: Bucket,
    /// How many.
    pub tokens: u64,
    /// The price of one, before multipliers.
    pub rate: FemtoUsd,
    /// Tokens times rate times multipliers.
    pub amount: FemtoUsd,
}

/// Pieces of one kind on a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeLine {
    /// The kind.
    pub fee: Fee,
    /// How many.
    pub quantity: u64,
    /// The price of one.
    pub each: FemtoUsd,
    /// Quantity times price.
    pub amount: FemtoUsd,
}

/// Names the price that a bill used, so that it can be explained and repeated later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRef {
    /// Provider in the book.
    pub provider: String,
    /// Model in the book.
    pub model: String,
    /// First day of the price; `None` when it has always been so.
    pub from: Option<Day>,
    /// Source id in the book.
    pub source: String,
    /// [`Book::version`].
    pub book_version: String,
}

impl Book {
    /// What a call cost.
    ///
    /// The model that answered is looked up first, then the one that was asked for (the reverse on Bedrock, which answers with a coarser
    /// name). A cost that the provider reported wins over the computed one.
    pub fn price(&self, call: &Call<'_>) -> Priced {
        let computed = self.compute(call);
        let Some(reported) = call.usage.reported else {
            return match computed {
                Ok(bill) => Priced::Bill(bill),
                Err(reason) => Priced::Unpriced(reason),
            };
        };
        let Some(cost) = reported.round() else { return Priced::Unpriced(Unpriced::Range) };
        let mut bill =
            computed.unwrap_or_else(|_| Bill { computed: reported, tier: call.usage.tier, ..Bill::default() });
        let difference = bill.computed.0.abs_diff(reported.0);
        if difference.saturating_mul(100) > reported.0.unsigned_abs() {
            bill.flags.push(Flag::ReportedDiffers);
        }
        Priced::Bill(Bill { status: Status::ProviderReported, cost, ..bill })
    }

    fn compute(&self, call: &Call<'_>) -> Result<Bill, Unpriced> {
        let (model, price) = self.find(call)?;
        let usage = call.usage;
        let mut bill = Bill { tier: usage.tier, price: Some(self.price_ref(model, price)), ..Bill::default() };
        if usage.tier == Tier::Provisioned {
            bill.flags.push(Flag::Provisioned);
            return Ok(bill);
        }
        if let Some(rates) = tier_rates(price, usage, &mut bill.flags) {
            bill.above_input_tokens = rates.above;
            let multiplier = multiplier(price, usage, &mut bill.flags)?;
            bill.lines = token_lines(&model.name, rates, &usage.tokens, multiplier)?;
        } else if let Some((bucket, _)) = usage.tokens.iter().next() {
            return Err(Unpriced::Bucket { model: model.name.clone(), bucket });
        }
        bill.fees = fee_lines(price, usage, &mut bill.flags)?;
        let amounts = bill.lines.iter().map(|line| line.amount).chain(bill.fees.iter().map(|line| line.amount));
        bill.computed = amounts.into_iter().try_fold(FemtoUsd(0), FemtoUsd::plus).ok_or(Unpriced::Range)?;
        bill.cost = bill.computed.round().ok_or(Unpriced::Range)?;
        Ok(bill)
    }

    fn find(&self, call: &Call<'_>) -> Result<(&Model, &Price), Unpriced> {
        let mut names = [call.response_model, call.request_model];
        if prices_by_request(call.provider) {
            names.reverse();
        }
        let names = names.into_iter().flatten().filter(|name| !name.is_empty());
        let Some(model) = names.clone().find_map(|name| self.model(call.provider, name)) else {
            return Err(Unpriced::Model(names.into_iter().next().unwrap_or_default().to_owned()));
        };
        let price = model.price_on(call.day).ok_or(Unpriced::Day { model: model.name.clone(), day: call.day })?;
        Ok((model, price))
    }

    fn price_ref(&self, model: &Model, price: &Price) -> PriceRef {
        PriceRef {
            provider: model.provider.clone(),
            model: model.name.clone(),
            from: price.from,
            source: price.source.clone(),
            book_version: self.version().to_owned(),
        }
    }
}

fn tier_rates<'a>(price: &'a Price, usage: &Usage, flags: &mut Vec<Flag>) -> Option<&'a Rates> {
    price.rates(usage.tier, &usage.tokens).or_else(|| {
        flags.push(Flag::TierPriceMissing);
        price.rates(Tier::Standard, &usage.tokens)
    })
}

fn multiplier(price: &Price, usage: &Usage, flags: &mut Vec<Flag>) -> Result<Option<Ratio>, Unpriced> {
    let mut product: Option<Ratio> = None;
    for name in &usage.multipliers {
        match (price.multipliers.get(name), product) {
            (None, _) => flags.push(Flag::MultiplierMissing),
            (Some(ratio), None) => product = Some(*ratio),
            (Some(ratio), Some(sofar)) => product = Some(sofar.times(*ratio).ok_or(Unpriced::Range)?),
        }
    }
    Ok(product)
}

fn token_lines(
    model: &str,
    rates: &Rates,
    tokens: &Buckets,
    multiplier: Option<Ratio>,
) -> Result<Vec<TokenLine>, Unpriced> {
    let line = |(bucket, tokens): (Bucket, u64)| {
        let rate = rates.rate(bucket).ok_or_else(|| Unpriced::Bucket { model: model.to_owned(), bucket })?;
        let plain = rate.times(tokens).ok_or(Unpriced::Range)?;
        let amount = multiplier.map_or(Some(plain), |ratio| ratio.of(plain)).ok_or(Unpriced::Range)?;
        Ok(TokenLine { bucket, tokens, rate, amount })
    };
    tokens.iter().map(line).collect()
}

fn fee_lines(price: &Price, usage: &Usage, flags: &mut Vec<Flag>) -> Result<Vec<FeeLine>, Unpriced> {
    let mut lines = Vec::new();
    for (&fee, &quantity) in usage.fees.iter().filter(|(_, quantity)| **quantity > 0) {
        let Some(&each) = price.fees.get(&fee) else {
            // Counted in two units, priced in one: the other is not missing.
            if fee.twin().is_none_or(|twin| !price.fees.contains_key(&twin)) && !flags.contains(&Flag::FeePriceMissing)
            {
                flags.push(Flag::FeePriceMissing);
            }
            continue;
        };
        let amount = each.times(quantity).ok_or(Unpriced::Range)?;
        lines.push(FeeLine { fee, quantity, each, amount });
    }
    Ok(lines)
}
