//! Once, OnceLock, LazyLock.

use super::{Plain, team};
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::{LazyLock, Once, OnceLock};
use std::time::Instant;

/// One runs, all see what it did.
pub fn once_runs_once(threads: u32) {
    let shared = Arc::new((Once::new(), Plain::new()));
    team(threads, &shared, |(once, data), _| {
        once.call_once(|| data.set(data.get() + 1));
        assert!(once.is_completed());
        assert_eq!(data.get(), 1);
    });
}

/// The first attempt fails; what it did is seen by the next, which completes.
pub fn once_fails_first(threads: u32) {
    let shared = Arc::new((Once::new(), Plain::new(), AtomicU32::new(0)));
    team(threads, &shared, |(once, attempts, failures), _| {
        let result = once.try_call(|| {
            attempts.set(attempts.get() + 1);
            if attempts.get() == 1 { Err(()) } else { Ok(()) }
        });
        if result.is_ok() {
            assert_eq!(attempts.get(), 2);
        } else {
            failures.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!(shared.2.load(Ordering::Relaxed), 1);
}

/// Some only wait, perhaps not long enough.
pub fn once_is_awaited(waiters: u32) {
    let shared = Arc::new((Once::new(), Plain::new()));
    team(waiters + 1, &shared, |(once, data), n| match n {
        0 => once.call_once(|| data.set(7)),
        1 => {
            once.wait();
            assert_eq!(data.get(), 7);
        }
        _ => {
            if once.wait_until(Instant::now()) {
                assert_eq!(data.get(), 7);
            }
        }
    });
}

/// One value wins, and all see that one.
pub fn once_lock_publishes(threads: u32) {
    let shared = Arc::new((OnceLock::new(), AtomicU32::new(0)));
    team(threads, &shared, |(place, won), n| {
        if place.set(n).is_ok() {
            won.fetch_add(1, Ordering::Relaxed);
            assert_eq!(place.get(), Some(&n));
        }
        assert_eq!(place.get(), Some(place.wait()));
    });
    assert_eq!(shared.1.load(Ordering::Relaxed), 1);
}

/// Readers that do not wait see all of the value or nothing.
pub fn once_lock_is_read() {
    let place = Arc::new(OnceLock::new());
    team(2, &place, |place, n| {
        if n == 0 {
            assert_eq!(place.get_or_init(|| 7), &7);
        } else if let Some(value) = place.get() {
            assert_eq!(value, &7);
        }
    });
}

pub fn lazy_lock_is_made_once(threads: u32) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let lazy = Arc::new(LazyLock::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        7
    }));
    team(threads, &lazy, |lazy, _| assert_eq!(**lazy, 7));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
