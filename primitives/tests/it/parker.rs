//! Parker.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

#[test]
fn parker_keeps_one_token() {
    let parker = Parker::default();
    assert!(!parker.park_timeout(TICK));
    parker.unparker().unpark();
    parker.unparker().unpark();
    parker.park();
    assert!(!parker.park_deadline(Instant::now()));
    assert_eq!(format!("{parker:?} {:?}", parker.unparker()), "Parker { .. } Unparker { .. }");
}

#[test]
fn parker_moves_between_threads_and_may_go_first() {
    let parker = Parker::new();
    let unparker = parker.unparker().clone();
    let owner = thread::spawn(move || {
        parker.park();
        drop(parker);
    });
    thread::sleep(TICK);
    unparker.unpark();
    owner.join().unwrap();
    unparker.unpark();
}

proptest! {
    #[test]
    fn parker_is_a_flag(ops in prop::collection::vec(any::<bool>(), 0..40)) {
        let (parker, mut token) = (Parker::new(), false);
        for unpark in ops {
            if unpark {
                parker.unparker().unpark();
                token = true;
            } else {
                prop_assert_eq!(parker.park_deadline(Instant::now()), std::mem::take(&mut token));
            }
        }
    }
}

/// Many hand over work and unpark; what is parked for is never missed.
#[test]
fn parker() {
    let (parker, work) = (Parker::new(), AtomicU64::new(0));
    thread::scope(|s| {
        for _ in 0..THREADS {
            let (unparker, work) = (parker.unparker().clone(), &work);
            s.spawn(move || {
                for _ in 0..1_000 {
                    work.fetch_add(1, Ordering::Relaxed);
                    unparker.unpark();
                }
            });
        }
        let mut rounds = 0_u64;
        while work.load(Ordering::Relaxed) < THREADS * 1_000 {
            rounds += 1;
            if rounds.is_multiple_of(3) {
                parker.park_deadline(moment());
            } else {
                assert!(parker.park_timeout(Duration::from_secs(20)), "a token was lost");
            }
        }
    });
}

#[test]
fn r07_parker_on_one_cpu() {
    let (here, there) = (Parker::new(), Parker::new());
    let (to_here, to_there) = (here.unparker().clone(), there.unparker().clone());
    thread::scope(|s| {
        s.spawn(move || {
            pin_to_one_cpu();
            (0..5_000).for_each(|_| {
                there.park();
                to_here.unpark();
            });
        });
        s.spawn(move || {
            pin_to_one_cpu();
            (0..5_000).for_each(|_| {
                to_there.unpark();
                here.park();
            });
            assert!(!here.park_deadline(Instant::now()));
        });
    });
}

/// rust #53366: a token that is there already must still pass on what its second giver wrote.
#[test]
fn r12_what_was_written_before_unpark_is_seen_after_park() {
    let parker = Parker::new();
    let (a, b) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|s| {
        for value in [&a, &b] {
            let unparker = parker.unparker().clone();
            s.spawn(move || {
                for n in 1..=5_000 {
                    value.store(n, Ordering::Relaxed);
                    unparker.unpark();
                }
            });
        }
        while (a.load(Ordering::Relaxed), b.load(Ordering::Relaxed)) != (5_000, 5_000) {
            assert!(parker.park_timeout(Duration::from_secs(20)), "the last store was not seen");
        }
    });
}

#[test]
fn r15_parker_huge_time_outs_do_not_overflow() {
    let parker = Parker::new();
    let unparker = parker.unparker().clone();
    let far = Instant::now() + Duration::from_secs(u32::MAX.into()) * 1000;
    thread::scope(|s| {
        s.spawn(move || {
            thread::sleep(TICK);
            unparker.unpark();
        });
        assert!(parker.park_timeout(Duration::MAX));
        parker.unparker().unpark();
        assert!(parker.park_deadline(far));
    });
}
