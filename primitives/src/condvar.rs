//! Waiting for a condition on what a mutex protects.

mod queue;

use crate::mutex::MutexGuard;
use crate::scope::{Private, Scope};
use crate::spin::{HANDOVER_SPIN, Spin};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::futex::{Futex, WaitOutcome};
use queue::{Queue, SLEEPERS, TICKETS, bits, is_released};
use std::fmt;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Pauses between two looks of a waiter that spins. A notifier writes three times near the word that the waiter looks at, the mutex
/// included, and each look in between takes the cache line away from it: with one pause a round of two threads takes 0.7 us, with
/// 8 (0.1 us) 0.45 us.
const PAUSES: u32 = 8;

/// Lets threads wait until a condition on what a [`Mutex`](crate::Mutex) protects holds.
///
/// [`wait`](Self::wait) unlocks the mutex, waits for a notification and locks again. Waiters are released in the order in which
/// they came. A notification goes to somebody who waited before it, never to one who came later, and one that comes
/// together with a time-out is not lost: either the waiter takes it and does not report the time-out, or another gets it.
/// Still, wait in a loop, as with every condition variable: the thread that a notification releases does not find
/// the mutex free, and others may have changed the data first.
///
/// Notifying while nobody waits is one load; notifying waiters that still spin makes no system call. A waiter spins about 15 us
/// before it sleeps. Notify while holding the mutex, or after a change that was made while holding it: a change made without it
/// may fall between a waiter's look and its wait, here as elsewhere.
///
/// [`notify_all`](Self::notify_all) wakes all sleepers at once, as std does; those that find the mutex locked spin a little and sleep there.
///
/// Waiters may use different mutexes at the same time, but a notification cannot choose between them.
///
/// # The protocol
///
/// A waiter draws a ticket before it unlocks. `state` holds the queue, and whoever notifies takes tickets from its front in one exchange,
/// which also tells how many waiters these are. Then it adds as many to `released`, which lets their holders go.
///
/// | `state`, bits | meaning |
/// |---|---|
/// | 0-16 | which of the first 17 tickets in the queue are of waiters that have gone; never the first |
/// | 17-32 | tickets in the queue |
/// | 33-63 | tickets drawn, modulo 2^31: those in the queue are the last of them |
///
/// | `released`, bits | meaning |
/// |---|---|
/// | 0-30 | tickets released, modulo 2^31 |
/// | 31 | somebody may sleep: who releases wakes |
///
/// - *Nothing is lost.* A waiter sleeps only while `released` holds the value in which its ticket was not, and it wakes for its own
///   number modulo 32. Who moves `released` from `r` to `r + k` wakes tickets `r` to `r + k - 1`, whichever tickets
///   it took from the queue: where two notifiers are overtaking each other the sums are the same. `SLEEPERS` is cleared only by
///   who empties the queue, and that one wakes all, so newcomers set the bit again.
/// - *Nothing is swallowed.* A waiter whose time is up removes its ticket from the queue in one exchange, or finds that it is
///   not there: then a notifier counts on it, and it waits for that notifier's next step and reports no time-out. A ticket in the
///   middle of the queue is marked, and is dropped with the one before it. (One that is neither last nor among the first 17 is
///   removed together with all before it; their waits end without a notification.)
/// - *Nothing is touched late.* A waiter leaves only when `released` has passed its ticket, which takes all steps of
///   all notifiers up to it; after the last one only the address is used. So the condition variable may be freed as soon as the last
///   waiter has left.
///
/// The notifier need not order its load of `state` against anything: if it came to change the condition after a waiter's look, it
/// locked the mutex after the waiter had drawn and unlocked, and so it sees the ticket.
///
/// A waiter that does not run while 2^31 others are released (minutes, at best speed), to within 2^24, sleeps through.
///
/// Layout (`repr(C)`): `state`, 64 bits, then `released`, 32 bits, and 32 bits unused. All-zero bytes are a condition variable
/// without waiters. In scope [`Shared`](crate::Shared) it works between processes, with a mutex of the same scope; a notifier that dies
/// inside `notify_one` may leave waiters behind.
///
/// ```
/// use heddle_primitives::sync::thread;
/// use heddle_primitives::{Condvar, Mutex};
///
/// static QUEUE: Mutex<Vec<u32>> = Mutex::new(Vec::new());
/// static FILLED: Condvar = Condvar::new();
///
/// let consumer = thread::spawn(|| {
///     let mut queue = QUEUE.lock();
///     FILLED.wait_while(&mut queue, |queue| queue.is_empty());
///     queue.pop()
/// });
/// QUEUE.lock().push(7);
/// FILLED.notify_one();
/// assert_eq!(consumer.join().unwrap(), Some(7));
/// ```
#[repr(C)]
pub struct Condvar<S: Scope = Private> {
    state: AtomicU64,
    released: Futex<S>,
}

