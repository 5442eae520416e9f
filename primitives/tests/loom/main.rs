//! Everything under loom. Run with `RUSTFLAGS="--cfg heddle_loom" cargo test -p heddle-primitives --test loom`.
//!
//! A scenario passes only if loom says that it completed, and with no fewer executions than recorded: loom returns silently
//! when it is cut off, and a change that makes it explore less would look like a pass.
#![cfg(heddle_loom)]
#![allow(
    clippy::disallowed_types,
    reason = "what a test collects over all executions is none of loom's business"
)]

#[path = "../broken/mod.rs"]
mod broken;
#[path = "../scenarios/mod.rs"]
mod scenarios;

mod canaries;
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
use scenarios::*;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc as StdArc, Mutex as StdMutex};

/// How far loom searches: everything, or all executions with at most so many preemptions.
#[derive(Clone, Copy)]
enum Search {
    Complete,
    Bounded(usize),
}
use Search::{Bounded, Complete};

/// Runs `model` through loom and returns the number of executions.
///
/// # Panics
/// As the model does; or if loom did not complete, or made fewer than `at_least` executions.
fn check(name: &str, search: Search, at_least: u64, model: impl Fn() + Send + Sync + 'static) {
    let executions = run(search, model).unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
    eprintln!("{name}: {executions} executions");
    assert!(executions >= at_least, "{name}: {executions} executions, {at_least} recorded");
}

/// Runs `model` through loom, which must find something wrong whose message contains `cause`.
fn finds(name: &str, search: Search, cause: &str, model: impl Fn() + Send + Sync + 'static) {
    let failure = run(search, model).expect_err(name);
    eprintln!("{name}: found at execution {}: {}", failure.at, failure.message.lines().next().unwrap_or(""));
    assert!(failure.message.contains(cause), "{name}: {}", failure.message);
}

#[derive(Debug)]
struct Failure {
    at: u64,
    message: String,
}

fn run(search: Search, model: impl Fn() + Send + Sync + 'static) -> Result<u64, Failure> {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 5_000;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = match search {
        Complete => None,
        Bounded(preemptions) => Some(preemptions),
    };
    let executions = StdArc::new(AtomicU64::new(0));
    let completed = StdArc::new(StdMutex::new(None));
    let counted = executions.clone();
    let result = catch_unwind(AssertUnwindSafe(|| {
        tracing::subscriber::with_default(Completion(completed.clone()), || {
            builder.check(move || {
                counted.fetch_add(1, Ordering::Relaxed);
                model();
            });
        });
    }));
    let at = executions.load(Ordering::Relaxed);
    match result {
        Ok(()) => {
            let completed = completed.lock().unwrap().take();
            assert_eq!(completed, Some(at), "loom was cut off after {at} executions");
            Ok(at)
        }
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
                .unwrap_or_default();
            Err(Failure { at, message })
        }
    }
}

/// Listens for loom's `Completed in N iterations`.
struct Completion(StdArc<StdMutex<Option<u64>>>);

impl tracing::Subscriber for Completion {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == "loom::model"
    }

    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(Option<u64>);

        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}")
                        .strip_prefix("Completed in ")
                        .and_then(|rest| rest.strip_suffix(" iterations"))
                        .and_then(|n| n.parse().ok());
                }
            }
        }

        let mut message = Message(None);
        event.record(&mut message);
        if message.0.is_some() {
            *self.0.lock().unwrap() = message.0;
        }
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// All outcomes that loom finds.
fn outcomes<T: Ord + Send + 'static>(model: impl Fn() -> T + Send + Sync + 'static) -> BTreeSet<T> {
    let found = StdArc::new(StdMutex::new(BTreeSet::new()));
    let collected = found.clone();
    run(Complete, move || {
        let outcome = model();
        collected.lock().unwrap().insert(outcome);
    })
    .unwrap();
    StdArc::into_inner(found).unwrap().into_inner().unwrap()
}

/// Runs a model with no spurious wake, and with the first and second wait of each futex spurious.
fn check_with_spurious(
    name: &str,
    search: Search,
    at_least: u64,
    model: impl Fn() + Clone + Send + Sync + 'static,
) {
    check(name, search, at_least, model.clone());
    for nth in [0, 1] {
        explore_spurious(Some(nth));
        check(&format!("{name}, wait {nth} spurious"), search, at_least, model.clone());
    }
    explore_spurious(None);
}
