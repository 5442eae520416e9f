//! The mutex that its owner may lock again.

use crate::*;
use heddle_ipc::model::Peer;
use heddle_ipc::sync::{LockError, ReentrantMutex, TryLockError};
use heddle_primitives::sync::thread;
use std::time::Duration;

/// Adds one to both, one after the other, under a second lock; returns whether somebody died before.
fn add(mutex: &ReentrantMutex<[u64; 2]>) -> bool {
    let (outer, died) = match mutex.lock() {
        Ok(guard) => (guard, false),
        Err(LockError::OwnerDied(guard)) => {
            let [first, _] = guard.get();
            guard.set([first, first]);
            guard.mark_consistent();
            (guard, true)
        }
        Err(LockError::Unrecoverable) => panic!("everybody repairs"),
    };
    let [first, second] = outer.get();
    assert_eq!(first, second);
    outer.set([first + 1, second]);
    let inner = mutex.lock().unwrap();
    inner.set([first + 1, second + 1]);
    drop(inner);
    assert!(mutex.is_owned_by_current_thread());
    died
}

fn value(mutex: &ReentrantMutex<[u64; 2]>) -> [u64; 2] {
    mutex.lock().unwrap().get()
}

#[test]
fn excludes() {
    bounded("reentrant mutex of two peers", 2, 136).check(|| {
        let peer = Peer::alone();
        let mutex = ReentrantMutex::new_in(&peer, [0_u64; 2]);
        let other = thread::spawn({
            let mutex = mutex.seen_by(&peer.joins());
            move || add(&mutex)
        });
        assert!(!add(&mutex));
        assert!(!other.join().unwrap());
        assert_eq!(value(&mutex), [2, 2]);
        assert!(!mutex.is_owned_by_current_thread());
    });
}

/// Two threads of one peer have one id, and are two owners all the same.
#[test]
fn excludes_threads_of_one_peer() {
    bounded("reentrant mutex of two threads", 2, 229).check(|| {
        let peer = Peer::alone();
        let mutex = ReentrantMutex::new_in(&peer, [0_u64; 2]);
        let other = thread::spawn({
            let mutex = mutex.clone();
            move || {
                assert!(!mutex.is_owned_by_current_thread());
                add(&mutex);
            }
        });
        match mutex.try_lock() {
            Ok(guard) => {
                let [first, second] = guard.get();
                assert_eq!(first, second);
                assert!(matches!(mutex.try_lock_for(Duration::ZERO), Ok(inner) if inner.get() == [first; 2]));
            }
            Err(error) => assert!(matches!(error, TryLockError::Busy)),
        }
        other.join().unwrap();
        assert_eq!(value(&mutex), [1, 1]);
    });
}

/// Threads are numbered by each process for itself: what a dead owner's thread left in the words must not make a thread that has the same
/// number in another process the owner.
#[test]
fn a_dead_owners_thread_is_nobodys() {
    complete("reentrant mutex, the same thread number", 10).check(|| {
        let peer = Peer::alone();
        let mutex = ReentrantMutex::new_in(&peer, [0_u64; 2]);
        // This thread plays the peer that dies, too, and so has the number that the dead one had.
        let dead = peer.joins();
        mutex.seen_by(&dead).lock().unwrap().left_behind();
        dead.dies();
        let heir = thread::spawn({
            let mutex = mutex.clone();
            move || {
                if let Err(LockError::OwnerDied(guard)) = mutex.lock() {
                    guard.mark_consistent();
                }
            }
        });
        assert!(!mutex.is_owned_by_current_thread());
        heir.join().unwrap();
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_peer_dies_at_any_operation() {
    let scenario =
        |step| Scenario::new(format!("reentrant mutex, dies at {step}")).search(Search::Bounded(2));
    dies_at_each(
        scenario,
        &[
            1, 13, 38, 54, 89, 89, 89, 121, 108, 108, 108, 108, 108, 112, 122, 122, 122, 122, 122, 122, 122,
            122, 122, 122, 122,
        ],
        |step| {
            let peer = Peer::alone();
            let mutex = ReentrantMutex::new_in(&peer, [0_u64; 2]);
            let dying = peer.joins();
            let victim = thread::spawn({
                let mutex = mutex.seen_by(&dying);
                move || dying.dies_at(step, || add(&mutex)).is_some()
            });
            let died = add(&mutex);
            let lived = victim.join().unwrap();
            assert!(!(lived && died), "nobody died");
            // It may have died after this thread had its turn.
            let died_later = mutex.lock().map(drop).map_err(|error| {
                let guard = error.into_guard().unwrap();
                guard.set([guard.get()[0]; 2]);
                guard.mark_consistent();
            });
            let [first, second] = value(&mutex);
            assert!(first == second && (1..=2).contains(&first), "{first} {second}");
            assert!(!lived || first == 2 && died_later.is_ok());
            lived
        },
    );
}

/// The owner is dead, and who takes the lock over dies as well.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_repairs_dies_too() {
    let scenario =
        |step| Scenario::new(format!("reentrant mutex, repairer dies at {step}")).search(Search::Bounded(2));
    dies_at_each(
        scenario,
        &[
            1, 13, 62, 99, 172, 172, 198, 207, 253, 272, 272, 262, 262, 262, 262, 262, 262, 262, 267, 279,
            301, 301, 301, 301, 301, 301, 301, 301,
        ],
        |step| {
            let peer = Peer::alone();
            let mutex = ReentrantMutex::new_in(&peer, [0_u64; 2]);
            let first = peer.joins();
            mutex.seen_by(&first).lock().unwrap().left_behind();
            first.dies();
            let second = peer.joins();
            let repairer = thread::spawn({
                let mutex = mutex.seen_by(&second);
                move || second.dies_at(step, || add(&mutex)).is_some()
            });
            add(&mutex);
            let lived = repairer.join().unwrap();
            mutex.lock().map_or_else(|error| error.into_guard().unwrap().mark_consistent(), drop);
            assert!(mutex.lock().is_ok());
            lived
        },
    );
}

/// Only the last guard gives the lock up.
#[test]
fn given_up() {
    complete("reentrant mutex given up", 645).check(|| {
        let peer = Peer::alone();
        let mutex = ReentrantMutex::new_in(&peer, [0_u64; 2]);
        let first = peer.joins();
        mutex.seen_by(&first).lock().unwrap().left_behind();
        first.dies();
        let Err(TryLockError::OwnerDied(outer)) = mutex.try_lock() else { panic!("the owner is dead") };
        let other = thread::spawn({
            let mutex = mutex.seen_by(&peer.joins());
            move || assert!(matches!(mutex.lock(), Err(LockError::Unrecoverable)))
        });
        let inner = mutex.lock().unwrap();
        assert!(inner.is_inconsistent());
        drop(inner);
        assert!(mutex.is_owned_by_current_thread());
        drop(outer);
        other.join().unwrap();
        assert!(matches!(mutex.try_lock(), Err(TryLockError::Unrecoverable)));
    });
}
