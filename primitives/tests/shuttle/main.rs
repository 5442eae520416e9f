//! Everything under shuttle: schedules, in larger programs than loom can finish, and no orderings.
//! Run with `RUSTFLAGS="--cfg heddle_shuttle" cargo test -p heddle-primitives --test shuttle`.
#![cfg(heddle_shuttle)]

#[path = "../broken/mod.rs"]
mod broken;
#[path = "../linearizability/mod.rs"]
mod linearizability;
#[path = "../corpus/mod.rs"]
mod programs;
#[path = "../scenarios/mod.rs"]
mod scenarios;

mod corpus;
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
use heddle_primitives::verify::Scenario;
use scenarios::*;

/// Random and PCT schedules, with and without a spurious wake.
fn check(name: &str, model: impl Fn() + Send + Sync + 'static) {
    Scenario::new(name).spurious(2).check(model);
}

/// Every schedule; no fewer than recorded, and fewer than shuttle was allowed, or it was cut off.
fn check_all(name: &str, at_least: u64, model: impl Fn() + Send + Sync + 'static) {
    Scenario::new(format!("{name}, every schedule")).every_schedule().at_least(at_least).check(model);
}

/// Both ways of choosing schedules find something wrong.
fn finds(name: &str, cause: &str, model: impl Fn() + Send + Sync + 'static) {
    Scenario::new(name).finds(cause, model);
}

#[test]
fn every_schedule_of_the_smallest() {
    check_all("futex", 27, futex_wakes);
    check_all("mutex try_lock", 12, mutex_try_lock);
    check_all("event message", 68, || event_passes_a_message(1));
    check_all("mutex 2x1", 226, || mutex_counts(2, 1));
    check_all("barrier abort", 470, barrier_abort);
}
