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
