//! Semaphore and BoundedSemaphore.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::*;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

fn panics<R>(f: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(|| _ = f())).is_err()
}

#[test]
fn permits_are_taken_and_given_back() {
    let semaphore = Semaphore::new(3);
    let mut permit = semaphore.acquire_many(2);
    assert_eq!((permit.permits(), semaphore.available_permits()), (2, 1));
    assert!(semaphore.try_acquire_many(2).is_none());
    assert!(semaphore.acquire_many_until(2, Instant::now()).is_none());
    assert!(semaphore.acquire_many_for(2, TICK).is_none());
    assert!(semaphore.acquire_until(Instant::now()).is_some());
    assert!(semaphore.acquire_for(Duration::ZERO).is_some());
    let split = permit.split(1).unwrap();
    assert!(permit.split(2).is_none());
    drop(split);
    assert_eq!((permit.permits(), semaphore.available_permits()), (1, 2));
    permit.merge(semaphore.acquire());
    assert_eq!(
        format!("{permit:?} {semaphore:?}"),
        "SemaphorePermit { permits: 2 } Semaphore { permits: 1 }"
    );
    permit.forget();
    assert_eq!(semaphore.available_permits(), 1);
    let _all = semaphore.acquire();
    assert!(semaphore.try_acquire().is_none());
    assert_eq!(semaphore.acquire_many(0).permits(), 0);
}

#[test]
fn a_guard_can_keep_the_semaphore_alive() {
    let semaphore = Arc::new(Semaphore::new(3));
    let (one, two) = (semaphore.acquire_arc(), semaphore.acquire_many_arc(2));
    assert!(semaphore.try_acquire_arc().is_none());
    assert_eq!((one.permits(), two.permits()), (1, 2));
    assert!(Arc::ptr_eq(one.semaphore(), &semaphore));
    two.forget();
    thread::spawn(move || drop(one)).join().unwrap();
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(Arc::strong_count(&semaphore), 1);
}

#[test]
fn too_many_permits_are_refused_and_change_nothing() {
    const MOST: u32 = Semaphore::MAX_PERMITS;
    assert!(panics(|| Semaphore::new(MOST + 1)));
    let semaphore = Semaphore::new(MOST - 1);
    assert!(panics(|| semaphore.release(2)));
    assert!(panics(|| semaphore.release(u32::MAX)));
    assert_eq!(semaphore.available_permits(), MOST - 1);
    semaphore.release(1);
    assert!(panics(|| semaphore.release(1)));
    semaphore.release(0);
    assert_eq!(semaphore.available_permits(), MOST);
    assert!(semaphore.try_acquire_many(MOST + 1).is_none());
    assert!(panics(|| Semaphore::new(0).acquire_many(MOST + 1).forget()));
    drop(semaphore.acquire_many(MOST));
    assert!(panics(|| {
        let other = Semaphore::new(1);
        semaphore.acquire().merge(other.acquire());
    }));
}

#[test]
fn an_extra_release_of_a_bounded_semaphore_is_an_error() {
    let semaphore = BoundedSemaphore::new(2);
    assert_eq!(semaphore.limit(), 2);
    assert_eq!(semaphore.release(1), Err(OverReleased));
    assert_eq!(OverReleased.to_string(), "more permits given back than taken");
    let permits = semaphore.acquire_many(2);
    assert!(semaphore.try_acquire().is_none());
    assert!(semaphore.acquire_for(TICK).is_none());
    assert!(semaphore.acquire_many_until(2, Instant::now()).is_none());
    assert_eq!(semaphore.release(3), Err(OverReleased));
    assert_eq!(semaphore.release(1), Ok(()));
    // Of the guard's two permits one is surplus now, and both are refused.
    drop(permits);
    assert_eq!(semaphore.available_permits(), 1);
    assert!(panics(|| semaphore.acquire_many(3)));
    assert_eq!(format!("{semaphore:?}"), "BoundedSemaphore { permits: 1, limit: 2 }");
}

