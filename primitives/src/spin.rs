//! How long to spin before sleeping.
//!
//! Measured on two cores of a virtual machine, one thread asking and the other answering after a delay, each on its core: the time
//! of a round beyond the delay, and the CPU time of the thread that asks (`benches/handover.rs`, us). Each figure is typical of a few
//! runs, between which those of 10 us and more differ by up to a third; a range is what they gave where they differed more.
//!
//! | delay | spin 15 us, then sleep | spin 1.5 us, then sleep | always spin | always sleep |
//! |---|---|---|---|---|
//! | 0 | 0.2, 0.2 | 0.3, 0.2 | 0.2, 0.2 | 50, 16 |
//! | 1 us | 0.2, 1.1 | 0.3, 1.2 | 0.2, 1.2 | 50, 16 |
//! | 10 us | 0.9, 10 | 13, 8.4 | 0.9, 11 | 50, 16 |
//! | 100 us | 36, 22 | 33, 9.2 | 1.5, 98 | 58, 16 |
//! | 1 ms | 41-85, 28 | 41, 17 | -, 1000 | 64-148, 18-20 |
//!
//! With 15 us the CPU time is nowhere more than 1.5 times that of the better extreme. The latency is that of spinning as long as a sleep
//! costs more than the delay, and less than that of sleeping beyond (the side that answers is still awake); no rule
//! that bounds the CPU time can do better there. On one CPU, where nobody spins, two yields before the sleep hand over in 0.8 us
//! one way instead of 1.1 us. Where two threads share a CPU of a process that has more, which nobody tells them, the yields find it
//! out: a wait there begins with a yield and takes 0.9 us.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod company;
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod cpus;
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub(crate) mod patience;

use crate::scope::Scope;
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
use crate::sync::hint;
use std::time::{Duration, Instant};

/// How long a waiter at a lock spins by default before it sleeps.
///
/// Waking a thread on another core costs about 20 us, handing over to a spinning one 0.1 us; spinning for a fraction of the
/// former bounds what is wasted when the wait turns out long.
///
/// ```
/// use heddle_primitives::spin::{DEFAULT_SPIN, HANDOVER_SPIN};
/// assert!(DEFAULT_SPIN < HANDOVER_SPIN);
/// ```
pub const DEFAULT_SPIN: Duration = Duration::from_nanos(1_500);

/// How long a waiter spins by default before it sleeps where one thread hands over to another: event, queue, channel, barrier.
///
/// As long as a sleep costs. Whoever spins for that long and then sleeps uses at most twice the CPU time of whoever knows beforehand
/// how long the wait will be (Karlin, Manasse, McGeoch, Owicki: Competitive randomized algorithms for nonuniform problems, 1990;
/// Karlin, Li, Manasse, Owicki: Empirical studies of competitive spinning, 1991). On two cores of a virtual machine a round in
/// which each side sleeps and wakes the other takes 51 us and 16 us of CPU time a side, so the half of it that is the wait costs
/// the waiter about 15 us. A lock is not waited for so long: its holder would have to have been preempted.
///
/// ```
/// use heddle_primitives::Barrier;
/// use heddle_primitives::spin::HANDOVER_SPIN;
/// // Where waits are known to be a little longer, a multiple pays.
/// let patient = Barrier::new(1).with_spin(HANDOVER_SPIN * 4);
/// assert!(patient.wait().is_leader());
/// ```
pub const HANDOVER_SPIN: Duration = Duration::from_micros(15);

/// How long a thread that was asleep may take until it arrives: twice what waking it across cores takes.
const WAKE_UP: Duration = Duration::from_micros(50);

/// How long a waiter spins before it gives its CPU to another thread for the first time; before each further time twice as long.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
const FIRST_YIELD: Duration = Duration::from_nanos(1_500);

/// How often a waiter gives its CPU to another thread before it sleeps: where threads outnumber CPUs that may be the one it waits
/// for, and a yield costs a tenth of a sleep and a wake. None under the checkers, to which a yield says nothing new.
const YIELDS: u32 = if cfg!(any(heddle_loom, heddle_shuttle)) { 0 } else { 2 };

