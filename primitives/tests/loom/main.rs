//! Everything under loom. Run with `RUSTFLAGS="--cfg heddle_loom" cargo test -p heddle-primitives --test loom`.
//!
//! A scenario passes only if loom says that it completed, and with no fewer executions than recorded: loom returns silently
//! when it is cut off, and a change that makes it explore less would look like a pass.
#![cfg(heddle_loom)]

#[path = "../broken/mod.rs"]
mod broken;
#[path = "../linearizability/mod.rs"]
mod linearizability;
#[path = "../corpus/mod.rs"]
mod programs;
#[path = "../scenarios/mod.rs"]
mod scenarios;

mod canaries;
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
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, explore_spurious, fence, thread};
use heddle_primitives::verify::Search::{Bounded, Complete};
use heddle_primitives::verify::{Scenario, Search};
use scenarios::*;
use std::collections::BTreeSet;

/// Runs `model` through loom, which must make at least so many executions.
fn check(name: &str, search: Search, at_least: u64, model: impl Fn() + Send + Sync + 'static) {
    Scenario::new(name).search(search).at_least(at_least).check(model);
}

/// Runs `model` through loom, which must find something wrong whose message contains `cause`.
fn finds(name: &str, search: Search, cause: &str, model: impl Fn() + Send + Sync + 'static) {
    Scenario::new(name).search(search).finds(cause, model);
}

/// Runs a model with no spurious wake, and with the first and second wait of each futex spurious.
fn check_with_spurious(name: &str, search: Search, at_least: u64, model: impl Fn() + Send + Sync + 'static) {
    Scenario::new(name).search(search).at_least(at_least).spurious(2).check(model);
}