impl Condvar {
    const_in_normal_builds! {
        /// A condition variable for the threads of this process.
        ///
        /// ```
        /// use heddle_primitives::{Condvar, Mutex};
        /// static QUEUE: Mutex<Vec<u32>> = Mutex::new(Vec::new());
        /// static FILLED: Condvar = Condvar::new();
        /// QUEUE.lock().push(7);
        /// assert!(!FILLED.notify_one(), "nobody waits");
        /// ```
        pub const fn new() -> Self {
            Self::new_in()
        }
    }

    /// The most threads that can wait at the same time.
    ///
    /// ```
    /// use heddle_primitives::Condvar;
    /// assert_eq!(Condvar::MAX_WAITERS, (1 << 16) - 1);
    /// ```
    pub const MAX_WAITERS: u32 = Queue::MOST;
}

impl<S: Scope> Condvar<S> {
    const_in_normal_builds! {
        /// A condition variable in any scope.
        ///
        /// ```
        /// use heddle_primitives::{Condvar, Mutex, Shared};
        /// use std::time::Duration;
        ///
        /// // Both may be placed in memory that several processes map.
        /// let (mutex, changed) = (Mutex::<bool, Shared>::new_in(false), Condvar::<Shared>::new_in());
        /// assert!(changed.wait_for(&mut mutex.lock(), Duration::from_millis(1)).timed_out());
        /// ```
        pub const fn new_in() -> Self {
            Self { state: AtomicU64::new(0), released: Futex::new_in(0) }
        }
    }