/// A bounded spin: pauses, and says when it is time to sleep.
///
/// Does not spin at all where there is one CPU for all who may be waited for: they cannot run meanwhile. In the private
/// scope these are the CPUs that the process's threads may use; in the shared scope those of the machine, since processes are
/// often pinned to one each. Under the checkers it allows one round, since a longer spin shows them nothing new.
///
/// ```
/// use heddle_primitives::Private;
/// use heddle_primitives::spin::Spin;
/// use heddle_primitives::sync::atomic::{AtomicBool, Ordering};
/// use std::time::Duration;
///
/// let ready = AtomicBool::new(false);
/// let mut spin = Spin::new::<Private>(Duration::from_micros(2), None);
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
    /// How often to give the CPU to another thread when the budget is used up.
    yields: u32,
    /// When to do so before, and how long after that again.
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    next_yield: Option<(Instant, Duration)>,
    /// Pauses left until the next look at the clock.
    unclocked: u32,
    shared: bool,
    /// Whether to spin through the other side's waking up.
    patient: bool,
    /// Whether that is what it does now.
    extended: bool,
    /// Whether to spin until the second look at the clock before giving the CPU to others that wait too.
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    brief: bool,
}

impl Spin {
    /// Pauses between two looks at the clock: 0.2 us, ten times what the look costs.
    const CLOCK_EVERY: u32 = 16;

    /// Spins for `budget`, and not beyond `deadline`, with one pause between two looks of the caller.
    ///
    /// ```
    /// use heddle_primitives::spin::{DEFAULT_SPIN, Spin};
    /// use heddle_primitives::sync::{atomic::Ordering, thread};
    /// use heddle_primitives::{Futex, Private};
    ///
    /// static READY: Futex = Futex::new(0);
    /// let setter = thread::spawn(|| {
    ///     READY.word().store(1, Ordering::Release);
    ///     READY.wake_all();
    /// });
    /// let mut spin = Spin::new::<Private>(DEFAULT_SPIN, None);
    /// while READY.word().load(Ordering::Acquire) == 0 {
    ///     if !spin.pause() {
    ///         READY.wait(0, None);
    ///     }
    /// }
    /// setter.join().unwrap();
    /// ```
    #[inline]
    pub fn new<S: Scope>(budget: Duration, deadline: Option<Instant>) -> Self {
        Self { patient: true, yields: YIELDS, ..Self::exponential::<S>(budget, deadline, 1, 1) }
    }

    /// Like [`new`](Self::new), with `first` pauses between the first two looks of the caller, twice as many before each
    /// further one, and at most `longest`: the less often waiters look, the less they slow the owner down.
    ///
    /// ```
    /// use heddle_primitives::Private;
    /// use heddle_primitives::spin::{DEFAULT_SPIN, Spin};
    /// use std::time::Instant;
    ///
    /// // One pause before the second look, then 2, 4 and so on, and no more than 32; a deadline in the past leaves no time to spin.
    /// let mut spin = Spin::exponential::<Private>(DEFAULT_SPIN, Some(Instant::now()), 1, 32);
    /// assert!(!spin.pause());
    /// ```
    #[inline]
    pub fn exponential<S: Scope>(
        budget: Duration,
        deadline: Option<Instant>,
        first: u32,
        longest: u32,
    ) -> Self {
        Self {
            budget,
            deadline,
            until: None,
            pauses: first,
            longest,
            yields: 0,
            #[cfg(not(any(heddle_loom, heddle_shuttle)))]
            next_yield: None,
            unclocked: 0,
            shared: S::SHARED,
            patient: false,
            extended: false,
            #[cfg(not(any(heddle_loom, heddle_shuttle)))]
            brief: false,
        }
    }

