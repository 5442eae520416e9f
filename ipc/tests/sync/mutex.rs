use std::time::{Duration, Instant};

use heddle_ipc::sync::{Address, AttachError, LockError, Mutex, TryLockError};
use heddle_primitives::sync::thread;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{kill, workers};

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Add {
    counter: Address<Mutex<u64>>,
    times: u64,
}

fn add(task: Add) -> u64 {
    let counter = Mutex::attach(task.counter).expect("its maker lives");
    for _ in 0..task.times {
        *counter.lock().expect("nobody dies") += 1;
    }
    task.times
}

/// Leaves the mutex locked, as whoever dies does.
fn hold(counter: Address<Mutex<u64>>) -> u64 {
    let counter = Mutex::attach(counter).expect("its maker lives");
    let mut guard = counter.lock().expect("nobody died");
    *guard += 1;
    core::mem::forget(guard);
    // Else it would leave the segment at the task's end, which counts as a death, too.
    core::mem::forget(counter);
    1
}

#[test]
fn counts_between_processes() {
    let counter = Mutex::new(0).unwrap();
    let workers = workers(2);
    let task = Add { counter: counter.address(), times: 20_000 };
    let tickets = [workers.submit(0, add, task).unwrap(), workers.submit(1, add, task).unwrap()];
    for _ in 0..20_000 {
        *counter.lock().unwrap() += 1;
    }
    for ticket in tickets {
        ticket.wait(None).unwrap();
    }
    assert_eq!(*counter.lock().unwrap(), 60_000);
}

#[test]
fn the_next_one_learns_of_the_death_and_repairs() {
    let counter = Mutex::new(0).unwrap();
    let workers = workers(1);
    workers.call(0, hold, counter.address()).unwrap();
    assert!(matches!(counter.try_lock(), Err(TryLockError::Busy)));
    assert!(matches!(counter.try_lock_for(Duration::from_millis(5)), Err(TryLockError::Busy)));
    let waiter = thread::spawn({
        let counter = counter.clone();
        move || {
            let Err(LockError::OwnerDied(mut guard)) = counter.lock() else { panic!("the owner is dead") };
            assert!(guard.is_inconsistent() && *guard == 1);
            guard.mark_consistent();
            *guard += 1;
        }
    });
    std::thread::sleep(Duration::from_millis(20));
    kill(&workers, 0);
    waiter.join().unwrap();
    assert_eq!(*counter.lock().unwrap(), 2);
}

#[test]
fn nobody_repairs() {
    let counter = Mutex::new(0).unwrap();
    let workers = workers(1);
    workers.call(0, hold, counter.address()).unwrap();
    kill(&workers, 0);
    let Err(TryLockError::OwnerDied(guard)) = counter.try_lock() else { panic!("the owner is dead") };
    let waits = thread::spawn({
        let counter = counter.clone();
        move || assert!(matches!(counter.lock(), Err(LockError::Unrecoverable)))
    });
    std::thread::sleep(Duration::from_millis(5));
    drop(guard);
    waits.join().unwrap();
    for _ in 0..2 {
        assert!(matches!(counter.lock(), Err(LockError::Unrecoverable)));
        assert!(matches!(counter.try_lock(), Err(TryLockError::Unrecoverable)));
    }
}

#[test]
fn who_leaves_with_the_lock_counts_as_dead() {
    let counter = Mutex::new(0).unwrap();
    let workers = workers(1);
    fn leave(counter: Address<Mutex<u64>>) -> u64 {
        let counter = Mutex::attach(counter).expect("its maker lives");
        core::mem::forget(counter.lock().expect("nobody died"));
        0
    }
    workers.call(0, leave, counter.address()).unwrap();
    assert!(matches!(counter.lock(), Err(LockError::OwnerDied(_))));
}

#[test]
fn a_panic_releases() {
    let counter = Mutex::new(0).unwrap();
    let workers = workers(1);
    fn panics(counter: Address<Mutex<u64>>) -> u64 {
        let counter = Mutex::attach(counter).expect("its maker lives");
        let _guard = counter.lock().expect("nobody died");
        panic!("on purpose")
    }
    assert!(workers.call(0, panics, counter.address()).is_err());
    assert!(counter.lock().is_ok());
}

#[test]
fn threads_of_one_process_exclude_each_other() {
    let counter = Mutex::new(0_u64).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    *counter.lock().unwrap() += 1;
                }
            });
        }
    });
    assert_eq!(*counter.lock().unwrap(), 40_000);
    let guard = counter.lock().unwrap();
    let start = Instant::now();
    let late = thread::scope(|scope| {
        let counter = &counter;
        let wait = move || counter.try_lock_for(Duration::from_millis(30)).map(|_| ());
        scope.spawn(move || wait().map_err(|error| error.to_string())).join().unwrap()
    });
    assert_eq!(late, Err("the lock is held".to_owned()));
    assert!(start.elapsed() >= Duration::from_millis(30));
    drop(guard);
}

/// Owners that are killed at any moment, waiters too: nobody is stranded, and what was counted under the lock stays counted.
#[test]
fn a_storm_of_deaths() {
    let counter = Mutex::new([0_u64; 2]).unwrap();
    let mut workers = workers(2);
    fn storm(counter: Address<Mutex<[u64; 2]>>) -> u64 {
        let counter = Mutex::attach(counter).expect("its maker lives");
        loop {
            let mut both = counter.lock().unwrap_or_else(|error| {
                let mut both = error.into_guard().expect("always repaired");
                both[1] = both[0];
                both.mark_consistent();
                both
            });
            assert_eq!(both[0], both[1], "a half-done count without a word of it");
            both[0] += 1;
            both[1] += 1;
        }
    }
    let mut died = 0;
    for round in 0..60_u64 {
        for rank in 0..2 {
            if workers.exit(rank).is_some() {
                workers.restart(rank).unwrap();
            }
            let _ = workers.submit(rank, storm, counter.address());
        }
        std::thread::sleep(Duration::from_micros(500 + round * 37 % 2_000));
        kill(&workers, (round % 2) as usize);
        match counter.try_lock_for(super::NOTICED) {
            Ok(both) => assert_eq!(both[0], both[1]),
            Err(TryLockError::OwnerDied(mut both)) => {
                died += 1;
                both[1] = both[0];
                both.mark_consistent();
            }
            Err(error) => panic!("round {round}: {error}"),
        }
    }
    assert!(counter.lock().unwrap()[0] > 0);
    println!("{died} of 60 died as owners while the parent came next");
}

#[test]
fn an_address_of_something_else_is_refused() {
    let counter = Mutex::new(0_u64).unwrap();
    let bytes: [u8; size_of::<Address<Mutex<u64>>>()] = zerocopy::transmute!(counter.address());
    let other: Address<Mutex<i64>> = zerocopy::transmute!(bytes);
    assert!(matches!(Mutex::attach(other), Err(AttachError::Type { .. })));
    let mut outside = bytes;
    outside[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    let outside: Address<Mutex<u64>> = zerocopy::transmute!(outside);
    assert!(matches!(Mutex::attach(outside), Err(AttachError::Bounds { .. })));
    let mut gone = bytes;
    gone[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    gone[0] ^= 1;
    let gone: Address<Mutex<u64>> = zerocopy::transmute!(gone);
    assert!(matches!(Mutex::attach(gone), Err(AttachError::Join(_))));
}