    /// Unlocks, waits for a notification, and locks again.
    ///
    /// # Panics
    /// If [`Condvar::MAX_WAITERS`] wait already.
    ///
    /// ```
    /// use heddle_primitives::sync::thread;
    /// use heddle_primitives::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// thread::scope(|s| {
    ///     s.spawn(|| {
    ///         *ready.lock() = true;
    ///         changed.notify_one();
    ///     });
    ///     let mut guard = ready.lock();
    ///     while !*guard {
    ///         changed.wait(&mut guard);
    ///     }
    /// });
    /// ```
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T, S>) {
        self.wait_inner(guard, None);
    }

    /// Waits as long as `condition` holds; it is called with the mutex locked, first before any wait.
    ///
    /// # Panics
    /// As [`wait`](Self::wait), and if `condition` does.
    ///
    /// ```
    /// use heddle_primitives::sync::thread;
    /// use heddle_primitives::{Condvar, Mutex};
    ///
    /// let (jobs, changed) = (Mutex::new(3), Condvar::new());
    /// thread::scope(|s| {
    ///     for _ in 0..3 {
    ///         s.spawn(|| {
    ///             *jobs.lock() -= 1;
    ///             changed.notify_all();
    ///         });
    ///     }
    ///     let mut left = jobs.lock();
    ///     changed.wait_while(&mut left, |left| *left > 0);
    ///     assert_eq!(*left, 0);
    /// });
    /// ```
    pub fn wait_while<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T, S>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) {
        while condition(&mut **guard) {
            self.wait(guard);
        }
    }

    /// Like [`wait`](Self::wait), but no longer than `timeout`; a time beyond the clock's range means no limit. Locking again is
    /// not limited.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// use heddle_primitives::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (mutex, changed) = (Mutex::new(()), Condvar::new());
    /// let mut guard = mutex.lock();
    /// assert!(changed.wait_for(&mut guard, Duration::from_millis(1)).timed_out());
    /// ```
    pub fn wait_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T, S>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        self.wait_inner(guard, Instant::now().checked_add(timeout))
    }

    /// Like [`wait`](Self::wait), but no longer than until `deadline`. Locking again is not limited.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// use heddle_primitives::{Condvar, Mutex};
    /// use std::time::{Duration, Instant};
    ///
    /// let (mutex, changed) = (Mutex::new(0), Condvar::new());
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// let mut guard = mutex.lock();
    /// // However often it is notified, the loop ends in time.
    /// while *guard == 0 && !changed.wait_until(&mut guard, deadline).timed_out() {}
    /// assert!(Instant::now() >= deadline);
    /// ```
    pub fn wait_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T, S>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.wait_inner(guard, Some(deadline))
    }

    /// Waits as long as `condition` holds, but no longer than `timeout`; timed out if it holds even then.
    ///
    /// # Panics
    /// As [`wait_while`](Self::wait_while).
    ///
    /// ```
    /// use heddle_primitives::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// let mut guard = ready.lock();
    /// let result = changed.wait_while_for(&mut guard, |ready| !*ready, Duration::from_millis(1));
    /// assert!(result.timed_out());
    /// ```
    pub fn wait_while_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T, S>,
        condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        self.wait_while_inner(guard, condition, Instant::now().checked_add(timeout))
    }

    /// Waits as long as `condition` holds, but no longer than until `deadline`; timed out if it holds even then.
    ///
    /// # Panics
    /// As [`wait_while`](Self::wait_while).
    ///
    /// ```
    /// use heddle_primitives::sync::thread;
    /// use heddle_primitives::{Condvar, Mutex};
    /// use std::time::{Duration, Instant};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// let deadline = Instant::now() + Duration::from_secs(60);
    /// thread::scope(|s| {
    ///     s.spawn(|| {
    ///         *ready.lock() = true;
    ///         changed.notify_one();
    ///     });
    ///     let mut guard = ready.lock();
    ///     assert!(!changed.wait_while_until(&mut guard, |ready| !*ready, deadline).timed_out());
    /// });
    /// ```
    pub fn wait_while_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T, S>,
        condition: impl FnMut(&mut T) -> bool,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.wait_while_inner(guard, condition, Some(deadline))
    }

    /// Releases the thread that has waited longest; false if nobody waits.
    ///
    /// If it returns true, the wait of exactly one thread ends by it, and does not report a time-out.
    ///
    /// ```
    /// use heddle_primitives::sync::thread;
    /// use heddle_primitives::{Condvar, Mutex};
    ///
    /// let (tokens, changed) = (Mutex::new(0), Condvar::new());
    /// thread::scope(|s| {
    ///     for _ in 0..2 {
    ///         s.spawn(|| {
    ///             let mut tokens = tokens.lock();
    ///             changed.wait_while(&mut tokens, |tokens| *tokens == 0);
    ///             *tokens -= 1;
    ///         });
    ///     }
    ///     for _ in 0..2 {
    ///         *tokens.lock() += 1;
    ///         // One of the two, whichever has waited longer.
    ///         changed.notify_one();
    ///     }
    /// });
    /// assert_eq!(tokens.into_inner(), 0);
    /// ```
    #[inline]
    pub fn notify_one(&self) -> bool {
        // ORDERING: who must be seen was seen to wait, under the mutex or otherwise: see the type's documentation.
        let seen = self.state.load(Ordering::Relaxed);
        Queue::decode(seen).tickets != 0 && self.notify(seen, 1) != 0
    }

    /// Releases all threads that wait, and returns how many these are.
    ///
    /// ```
    /// use heddle_primitives::sync::thread;
    /// use heddle_primitives::{Condvar, Mutex};
    ///
    /// let (waiting, changed) = (Mutex::new(0), Condvar::new());
    /// thread::scope(|s| {
    ///     for _ in 0..2 {
    ///         s.spawn(|| {
    ///             let mut waiting = waiting.lock();
    ///             *waiting += 1;
    ///             changed.wait(&mut waiting);
    ///         });
    ///     }
    ///     while *waiting.lock() < 2 {
    ///         thread::yield_now();
    ///     }
    ///     assert_eq!(changed.notify_all(), 2);
    /// });
    /// ```
    #[inline]
    pub fn notify_all(&self) -> usize {
        // ORDERING: as in `notify_one`.
        let seen = self.state.load(Ordering::Relaxed);
        if Queue::decode(seen).tickets == 0 { 0 } else { self.notify(seen, u32::MAX) as usize }
    }

    /// Releases up to `most` waiters, and returns how many.
    #[cold]
    fn notify(&self, mut seen: u64, most: u32) -> u32 {
        loop {
            let mut queue = Queue::decode(seen);
            if queue.tickets == 0 {
                return 0;
            }
            let (taken, waiters) = if most == 1 { (queue.take(1), 1) } else { queue.take_all() };
            // ORDERING: tickets are all that is passed on here; `release` is what lets waiters go.
            match self.state.compare_exchange(seen, queue.encode(), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    self.release(taken, queue.tickets == 0);
                    return waiters;
                }
                Err(found) => seen = found,
            }
        }
    }

    /// Lets the holders of the next `n` tickets go. `emptied` if none was left in the queue when the caller took its own.
    ///
    /// The object may be gone after the exchange: only its address is used.
    fn release(&self, n: u32, emptied: bool) {
        let (word, address) = (self.released.word(), self.released.address());
        // ORDERING: the exchange below has the last word.
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let sleepers = if emptied { 0 } else { seen & SLEEPERS };
            let next = seen.wrapping_add(n) & TICKETS | sleepers;
            // ORDERING: Release, for the waiter's load in `sleep`: what this thread did to `state` comes before anything that a
            // released waiter does, such as freeing it. An RMW continues the releases of the notifiers before.
            match word.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(found) => seen = found,
            }
        }
        if seen & SLEEPERS != 0 {
            let bits = if emptied { NonZeroU32::MAX } else { bits(seen, n) };
            address.wake_class(u32::MAX, bits);
        }
    }

    fn wait_inner<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T, S>,
        deadline: Option<Instant>,
    ) -> WaitTimeoutResult {
        let ticket = self.draw();
        let notified = MutexGuard::unlocked(guard, || self.sleep(ticket, deadline));
        WaitTimeoutResult { timed_out: !notified }
    }

    fn wait_while_inner<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T, S>,
        mut condition: impl FnMut(&mut T) -> bool,
        deadline: Option<Instant>,
    ) -> WaitTimeoutResult {
        while condition(&mut **guard) {
            if self.wait_inner(guard, deadline).timed_out() {
                return WaitTimeoutResult { timed_out: condition(&mut **guard) };
            }
        }
        WaitTimeoutResult { timed_out: false }
    }

    /// Enters the queue.
    fn draw(&self) -> u32 {
        // ORDERING: the exchange below has the last word.
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            let mut queue = Queue::decode(seen);
            let ticket = queue.draw();
            // ORDERING: the mutex, which the caller unlocks next, shows the ticket to all who lock it after that.
            match self.state.compare_exchange(seen, queue.encode(), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return ticket,
                Err(found) => seen = found,
            }
        }
    }

    /// Waits until `ticket` is released; false if `deadline` came first.
    fn sleep(&self, ticket: u32, mut deadline: Option<Instant>) -> bool {
        let word = self.released.word();
        let mut spin = Spin::new::<S>(HANDOVER_SPIN, deadline).looking_every(PAUSES);
        loop {
            // ORDERING: acquires what all notifiers up to this ticket have released, see `release`.
            let seen = word.load(Ordering::Acquire);
            if is_released(seen, ticket) {
                return true;
            }
            if spin.pause() {
                continue;
            }
            if seen & SLEEPERS == 0
                // ORDERING: publishes nothing; the loop reads the word again if it fails.
                && word
                    .compare_exchange(seen, seen | SLEEPERS, Ordering::Relaxed, Ordering::Relaxed)
                    .is_err()
            {
                continue;
            }
            let outcome = self.released.wait_class(seen | SLEEPERS, deadline, bits(ticket, 1));
            if outcome == WaitOutcome::TimedOut {
                if self.withdraw(ticket) {
                    return false;
                }
                // A notifier has taken the ticket already and will release it in a moment.
                deadline = None;
            }
        }
    }

    /// Leaves the queue; false if the ticket is not in it any more.
    #[cold]
    fn withdraw(&self, ticket: u32) -> bool {
        // ORDERING: not older than this thread's own exchange in `draw`; the exchange below has the last word.
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            let mut queue = Queue::decode(seen);
            let Some(position) = queue.position(ticket) else { return false };
            let taken = queue.withdraw(position);
            // ORDERING: as in `notify`.
            match self.state.compare_exchange(seen, queue.encode(), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    if taken != 0 {
                        self.release(taken, queue.tickets == 0);
                    }
                    return true;
                }
                Err(found) => seen = found,
            }
        }
    }
}

