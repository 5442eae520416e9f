//! How a waiter passes the time before it sleeps.

use crate::scope::Scope;
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::{per_thread, thread};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Pauses between the first two looks of a waiter, and between two late ones. Each look takes the cache line away from the
/// owner, so looking seldom is what lets short critical sections follow each other at full speed: with 4, 8 and 16 first pauses two
/// threads that do nothing else take 38, 34 and 28 ns a lock. Looking late costs where threads take turns, and the owner is about to
/// unlock when the other comes: with sections of 0.5 us 540, 570 and 700 ns.
const FIRST_PAUSES: u32 = 8;
const LONGEST_PAUSES: u32 = 64;

/// The same where threads outnumber CPUs: whoever spins keeps the holder from running, so it is better to give way soon, and
/// more than once, since a yield costs a tenth of a sleep and a wake.
const CROWDED_SPIN: Duration = Duration::from_nanos(100);
const CROWDED_LONGEST_PAUSES: u32 = 32;

/// How often a waiter gives its CPU to another thread before it sleeps. Not under the checkers, to which it says nothing new.
const YIELDS: u32 = if cfg!(any(heddle_loom, heddle_shuttle)) { 0 } else { 2 };
const CROWDED_YIELDS: u32 = 2 * YIELDS;

/// A yield that took longer has let another thread run; with nobody to run it takes 0.3 us.
const QUICK_YIELD: Duration = Duration::from_nanos(1_500);

per_thread! {
    /// Whether another thread wanted the CPU when this one last yielded.
    static CROWDED: Cell<bool> = Cell::new(false)
}

/// What is left of a waiter's patience.
pub(super) struct Patience {
    crowded: bool,
    yields: u32,
}

impl Patience {
    pub(super) fn new() -> Self {
        let crowded = CROWDED.with(Cell::get);
        Self { crowded, yields: if crowded { CROWDED_YIELDS } else { YIELDS } }
    }

    /// A spin of a waiter that takes the lock when it sees it free.
    pub(super) fn spin<S: Scope>(&self, deadline: Option<Instant>) -> Spin {
        let (budget, longest) =
            self.choose((CROWDED_SPIN, CROWDED_LONGEST_PAUSES), (DEFAULT_SPIN, LONGEST_PAUSES));
        Spin::exponential::<S>(budget, deadline, FIRST_PAUSES, longest)
    }

    /// A spin of a waiter that is handed the lock: all stands still until it looks, so it looks all the time.
    pub(super) fn attentive_spin<S: Scope>(&self, deadline: Option<Instant>) -> Spin {
        Spin::new::<S>(self.choose(CROWDED_SPIN, DEFAULT_SPIN), deadline)
    }

    fn choose<T>(&self, crowded: T, alone: T) -> T {
        if self.crowded { crowded } else { alone }
    }

    /// Gives the CPU to another thread, or returns false if it is time to sleep.
    pub(super) fn give_way(&mut self) -> bool {
        if self.yields == 0 {
            return false;
        }
        self.yields -= 1;
        let before = Instant::now();
        thread::yield_now();
        if before.elapsed() > QUICK_YIELD {
            CROWDED.with(|crowded| crowded.set(true));
        } else if self.yields == 0 {
            CROWDED.with(|crowded| crowded.set(false));
        }
        true
    }
}
