//! What a call used, in the terms of the price book, whatever dialect its provider speaks.

use std::collections::BTreeMap;

use crate::bucket::Buckets;
use crate::money::FemtoUsd;

/// The class of service that answered, which has rates of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The list price.
    #[default]
    Standard,
    /// Answered later, in bulk.
    Batch,
    /// Slower and cheaper.
    Flex,
    /// Faster and dearer.
    Priority,
    /// Paid in advance: a call adds nothing.
    Provisioned,
}

impl Tier {
    /// Its name in price books and bills.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Batch => "batch",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Provisioned => "provisioned",
        }
    }
}

/// Something that is billed by the piece, beside tokens. The names are those of the book's `fees`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fee {
    /// A search query that the model sent to Google.
    GoogleSearchQuery,
    /// A prompt that was answered with the help of Google search, however many queries it took.
    GoogleSearchPrompt,
    /// A web search of an Anthropic model.
    WebSearch,
    /// A request to a model that charges by the request.
    Request,
    /// A generated image of a model without token prices.
    ImageOut,
}

impl Fee {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::GoogleSearchQuery, Self::GoogleSearchPrompt, Self::WebSearch, Self::Request, Self::ImageOut];

    /// Its name in price books and bills.
    pub fn name(self) -> &'static str {
        match self {
            Self::GoogleSearchQuery => "google_search_query",
            Self::GoogleSearchPrompt => "google_search_prompt",
            Self::WebSearch => "web_search",
            Self::Request => "request",
            Self::ImageOut => "image_out",
        }
    }

    /// The kind with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fee| fee.name() == name)
    }

    /// The other unit in which the same thing may be billed: a dialect counts both, the price row has one.
    pub(crate) fn twin(self) -> Option<Self> {
        match self {
            Self::GoogleSearchQuery => Some(Self::GoogleSearchPrompt),
            Self::GoogleSearchPrompt => Some(Self::GoogleSearchQuery),
            _ => None,
        }
    }
}

/// What one call to a provider used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens, each in one bucket.
    pub tokens: Buckets,
    /// The tier that served the call, from the response and never from the request.
    pub tier: Tier,
    /// Pieces that are billed apart. Not subject to multipliers.
    pub fees: BTreeMap<Fee, u64>,
    /// Names of multipliers on every token rate, such as `inference_geo_us`.
    pub multipliers: Vec<String>,
    /// What the provider says that it charged. Wins over the computed cost.
    pub reported: Option<FemtoUsd>,
}

impl Usage {
    /// Whether nothing at all was used.
    pub fn is_empty(&self) -> bool {
        self.tokens == Buckets::default() && self.fees.values().all(|count| *count == 0) && self.reported.is_none()
    }
}