impl<S: Scope> Default for Condvar<S> {
    fn default() -> Self {
        Self::new_in()
    }
}

impl<S: Scope> fmt::Debug for Condvar<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORDERING: a hint.
        let queue = Queue::decode(self.state.load(Ordering::Relaxed));
        f.debug_struct("Condvar").field("waiters", &(queue.tickets - queue.gone.count_ones())).finish()
    }
}

/// Whether a timed wait on a [`Condvar`] ended by its time-out.
///
/// ```
/// use heddle_primitives::{Condvar, Mutex};
/// use std::time::Duration;
///
/// let (ready, changed) = (Mutex::new(true), Condvar::new());
/// let mut guard = ready.lock();
/// // No wait at all: the condition does not hold.
/// let result = changed.wait_while_for(&mut guard, |ready| !*ready, Duration::ZERO);
/// assert!(!result.timed_out());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitTimeoutResult {
    timed_out: bool,
}

impl WaitTimeoutResult {
    /// Whether the time was up before a notification came.
    ///
    /// ```
    /// use heddle_primitives::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (mutex, changed) = (Mutex::new(()), Condvar::new());
    /// assert!(changed.wait_for(&mut mutex.lock(), Duration::ZERO).timed_out());
    /// ```
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use crate::sync::thread;
    use crate::{Mutex, Shared};

    #[test]
    fn layout_is_queue_then_released() {
        assert_eq!((size_of::<Condvar<Shared>>(), align_of::<Condvar<Shared>>()), (16, 8));
        assert_eq!(std::mem::offset_of!(Condvar<Shared>, state), 0);
        assert_eq!(std::mem::offset_of!(Condvar<Shared>, released), 8);
    }

    /// musl 97c5b5a, glibc 25847: sequence numbers come round.
    #[test]
    fn r04_tickets_come_round() {
        for before in 0..5 {
            let drawn = TICKETS - before;
            let condvar = Condvar::<Private> {
                state: AtomicU64::new(Queue { drawn, tickets: 0, gone: 0 }.encode()),
                released: Futex::new_in(drawn),
            };
            let turn = Mutex::new(0);
            thread::scope(|s| {
                for me in 0..3 {
                    let (turn, condvar) = (&turn, &condvar);
                    s.spawn(move || {
                        for _ in 0..10 {
                            let mut guard = turn.lock();
                            condvar.wait_while(&mut guard, |turn| *turn % 3 != me);
                            *guard += 1;
                            condvar.notify_all();
                        }
                    });
                }
            });
            assert_eq!(*turn.lock(), 30);
        }
    }
}
