//! shuttle: schedules, with no orderings.

use super::effort::Effort;
use super::{Coverage, Failure, Model, Scenario, Searched, message, start_of_execution};
use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

pub(super) const CHECKER: &str = "shuttle";

/// Fixed seeds: a failure comes again.
const SEED: u64 = 0x6865_6464_6c65;

/// Priority changes of PCT.
const DEPTH: usize = 3;

/// What shuttle says of a schedule without an end.
const TOO_LONG: &str = "exceeded max_steps";

/// Schedules after which a depth-first search is not "every schedule" any more.
const MOST: usize = 500_000;

/// The same where nobody asked for it, and it is tried.
const TRIED: usize = 20_000;

pub(super) fn search(scenario: &Scenario, effort: Effort, model: Model) -> Result<Searched, Failure> {
    if scenario.every_schedule {
        let executions = depth_first(MOST, &model)?;
        return if executions < MOST as u64 {
            Ok(Searched::everyday(executions, Coverage::Complete))
        } else {
            Err(Failure { at: executions, message: "cut off: too many schedules".into(), replay: None })
        };
    }
    let schedules = match effort {
        Effort::Mutant => scenario.schedules / 4,
        Effort::Everyday | Effort::Deep(_) => scenario.schedules,
    };
    let everyday = sample(schedules as usize, &model)?;
    match effort {
        // One more schedule says less than one more execution of loom's.
        Effort::Deep(time) => deepen(everyday, time / 3, &model),
        Effort::Everyday | Effort::Mutant => Ok(everyday),
    }
}

/// Every schedule, if they are few enough for half of the time, or else others at random for the other half.
fn deepen(everyday: Searched, time: Duration, model: &Model) -> Result<Searched, Failure> {
    let start = Instant::now();
    let half = time / 2;
    match run(DfsScheduler::new(Some(TRIED), false), "depth first", Some(half), model) {
        Ok(executions) if executions < TRIED as u64 && start.elapsed() < half => {
            return Ok(Searched::everyday(executions, Coverage::Complete));
        }
        // Threads that look again and again for each other have schedules without an end, which chance does not choose.
        Err(failure) if !failure.message.starts_with(TOO_LONG) => return Err(failure),
        _ => {}
    }
    let scheduler = RandomScheduler::new_from_seed(!SEED, usize::MAX);
    let more = run(scheduler, "random, other seed", Some(half), model)?;
    Ok(Searched::everyday(everyday.executions + more, Coverage::Sampled))
}

/// Both ways of choosing schedules must find it.
pub(super) fn find(scenario: &Scenario, model: Model) -> Result<Searched, Failure> {
    let schedules = 3 * scenario.schedules as usize;
    let searched = |executions| Searched::everyday(executions, Coverage::Sampled);
    let by_pct = match run(PctScheduler::new_from_seed(SEED, DEPTH, schedules), "PCT", None, &model) {
        Ok(executions) => return Ok(searched(executions)),
        Err(failure) => failure,
    };
    match run(RandomScheduler::new_from_seed(SEED, schedules), "random", None, &model) {
        Ok(executions) => Ok(searched(executions)),
        Err(at_random) => Err(if at_random.at <= by_pct.at { at_random } else { by_pct }),
    }
}

fn sample(schedules: usize, model: &Model) -> Result<Searched, Failure> {
    let random = run(RandomScheduler::new_from_seed(SEED, schedules), "random", None, model)?;
    let pct = run(PctScheduler::new_from_seed(SEED, DEPTH, schedules), "PCT", None, model)?;
    Ok(Searched::everyday(random + pct, Coverage::Sampled))
}

fn depth_first(most: usize, model: &Model) -> Result<u64, Failure> {
    run(DfsScheduler::new(Some(most), false), "depth first", None, model)
}

fn run(
    scheduler: impl Scheduler + 'static,
    how: &str,
    time: Option<Duration>,
    model: &Model,
) -> Result<u64, Failure> {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_time = time;
    let schedules = Arc::new(AtomicU64::new(0));
    let (counted, model) = (schedules.clone(), model.clone());
    let result = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, config).run(move || {
            // ORDERING: shuttle runs all threads of the model on this one.
            counted.fetch_add(1, Relaxed);
            start_of_execution();
            model();
        })
    }));
    // ORDERING: as above.
    let at = schedules.load(Relaxed);
    match result {
        Ok(schedules) => Ok(schedules as u64),
        Err(panic) => {
            let replay = format!("shuttle, {how}, seed {SEED:#x}, schedule {at}");
            Err(Failure { at, message: message(&*panic), replay: Some(replay) })
        }
    }
}
