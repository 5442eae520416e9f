//! A place where a fixed number of threads wait for each other, again and again.

mod phase;

use crate::scope::{Private, Scope};
use crate::spin::{HANDOVER_SPIN, Spin};
use crate::sync::atomic::Ordering;
use crate::sync::futex::{Futex, WaitOutcome};
use phase::{ARRIVALS, BROKEN, ODD, Phase, RESET, RESETS, SLEEPERS, State, limit};
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// Lets a fixed number of threads wait for each other, phase after phase, with Python's `abort` and broken state.
///
/// The last to arrive is the phase's leader. What each party wrote before it arrived is visible to all after the wait.
/// Waiting costs one atomic read-modify-write a party and phase. A barrier that is broken, by [`abort`](Self::abort) or by a
/// time-out, stays so and lets nobody wait, until it is [`reset`](Self::reset).
///
/// There is no action that the leader runs before it lets the others go, as Python's has: the arrival that completes a phase
/// publishes that by being counted, so it would have to look before it counts, and so would all the others. Two phases do
/// the same: `if barrier.wait().is_leader() { action() }`, then `barrier.wait()`.
///
/// # The protocol
///
/// One word counts arrivals and never goes back to zero at the end of a phase: phase `p` consists of the arrivals `p * n` to
/// `p * n + n - 1`, so the arrival that completes a phase publishes that by being counted. Members keep the number of their
/// first arrival and wait until the count leaves their phase. The count is reduced by `limit`, an even number of phases,
/// by the leader that reaches it, before it returns; a count from `limit` on means what it does less `limit`. While a member
/// is in phase `p`, phase `p + 1` cannot complete, so the count is always in one of the two, and with two or more phases
/// before the wrap they cannot be confused.
///
/// | bits | meaning |
/// |---|---|
/// | 0-22 | arrivals, modulo `limit`; if broken: meaningless |
/// | 23-28 | resets, modulo 64 |
/// | 29 | if broken: the phase cut off is odd |
/// | 30 | somebody may sleep in this phase |
/// | 31 | broken |
///
/// Breaking replaces the count by the parity of the phase that it cuts off, so a slow member of the phase before still
/// learns that its own completed. Resetting takes the count back to where a phase of the same parity begins, and counts the reset.
/// A member that finds another number of resets than at its arrival knows that its phase is over, and by the parity how: while
/// it has not left phase `p`, no later phase completes, so the open phase has the parity of `p + 1` if `p` completed before the
/// first of those resets, and that of `p` if it was cut off. (A member that does not run during 64 resets, exactly, misses them.)
///
/// As in std, more threads than parties may use a barrier; then a thread that does not run while a further whole phase
/// passes may be told that its phase was cut off although it completed, if the barrier breaks or is reset at that time.
///
/// Layout (`repr(C)`): the state word, the parties, the limit, the spin in nanoseconds, each 32 bits. All-zero bytes are a barrier for
/// one that does not spin.
///
/// ```
/// use heddle_primitives::Barrier;
/// use heddle_primitives::sync::thread;
///
/// let barrier = Barrier::new(3);
/// let leaders: u32 = thread::scope(|s| {
///     let members: Vec<_> = (0..3).map(|_| s.spawn(|| u32::from(barrier.wait().is_leader()))).collect();
///     members.into_iter().map(|member| member.join().unwrap()).sum()
/// });
/// assert_eq!(leaders, 1);
/// ```
#[repr(C)]
pub struct Barrier<S: Scope = Private> {
    state: Futex<S>,
    parties: u32,
    /// Where the count is reduced.
    limit: u32,
    spin_ns: u32,
}

impl Barrier {
    const_in_normal_builds! {
        /// A barrier for `n` threads of this process; as in std, one for 0 is one for 1.
        ///
        /// # Panics
        /// If `n` is above [`Barrier::MAX_PARTIES`].
        ///
        /// ```
        /// use heddle_primitives::Barrier;
        /// static MEET: Barrier = Barrier::new(4);
        /// assert_eq!(MEET.parties(), 4);
        /// assert_eq!(Barrier::new(0).parties(), 1);
        /// ```
        pub const fn new(n: u32) -> Self {
            Self::new_in(n)
        }
    }

