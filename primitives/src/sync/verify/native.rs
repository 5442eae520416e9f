//! Real threads, again and again: for Miri and ThreadSanitizer to watch.

use super::effort::Effort;
use super::{Coverage, Failure, Model, Scenario, Searched, message};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Who looks, as the environment says: nothing in the program can tell.
#[cfg(heddle_mutants)]
pub(super) const CHECKER: &str = if cfg!(miri) { "miri" } else { "threads" };

/// Under Miri one is enough, since each of its seeds is another schedule.
fn executions(effort: Effort) -> u64 {
    let everyday = if cfg!(miri) { 1 } else { 200 };
    let asked = std::env::var("HEDDLE_REPEAT").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if effort == Effort::Mutant { everyday * 2 } else { everyday })
}

pub(super) fn search(_scenario: &Scenario, effort: Effort, model: Model) -> Result<Searched, Failure> {
    repeat(executions(effort), model)
}

pub(super) fn find(_scenario: &Scenario, model: Model) -> Result<Searched, Failure> {
    repeat(10 * executions(Effort::Everyday), model)
}

fn repeat(executions: u64, model: Model) -> Result<Searched, Failure> {
    for at in 1..=executions {
        catch_unwind(AssertUnwindSafe(|| model())).map_err(|panic| Failure {
            at,
            message: message(&*panic),
            replay: None,
        })?;
    }
    Ok(Searched::everyday(executions, Coverage::Sampled))
}
