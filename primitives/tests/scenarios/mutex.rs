//! Mutex and its fair twin.

use super::team;
use heddle_primitives::mutex::{Barging, Fair, Handover};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::{MappedMutexGuard, Mutex, MutexGuard, Private};
use std::time::Instant;

fn fresh<H: Handover, T>(data: T) -> Arc<Mutex<T, Private, H>> {
    Arc::new(Mutex::new_in(data))
}

fn counts<H: Handover>(threads: u32, rounds: u32) {
    let mutex = fresh::<H, _>(0);
    team(threads, &mutex, move |mutex, _| {
        for _ in 0..rounds {
            *mutex.lock() += 1;
        }
    });
    assert_eq!(*mutex.lock(), threads * rounds);
}

pub fn mutex_counts(threads: u32, rounds: u32) {
    counts::<Barging>(threads, rounds);
}

pub fn fair_mutex_counts(threads: u32, rounds: u32) {
    counts::<Fair>(threads, rounds);
}

/// One thread unlocks fair, the others do not.
pub fn mutex_unlocks_both_ways(threads: u32) {
    let mutex = Arc::new(Mutex::new(0));
    team(threads, &mutex, move |mutex, n| {
        let mut guard = mutex.lock();
        *guard += 1;
        if n == 0 {
            MutexGuard::unlock_fair(guard);
        }
    });
    assert_eq!(*mutex.lock(), threads);
}

fn time_out_strands_nobody<H: Handover>(threads: u32) {
    let mutex = fresh::<H, _>(0);
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

/// One thread gives up; the others must still get the lock.
pub fn mutex_time_out_strands_nobody(threads: u32) {
    time_out_strands_nobody::<Barging>(threads);
}

/// The lock may be on its way to the thread that gives up.
pub fn fair_mutex_time_out_strands_nobody(threads: u32) {
    time_out_strands_nobody::<Fair>(threads);
}

/// When all threads are gone, the lock is free and waits for nobody.
pub fn fair_mutex_is_left_free() {
    let mutex = fresh::<Fair, _>(0);
    team(2, &mutex, |mutex, _| {
        if let Some(mut guard) = mutex.try_lock_until(Instant::now()) {
            *guard += 1;
        }
    });
    assert!(!mutex.is_locked());
    assert!((1..=2).contains(&*mutex.try_lock().expect("nobody is left to hold it")));
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

/// `try_lock` beside hand-overs: it may fail, and takes nothing from anybody.
pub fn fair_mutex_try_lock(threads: u32) {
    let mutex = fresh::<Fair, _>(0);
    team(threads, &mutex, move |mutex, n| {
        if n == 0 {
            if let Some(mut guard) = mutex.try_lock() {
                *guard += 1;
            }
        } else {
            *mutex.lock() += 1;
        }
    });
    let total = *mutex.lock();
    assert!(total == threads || total == threads - 1);
}

/// The holder lets a waiter go first, in the middle.
pub fn mutex_bumps(threads: u32) {
    let mutex = Arc::new(Mutex::new((0, 0)));
    team(threads, &mutex, move |mutex, n| {
        let mut guard = mutex.lock();
        guard.0 += 1;
        if n == 0 {
            MutexGuard::bump(&mut guard);
        }
        guard.1 += 1;
    });
    assert_eq!(*mutex.lock(), (threads, threads));
}

/// Unlocked in the middle, in both ways.
pub fn mutex_unlocked_meanwhile(fair: bool) {
    let mutex = Arc::new(Mutex::new(0));
    team(2, &mutex, move |mutex, n| {
        let mut guard = mutex.lock();
        *guard += 1;
        if n == 0 {
            if fair {
                MutexGuard::unlocked_fair(&mut guard, || ());
            } else {
                MutexGuard::unlocked(&mut guard, || ());
            }
            *guard += 1;
        }
    });
    assert_eq!(*mutex.lock(), 3);
}

/// Guards for parts exclude as the whole one does.
pub fn mutex_maps() {
    let mutex = Arc::new(Mutex::new((0, [0, 0])));
    team(2, &mutex, |mutex, n| {
        if n == 0 {
            let pair = MutexGuard::map(mutex.lock(), |data| &mut data.1);
            let mut second = MappedMutexGuard::map(pair, |pair| &mut pair[1]);
            *second += 1;
        } else {
            let refused = MutexGuard::try_map(mutex.lock(), |_| None::<&mut u32>);
            refused.expect_err("there is no such part").1[1] += 1;
        }
    });
    assert_eq!(mutex.lock().1[1], 2);
}

/// A guard that another thread drops.
pub fn mutex_guard_travels() {
    // A checker's threads outlive no scope, so the guard borrows for ever.
    let place = Box::into_raw(Box::new(Mutex::new(0)));
    // SAFETY: the mutex lives until the end of this function, and both threads are done with it by then.
    let mutex: &'static Mutex<u32> = unsafe { &*place };
    let mut guard = MutexGuard::into_send(mutex.lock());
    let other = thread::spawn(move || *guard += 1);
    *mutex.lock() += 1;
    other.join().unwrap();
    assert_eq!(*mutex.lock(), 2);
    // SAFETY: made above, and nobody has it any more.
    drop(unsafe { Box::from_raw(place) });
}
