use std::time::{Duration, Instant};

use heddle_ipc::sync::{Address, AttachError, BoundedSemaphore, Event, MAX_PERMITS, Semaphore};
use heddle_primitives::sync::thread;

use super::{eventually, kill, panics_in_a_fork, storm, workers};

/// Takes a permit and keeps it.
fn hold(semaphore: Address<Semaphore>) -> u64 {
    let semaphore = Semaphore::attach(semaphore).expect("its maker lives");
    core::mem::forget(semaphore.acquire());
    core::mem::forget(semaphore);
    0
}

/// Makes as many permits.
fn make(semaphore: Address<Semaphore>) -> u64 {
    let semaphore = Semaphore::attach(semaphore).expect("its maker lives");
    (0..1_000).filter(|_| semaphore.release().is_ok()).count() as u64
}

#[test]
fn a_dead_holders_permit_comes_back() {
    let semaphore = Semaphore::new(2).unwrap();
    let workers = workers(2);
    for rank in 0..2 {
        workers.call(rank, hold, semaphore.address()).unwrap();
    }
    assert_eq!(semaphore.available(), 0);
    assert!(semaphore.try_acquire().is_none());
    let waits = thread::spawn({
        let semaphore = semaphore.clone();
        move || drop(semaphore.acquire())
    });
    std::thread::sleep(Duration::from_millis(20));
    kill(&workers, 0);
    waits.join().unwrap();
    assert_eq!(semaphore.available(), 1, "and the other one lives");
    kill(&workers, 1);
    let both = [semaphore.try_acquire(), semaphore.try_acquire()];
    assert!(both.iter().all(Option::is_some) && semaphore.try_acquire().is_none());
}

#[test]
fn one_makes_what_another_uses_up() {
    let semaphore = Semaphore::new(0).unwrap();
    let workers = workers(1);
    let ticket = workers.submit(0, make, semaphore.address()).unwrap();
    for _ in 0..MAX_PERMITS {
        semaphore.acquire().forget();
    }
    assert_eq!(ticket.wait(None), Ok(MAX_PERMITS as u64));
    assert_eq!(semaphore.available(), 0);
    assert_eq!(workers.call(0, make, semaphore.address()), Ok(1_000));
    assert_eq!(semaphore.available(), MAX_PERMITS);
    let error = semaphore.release().unwrap_err();
    assert_eq!(error.to_string(), format!("the semaphore has its {MAX_PERMITS} permits already"));
}

#[test]
fn never_more_than_at_first() {
    let slots = BoundedSemaphore::new(2).unwrap();
    assert_eq!(slots.release().unwrap_err().max, 2);
    let permit = slots.acquire();
    assert!(slots.release().is_err(), "it is held");
    permit.forget();
    assert_eq!(slots.release(), Ok(()));
    assert_eq!(slots.available(), 2);
    let none = BoundedSemaphore::new(0).unwrap();
    assert!(none.try_acquire().is_none() && none.release().is_err());
}

#[test]
fn gives_up_in_time() {
    let semaphore = Semaphore::new(1).unwrap();
    let permit = semaphore.acquire();
    let start = Instant::now();
    assert!(semaphore.try_acquire_for(Duration::from_millis(20)).is_none());
    assert!(semaphore.try_acquire_until(start + Duration::from_millis(30)).is_none());
    assert!(start.elapsed() >= Duration::from_millis(30));
    drop(permit);
    assert!(semaphore.try_acquire_for(Duration::ZERO).is_some());
}

#[test]
#[should_panic = "1001 permits, and there can be 1000"]
fn too_many_permits() {
    let _ = Semaphore::new(MAX_PERMITS + 1);
}

/// Holders and waiters that are killed at any moment: all permits are there afterwards, and none too many.
#[test]
fn a_storm_of_deaths() {
    let semaphore = Semaphore::new(2).unwrap();
    fn turn(semaphore: Address<Semaphore>) -> u64 {
        let semaphore = Semaphore::attach(semaphore).expect("its maker lives");
        loop {
            let one = semaphore.acquire();
            if let Some(another) = semaphore.try_acquire() {
                another.forget();
                semaphore.release().expect("there is one less");
            }
            drop(one);
        }
    }
    // A permit that is used up when its holder dies is gone: so only one may be held at that moment.
    fn careful(semaphore: Address<Semaphore>) -> u64 {
        let semaphore = Semaphore::attach(semaphore).expect("its maker lives");
        loop {
            drop(semaphore.acquire());
            drop(semaphore.try_acquire());
        }
    }
    storm(careful, semaphore.address(), || {
        let permit = semaphore.try_acquire_for(super::NOTICED).expect("a permit comes back");
        drop(permit);
    });
    eventually("all are free", || semaphore.available() == 2);
    storm(turn, semaphore.address(), || assert!(semaphore.available() <= 2, "made out of nothing"));
}

#[test]
fn a_forked_child_is_refused() {
    let semaphore = Semaphore::new(1).unwrap();
    let workers = workers(1);
    fn fork(semaphore: Address<Semaphore>) -> u64 {
        let semaphore = Semaphore::attach(semaphore).expect("its maker lives");
        u64::from(panics_in_a_fork(|| core::mem::forget(semaphore.try_acquire())))
    }
    assert_eq!(workers.call(0, fork, semaphore.address()), Ok(1));
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn an_address_of_something_else_is_refused() {
    let semaphore = Semaphore::new(1).unwrap();
    let other: Address<Event> = zerocopy::transmute!(semaphore.address());
    assert!(matches!(Event::attach(other), Err(AttachError::Type { .. })));
}
