//! Everything under shuttle: schedules, in larger programs than loom can finish, and no orderings.
//! Run with `RUSTFLAGS="--cfg heddle_shuttle" cargo test -p heddle-primitives --test shuttle`.
#![cfg(heddle_shuttle)]
#![allow(
    clippy::disallowed_types,
    reason = "what a test counts over all schedules is none of shuttle's business"
)]

#[path = "../broken/mod.rs"]
mod broken;
#[path = "../scenarios/mod.rs"]
mod scenarios;

mod planted;

mod array_queue;
mod barrier;
mod channel;
mod condvar;
mod deque;
mod event;
mod futex;
mod latch;
mod mutex;
mod once;
mod oneshot;
mod parker;
mod pool;
mod queue;
mod reentrant;
mod rwlock;
mod semaphore;
mod seqlock;
mod sharded_rwlock;
mod spsc;

use broken::Bug;
use heddle_primitives::sync::explore_spurious;
use scenarios::*;
use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Schedules a scenario for each way of choosing them. Fixed seeds: a failure comes again.
const SCHEDULES: usize = 1_000;
/// Schedules in which a planted bug must show.
const SEARCHED: usize = 3 * SCHEDULES;
const SEED: u64 = 0x6865_6464_6c65;

fn run(
    scheduler: impl Scheduler + 'static,
    model: impl Fn() + Send + Sync + 'static,
) -> Result<usize, Failure> {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    let schedules = StdArc::new(AtomicUsize::new(0));
    let counted = schedules.clone();
    catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, config).run(move || {
            counted.fetch_add(1, Relaxed);
            model();
        })
    }))
    .map_err(|panic| Failure {
        at: schedules.load(Relaxed),
        message: panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
            .unwrap_or_default(),
    })
}

#[derive(Debug)]
struct Failure {
    at: usize,
    message: String,
}

/// Random and PCT schedules, with and without a spurious wake.
fn check(name: &str, model: impl Fn() + Clone + Send + Sync + 'static) {
    for spurious in [None, Some(0), Some(1)] {
        explore_spurious(spurious);
        let random = run(RandomScheduler::new_from_seed(SEED, SCHEDULES), model.clone());
        assert_eq!(random.unwrap_or_else(|failure| panic!("{name}, random: {failure:?}")), SCHEDULES);
        let pct = run(PctScheduler::new_from_seed(SEED, 3, SCHEDULES), model.clone());
        assert_eq!(pct.unwrap_or_else(|failure| panic!("{name}, PCT: {failure:?}")), SCHEDULES);
    }
    explore_spurious(None);
}

/// Every schedule; no fewer than recorded, and fewer than shuttle was allowed, or it was cut off.
fn check_all(name: &str, at_least: usize, model: impl Fn() + Send + Sync + 'static) {
    const MOST: usize = 500_000;
    let schedules = run(DfsScheduler::new(Some(MOST), false), model)
        .unwrap_or_else(|failure| panic!("{name}, depth first: {failure:?}"));
    eprintln!("{name}: {schedules} schedules");
    assert!(schedules < MOST, "{name}: cut off");
    assert!(schedules >= at_least, "{name}: {schedules} schedules, {at_least} recorded");
}

/// Both ways of choosing schedules find something wrong.
fn finds(name: &str, cause: &str, model: impl Fn() + Clone + Send + Sync + 'static) {
    for (how, result) in [
        ("random", run(RandomScheduler::new_from_seed(SEED, SEARCHED), model.clone())),
        ("PCT", run(PctScheduler::new_from_seed(SEED, 3, SEARCHED), model)),
    ] {
        let failure = result.expect_err(name);
        eprintln!("{name}: found by {how} at schedule {}: {}", failure.at, failure.message);
        assert!(failure.message.contains(cause), "{name}: {}", failure.message);
    }
}

#[test]
fn every_schedule_of_the_smallest() {
    check_all("futex", 27, futex_wakes);
    check_all("mutex try_lock", 12, mutex_try_lock);
    check_all("event message", 68, || event_passes_a_message(1));
    check_all("mutex 2x1", 226, || mutex_counts(2, 1));
    check_all("barrier abort", 470, barrier_abort);
}
