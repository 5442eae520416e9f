//! The readers-writer lock: a writer alone, readers together, and the data whole or the news of a death.

use crate::*;
use heddle_ipc::model::Peer;
use heddle_ipc::sync::{LockError, ReadError, RwLock, TryLockError};
use heddle_primitives::sync::thread;
use std::time::Duration;

/// Adds one to both, after putting them in order if a writer has died.
fn add(lock: &RwLock<[u64; 2]>) {
    let mut both = lock.write().unwrap_or_else(|error| {
        let mut both = error.into_guard().expect("everybody repairs");
        both[1] = both[0];
        both.mark_consistent();
        both
    });
    assert_eq!(both[0], both[1]);
    both[0] += 1;
    both[1] += 1;
}

/// What a reader sees: whole data, or that a writer died.
fn look(lock: &RwLock<[u64; 2]>) -> Option<u64> {
    match lock.read() {
        Ok(both) => {
            assert_eq!(both[0], both[1], "torn, and nobody said so");
            Some(both[0])
        }
        Err(error) => {
            assert_eq!(error, ReadError::WriterDied);
            None
        }
    }
}

fn start() -> (Peer, RwLock<[u64; 2]>) {
    let peer = Peer::alone();
    let lock = RwLock::new_in(&peer, [0; 2]);
    (peer, lock)
}

#[test]
fn a_reader_and_a_writer() {
    bounded("rwlock, reader and writer", 2, 107).check(|| {
        let (peer, lock) = start();
        let other = thread::spawn({
            let lock = lock.seen_by(&peer.joins());
            move || add(&lock)
        });
        assert!(look(&lock).unwrap() <= 1);
        other.join().unwrap();
        assert_eq!(look(&lock), Some(1));
    });
}

#[test]
fn two_writers() {
    complete("rwlock, two writers", 46).check(|| {
        let (peer, lock) = start();
        let other = thread::spawn({
            let lock = lock.seen_by(&peer.joins());
            move || add(&lock)
        });
        add(&lock);
        other.join().unwrap();
        assert_eq!(look(&lock), Some(2));
    });
}

/// A reader that waits for a writer, which reads no more once it has let go.
#[test]
fn a_writer_waits_for_readers() {
    complete("rwlock, a reader is there", 91).spurious(1).check(|| {
        let (peer, lock) = start();
        let both = lock.read().unwrap();
        let other = thread::spawn({
            let lock = lock.seen_by(&peer.joins());
            move || add(&lock)
        });
        assert_eq!(*both, [0, 0]);
        drop(both);
        other.join().unwrap();
        assert_eq!(look(&lock), Some(1));
    });
}

#[test]
fn readers_of_one_peer_and_of_another() {
    bounded("rwlock, two readers and a writer", 1, 420).check(|| {
        let (peer, lock) = start();
        let reader = thread::spawn({
            let lock = lock.clone();
            move || look(&lock)
        });
        let writer = thread::spawn({
            let lock = lock.seen_by(&peer.joins());
            move || add(&lock)
        });
        assert!(look(&lock).is_some());
        assert!(reader.join().unwrap().is_some());
        writer.join().unwrap();
        // Readers of one peer are counted: the first to leave does not let a writer in.
        let (one, two) = (lock.read().unwrap(), lock.read().unwrap());
        drop(one);
        assert!(matches!(lock.try_write(), Err(TryLockError::Busy)));
        assert_eq!(two[0], 1);
        drop(two);
        assert!(lock.try_write().is_ok());
    });
}

/// Who gives up leaves nothing behind that keeps others out.
#[test]
fn gives_up_in_time() {
    bounded("rwlock, time-out", 2, 127).check(|| {
        let (peer, lock) = start();
        let other = thread::spawn({
            let lock = lock.seen_by(&peer.joins());
            move || lock.try_write_for(Duration::from_secs(9)).map(drop).is_ok()
        });
        let read = lock.try_read_for(Duration::from_secs(9)).map(|both| both[0]);
        assert!(matches!(read, Ok(0) | Err(ReadError::Busy)));
        other.join().unwrap();
        assert!(lock.try_write().is_ok());
        assert_eq!(lock.try_read().map(|both| both[0]), Ok(0));
    });
}

/// A writer that gives up after another's death leaves the news to the next.
#[test]
fn gives_up_what_a_dead_one_left() {
    bounded("rwlock, time-out after a death", 2, 1_229).check(|| {
        let (peer, lock) = start();
        let reader = lock.read().unwrap();
        let dead = peer.joins();
        assert!(matches!(lock.seen_by(&dead).try_write(), Err(TryLockError::Busy)));
        drop(reader);
        lock.seen_by(&dead).write().unwrap().left_behind();
        dead.dies();
        let reader = thread::spawn({
            let lock = lock.seen_by(&peer.joins());
            move || lock.read().map(|_| ())
        });
        let written = lock.try_write_for(Duration::from_secs(9));
        let Err(error) = written else { panic!("nobody has repaired it") };
        if let TryLockError::OwnerDied(mut guard) = error {
            guard.mark_consistent();
            drop(guard);
            let seen = reader.join().unwrap();
            assert!(matches!(seen, Ok(()) | Err(ReadError::WriterDied)), "{seen:?}");
            assert!(lock.read().is_ok());
        } else {
            assert_eq!(reader.join().unwrap(), Err(ReadError::WriterDied));
            assert!(matches!(lock.try_write(), Err(TryLockError::OwnerDied(_))));
        }
    });
}

