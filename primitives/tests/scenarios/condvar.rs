//! Condvar.

use super::{Plain, team};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::{Condvar, Mutex};
use std::time::Instant;

/// Notified with the lock held, or after it was released.
pub fn condvar_hands_over(waiters: u32, under_lock: bool) {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    team(waiters + 1, &shared, move |(mutex, condvar), n| {
        let mut guard = mutex.lock();
        if n == 0 {
            *guard = waiters;
            if !under_lock {
                drop(guard);
            }
            condvar.notify_all();
        } else {
            condvar.wait_while(&mut guard, |tokens| *tokens == 0);
            *guard -= 1;
        }
    });
    assert_eq!(*shared.0.lock(), 0);
}

/// One `notify_one` for each waiter suffices.
pub fn condvar_notifies_each(waiters: u32) {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    team(waiters + 1, &shared, move |(mutex, condvar), n| {
        if n == 0 {
            for _ in 0..waiters {
                *mutex.lock() += 1;
                condvar.notify_one();
            }
        } else {
            let mut guard = mutex.lock();
            condvar.wait_while(&mut guard, |tokens| *tokens == 0);
            *guard -= 1;
        }
    });
    assert_eq!(*shared.0.lock(), 0);
}

/// To and fro.
pub fn condvar_ping_pong(rounds: u32) {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    team(2, &shared, move |(mutex, condvar), me| {
        let mut guard = mutex.lock();
        for _ in 0..rounds {
            condvar.wait_while(&mut guard, |turn| *turn % 2 != me);
            *guard += 1;
            condvar.notify_one();
        }
    });
    assert_eq!(*shared.0.lock(), 2 * rounds);
}

/// Each notification that says so ends one wait, and no other wait ends but by time-out.
pub fn condvar_counts_what_it_wakes(waiters: u32, all: bool) {
    let shared = Arc::new((Mutex::new(()), Condvar::new(), AtomicU32::new(0), AtomicU32::new(0)));
    team(waiters + 1, &shared, move |(mutex, condvar, told, woken), n| {
        if n == 0 {
            let count = if all { condvar.notify_all() as u32 } else { u32::from(condvar.notify_one()) };
            told.fetch_add(count, Ordering::Relaxed);
        } else {
            let mut guard = mutex.lock();
            if !condvar.wait_until(&mut guard, Instant::now()).timed_out() {
                woken.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    assert_eq!(shared.2.load(Ordering::Relaxed), shared.3.load(Ordering::Relaxed));
}

/// A notification that comes together with a time-out is taken by the thread that timed out, or by the other.
pub fn condvar_time_out_swallows_nothing() {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    let take = |shared: &(Mutex<u32>, Condvar), patient: bool| {
        let (mutex, condvar) = shared;
        let mut guard = mutex.lock();
        while *guard == 0 {
            if patient {
                condvar.wait(&mut guard);
            } else if condvar.wait_until(&mut guard, Instant::now()).timed_out() {
                // Does not even look whether there is a token.
                return false;
            }
        }
        *guard -= 1;
        true
    };
    let (hasty, patient) = (shared.clone(), shared.clone());
    let hasty = thread::spawn(move || take(&hasty, false));
    let patient = thread::spawn(move || take(&patient, true));
    let add = || {
        *shared.0.lock() += 1;
        shared.1.notify_one();
    };
    add();
    if hasty.join().unwrap() {
        add();
    }
    patient.join().unwrap();
    assert_eq!(*shared.0.lock(), 0);
}

/// A notification goes to the thread that waited before it, not to one that comes later.
pub fn condvar_late_waiter_steals_nothing() {
    #[derive(Default)]
    struct State {
        waits: bool,
        over: bool,
    }
    let shared = Arc::new((Mutex::new(State::default()), Condvar::new()));
    let early = shared.clone();
    let early = thread::spawn(move || {
        let mut guard = early.0.lock();
        if !guard.over {
            guard.waits = true;
            early.1.wait(&mut guard);
        }
    });
    let late = shared.clone();
    let late = thread::spawn(move || {
        let mut guard = late.0.lock();
        if guard.waits {
            late.1.wait_while(&mut guard, |state| !state.over);
        }
    });
    let waits = shared.0.lock().waits;
    if waits {
        assert!(shared.1.notify_one());
        early.join().unwrap();
        shared.0.lock().over = true;
        shared.1.notify_all();
    } else {
        shared.0.lock().over = true;
        shared.1.notify_all();
        early.join().unwrap();
    }
    late.join().unwrap();
}

/// What the notifier did comes before anything that a released waiter does, also without the mutex between them.
pub fn condvar_release_is_seen() {
    let shared = Arc::new((Mutex::new(0), Condvar::new(), Plain::new()));
    team(2, &shared, |(mutex, condvar, data), n| {
        if n == 0 {
            // Until the waiter is here.
            while *mutex.lock() == 0 {
                thread::yield_now();
            }
            data.set(7);
            assert!(condvar.notify_one());
        } else {
            let mut guard = mutex.lock();
            *guard = 1;
            condvar.wait(&mut guard);
            assert_eq!(data.get(), 7);
        }
    });
}
