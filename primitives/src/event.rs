//! A flag that threads can wait for.

use crate::scope::{Private, Scope};
use crate::spin::{HANDOVER_SPIN, Spin};
use crate::sync::atomic::Ordering;
use crate::sync::futex::{Futex, WaitOutcome};
use std::fmt;
use std::time::{Duration, Instant};

/// The event is set.
const SET: u32 = 1;
/// Somebody may have gone to sleep since the last clear: who sets the event wakes all.
const AWAITED: u32 = 2;
/// One clear; they are counted in the bits above, so that a waiter notices a set that was cleared again.
const CLEAR: u32 = 4;

/// A flag that threads can wait for; Python's `threading.Event`.
///
/// [`set`](Self::set) releases all waiters and stays set until [`clear`](Self::clear). What was written before `set` is
/// visible after the `wait`, `is_set` or `clear` that found it set. `set` with nobody asleep makes no system call; a test
/// is one load.
///
/// `set` directly followed by `clear` releases those who wait at that time, as in Python: clears are counted, and a waiter
/// that sees the count move knows that the event was set meanwhile. (A waiter that does not run during 2^30 clears, exactly,
/// misses them.)
///
/// | clears counted | awaited | set | meaning | leaves by |
/// |---|---|---|---|---|
/// | n | 0 | 0 | not set | set; a waiter about to sleep -> awaited |
/// | n | 1 | 0 | not set, perhaps sleepers | set, which wakes all |
/// | n | any | 1 | set | clear -> n + 1, 0, 0 |
///
/// Layout: one word. All-zero bytes are an event that is not set.
///
/// ```
/// use heddle_primitives::Event;
/// use heddle_primitives::sync::thread;
/// use std::time::Duration;
///
/// static READY: Event = Event::new();
/// assert!(!READY.wait_for(Duration::from_millis(1)));
/// let setter = thread::spawn(|| READY.set());
/// READY.wait();
/// setter.join().unwrap();
/// ```
#[repr(C)]
pub struct Event<S: Scope = Private> {
    futex: Futex<S>,
}

impl Event {
    const_in_normal_builds! {
        /// An event for the threads of this process, not set.
        ///
        /// ```
        /// use heddle_primitives::Event;
        /// static STOP: Event = Event::new();
        /// assert!(!STOP.is_set());
        /// ```
        pub const fn new() -> Self {
            Self::new_in()
        }
    }
}

impl<S: Scope> Event<S> {
    const_in_normal_builds! {
        /// An event in any scope, not set.
        ///
        /// ```
        /// use heddle_primitives::{Event, Shared};
        /// // May be placed in memory that several processes map.
        /// let stop = Event::<Shared>::new_in();
        /// assert!(!stop.is_set());
        /// ```
        pub const fn new_in() -> Self {
            Self { futex: Futex::new_in(0) }
        }
    }

    /// Sets the event and releases everybody who waits.
    ///
    /// ```
    /// use heddle_primitives::Event;
    /// let event = Event::new();
    /// event.set();
    /// event.set();
    /// // Stays set: a wait returns at once, as often as it is asked.
    /// event.wait();
    /// event.wait();
    /// ```
    #[inline]
    pub fn set(&self) {
        let (word, address) = (self.futex.word(), self.futex.address());
        // ORDERING: Release for whoever finds the event set. An RMW even if it is set already: a waiter may have seen
        // the earlier set only, and must see what this caller wrote.
        if word.fetch_or(SET, Ordering::Release) & (SET | AWAITED) == AWAITED {
            // Who found the event set may have freed it; only its address is used.
            address.wake_all();
        }
    }

    /// Unsets the event. Who waited when it was set is released nevertheless.
    ///
    /// ```
    /// use heddle_primitives::Event;
    /// use std::time::Duration;
    ///
    /// let work = Event::new();
    /// work.set();
    /// work.clear();
    /// assert!(!work.wait_for(Duration::from_millis(1)));
    /// ```
    #[inline]
    pub fn clear(&self) {
        let word = self.futex.word();
        // ORDERING: tells whether there is anything to clear; the exchange below has the last word.
        let mut seen = word.load(Ordering::Relaxed);
        while seen & SET != 0 {
            let cleared = (seen & !(SET | AWAITED)).wrapping_add(CLEAR);
            // ORDERING: success acquires what `set` released: in "wait, clear, look for work" a second set may fall
            // between the wait and the clear, which swallows it. It releases for the waiter that learns of the set from
            // the count of clears. Failure reads nothing.
            match word.compare_exchange(seen, cleared, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => seen = found,
            }
        }
    }

