//! Condvar.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Starts `waiters` threads that wait for one notification each, and runs `then` once all wait.
fn with_waiters(condvar: &Condvar, waiters: usize, then: impl FnOnce(&AtomicU32)) {
    let (mutex, waiting, released) = (Mutex::new(0), AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|s| {
        for _ in 0..waiters {
            s.spawn(|| {
                let mut guard = mutex.lock();
                waiting.fetch_add(1, Ordering::Relaxed);
                condvar.wait(&mut guard);
                *guard += 1;
                released.fetch_add(1, Ordering::Relaxed);
            });
        }
        while waiting.load(Ordering::Relaxed) < waiters as u32 {
            thread::yield_now();
        }
        // Whoever counted itself held the lock until it had entered the queue.
        drop(mutex.lock());
        then(&released);
    });
    assert_eq!(mutex.into_inner(), waiters);
}

#[test]
fn notifications_release_as_many_as_they_say() {
    let condvar = Condvar::new();
    assert!(!condvar.notify_one());
    assert_eq!(condvar.notify_all(), 0);
    with_waiters(&condvar, 5, |released| {
        assert_eq!(format!("{condvar:?}"), "Condvar { waiters: 5 }");
        for n in 1..=2 {
            assert!(condvar.notify_one());
            while released.load(Ordering::Relaxed) < n {
                thread::yield_now();
            }
        }
        thread::sleep(TICK);
        assert_eq!(released.load(Ordering::Relaxed), 2);
        assert_eq!(condvar.notify_all(), 3);
        assert!(!condvar.notify_one());
    });
    assert_eq!(format!("{condvar:?}"), "Condvar { waiters: 0 }");
}

#[test]
fn waits_time_out_with_the_lock_held() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let mut guard = mutex.lock();
    assert!(condvar.wait_for(&mut guard, TICK).timed_out());
    assert!(condvar.wait_until(&mut guard, Instant::now()).timed_out());
    assert!(condvar.wait_while_for(&mut guard, |n| *n == 0, TICK).timed_out());
    assert!(condvar.wait_while_until(&mut guard, |n| *n == 0, Instant::now()).timed_out());
    assert!(!condvar.wait_while_for(&mut guard, |n| *n == 1, TICK).timed_out());
    assert!(mutex.try_lock().is_none());
    // The condition comes to hold although no notification does.
    let mut looks = 0;
    let result = condvar.wait_while_for(
        &mut guard,
        |_| {
            looks += 1;
            looks < 2
        },
        TICK,
    );
    assert!(!result.timed_out());
    drop(guard);
    assert!(!condvar.notify_one(), "those who timed out wait no more");
    assert_eq!(format!("{condvar:?}"), "Condvar { waiters: 0 }");
}

/// Different mutexes at the same time are allowed.
#[test]
fn waiters_may_use_different_mutexes() {
    let (a, b, condvar) = (Mutex::new(false), Mutex::new(false), Condvar::new());
    thread::scope(|s| {
        for mutex in [&a, &b] {
            let condvar = &condvar;
            s.spawn(move || condvar.wait_while(&mut mutex.lock(), |done| !*done));
        }
        for mutex in [&b, &a] {
            thread::sleep(Duration::from_millis(1));
            *mutex.lock() = true;
            condvar.notify_all();
        }
    });
}

#[test]
fn a_panicking_condition_unlocks() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        condvar.wait_while(&mut mutex.lock(), |_| std::panic::resume_unwind(Box::new(())));
    }));
    assert!(result.is_err());
    assert!(!mutex.is_locked());
}

