//! loom's scenarios, and some that only real threads can run, for Miri and ThreadSanitizer to watch, and by themselves again and
//! again. Run with `RUSTFLAGS="--cfg heddle_mutants" cargo test -p heddle-primitives --test models`.
//!
//! Broken programs are not run, but for their repaired twins: a race on purpose is undefined behaviour here.
#![cfg(all(heddle_mutants, not(any(heddle_loom, heddle_shuttle))))]

#[path = "../broken/mod.rs"]
mod broken;
#[path = "../linearizability/mod.rs"]
mod linearizability;
#[path = "../corpus/mod.rs"]
mod programs;
#[path = "../scenarios/mod.rs"]
mod scenarios;

#[path = "../loom/array_queue.rs"]
mod array_queue;
#[path = "../loom/barrier.rs"]
mod barrier;
#[path = "../loom/channel.rs"]
mod channel;
#[path = "../loom/condvar.rs"]
mod condvar;
#[path = "../loom/corpus.rs"]
mod corpus;
#[path = "../loom/deque.rs"]
mod deque;
#[path = "../loom/event.rs"]
mod event;
#[path = "../loom/futex.rs"]
mod futex;
#[path = "../loom/latch.rs"]
mod latch;
#[path = "../loom/mutex.rs"]
mod mutex;
#[path = "../loom/once.rs"]
mod once;
#[path = "../loom/oneshot.rs"]
mod oneshot;
#[path = "../loom/parker.rs"]
mod parker;
#[path = "../loom/pool.rs"]
mod pool;
#[path = "../loom/queue.rs"]
mod queue;
#[path = "../loom/reentrant.rs"]
mod reentrant;
#[path = "../loom/rwlock.rs"]
mod rwlock;
#[path = "../loom/semaphore.rs"]
mod semaphore;
#[path = "../loom/seqlock.rs"]
mod seqlock;
#[path = "../loom/sharded_rwlock.rs"]
mod sharded_rwlock;
#[path = "../loom/spsc.rs"]
mod spsc;

mod thread_pool;

use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::verify::Scenario;
use heddle_primitives::verify::Search::{self, Bounded, Complete};
use scenarios::*;

fn check(name: &str, search: Search, _at_least: u64, model: impl Fn() + Send + Sync + 'static) {
    Scenario::new(name).search(search).check(model);
}

fn check_with_spurious(name: &str, search: Search, at_least: u64, model: impl Fn() + Send + Sync + 'static) {
    check(name, search, at_least, model);
}

/// Real waits end early by themselves.
fn explore_spurious(_nth: Option<u32>) {}

/// loom's to find.
fn finds(_name: &str, _search: Search, _cause: &str, _model: impl Fn() + Send + Sync + 'static) {}