    /// The most parties that a barrier can have.
    ///
    /// ```
    /// use heddle_primitives::Barrier;
    /// assert_eq!(Barrier::new(Barrier::MAX_PARTIES).parties(), 1 << 20);
    /// ```
    pub const MAX_PARTIES: u32 = 1 << 20;
}

impl<S: Scope> Barrier<S> {
    const_in_normal_builds! {
        /// A barrier for `n` threads in any scope; as in std, one for 0 is one for 1.
        ///
        /// # Panics
        /// If `n` is above [`Barrier::MAX_PARTIES`].
        ///
        /// ```
        /// use heddle_primitives::{Barrier, Shared};
        /// // May be placed in memory that several processes map.
        /// let meet = Barrier::<Shared>::new_in(1);
        /// assert!(meet.wait().is_leader());
        /// ```
        pub const fn new_in(n: u32) -> Self {
            assert!(n <= Barrier::MAX_PARTIES, "too many parties");
            let parties = if n == 0 { 1 } else { n };
            Self {
                state: Futex::new_in(0),
                parties,
                limit: limit(parties),
                spin_ns: HANDOVER_SPIN.as_nanos() as u32,
            }
        }
    }

    const_in_normal_builds! {
        /// Changes how long a member spins before it sleeps; zero for never, at most 4 seconds.
        ///
        /// ```
        /// use heddle_primitives::Barrier;
        /// use std::time::Duration;
        /// static COARSE: Barrier = Barrier::new(2).with_spin(Duration::ZERO);
        /// assert_eq!(COARSE.parties(), 2);
        /// ```
        pub const fn with_spin(mut self, spin: Duration) -> Self {
            let spin = spin.as_nanos();
            self.spin_ns = if spin > u32::MAX as u128 { u32::MAX } else { spin as u32 };
            self
        }
    }

    /// How many threads wait for each other.
    ///
    /// ```
    /// use heddle_primitives::Barrier;
    /// assert_eq!(Barrier::new(3).parties(), 3);
    /// ```
    pub fn parties(&self) -> u32 {
        // All-zero bytes are a barrier for one.
        self.parties.max(1)
    }

    /// Waits until all parties are here.
    ///
    /// # Panics
    /// If the barrier is broken.
    ///
    /// ```
    /// use heddle_primitives::Barrier;
    /// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
    /// use heddle_primitives::sync::thread;
    ///
    /// let (barrier, written) = (Barrier::new(2), [AtomicU32::new(0), AtomicU32::new(0)]);
    /// thread::scope(|s| {
    ///     for me in 0..2 {
    ///         let (barrier, written) = (&barrier, &written);
    ///         s.spawn(move || {
    ///             for phase in 1..=3 {
    ///                 written[me].store(phase, Ordering::Relaxed);
    ///                 barrier.wait();
    ///                 assert_eq!(written[1 - me].load(Ordering::Relaxed), phase);
    ///                 // Nobody writes before all have read.
    ///                 barrier.wait();
    ///             }
    ///         });
    ///     }
    /// });
    /// ```
    #[inline]
    pub fn wait(&self) -> BarrierWaitResult {
        match self.checked_wait() {
            Ok(result) => result,
            Err(BrokenBarrier) => panic!("waited at a broken barrier"),
        }
    }

