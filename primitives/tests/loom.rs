//! Everything under loom. Run with `RUSTFLAGS="--cfg heddle_loom" cargo test -p heddle-primitives --test loom`.
//!
//! A scenario passes only if loom says that it completed, and with no fewer executions than recorded: loom returns silently
//! when it is cut off, and a change that makes it explore less would look like a pass.
#![cfg(heddle_loom)]
#![allow(
    clippy::disallowed_types,
    reason = "what a test collects over all executions is none of loom's business"
)]

mod broken;
mod scenarios;

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

mod canaries {
    use super::*;
    use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

    type Words = Arc<(AtomicU32, AtomicU32)>;

    /// Two words at zero, for two threads.
    fn pair() -> (Words, Words) {
        let pair = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
        (pair.clone(), pair)
    }

    #[test]
    fn loom_392_a_load_before_the_store_hides_nothing() {
        let seen = outcomes(|| {
            let (a, b) = pair();
            let other = thread::spawn(move || {
                a.0.load(Relaxed);
                a.0.store(1, Relaxed);
            });
            let seen = b.0.load(Relaxed);
            other.join().unwrap();
            seen
        });
        assert_eq!(seen, BTreeSet::from([0, 1]));
    }

    #[test]
    fn loom_166_a_redundant_load_hides_nothing() {
        for redundant in [false, true] {
            let seen = outcomes(move || {
                let (a, b) = pair();
                let writer = thread::spawn(move || {
                    let (key, value) = &*a;
                    key.store(1, SeqCst);
                    value.store(1, SeqCst);
                    value.store(0, SeqCst);
                    if redundant {
                        key.load(SeqCst);
                    }
                    key.store(0, SeqCst);
                });
                let reader = thread::spawn(move || {
                    let (key, value) = &*b;
                    (value.load(SeqCst), key.load(SeqCst))
                });
                writer.join().unwrap();
                reader.join().unwrap()
            });
            assert_eq!(seen, BTreeSet::from([(0, 0), (0, 1), (1, 0), (1, 1)]), "redundant: {redundant}");
        }
    }

    fn store_buffering(between: Option<Ordering>) -> BTreeSet<(u32, u32)> {
        let fence_between = move || {
            if let Some(order) = between {
                fence(order);
            }
        };
        outcomes(move || {
            let (a, b) = pair();
            let other = thread::spawn(move || {
                a.0.store(1, Relaxed);
                fence_between();
                a.1.load(Relaxed)
            });
            b.1.store(1, Relaxed);
            fence_between();
            let seen = b.0.load(Relaxed);
            (seen, other.join().unwrap())
        })
    }

    #[test]
    fn store_buffering_is_stopped_by_a_seqcst_fence_alone() {
        let all = BTreeSet::from([(0, 0), (0, 1), (1, 0), (1, 1)]);
        assert_eq!(store_buffering(None), all);
        assert_eq!(store_buffering(Some(AcqRel)), all);
        assert_eq!(store_buffering(Some(SeqCst)), BTreeSet::from([(0, 1), (1, 0), (1, 1)]));
    }

    /// What the reader sees: nothing, or the flag and the datum; the datum is plain, so a missing edge is a race.
    fn message_passing(publish: Ordering, receive: Ordering) {
        let shared = Arc::new((Plain::new(), AtomicU32::new(0)));
        team(2, &shared, move |(data, flag), n| {
            if n == 0 {
                data.set(1);
                flag.store(1, publish);
            } else if flag.load(receive) == 1 {
                assert_eq!(data.get(), 1);
            }
        });
    }

    #[test]
    fn message_passing_races_without_both_halves() {
        check("message passing", Complete, 2, || message_passing(Release, Acquire));
        for (publish, receive) in [(Relaxed, Acquire), (Release, Relaxed), (Relaxed, Relaxed)] {
            finds("message passing, weakened", Complete, "Causality violation", move || {
                message_passing(publish, receive)
            });
        }
    }

    /// Load, then compare-exchange: the kind of code at which loom's own reduction goes wrong.
    #[test]
    fn load_then_exchange_loses_updates_in_all_ways() {
        let seen = outcomes(|| {
            let (a, b) = pair();
            let bump = |x: &AtomicU32| {
                let seen = x.load(Relaxed);
                x.compare_exchange(seen, seen + 1, Relaxed, Relaxed).is_ok()
            };
            let other = thread::spawn(move || bump(&a.0));
            let mine = bump(&b.0);
            (mine, other.join().unwrap(), b.0.load(Relaxed))
        });
        assert_eq!(seen, BTreeSet::from([(false, true, 1), (true, false, 1), (true, true, 2)]));
    }
}

mod planted {
    use super::*;

    #[test]
    fn the_repaired_twins_pass() {
        check("small lock 2x2", Complete, 3_011, || broken::small_lock(Bug::None, 2, 2));
        check("small lock 3x1", Bounded(2), 108, || broken::small_lock(Bug::None, 3, 1));
        check("one slot", Complete, 6, || broken::one_slot(Ordering::Release));
        check("sleep beside a queue", Complete, 26, || broken::sleep_beside(true));
    }

