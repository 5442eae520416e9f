//! Semaphore and BoundedSemaphore.

use super::{Plain, team};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::{BoundedSemaphore, Semaphore};
use std::time::Instant;

/// With one permit it is a lock.
pub fn semaphore_excludes(threads: u32, rounds: u32) {
    let shared = Arc::new((Semaphore::new(1), Plain::new()));
    team(threads, &shared, move |(semaphore, count), _| {
        for _ in 0..rounds {
            let _permit = semaphore.acquire();
            count.set(count.get() + 1);
        }
    });
    assert_eq!(shared.1.get(), threads * rounds);
    assert_eq!(shared.0.available_permits(), 1);
}

/// What was written before a release is seen after the acquire. One gives, one by one or all at once, the others take.
pub fn semaphore_hands_over(takers: u32, at_once: bool) {
    let shared = Arc::new((Semaphore::new(0), Plain::new()));
    team(takers + 1, &shared, move |(semaphore, data), n| {
        if n == 0 {
            data.set(7);
            if at_once {
                semaphore.release(takers);
            } else {
                (0..takers).for_each(|_| semaphore.release(1));
            }
        } else {
            semaphore.acquire().forget();
            assert_eq!(data.get(), 7);
        }
    });
    assert_eq!(shared.0.available_permits(), 0);
}

/// Who saves for two permits sees what was written before each of them was given.
pub fn semaphore_saver_sees_what_was_written() {
    let shared = Arc::new((Semaphore::new(0), Plain::new(), Plain::new()));
    team(2, &shared, |(semaphore, first, second), n| {
        if n == 0 {
            first.set(7);
            semaphore.release(1);
            second.set(8);
            semaphore.release(1);
        } else {
            semaphore.acquire_many(2).forget();
            assert_eq!((first.get(), second.get()), (7, 8));
        }
    });
}

/// No more at a time than there are permits.
pub fn semaphore_limits(permits: u32, threads: u32) {
    let shared = Arc::new((Semaphore::new(permits), AtomicU32::new(0)));
    team(threads, &shared, move |(semaphore, inside), _| {
        let permit = semaphore.acquire();
        assert!(inside.fetch_add(1, Ordering::Relaxed) < permits);
        inside.fetch_sub(1, Ordering::Relaxed);
        drop(permit);
    });
    assert_eq!(shared.0.available_permits(), permits);
}

/// One thread wants both permits, the others one each.
pub fn semaphore_many(threads: u32) {
    let shared = Arc::new((Semaphore::new(2), Plain::new()));
    team(threads, &shared, |(semaphore, alone), n| {
        if n == 0 {
            let permits = semaphore.acquire_many(2);
            alone.set(alone.get() + 1);
            assert_eq!(permits.permits(), 2);
        } else {
            let _permit = semaphore.acquire();
            alone.get();
        }
    });
    assert_eq!(shared.0.available_permits(), 2);
}

/// Two want both permits, which come one by one.
pub fn semaphore_two_savers() {
    let shared = Arc::new(Semaphore::new(0));
    team(3, &shared, |semaphore, n| {
        if n == 0 {
            semaphore.release(1);
            semaphore.release(1);
        } else {
            drop(semaphore.acquire_many(2));
        }
    });
    assert_eq!(shared.available_permits(), 2);
}

/// One thread gives up; the others must still get theirs.
pub fn semaphore_time_out_strands_nobody(threads: u32) {
    let shared = Arc::new(Semaphore::new(0));
    team(threads, &shared, move |semaphore, n| match n {
        0 => semaphore.release(1),
        1 => drop(semaphore.acquire_until(Instant::now())),
        _ => drop(semaphore.acquire()),
    });
    assert_eq!(shared.available_permits(), 1);
}

/// One saves for more than there will be and gives up; the others must still get theirs.
pub fn semaphore_saver_gives_up(threads: u32) {
    let shared = Arc::new(Semaphore::new(0));
    team(threads, &shared, move |semaphore, n| match n {
        0 => semaphore.release(1),
        1 => assert!(semaphore.acquire_many_until(2, Instant::now()).is_none()),
        _ => drop(semaphore.acquire()),
    });
    assert_eq!(shared.available_permits(), 1);
}

/// One reserves, in vain perhaps, while permits come: whoever sleeps still gets one, and nobody is refused for more than that one.
pub fn semaphore_reservation_hides_nothing(threads: u32) {
    let shared = Arc::new(Semaphore::new(0));
    team(threads, &shared, move |semaphore, n| match n {
        0 => {
            semaphore.release(2);
            assert!(threads != 2 || semaphore.try_acquire().is_some());
        }
        1 => drop(semaphore.acquire_until(Instant::now())),
        _ => drop(semaphore.acquire()),
    });
    assert_eq!(shared.available_permits(), 2);
}

/// One saves for two permits, which come one by one, while another reserves one.
pub fn semaphore_saver_and_reservation() {
    let shared = Arc::new(Semaphore::new(1));
    team(3, &shared, move |semaphore, n| match n {
        0 => semaphore.release(1),
        1 => drop(semaphore.acquire_until(Instant::now())),
        _ => drop(semaphore.acquire_many(2)),
    });
    assert_eq!(shared.available_permits(), 2);
}

/// A release too many is refused, or is the one that counts and the other's is refused.
pub fn semaphore_bounded() {
    let shared = Arc::new(BoundedSemaphore::new(1));
    team(2, &shared, |semaphore, n| {
        if n == 0 {
            drop(semaphore.acquire());
        } else {
            let _ = semaphore.release(1);
        }
        assert!(semaphore.available_permits() <= 1);
    });
    assert_eq!(shared.available_permits(), 1);
    assert!(shared.release(1).is_err());
}

/// Who saves is not passed by others for ever: there comes a time when they get nothing, although a permit is there.
pub fn semaphore_saver_is_not_passed() {
    let shared = Arc::new(Semaphore::new(1));
    team(2, &shared, |semaphore, n| {
        if n == 0 {
            while let Some(permit) = semaphore.try_acquire() {
                drop(permit);
                thread::yield_now();
            }
            semaphore.release(1);
        } else {
            drop(semaphore.acquire_many(2));
        }
    });
    assert_eq!(shared.available_permits(), 2);
}