#[test]
fn given_up() {
    bounded("rwlock given up", 2, 498).check(|| {
        let (peer, lock) = start();
        let dead = peer.joins();
        lock.seen_by(&dead).write().unwrap().left_behind();
        dead.dies();
        let reader = thread::spawn({
            let lock = lock.seen_by(&peer.joins());
            move || lock.read().map(|_| ())
        });
        drop(lock.write());
        assert!(matches!(reader.join().unwrap(), Err(ReadError::WriterDied | ReadError::Unrecoverable)));
        assert_eq!(lock.read().map(|_| ()), Err(ReadError::Unrecoverable));
        assert!(matches!(lock.write(), Err(LockError::Unrecoverable)));
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_writer_dies_at_any_operation() {
    let scenario = |step| Scenario::new(format!("rwlock, writer dies at {step}")).search(Search::Bounded(2));
    dies_at_each(
        scenario,
        &[
            1, 14, 22, 19, 45, 45, 45, 61, 73, 81, 81, 83, 82, 87, 87, 89, 89, 89, 89, 98, 98, 98, 98, 98,
            98, 98, 98,
        ],
        |step| {
            let (peer, lock) = start();
            let dying = peer.joins();
            let victim = thread::spawn({
                let lock = lock.seen_by(&dying);
                move || dying.dies_at(step, || add(&lock)).is_some()
            });
            let seen = look(&lock);
            let lived = victim.join().unwrap();
            assert!(!lived || seen.is_some());
            add(&lock);
            assert!(matches!(look(&lock), Some(1 | 2)));
            lived
        },
    );
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_reader_dies_at_any_operation() {
    let scenario = |step| Scenario::new(format!("rwlock, reader dies at {step}")).search(Search::Bounded(2));
    dies_at_each(
        scenario,
        &[
            1, 1, 7, 7, 21, 26, 21, 29, 28, 41, 64, 64, 64, 87, 75, 104, 104, 104, 130, 112, 154, 170, 170,
            234, 254, 245, 245, 245, 245, 245, 245, 245, 245,
        ],
        |step| {
            let (peer, lock) = start();
            let dying = peer.joins();
            let victim = thread::spawn({
                let lock = lock.seen_by(&dying);
                move || dying.dies_at(step, || look(&lock)).is_some()
            });
            let mut both = lock.write().expect("no writer dies");
            both[0] += 1;
            both[1] += 1;
            drop(both);
            let lived = victim.join().unwrap();
            assert_eq!(look(&lock), Some(1));
            lived
        },
    );
}

/// The writer is dead, and who takes over dies as well.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn who_repairs_dies_too() {
    let scenario =
        |step| Scenario::new(format!("rwlock, repairer dies at {step}")).search(Search::Bounded(2));
    dies_at_each(
        scenario,
        &[1, 17, 36, 80, 80, 97, 99, 103, 103, 103, 101, 101, 118, 140, 140, 140, 140, 140, 140, 140, 140],
        |step| {
            let (peer, lock) = start();
            let first = peer.joins();
            lock.seen_by(&first).write().unwrap().left_behind();
            first.dies();
            let second = peer.joins();
            let repairer = thread::spawn({
                let lock = lock.seen_by(&second);
                move || second.dies_at(step, || add(&lock)).is_some()
            });
            add(&lock);
            let lived = repairer.join().unwrap();
            add(&lock);
            assert!(matches!(look(&lock), Some(2 | 3)));
            lived
        },
    );
}

/// A new peer has the dead reader's slot: it neither inherits its readers nor keeps them.
#[test]
fn a_dead_readers_successor() {
    bounded("rwlock, a successor in the slot", 2, 485).check(|| {
        let (peer, lock) = start();
        let dead = peer.joins();
        lock.seen_by(&dead).read().unwrap().left_behind();
        dead.dies();
        let successor = thread::spawn({
            let lock = lock.seen_by(&peer.joins());
            move || look(&lock)
        });
        add(&lock);
        assert!(successor.join().unwrap().is_some());
        add(&lock);
    });
}

/// Without the fence a reader sees no writer, and the writer no reader.
#[test]
#[cfg(heddle_loom)]
fn an_rwlock_without_the_readers_fence_is_found() {
    use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
    use heddle_primitives::sync::{Arc, fence};

    Scenario::new("rwlock without the reader's fence").finds("both", || {
        // The writer's word, the reader's cell, and the data in two halves.
        let words = Arc::new([(); 2].map(|()| AtomicU32::new(0)));
        let writer = thread::spawn({
            let words = words.clone();
            move || {
                words[0].swap(1, Ordering::Acquire);
                fence(Ordering::SeqCst);
                words[1].load(Ordering::Acquire) == 0
            }
        });
        words[1].swap(1, Ordering::Acquire);
        let reads = words[0].load(Ordering::Acquire) == 0;
        let writes = writer.join().unwrap();
        assert!(!(reads && writes), "both are in");
    });
}
