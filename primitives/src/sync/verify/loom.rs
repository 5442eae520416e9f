//! loom: every execution in its model, or up to a bound of preemptions.

use super::effort::Effort;
use super::{Coverage, Failure, Model, Scenario, Search, Searched, message, start_of_execution};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) const CHECKER: &str = "loom";

/// Beyond so many preemptions a bound saves nothing.
const LARGEST_BOUND: usize = 6;

/// What loom says of an execution of more than [`BRANCHES`] steps.
const TOO_LONG: &str = "Model exceeded maximum number of branches";

/// Steps at which an execution is taken for one without an end.
const BRANCHES: usize = 5_000;

/// A mutant is searched with at most so many preemptions, for at most so long.
const MUTANT_BOUND: usize = 2;
const MUTANT_TIME: Duration = Duration::from_secs(4);

pub(super) fn search(scenario: &Scenario, effort: Effort, model: Model) -> Result<Searched, Failure> {
    match effort {
        Effort::Everyday => run(scenario.search, None, &model)?.or_cut_off(),
        Effort::Mutant => {
            let search = match scenario.search {
                Search::Bounded(bound) => Search::Bounded(bound.min(MUTANT_BOUND)),
                Search::Complete => Search::Complete,
            };
            run(search, Some(MUTANT_TIME), &model).map(|run| run.searched(search))
        }
        Effort::Deep(time) => deepen(scenario, time, &model),
    }
}

pub(super) fn find(scenario: &Scenario, model: Model) -> Result<Searched, Failure> {
    run(scenario.search, None, &model)?.or_cut_off()
}

/// The everyday search, then larger bounds and the complete search for as long as there is time. Nothing is called complete where
/// no number of executions is recorded.
fn deepen(scenario: &Scenario, time: Duration, model: &Model) -> Result<Searched, Failure> {
    let end = Instant::now() + time;
    let mut done = run(scenario.search, None, model)?.or_cut_off()?;
    let Search::Bounded(first) = scenario.search else { return Ok(done) };
    let last = if scenario.at_least > 0 { LARGEST_BOUND + 1 } else { LARGEST_BOUND };
    for bound in first + 1..=last {
        let next = if bound > LARGEST_BOUND { Search::Complete } else { Search::Bounded(bound) };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match run(next, Some(left), model) {
            Ok(run) if run.complete => done = Searched { everyday: done.everyday, ..run.searched(next) },
            // Threads that look again and again for each other have executions of any length at some bound: the search ends there.
            Err(failure) if !failure.message.starts_with(TOO_LONG) => return Err(failure),
            _ => break,
        }
    }
    Ok(done)
}

/// A search that found nothing, and whether loom says that it came to its end.
struct Run {
    search: Search,
    executions: u64,
    complete: bool,
}

impl Run {
    fn searched(&self, search: Search) -> Searched {
        let coverage = match search {
            _ if !self.complete => Coverage::Truncated,
            Search::Complete => Coverage::Complete,
            Search::Bounded(bound) => Coverage::Bounded(bound),
        };
        Searched::everyday(self.executions, coverage)
    }

    /// A search without a limit that loom did not finish is none.
    fn or_cut_off(self) -> Result<Searched, Failure> {
        if self.complete {
            return Ok(self.searched(self.search));
        }
        let message = format!("loom was cut off after {} executions", self.executions);
        Err(Failure { at: self.executions, message, replay: None })
    }
}

fn run(search: Search, time: Option<Duration>, model: &Model) -> Result<Run, Failure> {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = BRANCHES;
    builder.max_permutations = None;
    builder.max_duration = time;
    // How often loom looks at the clock.
    builder.checkpoint_interval = 200;
    builder.preemption_bound = match search {
        Search::Complete => None,
        Search::Bounded(preemptions) => Some(preemptions),
    };
    let executions = Arc::new(AtomicU64::new(0));
    let completed = Arc::new(Mutex::new(None));
    let result = catch_unwind(AssertUnwindSafe(|| {
        let (counted, model) = (executions.clone(), model.clone());
        tracing::subscriber::with_default(Completion(completed.clone()), || {
            builder.check(move || {
                // ORDERING: loom runs all threads of the model on this one.
                counted.fetch_add(1, Relaxed);
                start_of_execution();
                model();
            });
        });
    }));
    // ORDERING: as above.
    let at = executions.load(Relaxed);
    match result {
        Ok(()) => {
            let completed = completed.lock().unwrap_or_else(PoisonError::into_inner).take();
            Ok(Run { search, executions: at, complete: completed == Some(at) })
        }
        Err(panic) => {
            let replay = format!("loom, {search:?}, execution {at}");
            Err(Failure { at, message: message(&*panic), replay: Some(replay) })
        }
    }
}

/// Listens for loom's `Completed in N iterations`.
struct Completion(Arc<Mutex<Option<u64>>>);

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
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = message.0;
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
