//! The robust mutex: exclusion, and owners and waiters that die before any of their operations.

use crate::*;
use heddle_ipc::model::Peer;
#[cfg(any(heddle_loom, heddle_shuttle))]
use heddle_ipc::sync::MutexGuard;
use heddle_ipc::sync::{LockError, Mutex};
use heddle_primitives::sync::thread;

/// The lock, with the data repaired if an owner has died: it had done its half or not.
#[cfg(any(heddle_loom, heddle_shuttle))]
fn repaired(mutex: &Mutex<[u64; 2]>) -> [u64; 2] {
    match mutex.lock() {
        Ok(guard) => *guard,
        Err(LockError::OwnerDied(mut guard)) => {
            guard[1] = guard[0];
            guard.mark_consistent();
            *guard
        }
        Err(LockError::Unrecoverable) => panic!("everybody repairs"),
    }
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn add(mutex: &Mutex<[u64; 2]>) {
    repaired(mutex);
    let Ok(mut both) = mutex.lock() else { return };
    both[0] += 1;
    both[1] += 1;
}

#[test]
fn excludes() {
    complete("mutex of two peers", 46).spurious(2).check(|| {
        let peer = Peer::alone();
        let mutex = Mutex::new_in(&peer, 0_u64);
        let other = thread::spawn({
            let mutex = mutex.seen_by(&peer.joins());
            move || *mutex.lock().unwrap() += 1
        });
        *mutex.lock().unwrap() += 1;
        other.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 2);
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_peer_dies_at_any_operation() {
    for (step, at_least) in (0..).zip([1, 13, 44, 245, 608, 666, 734, 774, 780]) {
        complete(&format!("mutex, dies at {step}"), at_least).check(move || dies(step));
    }
}

/// One peer dies at an operation of lock or unlock, or in between; the other gets the lock, and whole data or the news.
#[cfg(any(heddle_loom, heddle_shuttle))]
fn dies(step: u32) {
    let peer = Peer::alone();
    let mutex = Mutex::new_in(&peer, [0_u64; 2]);
    let dying = peer.joins();
    let victim = thread::spawn({
        let mutex = mutex.seen_by(&dying);
        move || dying.dies_at(step, || add(&mutex)).is_some()
    });
    let seen = match mutex.lock() {
        Ok(both) => {
            assert_eq!(both[0], both[1], "torn, and nobody said so");
            both[0]
        }
        Err(LockError::OwnerDied(mut both)) => {
            both.mark_consistent();
            both[0]
        }
        Err(LockError::Unrecoverable) => panic!("everybody repairs"),
    };
    assert!(seen <= 1);
    let lived = victim.join().unwrap();
    // Whatever happened, the lock can be had.
    let now = repaired(&mutex);
    assert!(!lived || now[0] == 1);
}

/// The owner is dead, and who takes the lock over dies as well.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_repairs_dies_too() {
    for (step, at_least) in (0..).zip([1, 49, 248, 987, 987, 3_925, 15_155]) {
        complete(&format!("mutex, repairer dies at {step}"), at_least).check(move || {
            let peer = Peer::alone();
            let mutex = Mutex::new_in(&peer, [0_u64; 2]);
            let first = peer.joins();
            mutex.seen_by(&first).lock().unwrap().left_behind();
            first.dies();
            let second = peer.joins();
            let repairer = thread::spawn({
                let mutex = mutex.seen_by(&second);
                move || {
                    second.dies_at(step, || repaired(&mutex));
                }
            });
            assert_eq!(repaired(&mutex), [0, 0]);
            repairer.join().unwrap();
            assert_eq!(repaired(&mutex), [0, 0]);
        });
    }
}

/// Who does not repair ends the lock for those who wait, too.
#[test]
fn given_up() {
    complete("mutex given up", 2_298).spurious(1).check(|| {
        let peer = Peer::alone();
        let mutex = Mutex::new_in(&peer, 0_u64);
        let first = peer.joins();
        mutex.seen_by(&first).lock().unwrap().left_behind();
        first.dies();
        let other = thread::spawn({
            let mutex = mutex.seen_by(&peer.joins());
            move || drop(mutex.lock())
        });
        drop(mutex.lock());
        other.join().unwrap();
        assert!(matches!(mutex.lock(), Err(LockError::Unrecoverable)));
    });
}

/// Three at once: the wake of one that dies is made up for.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_woken_waiter_dies() {
    for step in 4..9 {
        bounded(&format!("mutex, waiter dies at {step}"), 2, 155).check(move || {
            let peer = Peer::alone();
            let mutex = Mutex::new_in(&peer, 0_u64);
            let guard: MutexGuard<'_, u64> = mutex.lock().unwrap();
            let dying = peer.joins();
            let victim = thread::spawn({
                let mutex = mutex.seen_by(&dying);
                move || {
                    dying.dies_at(step, || drop(mutex.lock()));
                }
            });
            let other = thread::spawn({
                let mutex = mutex.seen_by(&peer.joins());
                move || {
                    mutex.lock().map_or_else(|error| error.into_guard().unwrap().mark_consistent(), drop);
                }
            });
            drop(guard);
            victim.join().unwrap();
            other.join().unwrap();
        });
    }
}
