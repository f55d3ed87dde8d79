//! The disjoint kinds of tokens that have prices of their own.

/// A kind of token. Every token of a call is in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Fresh text input, and any modality that is not named below.
    Input,
    /// Fresh audio input.
    InputAudio,
    /// Fresh image input.
    InputImage,
    /// Fresh video input.
    InputVideo,
    /// Input that a provider's own tool brought in.
    InputToolUse,
    /// Text input served from a cache.
    CacheRead,
    /// Audio input served from a cache.
    CacheReadAudio,
    /// Image input served from a cache.
    CacheReadImage,
    /// Video input served from a cache.
    CacheReadVideo,
    /// Input written to a cache for the provider's default time.
    CacheWrite,
    /// Input written to a cache for an hour.
    CacheWrite1h,
    /// Input written to a cache for twelve hours.
    CacheWrite12h,
    /// Text output.
    Output,
    /// Output spent on thinking.
    OutputReasoning,
    /// Audio output.
    OutputAudio,
    /// Image output.
    OutputImage,
    /// Video output.
    OutputVideo,
    /// Tokens of quoted sources.
    Citation,
}

impl Bucket {
    /// All kinds, in the order in which a bill lists them.
    pub const ALL: [Self; 18] = [
        Self::Input,
        Self::InputAudio,
        Self::InputImage,
        Self::InputVideo,
        Self::InputToolUse,
        Self::CacheRead,
        Self::CacheReadAudio,
        Self::CacheReadImage,
        Self::CacheReadVideo,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::CacheWrite12h,
        Self::Output,
        Self::OutputReasoning,
        Self::OutputAudio,
        Self::OutputImage,
        Self::OutputVideo,
        Self::Citation,
    ];

    /// Its name in price books, bills and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::InputAudio => "input_audio",
            Self::InputImage => "input_image",
            Self::InputVideo => "input_video",
            Self::InputToolUse => "input_tool_use",
            Self::CacheRead => "cache_read",
            Self::CacheReadAudio => "cache_read_audio",
            Self::CacheReadImage => "cache_read_image",
            Self::CacheReadVideo => "cache_read_video",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::CacheWrite12h => "cache_write_12h",
            Self::Output => "output",
            Self::OutputReasoning => "output_reasoning",
            Self::OutputAudio => "output_audio",
            Self::OutputImage => "output_image",
            Self::OutputVideo => "output_video",
            Self::Citation => "citation",
        }
    }

    /// The kind with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| bucket.name() == name)
    }

    /// Whether it counts towards the input total that selects a size tier.
    pub fn is_input(self) -> bool {
        self < Self::Output
    }

    /// Whose rates stand in when its own is missing, in order. Empty: no other rate will do.
    pub(crate) fn stand_ins(self) -> &'static [Self] {
        match self {
            Self::Input | Self::Output => &[],
            Self::InputAudio | Self::InputImage | Self::InputVideo | Self::InputToolUse => &[Self::Input],
            Self::CacheRead | Self::CacheWrite => &[Self::Input],
            Self::CacheReadAudio => &[Self::CacheRead, Self::InputAudio, Self::Input],
            Self::CacheReadImage => &[Self::CacheRead, Self::InputImage, Self::Input],
            Self::CacheReadVideo => &[Self::CacheRead, Self::InputVideo, Self::Input],
            Self::CacheWrite1h => &[Self::CacheWrite, Self::Input],
            Self::CacheWrite12h => &[Self::CacheWrite1h, Self::CacheWrite, Self::Input],
            Self::OutputReasoning | Self::OutputAudio | Self::OutputImage | Self::OutputVideo | Self::Citation => {
                &[Self::Output]
            }
        }
    }
}

/// How many tokens of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets([u64; Bucket::ALL.len()]);

impl Buckets {
    /// Tokens of one kind.
    pub fn get(&self, bucket: Bucket) -> u64 {
        self.0[bucket as usize]
    }

    /// Sets the tokens of one kind.
    pub fn set(&mut self, bucket: Bucket, tokens: u64) {
        self.0[bucket as usize] = tokens;
    }

    /// The same, for building in one expression.
    #[must_use]
    pub fn with(mut self, bucket: Bucket, tokens: u64) -> Self {
        self.set(bucket, tokens);
        self
    }

    /// The kinds that have tokens.
    pub fn iter(&self) -> impl Iterator<Item = (Bucket, u64)> + '_ {
        Bucket::ALL.into_iter().map(|bucket| (bucket, self.get(bucket))).filter(|(_, tokens)| *tokens > 0)
    }

    /// All input: fresh, read from and written to a cache, brought in by tools. Saturates.
    pub fn input_total(&self) -> u64 {
        self.total(Bucket::is_input)
    }

    /// All output, thinking included. Saturates.
    pub fn output_total(&self) -> u64 {
        self.total(|bucket| !bucket.is_input())
    }

    /// Input served from a cache, of any modality. Saturates.
    pub fn cache_read_total(&self) -> u64 {
        self.total(|bucket| bucket >= Bucket::CacheRead && bucket <= Bucket::CacheReadVideo)
    }

    fn total(&self, counts: impl Fn(Bucket) -> bool) -> u64 {
        self.iter().filter(|(bucket, _)| counts(*bucket)).fold(0, |sum, (_, tokens)| sum.saturating_add(tokens))
    }
}
