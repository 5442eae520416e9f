use std::time::{Duration, Instant};

use heddle_ipc::sync::{Address, AttachError, LockError, Mutex, ReadError, RwLock, TryLockError};
use heddle_primitives::sync::thread;

use super::{kill, panics_in_a_fork, storm, workers};

type Both = RwLock<[u64; 2]>;

fn attach(lock: Address<Both>) -> Both {
    RwLock::attach(lock).expect("its maker lives")
}

/// Adds to both, and returns how often the data were to be repaired first.
fn add(lock: &Both) -> u64 {
    let mut repaired = 0;
    let mut both = lock.write().unwrap_or_else(|error| {
        let mut both = error.into_guard().expect("everybody repairs");
        both[1] = both[0];
        both.mark_consistent();
        repaired = 1;
        both
    });
    assert_eq!(both[0], both[1], "a half-done count without a word of it");
    both[0] += 1;
    both[1] += 1;
    repaired
}

fn look(lock: &Both) {
    if let Ok(both) = lock.read() {
        assert_eq!(both[0], both[1], "read while it was written");
    }
}

fn count(lock: Address<Both>) -> u64 {
    let lock = attach(lock);
    (0..5_000)
        .map(|_| {
            look(&lock);
            add(&lock)
        })
        .sum()
}

fn hold_read(lock: Address<Both>) -> u64 {
    let lock = attach(lock);
    core::mem::forget((lock.read(), lock.read()));
    core::mem::forget(lock);
    0
}

fn hold_write(lock: Address<Both>) -> u64 {
    let lock = attach(lock);
    core::mem::forget(lock.write());
    core::mem::forget(lock);
    0
}

#[test]
fn counts_between_processes() {
    let lock = RwLock::new([0; 2]).unwrap();
    let workers = workers(2);
    let tickets = [0, 1].map(|rank| workers.submit(rank, count, lock.address()).unwrap());
    for _ in 0..5_000 {
        add(&lock);
        look(&lock);
    }
    for ticket in tickets {
        assert_eq!(ticket.wait(None), Ok(0));
    }
    assert_eq!(*lock.read().unwrap(), [15_000; 2]);
}

#[test]
fn a_dead_reader_leaves_no_trace() {
    let lock = RwLock::new([0; 2]).unwrap();
    let workers = workers(1);
    workers.call(0, hold_read, lock.address()).unwrap();
    assert!(matches!(lock.try_write(), Err(TryLockError::Busy)));
    assert!(lock.try_read().is_ok(), "who gave up keeps nobody out");
    let waits = thread::spawn({
        let lock = lock.clone();
        move || assert_eq!(add(&lock), 0)
    });
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(lock.try_read().map(|_| ()), Err(ReadError::Busy), "a writer waits");
    kill(&workers, 0);
    waits.join().unwrap();
    assert_eq!(*lock.read().unwrap(), [1, 1]);
}

#[test]
fn a_dead_writer_is_made_up_for_by_a_writer() {
    let lock = RwLock::new([0; 2]).unwrap();
    let workers = workers(1);
    workers.call(0, hold_write, lock.address()).unwrap();
    let start = Instant::now();
    let limit = Duration::from_millis(20);
    assert_eq!(lock.try_read_for(limit).map(|_| ()), Err(ReadError::Busy));
    assert!(matches!(lock.try_write_for(limit), Err(TryLockError::Busy)));
    assert!(start.elapsed() >= 2 * limit);
    let reads = thread::spawn({
        let lock = lock.clone();
        move || assert_eq!(lock.read().map(|_| ()), Err(ReadError::WriterDied))
    });
    std::thread::sleep(Duration::from_millis(10));
    kill(&workers, 0);
    reads.join().unwrap();
    assert_eq!(add(&lock), 1);
    assert_eq!(*lock.read().unwrap(), [1, 1]);
}

#[test]
fn nobody_repairs() {
    let lock = RwLock::new([0; 2]).unwrap();
    let workers = workers(1);
    workers.call(0, hold_write, lock.address()).unwrap();
    kill(&workers, 0);
    let Err(LockError::OwnerDied(guard)) = lock.write() else { panic!("the writer is dead") };
    assert!(guard.is_inconsistent());
    drop(guard);
    assert_eq!(lock.read().map(|_| ()), Err(ReadError::Unrecoverable));
    assert_eq!(lock.try_read().map(|_| ()), Err(ReadError::Unrecoverable));
    assert!(matches!(lock.write(), Err(LockError::Unrecoverable)));
    assert!(matches!(lock.try_write(), Err(TryLockError::Unrecoverable)));
}

#[test]
fn a_storm_of_deaths() {
    let lock = RwLock::new([0; 2]).unwrap();
    fn turn(lock: Address<Both>) -> u64 {
        let lock = attach(lock);
        loop {
            look(&lock);
            add(&lock);
        }
    }
    storm(turn, lock.address(), || {
        add(&lock);
        look(&lock);
    });
}

#[test]
fn a_forked_child_is_refused() {
    let lock = RwLock::new([0; 2]).unwrap();
    let workers = workers(1);
    fn fork(lock: Address<Both>) -> u64 {
        let lock = attach(lock);
        let read = panics_in_a_fork(|| core::mem::forget(lock.try_read()));
        u64::from(read) + u64::from(panics_in_a_fork(|| core::mem::forget(lock.try_write())))
    }
    assert_eq!(workers.call(0, fork, lock.address()), Ok(2));
    assert!(lock.try_write().is_ok());
}

#[test]
fn an_address_of_something_else_is_refused() {
    let lock = RwLock::new(0_u64).unwrap();
    let other: Address<Mutex<u64>> = zerocopy::transmute!(lock.address());
    assert!(matches!(Mutex::attach(other), Err(AttachError::Type { .. })));
    let other: Address<RwLock<i64>> = zerocopy::transmute!(lock.address());
    assert!(matches!(RwLock::attach(other), Err(AttachError::Type { .. })));
}
