//! How long to spin before sleeping.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
use crate::sync::hint;
use std::time::{Duration, Instant};

/// How long a waiter spins by default before it sleeps.
///
/// Waking a thread on another core costs about 20 us, handing over to a spinning one 0.1 us; spinning for a fraction of the
/// former bounds what is wasted when the wait turns out long.
pub const DEFAULT_SPIN: Duration = Duration::from_nanos(1_500);

/// A bounded spin: pauses, and says when it is time to sleep.
///
/// Does not spin at all where the process may use one CPU only: whoever is waited for cannot run meanwhile. Under the
/// checkers it allows one round, since a longer spin shows them nothing new.
///
/// ```
/// use heddle_primitives::spin::Spin;
/// use heddle_primitives::sync::atomic::{AtomicBool, Ordering};
/// use std::time::Duration;
///
/// let ready = AtomicBool::new(false);
/// let mut spin = Spin::new(Duration::from_micros(2), None);
/// while !ready.load(Ordering::Acquire) && spin.pause() {}
/// // Time to sleep.
/// ```
#[derive(Debug)]
pub struct Spin {
    budget: Duration,
    deadline: Option<Instant>,
    /// When to stop; known once the clock has been read.
    until: Option<Instant>,
    /// Pauses of the next round.
    pauses: u32,
    longest: u32,
    /// Pauses left until the next look at the clock.
    unclocked: u32,
}

impl Spin {
    /// Pauses between two looks at the clock: 0.2 us, ten times what the look costs.
    const CLOCK_EVERY: u32 = 16;

    /// Spins for `budget`, and not beyond `deadline`, with one pause between two looks of the caller.
    #[inline]
    pub fn new(budget: Duration, deadline: Option<Instant>) -> Self {
        Self::exponential(budget, deadline, 1, 1)
    }

    /// Like [`new`](Self::new), with `first` pauses between the first two looks of the caller, twice as many before each
    /// further one, and at most `longest`: the less often waiters look, the less they slow the owner down.
    #[inline]
    pub fn exponential(budget: Duration, deadline: Option<Instant>, first: u32, longest: u32) -> Self {
        Self { budget, deadline, until: None, pauses: first, longest, unclocked: 0 }
    }

    /// Pauses and returns true, or returns false at once when the budget is used up.
    #[inline]
    pub fn pause(&mut self) -> bool {
        if self.unclocked < self.pauses && !self.clock() {
            return false;
        }
        self.unclocked = self.unclocked.saturating_sub(self.pauses);
        self.relax();
        self.pauses = (self.pauses * 2).min(self.longest);
        true
    }

    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    #[inline(always)]
    fn relax(&self) {
        for _ in 0..self.pauses {
            hint::spin_loop();
        }
    }

    /// Does not yield: loom would not consider that the spin ends in vain, and no sleep would ever be tried.
    #[cfg(any(heddle_loom, heddle_shuttle))]
    fn relax(&self) {}

    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    fn clock(&mut self) -> bool {
        self.unclocked = Self::CLOCK_EVERY;
        match self.until {
            Some(until) => Instant::now() < until,
            None => {
                if self.budget.is_zero() || cpus() == 1 {
                    return false;
                }
                let now = Instant::now();
                let until = now.checked_add(self.budget);
                self.until = match (until, self.deadline) {
                    (Some(until), Some(deadline)) => Some(until.min(deadline)),
                    (until, deadline) => until.or(deadline),
                };
                // A budget beyond the clock's range and no deadline: spin for ever, a look at the clock at a time.
                self.until.is_none_or(|until| now < until)
            }
        }
    }

    #[cfg(any(heddle_loom, heddle_shuttle))]
    fn clock(&mut self) -> bool {
        let first = self.until.is_none();
        self.until = Some(Instant::now());
        self.unclocked = 0;
        let _ = (self.deadline, Self::CLOCK_EVERY);
        first && !self.budget.is_zero()
    }
}

/// How many CPUs the process may run on, as found at the first call.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub fn cpus() -> u32 {
    use crate::sync::atomic::{AtomicU32, Ordering};

    static CPUS: AtomicU32 = AtomicU32::new(0);
    // ORDERING: the number is all that is published; a second thread at worst asks the system as well.
    match CPUS.load(Ordering::Relaxed) {
        0 => {
            let found = rustix::thread::sched_getaffinity(None).map_or(1, |set| set.count().max(1));
            // ORDERING: as above.
            CPUS.store(found, Ordering::Relaxed);
            found
        }
        known => known,
    }
}
