//! What the environment says.

use std::time::Duration;

use service_kit::config::{Environment, Error, Secret};

/// Requests a second for each base: what Airtable allows, whatever the token.
const RATE: u32 = 5;
/// For one try, from connecting to the last byte.
const TIMEOUT: Duration = Duration::from_secs(30);
/// For one call of ours with all its waiting and tries. Over Airtable's penalty of 30 s, under the kit's REQUEST_TIMEOUT of 60 s.
const DEADLINE: Duration = Duration::from_secs(50);
/// How long a base refuses after a 429.
const PENALTY: Duration = Duration::from_secs(30);
/// The contract's time to live.
const TTL: Duration = Duration::from_secs(3_600);
/// Further tries of one call.
const RETRIES: u32 = 4;
/// Calls that may wait for one base. At 5 a second the last of them waits 40 s, within the deadline.
const QUEUE: usize = 200;

/// Settings of the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// AIRTABLE_BASE_URL, without a trailing slash.
    pub(crate) base_url: String,
    /// AIRTABLE_TOKEN: a personal access token.
    pub(crate) token: Secret,
    /// AIRTABLE_RATE_LIMIT: requests a second for each base, 5.
    pub(crate) rate: u32,
    /// AIRTABLE_TIMEOUT: seconds for one try, 30.
    pub(crate) timeout: Duration,
    /// AIRTABLE_DEADLINE: seconds for a call with its waiting and tries, 50.
    pub(crate) deadline: Duration,
    /// AIRTABLE_PENALTY: seconds that a base rests after a 429 without Retry-After, 30.
    pub(crate) penalty: Duration,
    /// AIRTABLE_RETRIES: further tries of one call, 4.
    pub(crate) retries: u32,
    /// AIRTABLE_QUEUE: calls that may wait for one base, 200.
    pub(crate) queue: usize,
    /// CACHE_TTL: seconds that an answer is kept, 3600.
    pub(crate) ttl: Duration,
}

impl Config {
    /// # Errors
    /// A variable that is missing or out of its range.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Error> {
        let token = environment.secret("AIRTABLE_TOKEN")?;
        Ok(Self {
            base_url: environment.base_url("AIRTABLE_BASE_URL", "https://api.airtable.com/v0")?,
            token: token.ok_or_else(|| Error::new("AIRTABLE_TOKEN", "must be set: a personal access token"))?,
            rate: environment.within("AIRTABLE_RATE_LIMIT", RATE, 1..=1_000)?,
            timeout: environment.seconds("AIRTABLE_TIMEOUT", TIMEOUT)?,
            deadline: environment.seconds("AIRTABLE_DEADLINE", DEADLINE)?,
            penalty: environment.seconds("AIRTABLE_PENALTY", PENALTY)?,
            retries: environment.within("AIRTABLE_RETRIES", RETRIES, 0..=10)?,
            queue: environment.within("AIRTABLE_QUEUE", QUEUE, 1..=10_000)?,
            ttl: environment.seconds("CACHE_TTL", TTL)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_variable() {
        for (variables, told) in [
            (vec![], "AIRTABLE_TOKEN: must be set: a personal access token"),
            (
                vec![("AIRTABLE_TOKEN", "pat"), ("AIRTABLE_RATE_LIMIT", "0")],
                "AIRTABLE_RATE_LIMIT: must lie between 1 and 1000",
            ),
            (vec![("AIRTABLE_TOKEN", "pat"), ("CACHE_TTL", "soon")], "CACHE_TTL: must be a number"),
        ] {
            assert_eq!(Config::read(&Environment::of(variables)).unwrap_err().to_string(), told);
        }
        let config = Config::read(&Environment::of([("AIRTABLE_TOKEN", "patSecret")])).unwrap();
        assert_eq!((config.rate, config.ttl), (5, Duration::from_secs(3_600)));
        assert!(!format!("{config:?}").contains("patSecret"));
    }
}
