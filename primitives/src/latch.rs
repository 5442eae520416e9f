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
        ///
        /// ```
        /// use heddle_primitives::Latch;
        /// static STARTED: Latch = Latch::new(2);
        /// assert_eq!(STARTED.count(), 2);
        /// assert!(Latch::new(0).is_open());
        /// ```
        pub const fn new(n: u32) -> Self {
            Self::new_in(n)
        }
    }

    /// The most that a latch can count.
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// assert_eq!(Latch::new(Latch::MAX_COUNT).count(), (1 << 31) - 1);
    /// ```
    pub const MAX_COUNT: u32 = COUNT;
}

impl<S: Scope> Latch<S> {
    const_in_normal_builds! {
        /// A latch in any scope that opens after `n` count-downs; one for 0 is open.
        ///
        /// # Panics
        /// If `n` is above [`Latch::MAX_COUNT`].
        ///
        /// ```
        /// use heddle_primitives::{Latch, Shared};
        /// // May be placed in memory that several processes map.
        /// let started = Latch::<Shared>::new_in(2);
        /// assert!(!started.is_open());
        /// ```
        pub const fn new_in(n: u32) -> Self {
            assert!(n <= COUNT, "too large a count");
            Self { futex: Futex::new_in(n) }
        }
    }

    /// Counts one down; true if that opened the latch. An open latch does not change.
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// let latch = Latch::new(2);
    /// assert!(!latch.count_down());
    /// assert!(latch.count_down(), "this one opened it");
    /// assert!(!latch.count_down(), "it was open");
    /// ```
    #[inline]
    pub fn count_down(&self) -> bool {
        self.count_down_by(1)
    }

    /// Counts `n` down, to zero at most; true if that opened the latch.
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// let items = Latch::new(10);
    /// assert!(!items.count_down_by(4));
    /// assert_eq!(items.count(), 6);
    /// assert!(items.count_down_by(100));
    /// ```
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
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// let tasks = Latch::new(1);
    /// assert!(tasks.try_add(2));
    /// assert_eq!(tasks.count(), 3);
    /// tasks.count_down_by(3);
    /// assert!(!tasks.try_add(1), "whoever waited has gone");
    /// ```
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
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// let latch = Latch::new(3);
    /// latch.count_down();
    /// assert_eq!(latch.count(), 2);
    /// ```
    pub fn count(&self) -> u32 {
        // ORDERING: acquires what was released by the count-downs seen.
        self.futex.word().load(Ordering::Acquire) & COUNT
    }

    /// Whether the latch is open. If so, it stays open.
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// let latch = Latch::new(1);
    /// assert!(!latch.is_open());
    /// latch.count_down();
    /// assert!(latch.is_open());
    /// ```
    #[inline(always)]
    pub fn is_open(&self) -> bool {
        // ORDERING: acquires what all count-downs have released.
        self.futex.word().load(Ordering::Acquire) == 0
    }

    /// Waits until the latch is open.
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
    /// use heddle_primitives::sync::thread;
    ///
    /// let (done, sum) = (Latch::new(3), AtomicU32::new(0));
    /// thread::scope(|s| {
    ///     for n in 1..=3 {
    ///         let (done, sum) = (&done, &sum);
    ///         s.spawn(move || {
    ///             sum.fetch_add(n, Ordering::Relaxed);
    ///             done.count_down();
    ///         });
    ///     }
    ///     done.wait();
    ///     assert_eq!(sum.load(Ordering::Relaxed), 6);
    /// });
    /// ```
    #[inline]
    pub fn wait(&self) {
        if !self.is_open() {
            self.wait_slow(None);
        }
    }

    /// Waits until the latch is open, no longer than `timeout`; false if it was not. A time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// use std::time::Duration;
    ///
    /// let latch = Latch::new(1);
    /// assert!(!latch.wait_for(Duration::from_millis(1)));
    /// latch.count_down();
    /// assert!(latch.wait_for(Duration::from_millis(1)));
    /// ```
    #[inline]
    pub fn wait_for(&self, timeout: Duration) -> bool {
        self.is_open() || self.wait_slow(Instant::now().checked_add(timeout))
    }

    /// Waits until the latch is open, no longer than until `deadline`; false if it was not.
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// use std::time::Instant;
    ///
    /// let latch = Latch::new(1);
    /// // A deadline in the past only looks.
    /// assert!(!latch.wait_until(Instant::now()));
    /// ```
    #[inline]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.is_open() || self.wait_slow(Some(deadline))
    }

    /// Counts one down and waits until the latch is open.
    ///
    /// ```
    /// use heddle_primitives::Latch;
    /// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
    /// use heddle_primitives::sync::thread;
    ///
    /// // Nobody begins before all are there.
    /// let (start, there) = (Latch::new(3), AtomicU32::new(0));
    /// thread::scope(|s| {
    ///     for _ in 0..3 {
    ///         s.spawn(|| {
    ///             there.fetch_add(1, Ordering::Relaxed);
    ///             start.arrive_and_wait();
    ///             assert_eq!(there.load(Ordering::Relaxed), 3);
    ///         });
    ///     }
    /// });
    /// ```
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
