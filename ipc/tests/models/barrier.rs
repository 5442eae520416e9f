//! The barrier: all pass or none, whoever dies on the way.

use crate::*;
use heddle_ipc::model::Peer;
use heddle_ipc::sync::{Barrier, BarrierError};
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;
use std::time::{Duration, Instant};

#[test]
fn all_pass_and_one_leads() {
    bounded("barrier of two, two rounds", 2, 1_619).check(|| {
        let peer = Peer::alone();
        let barrier = Barrier::new_in(&peer, 2);
        let data = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let other = thread::spawn({
            let (barrier, data) = (barrier.seen_by(&peer.joins()), data.clone());
            move || {
                data[0].store(1, Ordering::Relaxed);
                let led = barrier.wait().unwrap();
                assert_eq!(data[1].load(Ordering::Relaxed), 1);
                let again = barrier.wait().unwrap();
                barrier.leave();
                [led, again]
            }
        });
        data[1].store(1, Ordering::Relaxed);
        let mine = [(); 2].map(|()| {
            let led = barrier.wait().unwrap();
            assert_eq!(data[0].load(Ordering::Relaxed), 1);
            led
        });
        let others = other.join().unwrap();
        assert!(mine[0] ^ others[0] && mine[1] ^ others[1], "{mine:?} {others:?}");
        assert_eq!(barrier.n_waiting(), 0);
    });
}

#[test]
fn aborted() {
    complete("barrier, aborted", 421).check(|| {
        let peer = Peer::alone();
        let barrier = Barrier::new_in(&peer, 2);
        let other = thread::spawn({
            let barrier = barrier.seen_by(&peer.joins());
            move || barrier.wait()
        });
        barrier.abort();
        assert_eq!(other.join().unwrap(), Err(BarrierError::Broken));
        assert!(barrier.is_broken());
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        barrier.reset();
        assert!(!barrier.is_broken());
    });
}

/// Who waits when the barrier is reset is told; who comes later waits in the new one.
#[test]
fn reset_while_one_waits() {
    bounded("barrier, reset", 2, 1_132).check(|| {
        let peer = Peer::alone();
        let barrier = Barrier::new_in(&peer, 2);
        let other = thread::spawn({
            let barrier = barrier.seen_by(&peer.joins());
            move || barrier.wait()
        });
        barrier.reset();
        // It came before the reset and was told, or after it and waits.
        match barrier.wait_for(Duration::from_secs(9)) {
            Ok(_) => assert!(other.join().unwrap().is_ok()),
            Err(error) => {
                assert_eq!(error, BarrierError::TimedOut);
                assert_eq!(other.join().unwrap(), Err(BarrierError::Broken));
            }
        }
    });
}

/// The reset alone tells who waits.
#[test]
fn a_reset_wakes() {
    for waiters in [1, 2] {
        let name = format!("barrier, reset with {waiters} waiting");
        complete(&name, 10).search(Search::Bounded(3 - waiters)).check(move || {
            let peer = Peer::alone();
            let barrier = Barrier::new_in(&peer, 3);
            let others: Vec<_> = (0..waiters)
                .map(|_| {
                    let barrier = barrier.seen_by(&peer.joins());
                    thread::spawn(move || barrier.wait())
                })
                .collect();
            let all = barrier.n_waiting() == waiters;
            barrier.reset();
            if !all {
                // Whoever came later waits in the new one.
                barrier.abort();
            }
            for other in others {
                assert_eq!(other.join().unwrap(), Err(BarrierError::Broken));
            }
        });
    }
}

/// All pass, or one times out and the other learns of it.
#[test]
fn gives_up_in_time() {
    bounded("barrier, time-out", 2, 335).check(|| {
        let peer = Peer::alone();
        let barrier = Barrier::new_in(&peer, 2);
        let other = thread::spawn({
            let barrier = barrier.seen_by(&peer.joins());
            move || barrier.wait_until(Instant::now())
        });
        match (barrier.wait(), other.join().unwrap()) {
            (Ok(mine), Ok(others)) => assert!(mine ^ others),
            (Err(BarrierError::Broken), Err(BarrierError::TimedOut)) => assert!(barrier.is_broken()),
            both => panic!("{both:?}"),
        }
    });
}

