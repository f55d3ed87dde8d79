//! Price rows in integers, checked when a book is read so that pricing cannot meet a bad one.

use std::collections::BTreeMap;

use super::layout;
use crate::bucket::{Bucket, Buckets};
use crate::day::Day;
use crate::error::{BookError, NumberError};
use crate::money::{FemtoUsd, Ratio};
use crate::usage::{Fee, Tier};

/// A dollar a token: far above any price, and low enough that no product of counts and rates leaves an i128.
const RATE_MAX: FemtoUsd = FemtoUsd(1_000_000_000_000_000);
/// A thousand dollars apiece.
const FEE_MAX: FemtoUsd = FemtoUsd(1_000_000_000_000_000_000);

/// What a model costs on the days `from` ≤ day < `until`.
#[derive(Debug)]
pub(crate) struct Price {
    pub(crate) from: Option<Day>,
    pub(crate) until: Option<Day>,
    pub(crate) source: String,
    /// Rates by size, lowest first, of each tier that has any.
    tiers: BTreeMap<Tier, Vec<Rates>>,
    pub(crate) fees: BTreeMap<Fee, FemtoUsd>,
    pub(crate) multipliers: BTreeMap<String, Ratio>,
}

/// Rates of requests whose input is larger than `above` tokens.
#[derive(Debug)]
pub(crate) struct Rates {
    pub(crate) above: u64,
    by_bucket: BTreeMap<Bucket, FemtoUsd>,
}

impl Price {
    pub(crate) fn is_valid_on(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }

    /// The rates for a request of this size in this tier: all of the request moves to the upper rates, not only what is above.
    pub(crate) fn rates(&self, tier: Tier, tokens: &Buckets) -> Option<&Rates> {
        let input = tokens.input_total();
        self.tiers.get(&tier)?.iter().rev().find(|rates| rates.above == 0 || input > rates.above)
    }
}

impl Rates {
    /// The price of one token of a kind: its own, or the one that stands in for it.
    pub(crate) fn rate(&self, bucket: Bucket) -> Option<FemtoUsd> {
        let own = self.by_bucket.get(&bucket);
        own.or_else(|| bucket.stand_ins().iter().find_map(|other| self.by_bucket.get(other))).copied()
    }
}

/// A model's prices, oldest first.
pub(super) fn prices(model: &str, written: &[layout::Price]) -> Result<Vec<Price>, BookError> {
    let mut prices = written.iter().map(|price| read(model, price)).collect::<Result<Vec<_>, _>>()?;
    prices.sort_by_key(|price| price.from);
    let overlap = prices.windows(2).any(|pair| pair[0].until.is_none() || pair[1].from < pair[0].until);
    if overlap || prices.is_empty() {
        return Err(row_error(model, "its prices overlap in time, or there are none"));
    }
    Ok(prices)
}

fn read(model: &str, written: &layout::Price) -> Result<Price, BookError> {
    let day = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => Day::parse(text).map(Some).ok_or_else(|| row_error(model, &format!("`{text}` is not a day"))),
    };
    let (from, until) = (day(&written.from)?, day(&written.until)?);
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        return Err(row_error(model, "a price ends before it begins"));
    }
    let written_tiers = [
        (Tier::Standard, &written.standard),
        (Tier::Batch, &written.batch),
        (Tier::Flex, &written.flex),
        (Tier::Priority, &written.priority),
    ];
    let mut tiers = BTreeMap::new();
    for (tier, rows) in written_tiers {
        if !rows.is_empty() {
            tiers.insert(tier, tier_rates(model, tier, rows)?);
        }
    }
    let mut fees = BTreeMap::new();
    for (name, text) in &written.fees {
        let fee = Fee::of_name(name).ok_or_else(|| row_error(model, &format!("fee `{name}` is not known")))?;
        fees.insert(fee, bounded(FemtoUsd::parse_usd(text), FEE_MAX, text).map_err(number_error(model, name))?);
    }
    let multipliers = written
        .multipliers
        .iter()
        .map(|(name, text)| Ratio::parse(text).map(|ratio| (name.clone(), ratio)).map_err(number_error(model, name)));
    let multipliers = multipliers.collect::<Result<_, _>>()?;
    if tiers.is_empty() && fees.is_empty() {
        return Err(row_error(model, "a price without rates and fees"));
    }
    Ok(Price { from, until, source: written.source.clone(), tiers, fees, multipliers })
}

fn tier_rates(model: &str, tier: Tier, rows: &[layout::Row]) -> Result<Vec<Rates>, BookError> {
    let mut by_size = Vec::new();
    for row in rows {
        let mut by_bucket = BTreeMap::new();
        for (name, text) in &row.rates {
            let bucket = Bucket::of_name(name).ok_or_else(|| row_error(model, &format!("`{name}` is not a bucket")))?;
            let rate = bounded(FemtoUsd::parse_rate(text), RATE_MAX, text);
            by_bucket.insert(bucket, rate.map_err(number_error(model, &format!("{}.{name}", tier.name())))?);
        }
        by_size.push(Rates { above: row.above, by_bucket });
    }
    by_size.sort_by_key(|rates| rates.above);
    let base_first = by_size.first().is_some_and(|rates| rates.above == 0);
    if !base_first || by_size.windows(2).any(|pair| pair[0].above == pair[1].above) {
        return Err(row_error(
            model,
            &format!("{}: needs exactly one row for each size, and one without `above`", tier.name()),
        ));
    }
    Ok(by_size)
}

fn bounded(parsed: Result<FemtoUsd, NumberError>, max: FemtoUsd, text: &str) -> Result<FemtoUsd, NumberError> {
    let amount = parsed?;
    let allowed = (FemtoUsd(0)..=max).contains(&amount);
    allowed.then_some(amount).ok_or_else(|| NumberError::OutOfRange(text.to_owned()))
}

fn row_error(model: &str, reason: &str) -> BookError {
    BookError::Row { model: model.to_owned(), reason: reason.to_owned() }
}

fn number_error(model: &str, field: &str) -> impl FnOnce(NumberError) -> BookError {
    let (model, field) = (model.to_owned(), field.to_owned());
    move |source| BookError::Number { model, field, source }
}
