//! Mutex.

use crate::support::*;
use heddle_primitives::mutex::{ArcMutexGuard, Barging, Fair, Handover};
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::*;
use proptest::prelude::*;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// Whatever way it is locked and unlocked, the data stays whole and nobody is left behind.
fn mutex_under_all_ways_of_locking<S: Scope, H: Handover>() {
    let mutex = Mutex::<_, S, H>::new_in((0_u64, 0_u64));
    let timed_out = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..THREADS {
            let (mutex, timed_out) = (&mutex, &timed_out);
            s.spawn(move || {
                for round in 0..2_000_u64 {
                    let guard = match (n + round) % 4 {
                        0 => mutex.try_lock(),
                        1 => mutex.try_lock_until(moment()),
                        _ => Some(mutex.lock()),
                    };
                    let Some(mut guard) = guard else {
                        timed_out.fetch_add(1, Ordering::Relaxed);
                        continue;
                    };
                    guard.0 += 1;
                    match round % 7 {
                        0 => MutexGuard::bump(&mut guard),
                        1 => MutexGuard::unlocked_fair(&mut guard, || ()),
                        2 => MutexGuard::unlocked(&mut guard, || ()),
                        _ => {}
                    }
                    guard.1 += 1;
                    match round % 5 {
                        0 => MutexGuard::unlock_fair(guard),
                        1 => drop(MutexGuard::map(guard, |pair| &mut pair.0)),
                        2 => drop(MutexGuard::into_send(guard)),
                        _ => drop(guard),
                    }
                }
            });
        }
    });
    assert!(!mutex.is_locked(), "left behind: {mutex:?}");
    let (a, b) = *mutex.lock();
    assert_eq!(a, b);
    assert_eq!(a + timed_out.load(Ordering::Relaxed), THREADS * 2_000);
}

#[test]
fn mutex() {
    mutex_under_all_ways_of_locking::<heddle_primitives::Private, Barging>();
    mutex_under_all_ways_of_locking::<Shared, Barging>();
    mutex_under_all_ways_of_locking::<heddle_primitives::Private, Fair>();
    mutex_under_all_ways_of_locking::<Shared, Fair>();
}

/// A thread that fairly unlocks and locks again comes after one that waits, whether that spins or sleeps.
#[test]
fn mutex_hands_over_to_whoever_waits() {
    let mutex = FairMutex::new_fair(0_u32);
    for nap in [Duration::ZERO, Duration::from_micros(300)] {
        *mutex.lock() = 0;
        let waits = AtomicU64::new(0);
        thread::scope(|s| {
            let guard = mutex.lock();
            s.spawn(|| {
                waits.store(1, Ordering::Relaxed);
                *mutex.lock() = 1;
            });
            while waits.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            // Until the other is counted: then this thread's bump must let it in.
            let mut guard = guard;
            let give_up = Instant::now() + Duration::from_secs(5);
            while *guard == 0 {
                thread::sleep(nap);
                MutexGuard::bump(&mut guard);
                assert!(Instant::now() < give_up, "never let in");
            }
        });
    }
}

#[test]
fn mutex_guards_for_parts() {
    let mutex = Mutex::new((1_u32, vec![2_u32, 3]));
    let list = MutexGuard::map(mutex.lock(), |data| &mut data.1);
    assert!(mutex.is_locked());
    let list = MappedMutexGuard::try_map(list, |list| list.get_mut(9)).unwrap_err();
    let mut second = MappedMutexGuard::try_map(list, |list| list.get_mut(1)).unwrap();
    *second += 1;
    assert_eq!(format!("{second:?} {second}"), "4 4");
    MappedMutexGuard::unlock_fair(second);
    assert_eq!(*mutex.lock(), (1, vec![2, 4]));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _ = MutexGuard::map(mutex.lock(), |_| -> &mut u32 { panic!("in the middle") });
    }));
    assert!(panicked.is_err() && !mutex.is_locked());
}

#[test]
fn mutex_guards_that_own() {
    let mutex = Arc::new(Mutex::new(1_u32));
    let mut guard = mutex.lock_arc();
    assert!(mutex.try_lock_arc().is_none());
    assert!(mutex.try_lock_arc_for(Duration::ZERO).is_none());
    thread::spawn(move || *guard += 1).join().unwrap();
    let guard = mutex.try_lock_arc_until(Instant::now()).unwrap();
    assert!(Arc::ptr_eq(ArcMutexGuard::mutex(&guard), &mutex));
    assert_eq!(Arc::strong_count(&mutex), 2);
    ArcMutexGuard::unlock_fair(guard);
    assert_eq!(Arc::strong_count(&mutex), 1);
    // The guard alone keeps the mutex.
    let guard = mutex.lock_arc();
    drop(mutex);
    assert_eq!(*guard, 2);
}