    /// The same spin for a wait that ends when `missing` threads have come. If there are CPUs for all of them, they may be about to
    /// come, and it looks for a moment before it gives its own CPU to others that wait: a switch to them costs more.
    #[inline]
    #[cfg_attr(
        any(heddle_loom, heddle_shuttle),
        allow(unused_mut, unused_variables, reason = "nobody yields")
    )]
    pub(crate) fn until_come(mut self, missing: u32) -> Self {
        #[cfg(not(any(heddle_loom, heddle_shuttle)))]
        {
            self.brief = missing < *cpus::ONLINE;
        }
        self
    }

    /// The same spin with so many pauses between two looks.
    #[inline]
    pub(crate) fn looking_every(mut self, pauses: u32) -> Self {
        (self.pauses, self.longest) = (pauses, pauses);
        self
    }

    /// The same spin, through the other side's waking up where that is due, as in [`new`](Self::new).
    #[inline]
    pub(crate) fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    /// Pauses and returns true, or returns false at once when the budget is used up.
    ///
    /// ```
    /// use heddle_primitives::Private;
    /// use heddle_primitives::spin::Spin;
    /// use std::time::Duration;
    /// assert!(!Spin::new::<Private>(Duration::ZERO, None).pause());
    /// ```
    #[inline]
    pub fn pause(&mut self) -> bool {
        if self.unclocked < self.pauses {
            match self.clock() {
                Turn::Spin => {}
                Turn::Look => return true,
                Turn::Sleep => return false,
            }
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
    fn clock(&mut self) -> Turn {
        self.unclocked = Self::CLOCK_EVERY;
        let Some(until) = self.until else { return self.first_clock() };
        let now = Instant::now();
        if now < until { self.spin_or_yield(now) } else { self.end(now) }
    }

    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    fn first_clock(&mut self) -> Turn {
        if self.budget.is_zero() {
            return Turn::Sleep;
        }
        let now = Instant::now();
        if cpus::alone(self.shared, now) {
            return self.end(now);
        }
        self.extended = self.patient && patience::is_due();
        let budget = if self.extended { self.budget.max(WAKE_UP) } else { self.budget };
        // A budget beyond the clock's range and no deadline: spin for ever, a look at the clock at a time.
        self.until = match (now.checked_add(budget), self.deadline) {
            (Some(until), Some(deadline)) => Some(until.min(deadline)),
            (until, deadline) => until.or(deadline),
        };
        if self.until.is_some_and(|until| now >= until) {
            return self.end(now);
        }
        if !self.patient {
            return Turn::Spin;
        }
        let here = company::is_here();
        self.next_yield = Some((now + if here { Duration::ZERO } else { FIRST_YIELD }, FIRST_YIELD));
        if here && !self.brief { self.spin_or_yield(now) } else { Turn::Spin }
    }

    /// Gives the CPU to another thread, if it is time to.
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    #[inline]
    fn spin_or_yield(&mut self, now: Instant) -> Turn {
        match self.next_yield {
            Some((at, gap)) if now >= at => {
                let gap = if company::look(now) { Duration::ZERO } else { gap * 2 };
                self.next_yield = Some((now + gap, gap.max(FIRST_YIELD)));
                self.unclocked = 0;
                Turn::Look
            }
            _ => Turn::Spin,
        }
    }

    /// The time is up; yields, if that is still to be tried.
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    #[cold]
    fn end(&mut self, now: Instant) -> Turn {
        if self.extended {
            self.extended = false;
            patience::was_in_vain();
        }
        if self.yields == 0 {
            return Turn::Sleep;
        }
        self.yields -= 1;
        self.unclocked = 0;
        company::look(now);
        Turn::Look
    }

    #[cfg(any(heddle_loom, heddle_shuttle))]
    fn clock(&mut self) -> Turn {
        let first = self.until.is_none();
        self.until = Some(Instant::now());
        self.unclocked = 0;
        let _ = (
            self.deadline,
            self.shared,
            self.patient,
            self.extended,
            self.yields,
            Self::CLOCK_EVERY,
            WAKE_UP,
        );
        if first && !self.budget.is_zero() { Turn::Spin } else { Turn::Sleep }
    }
}

/// What comes after a look at the clock.
enum Turn {
    Spin,
    /// Look again at once: the CPU was given to another thread, which may have been the one that is waited for.
    #[cfg_attr(
        any(heddle_loom, heddle_shuttle),
        allow(dead_code, reason = "to a checker a yield says nothing new")
    )]
    Look,
    Sleep,
}

impl Drop for Spin {
    #[inline]
    fn drop(&mut self) {
        #[cfg(not(any(heddle_loom, heddle_shuttle)))]
        if self.extended {
            patience::paid_off();
        }
    }
}
