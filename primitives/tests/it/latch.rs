//! Latch and WaitGroup.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

#[test]
fn latch_opens_and_stays_open() {
    let latch = Latch::new(3);
    assert!(!latch.wait_for(TICK));
    assert!(!latch.count_down());
    assert_eq!((latch.count(), latch.is_open()), (2, false));
    assert!(latch.try_add(1));
    assert!(!latch.count_down_by(0));
    assert!(!latch.wait_until(Instant::now()));
    assert!(latch.count_down_by(7));
    assert!(latch.is_open() && latch.wait_until(Instant::now()) && latch.wait_for(Duration::ZERO));
    assert!(!latch.try_add(1));
    assert!(!latch.count_down());
    latch.wait();
    latch.arrive_and_wait();
    assert_eq!(format!("{latch:?}"), "Latch { count: 0 }");
    assert!(Latch::new(0).is_open());
}

#[test]
fn too_large_counts_are_refused() {
    assert!(catch_unwind(|| Latch::new(Latch::MAX_COUNT + 1)).is_err());
    let latch = Latch::new(Latch::MAX_COUNT);
    assert!(catch_unwind(AssertUnwindSafe(|| latch.try_add(1))).is_err());
    assert_eq!(latch.count(), Latch::MAX_COUNT);
    assert!(latch.count_down_by(u32::MAX));
}

proptest! {
    #[test]
    fn latch_is_a_number(start in 0..4_u32, ops in prop::collection::vec((any::<bool>(), 0..4_u32), 0..30)) {
        let (latch, mut model) = (Latch::new(start), start);
        for (down, n) in ops {
            if down {
                let opens = model != 0 && model <= n;
                prop_assert_eq!(latch.count_down_by(n), opens);
                model = model.saturating_sub(n);
            } else {
                prop_assert_eq!(latch.try_add(n), model != 0);
                model += if model == 0 { 0 } else { n };
            }
            prop_assert_eq!((latch.count(), latch.wait_until(Instant::now())), (model, model == 0));
        }
    }
}

fn latch_under_stress<S: Scope>() {
    for _ in 0..200 {
        let (latch, done) = (Latch::<S>::new_in(THREADS as u32), AtomicU32::new(0));
        thread::scope(|s| {
            for n in 0..THREADS {
                let (latch, done) = (&latch, &done);
                s.spawn(move || {
                    done.fetch_add(1, Ordering::Relaxed);
                    match n % 3 {
                        0 => latch.arrive_and_wait(),
                        1 => {
                            latch.count_down();
                            while !latch.wait_until(moment()) {}
                        }
                        _ => {
                            latch.count_down();
                            latch.wait();
                        }
                    }
                    assert_eq!(done.load(Ordering::Relaxed), THREADS as u32);
                });
            }
        });
    }
}

#[test]
fn latch() {
    latch_under_stress::<heddle_primitives::Private>();
    latch_under_stress::<Shared>();
}

#[test]
fn wait_group_waits_for_its_clones() {
    let (group, done) = (WaitGroup::new(), AtomicU32::new(0));
    thread::scope(|s| {
        for _ in 0..THREADS {
            let (group, done) = (group.clone(), &done);
            s.spawn(move || {
                done.fetch_add(1, Ordering::Relaxed);
                drop(group);
            });
        }
        let stays = group.clone();
        assert!(!group.clone().wait_for(TICK));
        assert!(!group.clone().wait_until(Instant::now()));
        assert!(stays.members() >= 2);
        drop(stays);
        group.wait();
        assert_eq!(done.load(Ordering::Relaxed), THREADS as u32);
    });
    let group = WaitGroup::default();
    assert_eq!(format!("{group:?}"), "WaitGroup { members: 1 }");
    assert!(group.wait_for(Duration::MAX));
}

/// rust #55005, rayon #768, #929: the waiter frees the latch while the last count-down is still inside.
#[test]
fn r05_count_down_touches_nothing_after_the_release() {
    for round in 0..2_000 {
        let page = Page::map();
        let latch = page.get::<Latch>();
        // The page is zero, an open latch; this one is closed.
        // SAFETY: a latch is its word, and nobody else uses it yet.
        unsafe { &*(&raw const *latch).cast::<Futex>() }.word().swap(1, Ordering::Relaxed);
        thread::scope(|s| {
            s.spawn(|| {
                page.get::<Latch>().wait();
                page.unmap();
            });
            if round % 20 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            latch.count_down();
        });
    }
}

#[test]
fn r15_latch_huge_time_outs_do_not_overflow() {
    let latch = Latch::new(1);
    let far = Instant::now() + Duration::from_secs(u32::MAX.into()) * 1000;
    thread::scope(|s| {
        s.spawn(|| assert!(latch.wait_for(Duration::MAX)));
        s.spawn(|| assert!(latch.wait_until(far)));
        thread::sleep(TICK);
        latch.count_down();
    });
}
