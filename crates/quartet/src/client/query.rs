//! `quartet query`: chooses the API that was named.

use std::time::SystemTime;

use super::args::QueryArgs;
use super::{ClientError, Found, loki, mimir, trace, when};

/// Times and resolution of a query, as they are sent.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
    pub(super) step: Option<String>,
}

/// Steps that a range without `--step` is cut into (Loki's default, and about a terminal's width).
const STEPS: u32 = 250;

/// Step when the range's length is not known here.
const STEP_DEFAULT: &str = "60s";

/// Runs a query.
pub(super) async fn run(args: &QueryArgs) -> Found {
    let tenant = args.tenant.as_deref();
    if let Some(url) = &args.tempo {
        return trace::run(url, &args.query, tenant, args.output).await;
    }
    let window = window(args)?;
    if let Some(url) = &args.loki {
        return loki::run(url, args, &window, tenant).await;
    }
    if let Some(url) = &args.mimir {
        return mimir::run(url, args, &window, tenant).await;
    }
    Err(ClientError::usage("name the API to ask: --tempo, --loki or --mimir"))
}

fn window(args: &QueryArgs) -> Result<Window, ClientError> {
    let now = SystemTime::now();
    let time = |text: &Option<String>| text.as_deref().map(|text| when::parse(text, now)).transpose();
    let step = match (&args.step, &args.start) {
        (Some(step), _) => Some(step.clone()),
        (None, None) => None,
        (None, Some(start)) => {
            let even = when::duration(start).filter(|_| args.end.is_none());
            Some(even.map_or(STEP_DEFAULT.to_owned(), |range| format!("{}s", (range / STEPS).as_secs().max(1))))
        }
    };
    Ok(Window { start: time(&args.start)?, end: time(&args.end)?, step })
}