#[test]
fn mutex_unlocked_by_force() {
    let mutex = Mutex::new(1_u32);
    std::mem::forget(mutex.lock());
    assert!(mutex.is_locked());
    // SAFETY: locked in this thread, and the guard is forgotten.
    unsafe { mutex.force_unlock() };
    assert_eq!(*mutex.lock(), 1);
}

/// All-zero bytes are a fresh lock of every kind.
#[test]
fn zeroed_locks_are_fresh() {
    let page = Page::map();
    let fair = page.get::<FairMutex<u64, Shared>>();
    assert_eq!(*fair.lock(), 0);
    MutexGuard::unlock_fair(fair.lock());
    assert!(!page.get::<Mutex<u64, Shared>>().is_locked());
    assert!(!page.get::<ReentrantMutex<u64, Shared>>().is_locked());
    assert!(!format!("{:?}", page.get::<RawMutex<Shared>>()).contains("true"));
    page.unmap();
}

/// Waiting for oneself would last for ever; debug builds say so, and a wait with a limit is left to end.
#[cfg(all(debug_assertions, not(feature = "deadlock_detection")))]
#[test]
fn mutex_locked_twice_is_refused() {
    let mutex = Mutex::new(1_u32);
    let guard = mutex.lock();
    let panic = catch_unwind(AssertUnwindSafe(|| _ = mutex.lock())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(
        message.starts_with("this thread already holds the heddle_primitives::mutex::Mutex<u32>"),
        "{message}"
    );
    assert!(mutex.try_lock_for(Duration::from_micros(10)).is_none());
    drop(guard);
    // A guard that may be elsewhere by now is no reason to refuse.
    let guard = MutexGuard::into_send(mutex.lock());
    thread::scope(|s| {
        s.spawn(move || {
            thread::sleep(Duration::from_millis(2));
            drop(guard);
        });
        assert_eq!(*mutex.lock(), 1);
    });
    // A part's guard counts, an unlocked stretch does not.
    let mut guard = mutex.lock();
    MutexGuard::unlocked(&mut guard, || assert_eq!(*mutex.lock(), 1));
    let guard = MutexGuard::map(guard, |all| all);
    assert!(catch_unwind(AssertUnwindSafe(|| _ = mutex.lock())).is_err());
    drop(guard);
    assert_eq!(*mutex.lock(), 1);
}

/// parking_lot #465, #466: a time-out took the mark away that others sleep, and they slept on.
#[test]
fn r01_time_outs_leave_no_sleeper_behind() {
    fn all_get_it<H: Handover>() {
        let mutex = Mutex::<_, heddle_primitives::Private, H>::new_in(0_u64);
        thread::scope(|s| {
            for n in 0..6 {
                let mutex = &mutex;
                s.spawn(move || {
                    let mut done = 0;
                    while done < 100 {
                        let guard =
                            if n % 2 == 0 { mutex.try_lock_until(moment()) } else { Some(mutex.lock()) };
                        let Some(mut guard) = guard else { continue };
                        *guard += 1;
                        done += 1;
                        // Long enough that the others fall asleep.
                        if done % 10 == 0 {
                            thread::sleep(Duration::from_micros(60));
                        }
                    }
                });
            }
        });
        assert!(!mutex.is_locked());
        assert_eq!(mutex.into_inner(), 600);
    }
    all_get_it::<Barging>();
    all_get_it::<Fair>();
}

/// litebox #809: the count of those who wait and those who are woken fell apart, and the lock stayed with nobody.
#[test]
fn r17_a_lock_handed_over_is_always_taken() {
    let mutex = FairMutex::new_fair(());
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..300 {
                    // Gives up about when the lock would be handed to it.
                    drop(mutex.try_lock_for(Duration::from_micros(5)));
                }
            });
        }
    });
    assert!(mutex.try_lock().is_some());
}

/// crossbeam #821: pinned to one CPU; a lock that is handed over must not spin for its owner to come.
#[test]
fn r07_fair_mutex_on_one_cpu() {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu)).unwrap());
    let start = Instant::now();
    let mutex = FairMutex::new_fair(0_u32);
    thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                sched_setaffinity(None, &one).unwrap();
                (0..1_000).for_each(|_| *mutex.lock() += 1);
            });
        }
    });
    assert_eq!(mutex.into_inner(), 8_000);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
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
