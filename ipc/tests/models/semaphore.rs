//! Permits: conserved, whoever dies with one, waiting for one or making one.

use crate::*;
use heddle_ipc::model::Peer;
use heddle_ipc::sync::{BoundedSemaphore, Semaphore};
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;
use std::time::{Duration, Instant};

/// Takes a permit, counts under it, and gives it back.
fn count(semaphore: &Semaphore, counter: &AtomicU32) {
    let _permit = semaphore.acquire();
    // Two operations: without exclusion, or its order, a count would be lost.
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// How many permits can be had.
fn all(semaphore: &Semaphore) -> usize {
    assert!(semaphore.available() <= 2);
    let permits: Vec<_> = std::iter::from_fn(|| semaphore.try_acquire()).collect();
    permits.len()
}

#[test]
fn excludes() {
    bounded("semaphore of one permit", 2, 166).check(|| {
        let peer = Peer::alone();
        let semaphore = Semaphore::new_in(&peer, 1);
        let counter = Arc::new(AtomicU32::new(0));
        let other = thread::spawn({
            let (semaphore, counter) = (semaphore.seen_by(&peer.joins()), counter.clone());
            move || count(&semaphore, &counter)
        });
        count(&semaphore, &counter);
        other.join().unwrap();
        assert_eq!(counter.load(Ordering::Relaxed), 2);
        assert_eq!(all(&semaphore), 1);
    });
}

/// Python's way: one takes and uses up, another makes.
#[test]
fn one_makes_what_another_takes() {
    bounded("semaphore, made and used up", 2, 143).check(|| {
        let peer = Peer::alone();
        let semaphore = Semaphore::new_in(&peer, 0);
        let data = Arc::new(AtomicU32::new(0));
        let maker = thread::spawn({
            let (semaphore, data) = (semaphore.seen_by(&peer.joins()), data.clone());
            move || {
                data.store(7, Ordering::Relaxed);
                semaphore.release().unwrap();
            }
        });
        semaphore.acquire().forget();
        assert_eq!(data.load(Ordering::Relaxed), 7);
        maker.join().unwrap();
        assert_eq!(all(&semaphore), 0);
    });
}

/// As above, where the permit's cell was used before.
#[test]
fn made_again() {
    complete("semaphore, made again", 10).search(Search::Bounded(2)).check(|| {
        let peer = Peer::alone();
        let semaphore = Semaphore::new_in(&peer, 1);
        semaphore.acquire().forget();
        let data = Arc::new(AtomicU32::new(0));
        let maker = thread::spawn({
            let (semaphore, data) = (semaphore.seen_by(&peer.joins()), data.clone());
            move || {
                data.store(7, Ordering::Relaxed);
                semaphore.release().unwrap();
            }
        });
        semaphore.acquire().forget();
        assert_eq!(data.load(Ordering::Relaxed), 7);
        maker.join().unwrap();
    });
}

#[test]
fn two_make_at_once() {
    complete("semaphore, two make", 13).check(|| {
        let peer = Peer::alone();
        let semaphore = BoundedSemaphore::new_in(&peer, 2);
        semaphore.acquire().forget();
        let other = thread::spawn({
            let semaphore = semaphore.seen_by(&peer.joins());
            move || semaphore.release().is_ok()
        });
        let mine = semaphore.release().is_ok();
        let others = other.join().unwrap();
        assert!(mine ^ others, "one was missing");
        assert_eq!(semaphore.available(), 2);
        assert_eq!(semaphore.release().unwrap_err().max, 2);
    });
}

/// A time-out takes nothing along, and what came in time is not lost.
#[test]
fn gives_up_in_time() {
    bounded("semaphore, time-out", 2, 1_394).check(|| {
        let peer = Peer::alone();
        let semaphore = Semaphore::new_in(&peer, 1);
        let permit = semaphore.acquire();
        let other = thread::spawn({
            let semaphore = semaphore.seen_by(&peer.joins());
            move || semaphore.try_acquire_until(Instant::now()).is_some()
        });
        drop(permit);
        let got = semaphore.try_acquire_for(Duration::from_secs(9)).is_some();
        let others = other.join().unwrap();
        assert!(got || others, "the permit was there for both");
        assert_eq!(all(&semaphore), 1);
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_peer_dies_at_any_operation() {
    let scenario = |step| Scenario::new(format!("semaphore, dies at {step}")).search(Search::Bounded(2));
    dies_at_each(
        scenario,
        &[1, 1, 13, 25, 40, 94, 110, 127, 135, 140, 144, 149, 149, 149, 149, 149, 149, 149, 149, 149],
        |step| {
            let peer = Peer::alone();
            let semaphore = Semaphore::new_in(&peer, 1);
            let dying = peer.joins();
            let victim = thread::spawn({
                let semaphore = semaphore.seen_by(&dying);
                move || dying.dies_at(step, || drop(semaphore.acquire())).is_some()
            });
            drop(semaphore.acquire());
            let lived = victim.join().unwrap();
            assert_eq!(all(&semaphore), 1);
            lived
        },
    );
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_maker_dies_at_any_operation() {
    let scenario =
        |step| Scenario::new(format!("semaphore, maker dies at {step}")).search(Search::Bounded(2));
    dies_at_each(scenario, &[4, 4, 39, 234, 764, 719, 702, 710], |step| {
        let peer = Peer::alone();
        let semaphore = BoundedSemaphore::new_in(&peer, 1);
        semaphore.acquire().forget();
        let dying = peer.joins();
        let victim = thread::spawn({
            let semaphore = semaphore.seen_by(&dying);
            move || dying.dies_at(step, || semaphore.release().unwrap()).is_some()
        });
        let got = semaphore.try_acquire_for(Duration::from_secs(9)).is_some();
        let lived = victim.join().unwrap();
        let now = semaphore.available();
        assert!(now == 1 || !lived && !got, "made, and gone");
        assert_eq!(semaphore.release().is_ok(), now == 0, "made twice");
        lived
    });
}

/// The holder is dead, and who takes its permit over dies as well.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_takes_over_dies_too() {
    let scenario = |step| Scenario::new(format!("semaphore, heir dies at {step}")).search(Search::Bounded(2));
    dies_at_each(
        scenario,
        &[
            1, 1, 13, 13, 30, 91, 95, 159, 166, 263, 351, 494, 538, 608, 608, 613, 624, 630, 630, 630, 630,
            630, 630, 630, 630, 630, 630,
        ],
        |step| {
            let peer = Peer::alone();
            let semaphore = Semaphore::new_in(&peer, 1);
            let first = peer.joins();
            semaphore.seen_by(&first).acquire().left_behind();
            first.dies();
            let second = peer.joins();
            let heir = thread::spawn({
                let semaphore = semaphore.seen_by(&second);
                move || second.dies_at(step, || drop(semaphore.acquire())).is_some()
            });
            drop(semaphore.acquire());
            let lived = heir.join().unwrap();
            assert_eq!(all(&semaphore), 1);
            lived
        },
    );
}

/// Three at once: the wake of one that dies is made up for.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_woken_waiter_dies() {
    for step in 3..12 {
        complete(&format!("semaphore, waiter dies at {step}"), 224)
            .search(Search::Bounded(1))
            .schedules(200)
            .check(move || {
                let peer = Peer::alone();
                let semaphore = Semaphore::new_in(&peer, 1);
                let permit = semaphore.acquire();
                let dying = peer.joins();
                let victim = thread::spawn({
                    let semaphore = semaphore.seen_by(&dying);
                    move || {
                        dying.dies_at(step, || drop(semaphore.acquire()));
                    }
                });
                let other = thread::spawn({
                    let semaphore = semaphore.seen_by(&peer.joins());
                    move || drop(semaphore.acquire())
                });
                drop(permit);
                victim.join().unwrap();
                other.join().unwrap();
                assert_eq!(all(&semaphore), 1);
            });
    }
}

/// A count does not know whose permits it lacks.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_semaphore_that_counts_is_found() {
    use heddle_primitives::Shared;

    Scenario::new("semaphore that counts").finds("deadlock", || {
        let peer = Peer::alone();
        let semaphore = Arc::new(heddle_primitives::Semaphore::<Shared>::new_in(1));
        let dying = peer.joins();
        let victim = thread::spawn({
            let semaphore = semaphore.clone();
            move || {
                dying.dies_at(1, || drop(semaphore.acquire()));
            }
        });
        drop(semaphore.acquire());
        victim.join().unwrap();
    });
}