/// Whoever wants many gets them although others take and give back one all the time.
#[test]
fn many_do_not_starve_behind_single_ones() {
    let (semaphore, stop) = (Semaphore::new(2), AtomicU32::new(0));
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                while stop.load(Ordering::Relaxed) == 0 {
                    let _permit = semaphore.acquire();
                    std::hint::black_box(());
                }
            });
        }
        for _ in 0..200 {
            let permits = semaphore.acquire_many_for(2, Duration::from_secs(20));
            assert!(permits.is_some(), "starved");
        }
        stop.store(1, Ordering::Relaxed);
    });
    assert_eq!(semaphore.available_permits(), 2);
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Take(u32),
    TakeInTime(u32),
    Give(u32),
}

proptest! {
    #[test]
    fn semaphores_count(start in 0..5_u32, ops in prop::collection::vec(
        prop_oneof![(0..5_u32).prop_map(Op::Take), (0..5_u32).prop_map(Op::TakeInTime), (0..5_u32).prop_map(Op::Give)],
        0..50)
    ) {
        let (semaphore, bounded) = (Semaphore::new(start), BoundedSemaphore::new(start));
        let (mut model, mut bounded_model) = (start, start);
        for op in ops {
            match op {
                Op::Take(n) | Op::TakeInTime(n) => {
                    let timed = matches!(op, Op::TakeInTime(_));
                    let taken = if timed {
                        semaphore.acquire_many_until(n, Instant::now())
                    } else {
                        semaphore.try_acquire_many(n)
                    };
                    prop_assert_eq!(taken.is_some(), n <= model);
                    if taken.map(SemaphorePermit::forget).is_some() {
                        model -= n;
                    }
                    let taken = bounded.try_acquire_many(n).map(SemaphorePermit::forget);
                    prop_assert_eq!(taken.is_some(), n <= bounded_model);
                    if taken.is_some() {
                        bounded_model -= n;
                    }
                }
                Op::Give(n) => {
                    semaphore.release(n);
                    model += n;
                    let given = bounded.release(n);
                    prop_assert_eq!(given.is_ok(), bounded_model + n <= start);
                    if given.is_ok() {
                        bounded_model += n;
                    }
                }
            }
            prop_assert_eq!(semaphore.available_permits(), model);
            prop_assert_eq!(bounded.available_permits(), bounded_model);
        }
    }
}

