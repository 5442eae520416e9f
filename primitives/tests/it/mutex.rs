//! Mutex.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

#[test]
fn mutex_excludes() {
    let mutex = Mutex::new(0_u64);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..10_000 {
                    *mutex.lock() += 1;
                }
            });
        }
    });
    assert_eq!(mutex.into_inner(), 40_000);
}

#[test]
fn mutex_gives_up_in_time_and_recovers() {
    let mutex = Mutex::new(());
    let guard = mutex.lock();
    assert!(mutex.try_lock().is_none());
    thread::scope(|s| {
        s.spawn(|| {
            assert!(mutex.try_lock_for(TICK).is_none());
            assert!(mutex.try_lock_until(Instant::now()).is_none());
        });
    });
    assert_eq!(format!("{mutex:?}"), "Mutex { data: <locked> }");
    drop(guard);
    assert!(mutex.try_lock_for(Duration::ZERO).is_some());
}

proptest! {
    #[test]
    fn mutex_is_a_value_and_a_flag(ops in prop::collection::vec(any::<Option<u8>>(), 0..50)) {
        let (mutex, mut model) = (Mutex::new(0_u8), 0_u8);
        let mut held = None;
        for op in ops {
            match op {
                // Locks if free, and keeps the guard.
                Some(value) => {
                    let free = held.is_none();
                    prop_assert_eq!(mutex.is_locked(), !free);
                    if let Some(mut guard) = mutex.try_lock() {
                        prop_assert!(free);
                        prop_assert_eq!(*guard, model);
                        (*guard, model) = (value, value);
                        held = Some(guard);
                    } else {
                        prop_assert!(!free);
                    }
                }
                None => held = None,
            }
        }
    }
}

fn mutex_under_all_ways_of_locking<S: Scope>() {
    let mutex = Mutex::<_, S>::new_in((0_u64, 0_u64));
    let timed_out = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..THREADS {
            let (mutex, timed_out) = (&mutex, &timed_out);
            s.spawn(move || {
                for round in 0..5_000_u64 {
                    let guard = match (n + round) % 4 {
                        0 => mutex.try_lock(),
                        1 => mutex.try_lock_until(moment()),
                        _ => Some(mutex.lock()),
                    };
                    match guard {
                        Some(mut guard) => {
                            guard.0 += 1;
                            guard.1 += 1;
                        }
                        None => _ = timed_out.fetch_add(1, Ordering::Relaxed),
                    }
                }
            });
        }
    });
    let (a, b) = *mutex.lock();
    assert_eq!(a, b);
    assert_eq!(a + timed_out.load(Ordering::Relaxed), THREADS * 5_000);
}

#[test]
fn mutex() {
    mutex_under_all_ways_of_locking::<heddle_primitives::Private>();
    mutex_under_all_ways_of_locking::<Shared>();
}

/// glibc 12674, rust #55005: the last user frees the lock while the one before is still in unlock.
#[test]
fn r05_unlock_touches_nothing_after_the_release() {
    for round in 0..2_000 {
        let page = Page::map();
        let first = page.get::<Mutex<u32>>().lock();
        thread::scope(|s| {
            s.spawn(|| {
                // Asleep, spinning or just in time, depending on the round.
                *page.get::<Mutex<u32>>().lock() += 1;
                page.unmap();
            });
            (0..round % 50 * 40).for_each(|_| std::hint::black_box(()));
            if round % 20 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            drop(first);
        });
    }
}
