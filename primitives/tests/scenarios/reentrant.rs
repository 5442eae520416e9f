//! Reentrant mutex.

use super::{Plain, team};
use heddle_primitives::sync::Arc;
use heddle_primitives::{ReentrantMutex, ReentrantMutexGuard};
use std::time::Instant;

/// Each thread locks twice, counts inside, and gives up the levels one by one.
pub fn reentrant_counts(threads: u32, fair: bool) {
    let lock = Arc::new(ReentrantMutex::new(Plain::new()));
    team(threads, &lock, move |lock, _| {
        let outer = lock.lock();
        let inner = lock.lock();
        inner.set(inner.get() + 1);
        drop(inner);
        assert!(lock.is_owned_by_current_thread());
        outer.set(outer.get() + 1);
        if fair {
            ReentrantMutexGuard::unlock_fair(outer);
        } else {
            drop(outer);
        }
        assert!(!lock.is_owned_by_current_thread());
    });
    assert_eq!(lock.lock().get(), 2 * threads);
}

/// One thread may give up, but never inside its own lock.
pub fn reentrant_time_out(threads: u32) {
    let lock = Arc::new(ReentrantMutex::new(Plain::new()));
    team(threads, &lock, move |lock, n| {
        let guard = if n == 0 { lock.try_lock_until(Instant::now()) } else { Some(lock.lock()) };
        let Some(guard) = guard else { return };
        let inner = lock.try_lock_until(Instant::now()).expect("the owner may always lock again");
        inner.set(inner.get() + 1);
        drop(guard);
        inner.set(inner.get() + 1);
    });
    let total = lock.lock().get();
    assert!(total == 2 * threads || total == 2 * threads - 2);
}

/// `try_lock` of a stranger fails while the owner is at whatever depth.
pub fn reentrant_try_lock() {
    let lock = Arc::new(ReentrantMutex::new(Plain::new()));
    team(2, &lock, |lock, _| {
        let Some(outer) = lock.try_lock() else { return };
        let inner = lock.try_lock().expect("the owner may always lock again");
        drop(outer);
        inner.set(inner.get() + 1);
    });
    assert!((1..=2).contains(&lock.lock().get()));
}