fn semaphore_under_all_ways_of_taking<S: Scope>() {
    const PERMITS: u32 = 3;
    let (semaphore, inside) = (Semaphore::<S>::new_in(PERMITS), AtomicU32::new(0));
    thread::scope(|s| {
        for n in 0..THREADS {
            let (semaphore, inside) = (&semaphore, &inside);
            s.spawn(move || {
                for round in 0..2_000_u64 {
                    let permit = match (n + round) % 6 {
                        0 => semaphore.try_acquire(),
                        1 => semaphore.acquire_until(moment()),
                        2 => semaphore.acquire_many_until(2, moment()),
                        3 => Some(semaphore.acquire_many(round as u32 % 3 + 1)),
                        _ => Some(semaphore.acquire()),
                    };
                    if let Some(permit) = permit {
                        let before = inside.fetch_add(permit.permits(), Ordering::Relaxed);
                        assert!(before + permit.permits() <= PERMITS);
                        inside.fetch_sub(permit.permits(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(semaphore.available_permits(), PERMITS);
}

#[test]
fn semaphore() {
    semaphore_under_all_ways_of_taking::<heddle_primitives::Private>();
    semaphore_under_all_ways_of_taking::<Shared>();
}

/// glibc 12674: whoever got the permit frees the semaphore while the giver is still inside.
#[test]
fn r05_release_touches_nothing_after_the_release() {
    for round in 0..2_000 {
        let page = Page::map();
        let semaphore = page.get::<Semaphore>();
        thread::scope(|s| {
            s.spawn(|| {
                page.get::<Semaphore>().acquire().forget();
                page.unmap();
            });
            if round % 20 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            semaphore.release(1);
        });
    }
}

#[test]
fn r07_hand_over_on_one_cpu() {
    let (ping, pong) = (Semaphore::new(0), Semaphore::new(0));
    thread::scope(|s| {
        s.spawn(|| {
            pin_to_one_cpu();
            for _ in 0..5_000 {
                ping.acquire().forget();
                pong.release(1);
            }
        });
        s.spawn(|| {
            pin_to_one_cpu();
            for _ in 0..5_000 {
                ping.release(1);
                pong.acquire().forget();
            }
        });
    });
    assert_eq!((ping.available_permits(), pong.available_permits()), (0, 0));
}

#[test]
fn r15_semaphore_huge_time_outs_do_not_overflow() {
    let semaphore = Semaphore::new(0);
    let far = Instant::now() + Duration::from_secs(u32::MAX.into()) * 1000;
    thread::scope(|s| {
        s.spawn(|| assert!(semaphore.acquire_for(Duration::MAX).is_some()));
        s.spawn(|| assert!(semaphore.acquire_until(far).is_some()));
        s.spawn(|| assert!(semaphore.acquire_many_for(2, Duration::MAX).is_some()));
        s.spawn(|| assert!(semaphore.acquire_many_until(2, far).is_some()));
        thread::sleep(TICK);
        semaphore.release(2);
    });
    assert_eq!(semaphore.available_permits(), 2);
}

/// litebox #809: a wake that counts wrong strands some.
#[test]
fn r17_every_permit_finds_its_taker() {
    let (semaphore, sum) = (Semaphore::new(0), AtomicU64::new(0));
    thread::scope(|s| {
        for n in 0..THREADS {
            let (semaphore, sum) = (&semaphore, &sum);
            s.spawn(move || {
                for _ in 0..1_000 {
                    semaphore.acquire_many(n as u32 % 2 + 1).forget();
                    sum.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for n in 0..THREADS as u32 * 1_500 / 3 {
            // One at a time and two at a time.
            semaphore.release(1 + n % 2);
            semaphore.release(2 - n % 2);
        }
    });
    assert_eq!((sum.into_inner(), semaphore.available_permits()), (THREADS * 1_000, 0));
}

/// iceoryx2 0d42374: post with Acquire and wait with Release. What was written before is seen after, also on weak machines.
#[test]
fn r19_what_was_written_before_a_release_is_seen_after_the_acquire() {
    let (semaphore, data) = (Semaphore::new(0), AtomicU64::new(0));
    let (taken, stop) = (Semaphore::new(0), 10_000_u64);
    thread::scope(|s| {
        s.spawn(|| {
            for n in 1..=stop {
                semaphore.acquire().forget();
                assert_eq!(data.load(Ordering::Relaxed), n);
                taken.release(1);
            }
        });
        for n in 1..=stop {
            data.store(n, Ordering::Relaxed);
            semaphore.release(1);
            taken.acquire().forget();
        }
    });
}

/// All-zero bytes are fresh, and each has the size that its documentation promises.
#[test]
fn zeroed_signals_are_fresh() {
    let page = Page::map();
    assert_eq!(page.get::<Semaphore<Shared>>().available_permits(), 0);
    assert_eq!(page.get::<BoundedSemaphore<Shared>>().limit(), 0);
    assert!(page.get::<Latch<Shared>>().is_open());
    assert!(!page.get::<Once<Shared>>().is_completed());
    assert_eq!(page.get::<OnceLock<u64, Shared>>().get(), None);
    assert!(!page.get::<Condvar<Shared>>().notify_one());
    page.unmap();
    assert_eq!((size_of::<Semaphore<Shared>>(), size_of::<BoundedSemaphore<Shared>>()), (8, 12));
    assert_eq!((size_of::<Latch<Shared>>(), size_of::<Once<Shared>>()), (4, 4));
    assert_eq!((size_of::<Condvar<Shared>>(), size_of::<OnceLock<u64, Shared>>()), (16, 16));
}

/// A wake that comes late hits whatever lives at the address by then.
#[test]
fn r05_semaphores_tolerate_stray_wakes() {
    let (semaphore, stop) = (Semaphore::new(1), AtomicU32::new(0));
    thread::scope(|s| {
        s.spawn(|| {
            // SAFETY: a semaphore is its word.
            let word = unsafe { &*(&raw const semaphore).cast::<Futex>() };
            while stop.load(Ordering::Relaxed) == 0 {
                word.wake_all();
            }
        });
        let workers: Vec<_> = (0..4_u32)
            .map(|n| {
                s.spawn({
                    let semaphore = &semaphore;
                    move || (0..500).for_each(|_| drop(semaphore.acquire_many(n % 2)))
                })
            })
            .collect();
        let permit = semaphore.acquire();
        assert!(semaphore.acquire_for(TICK).is_none());
        drop(permit);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        stop.store(1, Ordering::Relaxed);
    });
    assert_eq!(semaphore.available_permits(), 1);
}
