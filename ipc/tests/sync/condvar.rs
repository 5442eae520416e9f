use std::time::{Duration, Instant};

use heddle_ipc::sync::{Address, AttachError, Condvar, LockError, Mutex, Once};
use heddle_primitives::sync::thread;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{kill, storm, workers};

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Mailbox {
    letters: Address<Mutex<u64>>,
    arrived: Address<Condvar>,
}

impl Mailbox {
    fn attach(self) -> (Mutex<u64>, Condvar) {
        let letters = Mutex::attach(self.letters).expect("its maker lives");
        (letters, Condvar::attach(self.arrived).expect("its maker lives"))
    }
}

fn mailbox() -> (Mutex<u64>, Condvar, Mailbox) {
    let (letters, arrived) = (Mutex::new(0).unwrap(), Condvar::new().unwrap());
    let addresses = Mailbox { letters: letters.address(), arrived: arrived.address() };
    (letters, arrived, addresses)
}

/// Takes so many letters as there come in turn.
fn take(mailbox: Mailbox) -> u64 {
    let (letters, arrived) = mailbox.attach();
    for _ in 0..500 {
        let mut waiting = arrived.wait_while(letters.lock().unwrap(), |letters| *letters == 0).unwrap();
        *waiting -= 1;
    }
    500
}

#[test]
fn each_letter_is_taken_once() {
    let (letters, arrived, addresses) = mailbox();
    let workers = workers(2);
    let tickets = [0, 1].map(|rank| workers.submit(rank, take, addresses).unwrap());
    for n in 0..1_000 {
        *letters.lock().unwrap() += 1;
        if n % 2 == 0 { arrived.notify_one() } else { arrived.notify_all() }
    }
    for ticket in tickets {
        assert_eq!(ticket.wait(None), Ok(500));
    }
    assert_eq!(*letters.lock().unwrap(), 0);
}

/// The notifier has changed the condition, and is killed before it has told anybody.
#[test]
fn a_notifier_that_dies_delays_and_no_more() {
    let (letters, arrived, addresses) = mailbox();
    let workers = workers(1);
    fn forgets(mailbox: Mailbox) -> u64 {
        let (letters, arrived) = mailbox.attach();
        *letters.lock().unwrap() += 1;
        core::mem::forget((letters, arrived));
        0
    }
    let (ready, is_ready) = std::sync::mpsc::channel();
    let waits = thread::spawn({
        let (letters, arrived) = (letters.clone(), arrived.clone());
        move || {
            let guard = letters.lock().unwrap();
            ready.send(()).unwrap();
            *arrived.wait_while(guard, |letters| *letters == 0).unwrap()
        }
    });
    is_ready.recv().unwrap();
    workers.call(0, forgets, addresses).unwrap();
    kill(&workers, 0);
    assert_eq!(waits.join().unwrap(), 1);
}

/// It dies with the mutex: the waiter is told.
#[test]
fn a_notifier_that_dies_with_the_mutex() {
    let (letters, arrived, addresses) = mailbox();
    let workers = workers(1);
    fn dies(mailbox: Mailbox) -> u64 {
        let (letters, arrived) = mailbox.attach();
        core::mem::forget(letters.lock().unwrap());
        arrived.notify_one();
        core::mem::forget((letters, arrived));
        0
    }
    let (ready, is_ready) = std::sync::mpsc::channel();
    let waits = thread::spawn({
        let (letters, arrived) = (letters.clone(), arrived.clone());
        move || {
            let guard = letters.lock().unwrap();
            ready.send(()).unwrap();
            matches!(arrived.wait(guard), Err(LockError::OwnerDied(_)))
        }
    });
    is_ready.recv().unwrap();
    workers.call(0, dies, addresses).unwrap();
    kill(&workers, 0);
    assert!(waits.join().unwrap());
}

#[test]
fn gives_up_in_time() {
    let (letters, arrived, _) = mailbox();
    let start = Instant::now();
    let (guard, waited) = arrived.wait_for(letters.lock().unwrap(), Duration::from_millis(20));
    assert!(waited.timed_out() && start.elapsed() >= Duration::from_millis(20));
    let (guard, waited) = arrived.wait_until(guard.unwrap(), start);
    assert!(waited.timed_out() && *guard.unwrap() == 0);
}

/// Waiters and notifiers that are killed at any moment.
#[test]
fn a_storm_of_deaths() {
    let (letters, arrived, addresses) = mailbox();
    fn turn(mailbox: Mailbox) -> u64 {
        let (letters, arrived) = mailbox.attach();
        loop {
            let mut guard = letters.lock().unwrap_or_else(repair);
            *guard += 1;
            drop(guard);
            arrived.notify_one();
            let guard = letters.lock().unwrap_or_else(repair);
            let (guard, _) = arrived.wait_for(guard, Duration::from_micros(100));
            drop(guard.unwrap_or_else(repair));
        }
    }
    fn repair<G: Repair>(error: LockError<G>) -> G {
        error.into_guard().expect("everybody repairs").repaired()
    }
    storm(turn, addresses, || {
        let mut guard = letters.lock().unwrap_or_else(repair);
        let before = *guard;
        let start = Instant::now();
        // The one that lives goes on.
        while *guard == before {
            assert!(start.elapsed() < super::NOTICED, "nobody notifies");
            guard = arrived.wait(guard).unwrap_or_else(repair);
        }
    });
}

trait Repair {
    fn repaired(self) -> Self;
}

impl<T> Repair for heddle_ipc::sync::MutexGuard<'_, T> {
    fn repaired(mut self) -> Self {
        self.mark_consistent();
        self
    }
}

#[test]
fn an_address_of_something_else_is_refused() {
    let condvar = Condvar::new().unwrap();
    let other: Address<Once> = zerocopy::transmute!(condvar.address());
    assert!(matches!(Once::attach(other), Err(AttachError::Type { .. })));
}