/// A bounded queue with two conditions and time-outs loses nothing, in both scopes.
fn queue_under_all_ways_of_waiting<S: Scope>() {
    const EACH: u64 = 2_000;
    let queue = Mutex::<VecDeque<u64>, S>::new_in(VecDeque::new());
    let (filled, emptied) = (Condvar::<S>::new_in(), Condvar::<S>::new_in());
    let sum = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..THREADS / 2 {
            let (queue, filled, emptied, sum) = (&queue, &filled, &emptied, &sum);
            s.spawn(move || {
                for round in 0..EACH {
                    let mut guard = queue.lock();
                    while guard.len() == 3 {
                        if (n + round) % 3 == 0 {
                            _ = emptied.wait_until(&mut guard, moment());
                        } else {
                            emptied.wait(&mut guard);
                        }
                    }
                    guard.push_back(n * EACH + round);
                    filled.notify_one();
                }
            });
            s.spawn(move || {
                for round in 0..EACH {
                    let mut guard = queue.lock();
                    while guard.is_empty() {
                        if (n + round) % 3 == 0 {
                            _ = filled.wait_until(&mut guard, moment());
                        } else {
                            filled.wait(&mut guard);
                        }
                    }
                    let value = guard.pop_front().unwrap();
                    drop(guard);
                    emptied.notify_one();
                    sum.fetch_add(value, Ordering::Relaxed);
                }
            });
        }
    });
    let all = THREADS / 2 * EACH;
    assert_eq!(sum.into_inner(), all * (all - 1) / 2);
    assert!(!filled.notify_one() && !emptied.notify_one());
}

#[test]
fn condvar() {
    queue_under_all_ways_of_waiting::<heddle_primitives::Private>();
    queue_under_all_ways_of_waiting::<Shared>();
}

/// rust #106668 and crossbeam #821 show what spinning costs on one CPU.
#[test]
fn r07_ping_pong_on_one_cpu() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    thread::scope(|s| {
        for me in 0..2 {
            let (mutex, condvar) = (&mutex, &condvar);
            s.spawn(move || {
                pin_to_one_cpu();
                for _ in 0..5_000 {
                    let mut guard = mutex.lock();
                    condvar.wait_while(&mut guard, |turn| *turn % 2 != me);
                    *guard += 1;
                    condvar.notify_one();
                }
            });
        }
    });
    assert_eq!(mutex.into_inner(), 10_000);
}

/// event-listener #138, oneTBB #2136, brpc #3539: a notification that looks for waiters first misses one.
#[test]
fn r02_r03_no_waiter_is_overlooked() {
    for under_lock in [true, false] {
        let (mutex, condvar) = (Mutex::new(0_u32), Condvar::new());
        thread::scope(|s| {
            for me in 0..3 {
                let (mutex, condvar) = (&mutex, &condvar);
                s.spawn(move || {
                    for _ in 0..3_000 {
                        let mut guard = mutex.lock();
                        condvar.wait_while(&mut guard, |turn| *turn % 3 != me);
                        *guard += 1;
                        if !under_lock {
                            drop(guard);
                        }
                        condvar.notify_all();
                    }
                });
            }
        });
        assert_eq!(mutex.into_inner(), 9_000);
    }
}

/// ABA: what identified a waiter that has given up identifies the next one to come.
#[test]
fn r04_a_ticket_given_up_is_as_good_as_new() {
    let condvar = Condvar::new();
    let other = Mutex::new(());
    // Draws the ticket after those of all who wait, and leaves it to the next.
    let give_up = || assert!(condvar.wait_until(&mut other.lock(), Instant::now()).timed_out());
    for _ in 0..10 {
        give_up();
        with_waiters(&condvar, 2, |released| {
            give_up();
            for n in 1..=2 {
                assert!(condvar.notify_one());
                while released.load(Ordering::Relaxed) < n {
                    thread::yield_now();
                }
                give_up();
                assert_eq!(released.load(Ordering::Relaxed), n);
            }
            assert!(!condvar.notify_one(), "none is kept for those who come later");
        });
    }
}

