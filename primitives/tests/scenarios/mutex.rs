//! Mutex.

use super::team;
use heddle_primitives::Mutex;
use heddle_primitives::sync::Arc;
use std::time::Instant;

pub fn mutex_counts(threads: u32, rounds: u32) {
    let mutex = Arc::new(Mutex::new(0));
    team(threads, &mutex, move |mutex, _| {
        for _ in 0..rounds {
            *mutex.lock() += 1;
        }
    });
    assert_eq!(*mutex.lock(), threads * rounds);
}

/// One thread gives up; the others must still get the lock.
pub fn mutex_time_out_strands_nobody(threads: u32) {
    let mutex = Arc::new(Mutex::new(0));
    team(threads, &mutex, move |mutex, n| {
        if n == threads - 1 {
            if let Some(mut guard) = mutex.try_lock_until(Instant::now()) {
                *guard += 1;
            }
        } else {
            *mutex.lock() += 1;
        }
    });
    let total = *mutex.lock();
    assert!(total == threads || total == threads - 1);
}

pub fn mutex_try_lock() {
    let mutex = Arc::new(Mutex::new(0));
    team(2, &mutex, |mutex, _| {
        if let Some(mut guard) = mutex.try_lock() {
            *guard += 1;
        }
    });
    assert!((1..=2).contains(&*mutex.lock()), "the first to come finds the lock free");
}
