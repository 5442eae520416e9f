//! One wait of one thread, for one operation or several.

use crate::scope::Private;
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::sync::futex::{Futex, WaitOutcome};
use std::time::Instant;

/// Not chosen yet; the thread runs.
const WAITING: u32 = 0;
/// Not chosen yet; the thread sleeps, or is about to: who chooses wakes it.
const ASLEEP: u32 = 1;
/// The waiting thread itself has ended the wait.
const ABORTED: u32 = 2;
/// A channel was closed.
const DISCONNECTED: u32 = 3;
/// Operation 0 was chosen; the others follow.
const FIRST: u32 = 4;

/// Where those who have something for a waiting thread agree who is first.
///
/// | state | meaning | leaves by |
/// |---|---|---|
/// | 0 | waiting, awake | going to sleep -> 1; being chosen -> 2 or above |
/// | 1 | waiting, asleep | being chosen -> 2 or above, then a wake |
/// | 2 | ended by the waiting thread | - |
/// | 3 | a channel was closed | - |
/// | 4 + n | operation n was chosen | - |
///
/// Lives on the heap and is counted: who wakes may come when the woken thread has gone on.
#[derive(Debug)]
pub(super) struct Context {
    futex: Futex,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    /// By the waiting thread: it timed out, or has seen that it need not wait.
    Aborted,
    /// By a channel that was closed.
    Disconnected,
    /// By the other side of this operation.
    Operation(u32),
}

impl Chosen {
    fn to_state(self) -> u32 {
        match self {
            Self::Aborted => ABORTED,
            Self::Disconnected => DISCONNECTED,
            Self::Operation(n) => FIRST + n,
        }
    }

    fn of_state(state: u32) -> Option<Self> {
        match state {
            WAITING | ASLEEP => None,
            ABORTED => Some(Self::Aborted),
            DISCONNECTED => Some(Self::Disconnected),
            n => Some(Self::Operation(n - FIRST)),
        }
    }
}

/// To be woken once what it was chosen for is there.
#[derive(Debug)]
#[must_use = "a thread that sleeps must be woken"]
pub(super) struct Sleeper(Option<Arc<Context>>);

impl Sleeper {
    pub fn nobody() -> Self {
        Self(None)
    }

    pub fn wake(self) {
        if let Some(context) = self.0 {
            context.futex.wake_one();
        }
    }
}

impl Context {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { futex: Futex::new(WAITING) })
    }

    /// Ends the wait of `context` with `chosen`, unless it has ended already.
    pub fn choose(context: &Arc<Self>, chosen: Chosen) -> Option<Sleeper> {
        let word = context.futex.word();
        let state = chosen.to_state();
        // ORDERING: success releases what this thread did before to the waiting thread's acquiring look. Failure reads
        // nothing.
        if word.compare_exchange(WAITING, state, Ordering::Release, Ordering::Relaxed).is_ok() {
            return Some(Sleeper(None));
        }
        // ORDERING: as above. A thread goes to sleep once, so there is no third state to try.
        word.compare_exchange(ASLEEP, state, Ordering::Release, Ordering::Relaxed)
            .is_ok()
            .then(|| Sleeper(Some(context.clone())))
    }

    /// Ends the own wait.
    pub fn abort(&self) {
        // ORDERING: if somebody else was first, `wait` finds that out.
        let _ = self.futex.word().compare_exchange(WAITING, ABORTED, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// How the wait has ended, if it has.
    pub fn chosen(&self) -> Option<Chosen> {
        // ORDERING: acquires what the chooser did.
        Chosen::of_state(self.futex.word().load(Ordering::Acquire))
    }

    /// Waits until the wait has ended, or ends it at `deadline`; spins first if `spin` says so.
    pub fn wait(&self, spin: bool, deadline: Option<Instant>) -> Chosen {
        if spin {
            let mut spin = Spin::new::<Private>(DEFAULT_SPIN, deadline);
            loop {
                if let Some(chosen) = self.chosen() {
                    return chosen;
                }
                if !spin.pause() {
                    break;
                }
            }
        }
        let word = self.futex.word();
        // ORDERING: failure acquires what the chooser did; success publishes nothing.
        if let Err(found) = word.compare_exchange(WAITING, ASLEEP, Ordering::Relaxed, Ordering::Acquire) {
            return Chosen::of_state(found).unwrap_or(Chosen::Aborted);
        }
        loop {
            let outcome = self.futex.wait(ASLEEP, deadline);
            if let Some(chosen) = self.chosen() {
                return chosen;
            }
            if outcome == WaitOutcome::TimedOut {
                // ORDERING: as above: if somebody else was first, what it did counts.
                return match word.compare_exchange(ASLEEP, ABORTED, Ordering::Relaxed, Ordering::Acquire) {
                    Ok(_) => Chosen::Aborted,
                    Err(found) => Chosen::of_state(found).unwrap_or(Chosen::Aborted),
                };
            }
        }
    }
}