    /// Whether the event is set; others may change that at any time.
    ///
    /// ```
    /// use heddle_primitives::Event;
    /// use heddle_primitives::sync::thread;
    ///
    /// let stop = Event::new();
    /// thread::scope(|s| {
    ///     let worker = s.spawn(|| {
    ///         while !stop.is_set() {
    ///             thread::yield_now();
    ///         }
    ///     });
    ///     assert!(!worker.is_finished());
    ///     stop.set();
    /// });
    /// ```
    #[inline]
    pub fn is_set(&self) -> bool {
        // ORDERING: acquires what `set` released.
        self.futex.word().load(Ordering::Acquire) & SET != 0
    }

    /// Waits until the event is set.
    ///
    /// ```
    /// use heddle_primitives::Event;
    /// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
    /// use heddle_primitives::sync::thread;
    ///
    /// let (ready, value) = (Event::new(), AtomicU32::new(0));
    /// thread::scope(|s| {
    ///     s.spawn(|| {
    ///         value.store(7, Ordering::Relaxed);
    ///         ready.set();
    ///     });
    ///     ready.wait();
    ///     // What was written before the set is visible.
    ///     assert_eq!(value.load(Ordering::Relaxed), 7);
    /// });
    /// ```
    #[inline]
    pub fn wait(&self) {
        if !self.is_set() {
            self.wait_slow(None);
        }
    }

    /// Waits until the event is set, no longer than `timeout`; false if it was not. A time beyond the clock's range means no
    /// limit.
    ///
    /// ```
    /// use heddle_primitives::Event;
    /// use std::time::Duration;
    ///
    /// let event = Event::new();
    /// assert!(!event.wait_for(Duration::from_millis(1)));
    /// event.set();
    /// assert!(event.wait_for(Duration::MAX));
    /// ```
    #[inline]
    pub fn wait_for(&self, timeout: Duration) -> bool {
        self.is_set() || self.wait_slow(Instant::now().checked_add(timeout))
    }

    /// Waits until the event is set, no longer than until `deadline`; false if it was not.
    ///
    /// ```
    /// use heddle_primitives::Event;
    /// use std::time::{Duration, Instant};
    ///
    /// let (one, other) = (Event::new(), Event::new());
    /// one.set();
    /// // One deadline for both waits together.
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// assert!(one.wait_until(deadline));
    /// assert!(!other.wait_until(deadline));
    /// ```
    #[inline]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.is_set() || self.wait_slow(Some(deadline))
    }

    #[cold]
    fn wait_slow(&self, deadline: Option<Instant>) -> bool {
        let word = self.futex.word();
        // ORDERING: acquires what `set` released, directly or through the `clear` that followed it.
        let mut seen = word.load(Ordering::Acquire);
        let clears = seen / CLEAR;
        let released = |seen: u32| seen & SET != 0 || seen / CLEAR != clears;

        let mut spin = Spin::new::<S>(HANDOVER_SPIN, deadline);
        while !released(seen) && spin.pause() {
            // ORDERING: as above.
            seen = word.load(Ordering::Acquire);
        }
        let mut timed_out = false;
        while !released(seen) {
            if timed_out {
                return false;
            }
            if seen & AWAITED == 0 {
                // ORDERING: failure acquires as above, since it may find the event set; success publishes nothing.
                if let Err(found) =
                    word.compare_exchange(seen, seen | AWAITED, Ordering::Relaxed, Ordering::Acquire)
                {
                    seen = found;
                    continue;
                }
            }
            // A time-out leaves AWAITED behind, which costs the next `set` a needless wake.
            timed_out = self.futex.wait(seen | AWAITED, deadline) == WaitOutcome::TimedOut;
            // ORDERING: as above.
            seen = word.load(Ordering::Acquire);
        }
        true
    }
}

impl<S: Scope> Default for Event<S> {
    fn default() -> Self {
        Self::new_in()
    }
}

impl<S: Scope> fmt::Debug for Event<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish()
    }
}
