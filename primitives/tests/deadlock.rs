//! Circles of threads that wait for each other: found, named, and never invented.

#![cfg(not(any(heddle_loom, heddle_shuttle, miri)))]

#[allow(dead_code, reason = "shared with other tests, which need more of it")]
#[path = "it/support.rs"]
mod support;

#[path = "deadlock/rwlock.rs"]
mod rwlock;

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

/// What each of `n` threads calls once, to go on when all have.
fn meeting(n: u32) -> impl Fn() + Sync {
    let here = AtomicU32::new(0);
    move || {
        here.fetch_add(1, Ordering::Relaxed);
        while here.load(Ordering::Relaxed) < n {
            thread::yield_now();
        }
    }
}

/// Runs threads of these names, and returns the messages of those that panicked.
fn refusals<const N: usize>(threads: [(&str, &(dyn Fn() + Sync)); N]) -> Vec<String> {
    thread::scope(|s| {
        let threads = threads
            .map(|(name, work)| thread::Builder::new().name(name.to_owned()).spawn_scoped(s, work).unwrap());
        threads.into_iter().filter_map(|thread| thread.join().err()).map(message).collect()
    })
}

#[test]
fn deadlock_between_kinds_of_locks() {
    let (a, b) = (Arc::new(ReentrantMutex::new(())), FairMutex::new_fair(()));
    let meet = meeting(2);
    let refused = refusals([
        ("one", &|| {
            // Held twice, and still one lock.
            let _own = (a.lock(), a.lock_arc());
            meet();
            drop(b.lock());
        }),
        ("other", &|| {
            let _own = MutexGuard::map(b.lock(), |data| data);
            meet();
            drop(a.lock_arc());
        }),
    ]);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].contains("ReentrantMutex<()>") && refused[0].contains("::Mutex<(), "), "{refused:?}");
    assert!(refused[0].contains("'one'") && refused[0].contains("'other'"), "{refused:?}");
}

/// A wait with a limit is part of no circle, and a circle shows to others as long as it lasts.
#[test]
fn deadlock_is_not_seen_where_a_time_out_ends_it() {
    let (a, b) = (Mutex::new(()), Mutex::new(()));
    let meet = meeting(2);
    let refused = refusals([
        ("limited", &|| {
            let own = a.lock();
            meet();
            drop(b.try_lock_for(TICK));
            drop(own);
        }),
        ("unlimited", &|| {
            let _own = b.lock();
            meet();
            drop(a.lock());
        }),
    ]);
    assert_eq!(refused, [""; 0]);
}

/// Who waits on a condition variable does not hold the mutex, whatever else it holds.
#[test]
fn deadlock_is_not_seen_in_a_wait_for_a_notification() {
    let (outer, flag, changed) = (Mutex::new(()), Mutex::new(false), Condvar::new());
    let meet = meeting(2);
    let refused = refusals([
        ("waiter", &|| {
            let _outer = outer.lock();
            let mut guard = flag.lock();
            meet();
            changed.wait_while(&mut guard, |flag| !*flag);
        }),
        ("notifier", &|| {
            meet();
            let mut guard = flag.lock();
            *guard = true;
            changed.notify_one();
            // Held by the waiter, who wants the mutex back that this thread holds; but not for ever.
            assert!(outer.try_lock_for(TICK).is_none());
        }),
    ]);
    assert_eq!(refused, [""; 0]);
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

/// Runs the test `name` in a process of its own, as a handler is for all, and returns what it prints; none in that process.
fn in_a_process_of_its_own(name: &str) -> Option<String> {
    const CHILD: &str = "HEDDLE_DEADLOCK_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return None;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The waiter holds a lock that the notifier wants, and gets the mutex back only when the notifier has got that.
#[test]
fn deadlock_of_a_notified_waiter() {
    if let Some(output) = in_a_process_of_its_own("deadlock_of_a_notified_waiter") {
        assert!(output.contains("seen: deadlock: thread") && output.contains("Mutex<bool>"), "{output}");
        assert!(output.contains("'waiter'") && output.contains("'notifier'"), "{output}");
        return;
    }
    deadlock::on_deadlock(|cycle| {
        println!("seen: {cycle}");
        std::process::exit(0);
    });
    let (outer, flag, changed) = (Mutex::new(()), Mutex::new(false), Condvar::new());
    let meet = meeting(2);
    refusals([
        ("waiter", &|| {
            let _outer = outer.lock();
            let mut guard = flag.lock();
            meet();
            changed.wait_while(&mut guard, |flag| !*flag);
        }),
        ("notifier", &|| {
            meet();
            let mut guard = flag.lock();
            *guard = true;
            changed.notify_one();
            drop(outer.lock());
        }),
    ]);
}

/// A handler that returns leaves the threads to wait, where `check` sees them.
#[test]
fn deadlock_handlers() {
    if let Some(output) = in_a_process_of_its_own("deadlock_handlers") {
        assert!(output.contains("seen: deadlock: thread"), "{output}");
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
