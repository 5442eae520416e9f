//! Circles of threads that wait for each other: found, named, and never invented.

#![cfg(not(any(heddle_loom, heddle_shuttle, miri)))]

#[allow(dead_code, reason = "shared with other tests, which need more of it")]
#[path = "it/support.rs"]
mod support;

use heddle_primitives::deadlock::{self, Cycle};
use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use support::*;

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    *panic.downcast::<String>().expect("a message with numbers in it")
}

#[test]
fn deadlock_with_oneself() {
    let mutex = Mutex::new(1);
    let guard = mutex.lock();
    let panic = catch_unwind(AssertUnwindSafe(|| _ = mutex.lock())).unwrap_err();
    let (message, me) = (message(panic), thread::serial());
    assert!(message.starts_with("deadlock: thread "), "{message}");
    assert!(message.contains(&format!("thread {me} ")) && message.contains("Mutex<i32>"), "{message}");
    assert!(message.contains(&format!("{:#x}", (&raw const mutex).addr())), "{message}");
    // Nothing is left of the wait that was refused.
    drop(guard);
    assert_eq!(*mutex.lock(), 1);
    // With a limit the wait ends by itself.
    let _guard = mutex.lock();
    assert!(mutex.try_lock_for(Duration::from_micros(10)).is_none());
}

/// `n` threads, each of which holds a lock and wants the next one's. One is refused and lets go, so all others get theirs.
fn circle(n: usize) -> Vec<String> {
    let locks: Vec<_> = (0..n).map(|_| Mutex::new(0)).collect();
    let holding = AtomicU32::new(0);
    let refused = thread::scope(|s| {
        let threads: Vec<_> = (0..n)
            .map(|i| {
                let (locks, holding) = (&locks, &holding);
                let work = move || {
                    let own = locks[i].lock();
                    holding.fetch_add(1, Ordering::Relaxed);
                    while (holding.load(Ordering::Relaxed) as usize) < n {
                        thread::yield_now();
                    }
                    *locks[(i + 1) % n].lock() += 1;
                    drop(own);
                };
                thread::Builder::new().name(format!("member {i}")).spawn_scoped(s, work).unwrap()
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().err()).map(message).collect()
    });
    assert_eq!(locks.iter().map(|lock| *lock.lock()).sum::<usize>(), n - 1);
    refused
}

#[test]
fn deadlock_of_two_and_of_three() {
    for n in [2, 3] {
        let refused = circle(n);
        assert_eq!(refused.len(), 1, "{refused:?}");
        let message = &refused[0];
        assert_eq!(message.matches(" waits for the ").count(), n, "{message}");
        (0..n).for_each(|i| assert!(message.contains(&format!("'member {i}'")), "{message}"));
    }
}

#[test]
fn deadlock_between_kinds_of_locks() {
    let (a, b) = (ReentrantMutex::new(()), Mutex::new(()));
    let holding = AtomicU32::new(0);
    let meet = || {
        holding.fetch_add(1, Ordering::Relaxed);
        while holding.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
    };
    let refused = thread::scope(|s| {
        let one = s.spawn(|| {
            // Held twice, and still one lock.
            let _own = (a.lock(), a.lock());
            meet();
            drop(b.lock());
        });
        let other = s.spawn(|| {
            let _own = b.lock();
            meet();
            drop(a.lock());
        });
        [one.join(), other.join()].into_iter().filter_map(Result::err).map(message).collect::<Vec<_>>()
    });
    assert_eq!(refused.len(), 1);
    assert!(refused[0].contains("ReentrantMutex<()>") && refused[0].contains("::Mutex<()>"), "{refused:?}");
}

/// A wait with a limit is part of no circle, and a circle shows to others as long as it lasts.
#[test]
fn deadlock_is_not_seen_where_a_time_out_ends_it() {
    let (a, b) = (Mutex::new(()), Mutex::new(()));
    let holding = AtomicU32::new(0);
    let meet = || {
        holding.fetch_add(1, Ordering::Relaxed);
        while holding.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
    };
    thread::scope(|s| {
        s.spawn(|| {
            let own = a.lock();
            meet();
            drop(b.try_lock_for(TICK));
            drop(own);
        });
        s.spawn(|| {
            let _own = b.lock();
            meet();
            drop(a.lock());
        });
    });
}

/// Every order that is safe, with time-outs, hand-overs and guards that travel: nothing is found.
#[test]
fn deadlock_is_never_invented() {
    let locks = Arc::new([Mutex::new(0_u64), Mutex::new(0), Mutex::new(0)]);
    let reentrant = ReentrantMutex::new(());
    let found = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..THREADS as usize {
            let (locks, reentrant, found) = (&locks, &reentrant, &found);
            s.spawn(move || {
                for round in 0..400 {
                    let (low, high) = if (n + round) % 2 == 0 { (0, 2) } else { (1, 2) };
                    let mut first = locks[low].lock();
                    // Against the order, but with a limit.
                    if let Some(mut other) = locks[1 - low.min(1)].try_lock_until(moment()) {
                        *other += 1;
                    }
                    MutexGuard::unlocked_fair(&mut first, || drop(reentrant.lock()));
                    let mut second = locks[high].lock();
                    *second += 1;
                    *first += 1;
                    match round % 3 {
                        0 => MutexGuard::unlock_fair(second),
                        1 => drop(MutexGuard::into_send(second)),
                        _ => drop(second),
                    }
                    drop(first);
                    found.fetch_add(deadlock::check().len() as u64, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(*locks[2].lock(), THREADS * 400);
    let others: Vec<Cycle> = deadlock::check();
    assert!(others.iter().all(|cycle| cycle.waits.iter().all(|wait| !within(&*locks, wait.address))));
}

fn within<T>(place: &T, address: usize) -> bool {
    let start = std::ptr::from_ref(place).addr();
    (start..start + size_of::<T>()).contains(&address)
}

/// A handler that returns leaves the threads to wait, where `check` sees them. In a process of its own, as the handler is for
/// all, and the circle stays.
#[test]
fn deadlock_handlers() {
    const CHILD: &str = "HEDDLE_DEADLOCK_CHILD";
    if std::env::var_os(CHILD).is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "deadlock_handlers", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("seen: deadlock: thread"), "{output:?}");
        return;
    }
    static LOCKS: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];
    static HOLDING: AtomicU32 = AtomicU32::new(0);
    static CALLS: AtomicU32 = AtomicU32::new(0);
    deadlock::on_deadlock(|cycle| {
        assert_eq!(cycle.waits.len(), 2);
        CALLS.fetch_add(1, Ordering::Relaxed);
    });
    for n in 0..2 {
        thread::spawn(move || {
            let _own = LOCKS[n].lock();
            HOLDING.fetch_add(1, Ordering::Relaxed);
            while HOLDING.load(Ordering::Relaxed) < 2 {
                thread::yield_now();
            }
            drop(LOCKS[1 - n].lock());
        });
    }
    while CALLS.load(Ordering::Relaxed) == 0 {
        thread::yield_now();
    }
    let cycles = deadlock::check();
    assert_eq!(cycles.len(), 1);
    assert!(cycles[0].waits[0].thread < cycles[0].waits[1].thread);
    println!("seen: {}", cycles[0]);
    // The process ends with the two still waiting.
}