/// The others pass if the dead one had come, and else learn of its death, all alike.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_member_dies_at_any_operation() {
    let scenario = |step| Scenario::new(format!("barrier, dies at {step}")).search(Search::Bounded(2));
    dies_at_each(scenario, &[5, 5, 5, 24, 66, 81, 84, 128, 128, 128, 135, 128, 131, 128, 128], |step| {
        let peer = Peer::alone();
        let barrier = Barrier::new_in(&peer, 2);
        let dying = peer.joins();
        barrier.seen_by(&dying).join();
        let victim = thread::spawn({
            let barrier = barrier.seen_by(&dying);
            move || dying.dies_at(step, || barrier.wait())
        });
        let mine = barrier.wait();
        match victim.join().unwrap() {
            Some(others) => {
                assert!(mine.unwrap() ^ others.unwrap());
                true
            }
            None => {
                assert!(matches!(mine, Ok(_) | Err(BarrierError::Broken)));
                assert_eq!(barrier.wait(), Err(BarrierError::Broken));
                barrier.reset();
                assert!(!barrier.is_broken() && barrier.n_waiting() == 0);
                false
            }
        }
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn two_others_agree() {
    for step in 1..8 {
        complete(&format!("barrier of three, dies at {step}"), 832)
            .search(Search::Bounded(1))
            .schedules(200)
            .check(move || {
                let peer = Peer::alone();
                let barrier = Barrier::new_in(&peer, 3);
                let dying = peer.joins();
                barrier.seen_by(&dying).join();
                let victim = thread::spawn({
                    let barrier = barrier.seen_by(&dying);
                    move || dying.dies_at(step, || barrier.wait()).is_some()
                });
                let other = thread::spawn({
                    let barrier = barrier.seen_by(&peer.joins());
                    move || barrier.wait().is_ok()
                });
                let mine = barrier.wait().is_ok();
                assert_eq!(mine, other.join().unwrap(), "one passed, and the other did not");
                assert!(!victim.join().unwrap() || mine);
            });
    }
}

/// Who breaks it for a dead member dies over it.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_breaks_it_dies_too() {
    let scenario =
        |step| Scenario::new(format!("barrier, who breaks it dies at {step}")).search(Search::Bounded(2));
    dies_at_each(scenario, &[1, 1, 1, 1], |step| {
        let peer = Peer::alone();
        let barrier = Barrier::new_in(&peer, 3);
        let first = peer.joins();
        barrier.seen_by(&first).join();
        first.dies();
        let second = peer.joins();
        barrier.seen_by(&second).join();
        let breaker = thread::spawn({
            let barrier = barrier.seen_by(&second);
            move || second.dies_at(step, || barrier.wait()).is_some()
        });
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        breaker.join().unwrap()
    });
}

/// Who resets dies over it: the barrier is broken, or as new.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_resets_it_dies() {
    let scenario = |step| Scenario::new(format!("barrier, who resets it dies at {step}"));
    dies_at_each(scenario, &[1, 6, 6, 6, 6, 6, 6, 157, 103, 144, 127], |step| {
        let peer = Peer::alone();
        let barrier = Barrier::new_in(&peer, 2);
        let dying = peer.joins();
        barrier.seen_by(&dying).join();
        barrier.abort();
        let victim = thread::spawn({
            let barrier = barrier.seen_by(&dying);
            move || dying.dies_at(step, || barrier.reset()).is_some()
        });
        let mine = barrier.wait_for(Duration::from_secs(9));
        let lived = victim.join().unwrap();
        assert!(mine.is_err());
        assert!(lived || matches!(barrier.wait(), Err(BarrierError::Broken)));
        lived
    });
}

/// A new peer has the dead member's slot before anybody has noticed the death: those who wait for the dead one learn of it all the same.
#[test]
fn a_dead_members_successor() {
    bounded("barrier, a successor in the slot", 2, 333).check(|| {
        let peer = Peer::alone();
        let barrier = Barrier::new_in(&peer, 3);
        let dead = peer.joins();
        barrier.seen_by(&dead).join();
        dead.dies();
        let other = thread::spawn({
            let barrier = barrier.seen_by(&peer.joins());
            move || barrier.wait()
        });
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        assert_eq!(other.join().unwrap(), Err(BarrierError::Broken));
        // The successor is a member like any other.
        barrier.reset();
        assert!(!barrier.is_broken());
    });
}
