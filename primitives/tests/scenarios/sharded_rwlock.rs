//! ShardedRwLock.

use super::{Plain, team};
use heddle_primitives::ShardedRwLock;
use heddle_primitives::sync::Arc;
use std::time::Instant;

/// The first `writers` of the team write, the others read twice.
pub fn sharded_rwlock_excludes(threads: u32, writers: u32, reads: u32) {
    let lock = Arc::new(ShardedRwLock::new((0, 0)));
    team(threads, &lock, move |lock, n| {
        if n < writers {
            let mut guard = lock.write();
            guard.0 += 1;
            guard.1 += 1;
        } else {
            for _ in 0..reads {
                let guard = lock.read();
                assert_eq!(guard.0, guard.1);
            }
        }
    });
    assert_eq!(*lock.read(), (writers, writers));
}

/// Slots that were closed are opened again, and their readers see what was written, also those that did not open them.
pub fn sharded_rwlock_opens_again(threads: u32) {
    let shared = Arc::new((ShardedRwLock::new(()), Plain::new()));
    team(threads, &shared, |(lock, data), n| {
        if n == 0 {
            let _guard = lock.write();
            data.set(data.get() + 1);
        }
        if n <= 1 {
            // The common lock, then the slots.
            for _ in 0..3 {
                let _guard = lock.read();
                data.get();
            }
        } else {
            let _guard = lock.read();
            data.get();
        }
    });
}

/// A writer that gives up opens the slots, and readers in them see what was written before.
pub fn sharded_rwlock_opens_as_it_gives_up() {
    let shared = Arc::new((ShardedRwLock::new(()), Plain::new()));
    team(2, &shared, |(lock, data), n| {
        if n == 0 {
            {
                let _guard = lock.write();
                data.set(data.get() + 1);
            }
            (0..2).for_each(|_| drop(lock.read()));
            let _guard = lock.read();
            assert!(lock.try_write().is_none(), "this thread reads");
        } else {
            let _guard = lock.read();
            data.get();
        }
    });
}

/// A writer that gives up, and one that comes after it.
pub fn sharded_rwlock_times_out() {
    let lock = Arc::new(ShardedRwLock::new((0, 0)));
    team(3, &lock, |lock, n| {
        let guard = match n {
            0 => {
                let guard = lock.read();
                assert_eq!(guard.0, guard.1);
                return;
            }
            1 => lock.try_write_until(Instant::now()),
            _ => Some(lock.write()),
        };
        if let Some(mut guard) = guard {
            guard.0 += 1;
            guard.1 += 1;
        }
    });
    assert!((1..=2).contains(&lock.read().0));
}

/// Nothing waits.
pub fn sharded_rwlock_try() {
    let lock = Arc::new(ShardedRwLock::new((0, 0)));
    team(2, &lock, |lock, n| {
        if n == 0 {
            if let Some(mut guard) = lock.try_write() {
                guard.0 += 1;
                guard.1 += 1;
            }
        } else if let Some(guard) = lock.try_read() {
            assert_eq!(guard.0, guard.1);
        }
    });
    assert!(lock.try_write().is_some(), "nobody has left anything behind");
}
