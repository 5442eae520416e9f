use std::time::{Duration, Instant};

use heddle_ipc::sync::{Address, AttachError, LockError, Mutex, ReentrantMutex, TryLockError};
use heddle_primitives::sync::thread;

use super::{kill, panics_in_a_fork, storm, workers};

/// Adds to both under two guards.
fn add(counter: &ReentrantMutex<[u64; 2]>) {
    let outer = counter.lock().unwrap_or_else(|error| {
        let guard = error.into_guard().expect("everybody repairs");
        guard.set([guard.get()[0]; 2]);
        guard.mark_consistent();
        guard
    });
    let [first, second] = outer.get();
    assert_eq!(first, second, "a half-done count without a word of it");
    outer.set([first + 1, second]);
    let inner = counter.lock().expect("this thread has it");
    inner.set([first + 1, second + 1]);
}

fn count(counter: Address<ReentrantMutex<[u64; 2]>>) -> u64 {
    let counter = ReentrantMutex::attach(counter).expect("its maker lives");
    for _ in 0..5_000 {
        add(&counter);
    }
    0
}

fn hold(counter: Address<ReentrantMutex<[u64; 2]>>) -> u64 {
    let counter = ReentrantMutex::attach(counter).expect("its maker lives");
    core::mem::forget((counter.lock(), counter.lock()));
    core::mem::forget(counter);
    0
}

#[test]
fn counts_between_processes() {
    let counter = ReentrantMutex::new([0; 2]).unwrap();
    let workers = workers(2);
    let tickets = [0, 1].map(|rank| workers.submit(rank, count, counter.address()).unwrap());
    for _ in 0..5_000 {
        add(&counter);
    }
    for ticket in tickets {
        ticket.wait(None).unwrap();
    }
    assert_eq!(counter.lock().unwrap().get(), [15_000; 2]);
}

#[test]
fn the_next_one_learns_of_the_death_and_repairs() {
    let counter = ReentrantMutex::new([0; 2]).unwrap();
    let workers = workers(1);
    workers.call(0, hold, counter.address()).unwrap();
    assert!(matches!(counter.try_lock(), Err(TryLockError::Busy)));
    let start = Instant::now();
    assert!(matches!(counter.try_lock_for(Duration::from_millis(20)), Err(TryLockError::Busy)));
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert!(!counter.is_owned_by_current_thread());
    let waits = thread::spawn({
        let counter = counter.clone();
        move || {
            let Err(LockError::OwnerDied(outer)) = counter.lock() else { panic!("the owner is dead") };
            // Told to who comes from outside, and once.
            assert!(counter.lock().is_ok_and(|inner| inner.is_inconsistent()));
            outer.mark_consistent();
            assert!(counter.is_owned_by_current_thread());
        }
    });
    std::thread::sleep(Duration::from_millis(10));
    kill(&workers, 0);
    waits.join().unwrap();
    assert!(!counter.is_owned_by_current_thread());
    assert!(counter.lock().is_ok());
}

#[test]
fn nobody_repairs() {
    let counter = ReentrantMutex::new([0; 2]).unwrap();
    let workers = workers(1);
    workers.call(0, hold, counter.address()).unwrap();
    kill(&workers, 0);
    drop(counter.lock());
    assert!(matches!(counter.lock(), Err(LockError::Unrecoverable)));
    assert!(matches!(counter.try_lock(), Err(TryLockError::Unrecoverable)));
}

#[test]
fn a_storm_of_deaths() {
    let counter = ReentrantMutex::new([0; 2]).unwrap();
    fn turn(counter: Address<ReentrantMutex<[u64; 2]>>) -> u64 {
        let counter = ReentrantMutex::attach(counter).expect("its maker lives");
        loop {
            add(&counter);
        }
    }
    storm(turn, counter.address(), || add(&counter));
    assert!(counter.lock().unwrap_or_else(|error| error.into_guard().unwrap()).get()[0] >= 40);
}

/// Neither gets the lock, nor lets go of the one that others have.
#[test]
fn a_forked_child_is_refused() {
    let counter = ReentrantMutex::new([0; 2]).unwrap();
    let workers = workers(1);
    fn fork(counter: Address<ReentrantMutex<[u64; 2]>>) -> u64 {
        let counter = ReentrantMutex::attach(counter).expect("its maker lives");
        let refused = panics_in_a_fork(|| core::mem::forget(counter.lock()));
        u64::from(refused) + u64::from(panics_in_a_fork(|| core::mem::forget(counter.try_lock())))
    }
    let guard = counter.lock().unwrap();
    assert_eq!(workers.call(0, fork, counter.address()), Ok(2));
    assert!(counter.is_owned_by_current_thread(), "let go of by a child of another process");
    fn is_busy(counter: Address<ReentrantMutex<[u64; 2]>>) -> u64 {
        let counter = ReentrantMutex::attach(counter).expect("its maker lives");
        u64::from(matches!(counter.try_lock(), Err(TryLockError::Busy)))
    }
    assert_eq!(workers.call(0, is_busy, counter.address()), Ok(1));
    drop(guard);
    assert_eq!(workers.call(0, is_busy, counter.address()), Ok(0));
}

#[test]
fn an_address_of_something_else_is_refused() {
    let counter = ReentrantMutex::new(0_u64).unwrap();
    let other: Address<Mutex<u64>> = zerocopy::transmute!(counter.address());
    assert!(matches!(Mutex::attach(other), Err(AttachError::Type { .. })));
}