/// musl 37195db, glibc 25847: who comes after a notification takes it from one who waited before.
#[test]
fn r04_notifications_are_not_stolen() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let stop = AtomicU32::new(0);
    let (told, woken) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|s| {
        // These wait all the time; some give up.
        let waiters: Vec<_> = (0..6)
            .map(|n| {
                let (mutex, condvar, stop, woken) = (&mutex, &condvar, &stop, &woken);
                s.spawn(move || {
                    while stop.load(Ordering::Relaxed) == 0 {
                        let mut guard = mutex.lock();
                        let deadline =
                            if n < 3 { moment() } else { Instant::now() + Duration::from_secs(20) };
                        let start = Instant::now();
                        let result = condvar.wait_until(&mut guard, deadline);
                        assert!(n < 3 || start.elapsed() < Duration::from_secs(19), "passed over");
                        woken.fetch_add(u32::from(!result.timed_out()), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for _ in 0..20_000 {
            told.fetch_add(u32::from(condvar.notify_one()), Ordering::Relaxed);
        }
        stop.store(1, Ordering::Relaxed);
        while !waiters.iter().all(|waiter| waiter.is_finished()) {
            told.fetch_add(condvar.notify_all() as u32, Ordering::Relaxed);
            thread::yield_now();
        }
    });
    let (told, woken) = (told.into_inner(), woken.into_inner());
    assert!(told <= woken, "{told} notifications ended {woken} waits");
}

/// glibc 12674: the last waiter frees the condition variable while the notifier is still inside.
#[test]
fn r05_notify_touches_nothing_after_the_release() {
    for round in 0..2_000 {
        let page = Page::map();
        let mutex = Mutex::new(false);
        let condvar = page.get::<Condvar>();
        thread::scope(|s| {
            s.spawn(|| {
                let mut guard = mutex.lock();
                *guard = true;
                page.get::<Condvar>().wait(&mut guard);
                page.unmap();
            });
            while !*mutex.lock() {
                thread::yield_now();
            }
            if round % 20 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            if round % 2 == 0 {
                assert!(condvar.notify_one());
            } else {
                assert_eq!(condvar.notify_all(), 1);
            }
        });
    }
}

/// crossbeam #798, #953, kanal 68bb153: a huge time-out overflows.
#[test]
fn r15_condvar_huge_time_outs_do_not_overflow() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let far = Instant::now() + Duration::from_secs(u32::MAX.into()) * 1000;
    thread::scope(|s| {
        s.spawn(|| {
            let mut guard = mutex.lock();
            *guard += 1;
            assert!(!condvar.wait_for(&mut guard, Duration::MAX).timed_out());
        });
        s.spawn(|| {
            let mut guard = mutex.lock();
            *guard += 1;
            assert!(!condvar.wait_until(&mut guard, far).timed_out());
        });
        while *mutex.lock() < 2 {
            thread::yield_now();
        }
        thread::sleep(TICK);
        assert_eq!(condvar.notify_all(), 2);
    });
}

/// litebox #809: a wrong count of those woken. Every notification ends a wait. That more waits end than were told is allowed: who
/// gives up deep in the queue, where there may be many tickets of those who gave up before, releases those in front of it.
#[test]
fn r17_counts_hold_while_waiters_give_up() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let (told, woken) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|s| {
        let waiters: Vec<_> = (0..THREADS)
            .map(|_| {
                s.spawn(|| {
                    for _ in 0..500 {
                        let mut guard = mutex.lock();
                        let result = condvar.wait_until(&mut guard, moment());
                        woken.fetch_add(u32::from(!result.timed_out()), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        while !waiters.iter().all(|waiter| waiter.is_finished()) {
            told.fetch_add(u32::from(condvar.notify_one()), Ordering::Relaxed);
            thread::yield_now();
            told.fetch_add(condvar.notify_all() as u32, Ordering::Relaxed);
        }
    });
    let (told, woken) = (told.into_inner(), woken.into_inner());
    assert!(told <= woken, "{told} notifications ended {woken} waits");
}
