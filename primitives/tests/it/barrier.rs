//! Barrier.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

#[test]
fn barrier_has_one_leader_a_phase() {
    for spin in [Duration::ZERO, Duration::from_micros(2)] {
        let barrier = Barrier::new(3).with_spin(spin);
        let leaders = AtomicU32::new(0);
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    for phase in 1..=200 {
                        if barrier.wait().is_leader() {
                            leaders.fetch_add(1, Ordering::Relaxed);
                        }
                        barrier.wait();
                        assert_eq!(leaders.load(Ordering::Relaxed), phase);
                        barrier.wait();
                    }
                });
            }
        });
    }
}

#[test]
fn barrier_breaks_by_time_out_and_by_abort() {
    let barrier = Barrier::new(2);
    assert_eq!(barrier.checked_wait_until(Instant::now() + TICK), Err(BrokenBarrier));
    assert!(barrier.is_broken());
    assert_eq!(barrier.checked_wait(), Err(BrokenBarrier));

    let barrier = Barrier::new(3);
    thread::scope(|s| {
        let waiters: Vec<_> = (0..2).map(|_| s.spawn(|| barrier.checked_wait())).collect();
        thread::sleep(TICK);
        barrier.abort();
        barrier.abort();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(BrokenBarrier));
        }
    });
}

#[test]
fn barriers_for_nobody_and_for_one_do_not_wait() {
    for n in [0, 1] {
        let barrier = Barrier::new(n);
        for _ in 0..5 {
            assert!(barrier.wait().is_leader());
        }
    }
}

proptest! {
    #[test]
    fn a_lone_party_always_leads(phases in 1_u32..100) {
        let barrier = Barrier::new(1);
        for _ in 0..phases {
            prop_assert!(barrier.wait().is_leader());
        }
        barrier.abort();
        prop_assert!(barrier.checked_wait().is_err());
    }
}

#[test]
fn barrier_oversubscribed() {
    for spin in [Duration::ZERO, Duration::from_micros(2), Duration::from_micros(100)] {
        let barrier = Barrier::new(THREADS as u32).with_spin(spin);
        let (arrived, leaders) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|s| {
            for _ in 0..THREADS {
                s.spawn(|| {
                    for phase in 1..=500 {
                        arrived.fetch_add(1, Ordering::Relaxed);
                        leaders.fetch_add(u64::from(barrier.wait().is_leader()), Ordering::Relaxed);
                        assert!(arrived.load(Ordering::Relaxed) >= phase * THREADS);
                    }
                });
            }
        });
        assert_eq!(leaders.load(Ordering::Relaxed), 500);
    }
}

/// Whatever the timing, all members of a phase agree on whether it completed.
#[test]
fn barrier_time_outs_are_all_or_nothing() {
    for round in 0..300 {
        let barrier = Barrier::new(3);
        let passed = AtomicU64::new(0);
        thread::scope(|s| {
            for n in 0..3_u64 {
                let (barrier, passed) = (&barrier, &passed);
                s.spawn(move || {
                    let deadline = Instant::now() + Duration::from_micros((round % 60) * 2 + n * 10);
                    passed.fetch_add(
                        u64::from(barrier.checked_wait_until(deadline).is_ok()),
                        Ordering::Relaxed,
                    );
                });
            }
        });
        assert!(matches!(passed.load(Ordering::Relaxed), 0 | 3));
    }
}

#[test]
fn barrier_counts_those_who_wait_and_starts_anew() {
    let barrier = Barrier::new(3);
    thread::scope(|s| {
        let waiters: Vec<_> = (0..2).map(|_| s.spawn(|| barrier.checked_wait())).collect();
        while barrier.n_waiting() < 2 {
            thread::yield_now();
        }
        barrier.reset();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(BrokenBarrier));
        }
    });
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
    barrier.abort();
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, true));
    assert_eq!(barrier.checked_wait_for(Duration::MAX), Err(BrokenBarrier));
    barrier.reset();
    let leaders = AtomicU32::new(0);
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| leaders.fetch_add(u32::from(barrier.wait().is_leader()), Ordering::Relaxed));
        }
    });
    assert_eq!(leaders.into_inner(), 1);
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Wait,
    Abort,
    Reset,
}

proptest! {
    /// One thread at a barrier for two: every wait either fails at once or is cut off by its own time-out.
    #[test]
    fn a_barrier_is_whole_or_broken(ops in prop::collection::vec(
        prop::sample::select(vec![Op::Wait, Op::Abort, Op::Reset]), 0..40,
    )) {
        let barrier = Barrier::new(2);
        for op in ops {
            match op {
                Op::Wait => prop_assert!(barrier.checked_wait_for(Duration::ZERO).is_err()),
                Op::Abort => barrier.abort(),
                Op::Reset => barrier.reset(),
            }
            let broken = !matches!(op, Op::Reset);
            prop_assert_eq!((barrier.is_broken(), barrier.n_waiting()), (broken, 0));
        }
    }
}

/// Members that are cut off again and again, by time-outs, aborts and resets, and agree on every phase that completes.
#[test]
fn barrier_resets_oversubscribed() {
    let (barrier, done) = (Barrier::new(THREADS as u32), AtomicU64::new(0));
    let passed: Vec<AtomicU64> = (0..THREADS).map(|_| AtomicU64::new(0)).collect();
    thread::scope(|s| {
        for passed in &passed {
            s.spawn(|| {
                while done.load(Ordering::Relaxed) == 0 {
                    if barrier.checked_wait().is_ok() {
                        passed.fetch_add(1, Ordering::Relaxed);
                    } else {
                        thread::yield_now();
                    }
                }
                barrier.abort();
            });
        }
        for round in 0..300 {
            thread::sleep(Duration::from_micros(round % 7 * 20));
            if round % 3 == 0 {
                barrier.abort();
            }
            barrier.reset();
        }
        done.store(1, Ordering::Relaxed);
    });
    let passed: Vec<_> = passed.iter().map(|passed| passed.load(Ordering::Relaxed)).collect();
    assert!(passed.iter().all(|&phases| phases == passed[0]), "{passed:?}");
}

/// crossbeam #798, #953, kanal 68bb153: a huge time-out overflows.
#[test]
fn r15_barrier_huge_time_outs_do_not_overflow() {
    let barrier = Barrier::new(2);
    let far = Instant::now() + Duration::from_secs(u32::MAX.into()) * 1000;
    thread::scope(|s| {
        s.spawn(|| assert!(barrier.checked_wait_for(Duration::MAX).is_ok()));
        thread::sleep(TICK);
        assert!(barrier.checked_wait_until(far).is_ok());
    });
}
