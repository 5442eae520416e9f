//! How threads wait at a queue.

use crate::mutex::{Mutex, MutexGuard};
use crate::scope::Private;
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::futex::{Futex, WaitOutcome};
use std::time::{Duration, Instant};

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    Now,
    Until(Instant),
    Never,
}

impl Limit {
    pub fn after(timeout: Duration) -> Self {
        Instant::now().checked_add(timeout).map_or(Self::Never, Self::Until)
    }
}

/// Wakes those who wait for a change under the queue's lock.
///
/// The word counts the changes that were announced. It is read, and the waiter counted, before the waiter lets go of the lock,
/// and whoever announces a change has the lock: so either the waiter has seen the change, or the announcement finds it counted
/// and moves the word away from what the waiter expects. (A waiter that does not run during 2^32 announcements, exactly, misses
/// them.)
pub(super) struct Signal {
    futex: Futex,
    /// How many wait. Changed under the lock.
    waiting: AtomicU32,
}

impl Signal {
    pub fn new() -> Self {
        Self { futex: Futex::new(0), waiting: AtomicU32::new(0) }
    }

    /// Announces a change, lets go of the lock, and wakes up to `n`.
    pub fn notify<T>(&self, guard: MutexGuard<'_, T>, n: u32) {
        // ORDERING: ordered by the lock.
        let waiting = self.waiting.load(Ordering::Relaxed) != 0;
        if waiting {
            // ORDERING: what was changed is published by the lock.
            self.futex.word().fetch_add(1, Ordering::Relaxed);
        }
        drop(guard);
        if waiting {
            self.futex.wake(n);
        }
    }

    /// Returns with the lock once `condition` holds; none if it did not in time.
    pub fn wait<'a, T>(
        &self,
        lock: &'a Mutex<T>,
        condition: impl Fn(&T) -> bool,
        limit: Limit,
    ) -> Option<MutexGuard<'a, T>> {
        let mut guard = lock.lock();
        if condition(&guard) {
            return Some(guard);
        }
        let deadline = match limit {
            Limit::Now => return None,
            Limit::Until(deadline) => Some(deadline),
            Limit::Never => None,
        };
        // ORDERING: ordered by the lock.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut timed_out = false;
        while !condition(&guard) && !timed_out {
            // ORDERING: read under the lock, under which it is changed.
            let seen = self.futex.word().load(Ordering::Relaxed);
            timed_out = MutexGuard::unlocked(&mut guard, || {
                {
                    let mut spin = Spin::new::<Private>(DEFAULT_SPIN, deadline);
                    // ORDERING: a hint; the condition is read under the lock.
                    while self.futex.word().load(Ordering::Relaxed) == seen && spin.pause() {}
                }
                self.futex.wait(seen, deadline) == WaitOutcome::TimedOut
            });
        }
        // ORDERING: as above.
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        condition(&guard).then_some(guard)
    }
}
