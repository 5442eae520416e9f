//! Running small programs under whatever checker this build is for.
//!
//! A scenario is a program of a few threads on the facade ([`crate::sync`]) whose assertions hold in every execution. What
//! [`Scenario::check`] does with it depends on the build:
//!
//! - `--cfg heddle_loom`: loom runs every execution in its model of the memory, or those up to a bound of preemptions;
//! - `--cfg heddle_shuttle`: shuttle runs schedules chosen at random and by PCT, and all of them where there are few;
//! - otherwise: real threads run it again and again, for Miri and ThreadSanitizer to watch, or by themselves.
//!
//! `cargo xtask verify` builds all three, runs each test in a process of its own, and reads the records that scenarios write
//! to the file that `HEDDLE_RECORDS` names. The same works for the tests of another crate, whose primitives use the facade.
//!
//! ```
//! use heddle_primitives::Mutex;
//! use heddle_primitives::sync::{Arc, thread};
//! use heddle_primitives::verify::Scenario;
//!
//! Scenario::new("two threads count").check(|| {
//!     let count = Arc::new(Mutex::new(0));
//!     let other = thread::spawn({
//!         let count = count.clone();
//!         move || *count.lock() += 1
//!     });
//!     *count.lock() += 1;
//!     other.join().unwrap();
//!     assert_eq!(*count.lock(), 2);
//! });
//! ```

#![cfg_attr(
    not(all(heddle_loom, heddle_shuttle)),
    allow(dead_code, reason = "each build reads what its checker needs")
)]

#[cfg(heddle_loom)]
#[path = "loom.rs"]
mod engine;

#[cfg(all(heddle_shuttle, not(heddle_loom)))]
#[path = "shuttle.rs"]
mod engine;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
#[path = "native.rs"]
mod engine;

mod effort;
mod record;

use effort::Effort;
use record::Record;
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::{Arc as StdArc, Mutex as StdMutex, PoisonError};
use std::time::Instant;

/// How far loom searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Every execution in loom's model.
    Complete,
    /// Every execution with at most so many preemptions.
    Bounded(usize),
}

/// How far a result reaches. Names are those of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coverage {
    Complete,
    Bounded(usize),
    Truncated,
    Sampled,
}

/// A program and how it is to be searched; nothing runs before [`check`](Self::check) or [`finds`](Self::finds).
#[derive(Debug, Clone)]
#[must_use = "a scenario does nothing until it is checked"]
pub struct Scenario {
    name: String,
    search: Search,
    at_least: u64,
    spurious: u32,
    schedules: u32,
    every_schedule: bool,
}

/// A search that came to an end.
struct Searched {
    executions: u64,
    coverage: Coverage,
    /// Executions of the search that the scenario names. A larger bound may need fewer, since a bound spoils reductions.
    everyday: u64,
}

impl Searched {
    /// By the search that the scenario names, and no other.
    fn everyday(executions: u64, coverage: Coverage) -> Self {
        Self { executions, coverage, everyday: executions }
    }
}

/// A search that found something wrong.
struct Failure {
    /// The execution, from 1.
    at: u64,
    message: String,
    /// What leads to the same execution again.
    replay: Option<String>,
}

type Model = StdArc<dyn Fn() + Send + Sync>;

