//! Looks at one table: a call of the model for each category, a few at a time.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use futures::stream::{StreamExt, iter};

use super::prompt;
use super::wire::{Category, CostSummary, TableRequest, TableResponse};
use crate::chat::{Progress, Task, converse};
use crate::gemini::Error;
use crate::metering::Totals;
use crate::state::State;

/// Calls at a time for one table: more would meet the provider's limits for a minute.
const CALLS_AT_A_TIME: usize = 4;

/// Looks at a table. Categories that fail are told apart, unless all do.
///
/// # Errors
/// The first failure, when no category could be done.
pub(super) async fn analyse(state: &Arc<State>, table: &TableRequest) -> Result<TableResponse, Error> {
    let begun = Instant::now();
    let work = table.wanted().into_iter().map(|category| one(state, table, category));
    let outcomes: Vec<_> = iter(work).buffered(CALLS_AT_A_TIME).collect().await;
    let mut totals = Totals::default();
    let (mut results, mut failed, mut first_failure) = (BTreeMap::new(), BTreeMap::new(), None);
    for (category, outcome, progress) in outcomes {
        totals.merge(&progress.totals);
        match outcome {
            Ok(()) => drop(results.insert(category, prompt::findings(&progress.text))),
            Err(error) => {
                failed.insert(category, error.to_string());
                first_failure.get_or_insert(error);
            }
        }
    }
    if let Some(error) = first_failure.filter(|_| results.is_empty()) {
        return Err(error);
    }
    Ok(TableResponse {
        table_id: table.table_id.clone(),
        table_name: table.table_name.clone(),
        analysis_results: results,
        failed_categories: failed,
        cost_summary: CostSummary::of(&totals),
        analysis_duration_seconds: begun.elapsed().as_secs_f64(),
        timestamp: Utc::now(),
    })
}

async fn one(state: &Arc<State>, table: &TableRequest, category: Category) -> (Category, Result<(), Error>, Progress) {
    let task = Task {
        model: table.model.clone().unwrap_or_else(|| state.config.model.clone()),
        prompt: prompt::prompt(table, category),
        ours: HashSet::new(),
        session: None,
        purpose: "table_analysis",
    };
    let mut progress = Progress::default();
    let outcome = converse(state, task, &None, &mut progress).await;
    (category, outcome, progress)
}
