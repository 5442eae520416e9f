//! How a robust wait passes the time.

use std::time::{Duration, Instant};

use heddle_primitives::spin::Spin;
use heddle_primitives::{Futex, Shared, WaitOutcome};

/// The longest sleep without a look at who is alive.
const LONGEST: Duration = Duration::from_millis(50);

/// A wait in shared memory: spins, then sleeps for 1, 2, 4 and at most 50 ms at a time.
///
/// A wake may be lost with whoever was about to give it, or to a sleeper that dies of something else. So every sleep ends by
/// itself, and whoever wakes looks again at the word, and at whether the peer that it waits for lives. Before the first
/// sleep it should look too: under a storm of deaths waiters die before their first sleep is over.
#[derive(Debug)]
pub(crate) struct Wait {
    spin: Spin,
    deadline: Option<Instant>,
    next: Duration,
}

/// What [`Wait::sleep`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slept {
    /// Look again.
    Look,
    /// The deadline has passed: look a last time.
    TimedOut,
}

impl Wait {
    /// A wait at a lock, of this much spinning.
    pub(crate) fn at_lock(spin: Duration, deadline: Option<Instant>) -> Wait {
        Wait::new(Spin::exponential::<Shared>(spin, deadline, 1, 64), deadline)
    }

    /// A wait for another to come and hand something over.
    pub(crate) fn for_handover(spin: Duration, deadline: Option<Instant>) -> Wait {
        Wait::new(Spin::new::<Shared>(spin, deadline), deadline)
    }

    fn new(spin: Spin, deadline: Option<Instant>) -> Wait {
        Wait { spin, deadline, next: Duration::from_millis(1) }
    }

    /// Pauses and returns true, or returns false at once when it is time to sleep.
    #[inline]
    pub(crate) fn spin(&mut self) -> bool {
        self.spin.pause()
    }

    /// Sleeps while the word holds `expected`, for a while at most.
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    pub(crate) fn sleep(&mut self, futex: &Futex<Shared>, expected: u32) -> Slept {
        let outcome = futex.wait(expected, self.wake_up());
        match self.deadline {
            Some(deadline) if outcome == WaitOutcome::TimedOut && is_over(deadline) => Slept::TimedOut,
            _ => Slept::Look,
        }
    }

    /// When the next sleep ends at the latest.
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    fn wake_up(&mut self) -> Option<Instant> {
        let wake_up = Instant::now() + self.next;
        self.next = (self.next * 2).min(LONGEST);
        Some(self.deadline.map_or(wake_up, |deadline| deadline.min(wake_up)))
    }

    /// The models of the checkers end all sleeps when a peer dies, which is all that looking around is for.
    #[cfg(any(heddle_loom, heddle_shuttle))]
    fn wake_up(&mut self) -> Option<Instant> {
        let _ = (self.next, LONGEST);
        self.deadline
    }
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn is_over(deadline: Instant) -> bool {
    deadline <= Instant::now()
}

/// In the checkers' models time passes when a sleep with a deadline ends.
#[cfg(any(heddle_loom, heddle_shuttle))]
fn is_over(_: Instant) -> bool {
    true
}
