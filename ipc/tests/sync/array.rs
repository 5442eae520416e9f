use std::time::{Duration, Instant};

use heddle_ipc::Member;
use heddle_ipc::sync::{AccessError, Address, Array, AttachError, LockError, TryLockError, Value};
use heddle_primitives::sync::thread;

use super::{kill, panics_in_a_fork, storm, workers};

type Numbers = Array<u64>;

fn attach(array: Address<Numbers>) -> Numbers {
    Array::attach(array).expect("its maker lives")
}

/// Adds one to each, after making all alike if somebody died over it.
fn add(array: &Numbers) {
    let mut numbers = array.lock().unwrap_or_else(|error| {
        let mut numbers = error.into_guard().expect("everybody repairs");
        let first = numbers[0];
        numbers.fill(first);
        numbers.mark_consistent();
        numbers
    });
    let first = numbers[0];
    assert!(numbers.iter().all(|&n| n == first), "half done without a word of it");
    numbers.iter_mut().for_each(|n| *n += 1);
}

fn hold(array: Address<Numbers>) -> u64 {
    let array = attach(array);
    core::mem::forget(array.lock());
    core::mem::forget(array);
    0
}

#[test]
fn counts_between_processes() {
    let array = Array::new(&[0_u64; 100]).unwrap();
    let workers = workers(2);
    fn count(array: Address<Numbers>) -> u64 {
        let array = attach(array);
        (0..2_000).for_each(|_| add(&array));
        array.len() as u64
    }
    let tickets = [0, 1].map(|rank| workers.submit(rank, count, array.address()).unwrap());
    for ticket in tickets {
        assert_eq!(ticket.wait(None), Ok(100));
    }
    assert_eq!(*array.lock().unwrap(), [4_000; 100]);
    assert_eq!(array.get(99), Ok(4_000));
    array.set(99, 1).unwrap();
    assert_eq!(array.get(99), Ok(1));
    assert_eq!(array.get(100), Err(AccessError::OutOfBounds { at: 100, len: 100 }));
    assert_eq!(array.set(100, 1), Err(AccessError::OutOfBounds { at: 100, len: 100 }));
}

#[test]
fn no_elements() {
    let array = Array::<u64>::new(&[]).unwrap();
    assert!(array.is_empty() && array.lock().unwrap().is_empty());
    assert_eq!(array.get(0), Err(AccessError::OutOfBounds { at: 0, len: 0 }));
    assert!(attach(array.address()).is_empty());
}

#[test]
fn no_room_for_it() {
    let member = Member::create("small", 1 << 10).unwrap();
    assert!(Array::new_in(&member, &[0_u64; 1_000]).is_err());
    assert!(Array::new_in(&member, &[0_u64; 10]).is_ok());
}

#[test]
fn elements_one_by_one_wait_for_who_repairs() {
    let array = Array::new(&[0_u64; 3]).unwrap();
    let workers = workers(1);
    workers.call(0, hold, array.address()).unwrap();
    assert!(matches!(array.try_lock(), Err(TryLockError::Busy)));
    let start = Instant::now();
    assert!(matches!(array.try_lock_for(Duration::from_millis(20)), Err(TryLockError::Busy)));
    assert!(start.elapsed() >= Duration::from_millis(20));
    let waits = thread::spawn({
        let array = array.clone();
        move || assert_eq!(array.get(0), Err(AccessError::OwnerDied))
    });
    std::thread::sleep(Duration::from_millis(10));
    kill(&workers, 0);
    waits.join().unwrap();
    // As often as it is tried, and the news is left for who can repair.
    assert_eq!(array.set(0, 7), Err(AccessError::OwnerDied));
    let Err(LockError::OwnerDied(mut numbers)) = array.lock() else { panic!("nobody has repaired it") };
    assert!(numbers.is_inconsistent() && numbers[0] == 0);
    numbers.mark_consistent();
    drop(numbers);
    assert_eq!(array.get(0), Ok(0));
}

#[test]
fn nobody_repairs() {
    let array = Array::new(&[0_u64; 3]).unwrap();
    let workers = workers(1);
    workers.call(0, hold, array.address()).unwrap();
    kill(&workers, 0);
    drop(array.lock());
    assert!(matches!(array.lock(), Err(LockError::Unrecoverable)));
    assert!(matches!(array.try_lock(), Err(TryLockError::Unrecoverable)));
    assert_eq!(array.get(0), Err(AccessError::OwnerDied));
}

#[test]
fn a_storm_of_deaths() {
    let array = Array::new(&[0_u64; 100]).unwrap();
    fn turn(array: Address<Numbers>) -> u64 {
        let array = attach(array);
        loop {
            add(&array);
        }
    }
    storm(turn, array.address(), || add(&array));
}

#[test]
fn a_forked_child_is_refused() {
    let array = Array::new(&[0_u64; 3]).unwrap();
    let workers = workers(1);
    fn fork(array: Address<Numbers>) -> u64 {
        let array = attach(array);
        u64::from(panics_in_a_fork(|| array.set(0, 2).unwrap()))
    }
    assert_eq!(workers.call(0, fork, array.address()), Ok(1));
    assert_eq!(array.get(0), Ok(0));
}

#[test]
fn an_address_of_something_else_is_refused() {
    let array = Array::new(&[0_u64; 3]).unwrap();
    let other: Address<Array<u32>> = zerocopy::transmute!(array.address());
    assert!(matches!(Array::attach(other), Err(AttachError::Type { .. })));
    let other: Address<Value<u64>> = zerocopy::transmute!(array.address());
    assert!(matches!(Value::attach(other), Err(AttachError::Type { .. })));
}
