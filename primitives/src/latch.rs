//! A door that opens when enough has happened.

use crate::scope::{Private, Scope};
use crate::spin::{HANDOVER_SPIN, Spin};
use crate::sync::atomic::Ordering;
use crate::sync::futex::{Futex, WaitOutcome};
use std::fmt;
use std::time::{Duration, Instant};

/// Somebody may sleep: who opens the latch wakes all.
const AWAITED: u32 = 1 << 31;
/// What is still to happen.
const COUNT: u32 = AWAITED - 1;

/// A counter that threads wait for until it is zero; C++'s `std::latch`, Java's `CountDownLatch`.
///
/// Counting down is one atomic exchange, and waiting one load once the latch is open. An open latch stays open. What was written before
/// a count-down is visible after a wait. [`WaitGroup`](crate::WaitGroup) is the form that counts clones.
///
/// The latch may be freed by the first thread that finds it open, while others are still inside `count_down`: they touch nothing of it
/// after the exchange that opened it.
///
/// | bits | meaning |
/// |---|---|
/// | 0-30 | count-downs until it opens; 0 is open |
/// | 31 | not open and somebody may sleep |
///
/// Layout: one word. All-zero bytes are an open latch.
///
/// ```
/// use heddle_primitives::Latch;
/// use heddle_primitives::sync::thread;
///
/// let done = Latch::new(3);
/// thread::scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| done.count_down());
///     }
///     done.wait();
/// });
/// assert!(done.is_open());
/// ```
#[repr(C)]
pub struct Latch<S: Scope = Private> {
    futex: Futex<S>,
}

impl Latch {
    const_in_normal_builds! {
        /// A latch for the threads of this process that opens after `n` count-downs; one for 0 is open.
        ///
        /// # Panics
        /// If `n` is above [`Latch::MAX_COUNT`].
        pub const fn new(n: u32) -> Self {
            Self::new_in(n)
        }
    }

    /// The most that a latch can count.
    pub const MAX_COUNT: u32 = COUNT;
}

impl<S: Scope> Latch<S> {
    const_in_normal_builds! {
        /// A latch in any scope that opens after `n` count-downs; one for 0 is open.
        ///
        /// # Panics
        /// If `n` is above [`Latch::MAX_COUNT`].
        pub const fn new_in(n: u32) -> Self {
            assert!(n <= COUNT, "too large a count");
            Self { futex: Futex::new_in(n) }
        }
    }

    /// Counts one down; true if that opened the latch. An open latch does not change.
    #[inline]
    pub fn count_down(&self) -> bool {
        self.count_down_by(1)
    }

    /// Counts `n` down, to zero at most; true if that opened the latch.
    pub fn count_down_by(&self, n: u32) -> bool {
        let (word, address) = (self.futex.word(), self.futex.address());
        // ORDERING: the exchange below has the last word.
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let count = seen & COUNT;
            if count == 0 || n == 0 {
                return false;
            }
            let next = if n >= count { 0 } else { seen - n };
            // ORDERING: Release hands what the caller wrote to those who find the latch open, and as an RMW continues the releases
            // of the count-downs before. Acquire shows what these wrote to the one who opens, which does not wait.
            match word.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if next != 0 => return false,
                Ok(_) => {
                    if seen & AWAITED != 0 {
                        // The object may be gone; only its address is used.
                        address.wake_all();
                    }
                    return true;
                }
                Err(found) => seen = found,
            }
        }
    }

    /// Asks for `n` more count-downs, as Go's `WaitGroup.Add` does; false, and no change, if the latch is open already.
    ///
    /// # Panics
    /// If the count would exceed [`Latch::MAX_COUNT`]; it does not change then.
    pub fn try_add(&self, n: u32) -> bool {
        let word = self.futex.word();
        // ORDERING: the exchange below has the last word.
        let mut seen = word.load(Ordering::Relaxed);
        while seen & COUNT != 0 {
            assert!(n <= COUNT - (seen & COUNT), "too large a count");
            // ORDERING: publishes nothing; an RMW continues the releases of the count-downs before.
            match word.compare_exchange(seen, seen + n, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(found) => seen = found,
            }
        }
        false
    }

    /// How many count-downs are missing; others may count at any time.
    pub fn count(&self) -> u32 {
        // ORDERING: acquires what was released by the count-downs seen.
        self.futex.word().load(Ordering::Acquire) & COUNT
    }

    /// Whether the latch is open. If so, it stays open.
    #[inline(always)]
    pub fn is_open(&self) -> bool {
        // ORDERING: acquires what all count-downs have released.
        self.futex.word().load(Ordering::Acquire) == 0
    }

    /// Waits until the latch is open.
    #[inline]
    pub fn wait(&self) {
        if !self.is_open() {
            self.wait_slow(None);
        }
    }

    /// Waits until the latch is open, no longer than `timeout`; false if it was not. A time beyond the clock's range means no limit.
    #[inline]
    pub fn wait_for(&self, timeout: Duration) -> bool {
        self.is_open() || self.wait_slow(Instant::now().checked_add(timeout))
    }

    /// Waits until the latch is open, no longer than until `deadline`; false if it was not.
    #[inline]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.is_open() || self.wait_slow(Some(deadline))
    }

    /// Counts one down and waits until the latch is open.
    pub fn arrive_and_wait(&self) {
        if !self.count_down() {
            self.wait();
        }
    }

    #[cold]
    fn wait_slow(&self, deadline: Option<Instant>) -> bool {
        let word = self.futex.word();
        let mut spin = Spin::new::<S>(HANDOVER_SPIN, deadline);
        let mut timed_out = false;
        loop {
            // ORDERING: acquires as in `is_open`.
            let seen = word.load(Ordering::Acquire);
            if seen == 0 {
                return true;
            }
            if timed_out {
                return false;
            }
            if spin.pause() {
                continue;
            }
            if seen & AWAITED == 0
                // ORDERING: publishes nothing; the loop reads the word again if it fails.
                && word.compare_exchange(seen, seen | AWAITED, Ordering::Relaxed, Ordering::Relaxed).is_err()
            {
                continue;
            }
            timed_out = self.futex.wait(seen | AWAITED, deadline) == WaitOutcome::TimedOut;
        }
    }
}

impl<S: Scope> fmt::Debug for Latch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").field("count", &self.count()).finish()
    }
}