    /// Waits until all parties are here.
    ///
    /// # Errors
    /// If the barrier is broken or is broken while waiting.
    ///
    /// ```
    /// use heddle_primitives::{Barrier, BrokenBarrier};
    /// use heddle_primitives::sync::thread;
    ///
    /// let barrier = Barrier::new(2);
    /// thread::scope(|s| {
    ///     let waiter = s.spawn(|| barrier.checked_wait());
    ///     // Instead of arriving.
    ///     barrier.abort();
    ///     assert_eq!(waiter.join().unwrap(), Err(BrokenBarrier));
    /// });
    /// ```
    #[inline]
    pub fn checked_wait(&self) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.arrive(None)
    }

    /// Waits until all parties are here, no longer than until `deadline`. A time-out breaks the barrier, as in Python: the other
    /// parties could otherwise wait for a member that has gone.
    ///
    /// # Errors
    /// If the barrier is broken or is broken while waiting, by this time-out or otherwise.
    ///
    /// ```
    /// use heddle_primitives::{Barrier, BrokenBarrier};
    /// use std::time::Instant;
    ///
    /// let barrier = Barrier::new(2);
    /// assert_eq!(barrier.checked_wait_until(Instant::now()), Err(BrokenBarrier));
    /// // Who comes later learns it at once.
    /// assert_eq!(barrier.checked_wait(), Err(BrokenBarrier));
    /// ```
    #[inline]
    pub fn checked_wait_until(&self, deadline: Instant) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.arrive(Some(deadline))
    }

    /// [`checked_wait_until`](Self::checked_wait_until) with the time from now on; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// If the barrier is broken or is broken while waiting, by this time-out or otherwise.
    ///
    /// ```
    /// use heddle_primitives::{Barrier, BrokenBarrier};
    /// use std::time::Duration;
    ///
    /// let barrier = Barrier::new(2);
    /// assert_eq!(barrier.checked_wait_for(Duration::from_millis(1)), Err(BrokenBarrier));
    /// assert!(barrier.is_broken());
    /// barrier.reset();
    /// assert!(!barrier.is_broken());
    /// ```
    #[inline]
    pub fn checked_wait_for(&self, timeout: Duration) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.arrive(Instant::now().checked_add(timeout))
    }

    /// Makes the barrier as good as new, as in Python: whoever waits is released with an error, a broken barrier is whole again, and
    /// later arrivals begin a new phase.
    ///
    /// Takes effect at one moment: an arrival is either before it and fails (unless its phase completed earlier), or after it and
    /// counts. Which it is the caller must know by other means if the parties are to agree.
    ///
    /// ```
    /// use heddle_primitives::Barrier;
    /// let barrier = Barrier::new(1);
    /// barrier.abort();
    /// assert!(barrier.checked_wait().is_err());
    /// barrier.reset();
    /// assert!(barrier.wait().is_leader());
    /// ```
    pub fn reset(&self) {
        let word = self.state.word();
        // ORDERING: the exchange below has the last word.
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let first = if seen & BROKEN == 0 {
                let phase = self.phase(seen);
                if phase.wrapped(seen) == phase.first {
                    // Nobody waits, and nothing is broken.
                    return;
                }
                phase.first
            } else if seen & ODD != 0 {
                self.parties()
            } else {
                0
            };
            let new = ((seen & RESETS) + RESET) & RESETS | first;
            // ORDERING: Release hands what the caller wrote to those who are released. As any RMW it continues the release
            // sequences of those before it, so who arrives later still acquires what the breaker wrote.
            match word.compare_exchange(seen, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(found) => seen = found,
            }
        }
        if seen & SLEEPERS != 0 {
            self.state.wake_all();
        }
    }

    /// How many parties wait for the others right now, 0 if broken; that may change at any time.
    ///
    /// ```
    /// use heddle_primitives::Barrier;
    /// use heddle_primitives::sync::thread;
    ///
    /// let barrier = Barrier::new(2);
    /// thread::scope(|s| {
    ///     s.spawn(|| barrier.wait());
    ///     while barrier.n_waiting() == 0 {
    ///         thread::yield_now();
    ///     }
    ///     barrier.wait();
    /// });
    /// assert_eq!(barrier.n_waiting(), 0);
    /// ```
    pub fn n_waiting(&self) -> u32 {
        // ORDERING: a number for information.
        let seen = self.state.word().load(Ordering::Relaxed);
        let phase = self.phase(seen);
        if seen & BROKEN == 0 { phase.wrapped(seen) - phase.first } else { 0 }
    }

    /// Breaks the barrier and releases everybody who waits, with an error.
    ///
    /// ```
    /// use heddle_primitives::{Barrier, BrokenBarrier};
    /// let barrier = Barrier::new(2);
    /// // A member that cannot go on says so.
    /// barrier.abort();
    /// assert_eq!(barrier.checked_wait(), Err(BrokenBarrier));
    /// ```
    pub fn abort(&self) {
        // ORDERING: the exchange in `try_break` has the last word.
        let mut seen = self.state.word().load(Ordering::Relaxed);
        while seen & BROKEN == 0 {
            match self.try_break(seen) {
                Ok(()) => return,
                Err(found) => seen = found,
            }
        }
    }

    /// Whether the barrier is broken; it may break at any time.
    ///
    /// ```
    /// use heddle_primitives::Barrier;
    /// let barrier = Barrier::new(2);
    /// assert!(!barrier.is_broken());
    /// barrier.abort();
    /// assert!(barrier.is_broken());
    /// ```
    pub fn is_broken(&self) -> bool {
        // ORDERING: acquires what the breaker wrote before, see `try_break`.
        self.state.word().load(Ordering::Acquire) & BROKEN != 0
    }

    fn arrive(&self, deadline: Option<Instant>) -> Result<BarrierWaitResult, BrokenBarrier> {
        let word = self.state.word();
        // ORDERING: Release hands what this member wrote to the others, Acquire lets the leader see what all earlier
        // arrivals released: each RMW continues the release sequences of those before it.
        let before = word.fetch_add(1, Ordering::AcqRel);
        if before & BROKEN != 0 {
            self.refuse(before);
            return Err(BrokenBarrier);
        }
        let phase = self.phase(before);
        let missing = phase.n - 1 - (phase.wrapped(before) - phase.first);
        if missing != 0 {
            return self.wait_for_end(phase, missing, deadline);
        }
        let wrap = (before & ARRIVALS) + 1 >= phase.limit;
        if wrap || before & SLEEPERS != 0 {
            self.complete(before & SLEEPERS != 0, phase.limit);
        }
        Ok(BarrierWaitResult { leader: true })
    }

    /// Sees to it that arrivals at a broken barrier, which mean nothing, do not run into the bits above the count. They cannot be
    /// taken back: the barrier may be reset meanwhile.
    #[cold]
    fn refuse(&self, before: u32) {
        // Half the range is left to those who come before this has taken effect.
        if before & ARRIVALS >= ARRIVALS / 2 {
            // ORDERING: publishes nothing; an RMW continues the release sequence of the breaker. If it fails, somebody has
            // arrived, who does the same, or the barrier was reset.
            let _ = self.state.word().compare_exchange(
                before + 1,
                before & !ARRIVALS,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    /// The phase that is open in an unbroken `word`.
    #[inline(always)]
    fn phase(&self, word: u32) -> Phase {
        // At least two phases, also for all-zero bytes.
        let mut phase =
            Phase { first: 0, resets: word & RESETS, n: self.parties(), limit: self.limit.max(2) };
        let arrivals = phase.wrapped(word);
        phase.first = arrivals - arrivals % phase.n;
        phase
    }

    /// What a leader does beyond being counted: wake sleepers, wrap the count.
    #[cold]
    fn complete(&self, sleepers: bool, limit: u32) {
        let word = self.state.word();
        // ORDERING: the exchange below has the last word.
        let mut seen = word.load(Ordering::Relaxed);
        // Where more threads than parties come, another leader may have done it.
        while seen & BROKEN == 0 && seen & ARRIVALS >= limit {
            // ORDERING: publishes nothing: members compare counts, and an RMW continues the release sequences.
            match word.compare_exchange(seen, seen - limit, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(found) => seen = found,
            }
        }
        if sleepers {
            // A sleeper of the next phase may rely on this bit already. It is woken below, or finds the word changed, and
            // sets the bit again; hence first the bit, then the wake.
            // ORDERING: publishes nothing, as above.
            word.fetch_and(!SLEEPERS, Ordering::Relaxed);
            self.state.wake_all();
        }
    }

    fn wait_for_end(
        &self,
        phase: Phase,
        missing: u32,
        deadline: Option<Instant>,
    ) -> Result<BarrierWaitResult, BrokenBarrier> {
        let word = self.state.word();
        let mut spin =
            Spin::new::<S>(Duration::from_nanos(self.spin_ns.into()), deadline).until_come(missing);
        let mut timed_out = false;
        loop {
            // ORDERING: acquires what all members released by their arrivals, or the breaker before it broke.
            let seen = word.load(Ordering::Acquire);
            match phase.state(seen) {
                State::Completed => return Ok(BarrierWaitResult { leader: false }),
                State::CutOff => return Err(BrokenBarrier),
                State::Open => {}
            }
            if timed_out {
                if self.try_break(seen).is_ok() {
                    return Err(BrokenBarrier);
                }
                continue;
            }
            if spin.pause() {
                continue;
            }
            if seen & SLEEPERS == 0
                // ORDERING: publishes nothing; the loop reads the word again in either case.
                && word
                    .compare_exchange(seen, seen | SLEEPERS, Ordering::Relaxed, Ordering::Relaxed)
                    .is_err()
            {
                continue;
            }
            timed_out = self.state.wait(seen | SLEEPERS, deadline) == WaitOutcome::TimedOut;
        }
    }

    /// Breaks the phase to which `seen` belongs, unless the word has changed.
    #[cold]
    fn try_break(&self, seen: u32) -> Result<(), u32> {
        let odd = if self.phase(seen).is_odd() { ODD } else { 0 };
        self.state
            .word()
            // ORDERING: success releases what the breaker wrote (why it broke) to those who find the barrier broken;
            // failure reads nothing.
            .compare_exchange(seen, BROKEN | odd | seen & RESETS, Ordering::Release, Ordering::Relaxed)?;
        if seen & SLEEPERS != 0 {
            self.state.wake_all();
        }
        Ok(())
    }
}

/// What [`Barrier::wait`] returns: whether the caller was the last to arrive.
///
/// ```
/// use heddle_primitives::Barrier;
/// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
/// use heddle_primitives::sync::thread;
///
/// let (barrier, phases) = (Barrier::new(3), AtomicU32::new(0));
/// thread::scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| {
///             for _ in 0..4 {
///                 if barrier.wait().is_leader() {
///                     phases.fetch_add(1, Ordering::Relaxed);
///                 }
///             }
///         });
///     }
/// });
/// assert_eq!(phases.load(Ordering::Relaxed), 4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarrierWaitResult {
    leader: bool,
}

impl BarrierWaitResult {
    /// True for exactly one member in each phase.
    ///
    /// ```
    /// use heddle_primitives::Barrier;
    /// // The only party is the last to arrive.
    /// assert!(Barrier::new(1).wait().is_leader());
    /// ```
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.leader
    }
}