impl Scenario {
    /// A scenario that loom searches completely, with no spurious wakes and no recorded number of executions.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            search: Search::Complete,
            at_least: 0,
            spurious: 0,
            schedules: 1_000,
            every_schedule: false,
        }
    }

    /// How far loom searches in everyday runs; longer ones go on from there. Others ignore it.
    pub fn search(self, search: Search) -> Self {
        Self { search, ..self }
    }

    /// Executions that loom must make, or schedules where shuttle is to run [every one](Self::every_schedule): a change that
    /// makes the search explore less would look like a pass.
    pub fn at_least(self, executions: u64) -> Self {
        Self { at_least: executions, ..self }
    }

    /// Runs the scenario again for each n up to `waits`, where the n-th wait of each futex may end without a wake.
    pub fn spurious(self, waits: u32) -> Self {
        Self { spurious: waits, ..self }
    }

    /// Schedules that shuttle runs at random, and as many by PCT, in everyday runs: 1,000 unless told.
    pub fn schedules(self, schedules: u32) -> Self {
        Self { schedules, ..self }
    }

    /// Has shuttle run every schedule, depth first.
    pub fn every_schedule(self) -> Self {
        Self { every_schedule: true, ..self }
    }

    /// Runs `model`, whose assertions must hold.
    ///
    /// # Panics
    /// If one does not; if the checker finds a race, a deadlock or a leak; if it stopped before its search was complete, or ran
    /// fewer executions than [`at_least`](Self::at_least).
    pub fn check(self, model: impl Fn() + Send + Sync + 'static) {
        prepare();
        let effort = Effort::of_process();
        let model: Model = StdArc::new(model);
        for spurious in std::iter::once(None).chain((0..self.spurious).map(Some)) {
            let name = match spurious {
                None => self.name.clone(),
                Some(nth) => format!("{}, wait {nth} spurious", self.name),
            };
            let start = Instant::now();
            #[cfg(any(heddle_loom, heddle_shuttle))]
            crate::sync::probe::trace::reset();
            explore_spurious(spurious);
            let result = engine::search(&self, effort, model.clone());
            explore_spurious(None);
            let mut record = Record::new(&name, start.elapsed());
            let problem = match result {
                Ok(searched) => {
                    record.passed(&searched);
                    let keeps = effort.keeps_minimum() && (cfg!(heddle_loom) || self.every_schedule);
                    let enough = searched.everyday >= self.at_least || !keeps;
                    (!enough).then(|| format!("{} executions, {} recorded", searched.everyday, self.at_least))
                }
                Err(failure) => {
                    record.failed(&failure);
                    Some(format!("execution {}: {}", failure.at, failure.message))
                }
            };
            if let Some(problem) = &problem {
                record.is_red(problem);
            }
            record.write();
            if let Some(problem) = problem {
                panic!("{name}: {problem}");
            }
        }
    }

    /// Runs `model` and returns what it returns in some execution: everything that can come out of it, where the search is
    /// complete.
    ///
    /// # Panics
    /// As [`check`](Self::check) does.
    pub fn outcomes<T: Ord + Send + 'static>(
        self,
        model: impl Fn() -> T + Send + Sync + 'static,
    ) -> BTreeSet<T> {
        let found = StdArc::new(StdMutex::new(BTreeSet::new()));
        let collected = found.clone();
        self.check(move || {
            let outcome = model();
            collected.lock().unwrap_or_else(PoisonError::into_inner).insert(outcome);
        });
        std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `model`, which is broken: the checker must find it, with a message that contains `cause`.
    ///
    /// Nothing runs where the program under test is a mutant, of which it would say nothing.
    ///
    /// # Panics
    /// If nothing, or something else, is found.
    pub fn finds(self, cause: &str, model: impl Fn() + Send + Sync + 'static) {
        prepare();
        let effort = Effort::of_process();
        if effort == Effort::Mutant {
            return;
        }
        let start = Instant::now();
        let result = engine::find(&self, StdArc::new(model));
        let mut record = Record::new(&self.name, start.elapsed());
        record.expected(cause);
        let problem = match &result {
            Ok(searched) => {
                record.passed(searched);
                Some(format!("nothing found in {} executions", searched.executions))
            }
            Err(failure) => {
                record.found(failure);
                (!failure.message.contains(cause))
                    .then(|| format!("found something else: {}", failure.message))
            }
        };
        if let Some(problem) = &problem {
            record.is_red(problem);
        }
        record.write();
        if let Some(problem) = problem {
            panic!("{}: {problem}", self.name);
        }
    }
}

/// Runs `f`, which stops for ever before its operation number `step` of the facade, from 0, as a process does that is killed there:
/// then `None`. Nothing that is dropped on the way is seen by others. A scenario calls it with each step up to the last.
///
/// The others are not told. Whoever models a system that tells them calls [`time_passes`] once it has.
///
/// ```
/// # #[cfg(any(heddle_loom, heddle_shuttle))] {
/// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
/// use heddle_primitives::verify::{Scenario, dies_at};
///
/// Scenario::new("dies between two stores").check(|| {
///     let (a, b) = (AtomicU32::new(0), AtomicU32::new(0));
///     let both = dies_at(1, || {
///         a.store(1, Ordering::Relaxed);
///         b.store(1, Ordering::Relaxed);
///     });
///     assert_eq!(both, None);
///     assert_eq!((a.load(Ordering::Relaxed), b.load(Ordering::Relaxed)), (1, 0));
/// });
/// # }
/// ```
#[cfg(any(heddle_loom, heddle_shuttle))]
pub fn dies_at<R>(step: u32, f: impl FnOnce() -> R) -> Option<R> {
    crate::sync::probe::death::dies_at(step, f)
}

/// Has every wait in the shared scope end once without a wake, of threads that sleep or that will: what natively happens every
/// 50 ms, and where it matters, once somebody has died.
#[cfg(any(heddle_loom, heddle_shuttle))]
pub fn time_passes() {
    crate::sync::backend::futex::time_passes();
}

/// Reads the settings before any thread of a scenario runs.
fn prepare() {
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    crate::sync::probe::prepare();
}

/// Before each execution.
#[cfg(any(heddle_loom, heddle_shuttle))]
fn start_of_execution() {
    crate::sync::probe::trace::start();
    crate::sync::probe::death::start();
    crate::sync::backend::futex::start();
}

#[cfg(any(heddle_loom, heddle_shuttle))]
use crate::sync::explore_spurious;

/// Real waits end early by themselves.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn explore_spurious(_nth: Option<u32>) {}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_string()
}