    #[test]
    fn forgotten_sleepers_are_found() {
        finds("forgets sleepers", Bounded(2), "deadlock", || broken::small_lock(Bug::ForgetsSleepers, 3, 1));
    }

    #[test]
    fn a_wake_before_the_store_is_found() {
        finds("wakes before the store", Bounded(2), "deadlock", || {
            broken::small_lock(Bug::WakesBeforeStore, 2, 1)
        });
    }

    #[test]
    fn a_reread_expected_value_is_found() {
        finds("rereads expected", Bounded(2), "deadlock", || broken::small_lock(Bug::RereadsExpected, 2, 1));
    }

    #[test]
    fn a_believed_wake_is_found_once_wakes_can_be_spurious() {
        explore_spurious(Some(0));
        finds("believes the wake", Complete, "", || broken::small_lock(Bug::BelievesTheWake, 2, 1));
        explore_spurious(None);
    }

    #[test]
    fn missing_orderings_are_found() {
        for bug in [Bug::RelaxedLock, Bug::RelaxedUnlock] {
            finds("weak lock", Complete, "Causality violation", move || broken::small_lock(bug, 2, 1));
        }
        finds("relaxed publish", Complete, "Causality violation", || broken::one_slot(Ordering::Relaxed));
    }

    #[test]
    fn missing_fences_are_found() {
        finds("sleeps without fences", Complete, "deadlock", || broken::sleep_beside(false));
    }
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

mod futex {
    use super::*;

    #[test]
    fn wakes() {
        check("futex", Complete, 6, futex_wakes);
    }
}

mod mutex {
    use super::*;

    #[test]
    fn two_threads() {
        check_with_spurious("mutex 2x1", Complete, 46, || mutex_counts(2, 1));
        check("mutex 2x2", Complete, 36_846, || mutex_counts(2, 2));
    }

    #[test]
    fn three_threads() {
        check_with_spurious("mutex 3x1", Bounded(2), 273, || mutex_counts(3, 1));
        check("mutex 3x1, bound 3", Bounded(3), 3_126, || mutex_counts(3, 1));
    }

    #[test]
    fn time_outs() {
        check_with_spurious("mutex with time-out, 2", Complete, 54, || mutex_time_out_strands_nobody(2));
        check_with_spurious("mutex with time-out, 3", Bounded(3), 2_311, || mutex_time_out_strands_nobody(3));
        check("mutex try_lock", Complete, 10, mutex_try_lock);
    }
}

mod event {
    use super::*;

    #[test]
    fn two_threads() {
        check_with_spurious("event message", Complete, 16, || event_passes_a_message(1));
        check_with_spurious("event time-out", Complete, 24, event_times_out_or_passes);
        check_with_spurious("event swallowed set", Complete, 13_630, event_swallowed_set_is_seen);
        check_with_spurious("event pulse", Complete, 660, event_pulse);
    }

    #[test]
    fn three_threads() {
        check_with_spurious("event message, 2 waiters", Bounded(2), 1_038, || event_passes_a_message(2));
    }
}

mod barrier {
    use super::*;

    #[test]
    fn two_threads() {
        check_with_spurious("barrier 2x1", Complete, 127, || barrier_phases(2, 1));
        check("barrier 2x3", Bounded(3), 8_330, || barrier_phases(2, 3));
    }

    #[test]
    fn three_threads() {
        check_with_spurious("barrier 3x1", Bounded(2), 1_354, || barrier_phases(3, 1));
        check("barrier 3x2", Bounded(1), 2_061, || barrier_phases(3, 2));
    }

    #[test]
    fn abort() {
        check_with_spurious("barrier abort", Complete, 119, barrier_abort);
        check_with_spurious("barrier abort, next phase", Bounded(3), 977, barrier_abort_in_the_next_phase);
    }

    #[test]
    fn time_outs() {
        check_with_spurious("barrier time-out, 2", Complete, 5_842, || barrier_times_out_for_all(2));
        check_with_spurious("barrier time-out, 3", Bounded(2), 2_768, || barrier_times_out_for_all(3));
    }
}

mod spsc {
    use super::*;

    #[test]
    fn push_and_pop() {
        check("spsc 2 of 2", Complete, 44, || spsc_push_pop(2, 2));
        check("spsc 3 of 2", Complete, 805, || spsc_push_pop(2, 3));
        check("spsc 3 of 1", Complete, 353, || spsc_push_pop(1, 3));
    }

    #[test]
    fn send_and_recv() {
        check("spsc send 1 of 1", Complete, 45_643, || spsc_send_recv(1, 1));
        check_with_spurious("spsc send 1 of 1, bound 3", Bounded(3), 685, || spsc_send_recv(1, 1));
        check_with_spurious("spsc send 2 of 1", Bounded(2), 718, || spsc_send_recv(1, 2));
    }

    #[test]
    fn notify_and_time_out() {
        check_with_spurious("spsc notify", Bounded(3), 204, spsc_push_and_notify);
        check_with_spurious("spsc time-out", Bounded(3), 1_136, spsc_times_out_or_receives);
    }

    #[test]
    fn disconnection() {
        check_with_spurious("spsc consumer leaves", Bounded(3), 42, spsc_consumer_leaves);
    }
}
