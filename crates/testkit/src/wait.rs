//! Polling with a deadline: the tests never sleep for a fixed time and hope.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Between two looks: short enough that no test notices, long enough that polling costs no CPU.
const PAUSE: Duration = Duration::from_millis(10);

/// Calls `look` until it gives a value; fails after `limit` and says what `what` was waited for.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = look().with_context(|| format!("while waiting for {what}"))? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("no {what} within {} s", limit.as_secs());
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_value_or_names_what_was_missing() {
        let mut looks = 0;
        let found = until("third look", Duration::from_secs(5), || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(found.expect("third look comes"), 3);
        let missing = until::<()>("snow", Duration::ZERO, || Ok(None)).expect_err("never comes");
        assert!(missing.to_string().contains("snow"));
    }
}