/// The barrier was aborted or reset, or a member's wait timed out.
///
/// ```
/// use heddle_primitives::{Barrier, BrokenBarrier};
///
/// fn member(barrier: &Barrier) -> Result<(), BrokenBarrier> {
///     barrier.checked_wait()?;
///     Ok(())
/// }
///
/// let barrier = Barrier::new(2);
/// barrier.abort();
/// assert_eq!(member(&barrier).unwrap_err().to_string(), "the barrier is broken");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenBarrier;

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier is broken")
    }
}

impl Error for BrokenBarrier {}

impl<S: Scope> fmt::Debug for Barrier<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &self.n_waiting())
            .field("broken", &self.is_broken())
            .finish()
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn layout_is_four_words() {
        assert_eq!(size_of::<Barrier<crate::Shared>>(), 16);
        assert_eq!(std::mem::offset_of!(Barrier<crate::Shared>, state), 0);
    }

    #[test]
    fn the_count_never_reaches_the_bits_above() {
        for parties in [1, 2, 3, 1000, Barrier::MAX_PARTIES] {
            let limit = limit(parties);
            assert!(limit >= 2 * parties && (limit / parties).is_multiple_of(2));
            assert!(limit + 2 * parties < ARRIVALS);
        }
        let barrier = Barrier::new(2);
        barrier.abort();
        // ORDERING: one thread.
        barrier.state.word().fetch_add(ARRIVALS / 2 - 3, Ordering::Relaxed);
        for _ in 0..20 {
            assert_eq!(barrier.checked_wait(), Err(BrokenBarrier));
        }
        // ORDERING: as above.
        assert!(barrier.state.word().load(Ordering::Relaxed) & ARRIVALS <= 20);
        for _ in 0..200 {
            barrier.abort();
            assert!(barrier.is_broken());
            barrier.reset();
            assert!(!barrier.is_broken());
        }
    }
}
