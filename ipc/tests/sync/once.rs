use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use heddle_ipc::sync::{Address, AttachError, Event, Once, Value};
use heddle_primitives::sync::thread;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{kill, storm, workers};

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Work {
    once: Address<Once>,
    done: Address<Value<u64>>,
}

/// Does it, if it is to be done.
fn call(work: Work) -> u64 {
    let once = Once::attach(work.once).expect("its maker lives");
    let done = Value::attach(work.done).expect("its maker lives");
    once.call_once(|| {
        done.update(|done| done + 1);
    });
    done.get()
}

#[test]
fn done_by_one_of_several() {
    let (once, done) = (Once::new().unwrap(), Value::new(0).unwrap());
    let workers = workers(2);
    let work = Work { once: once.address(), done: done.address() };
    let tickets = [0, 1].map(|rank| workers.submit(rank, call, work).unwrap());
    once.call_once(|| {
        done.update(|done| done + 1);
    });
    for ticket in tickets {
        assert_eq!(ticket.wait(None), Ok(1));
    }
    assert!(once.is_completed() && done.get() == 1);
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Half {
    once: Address<Once>,
    begun: Address<Event>,
}

/// Begins, and never ends.
fn for_ever(work: Half) -> u64 {
    let once = Once::attach(work.once).expect("its maker lives");
    let begun = Event::attach(work.begun).expect("its maker lives");
    once.call_once_force(|state| {
        assert!(!state.is_after_death(), "nobody has died");
        begun.set();
        std::thread::sleep(Duration::from_secs(30));
    });
    0
}

#[test]
fn who_does_it_is_killed() {
    let (once, begun) = (Once::new().unwrap(), Event::new().unwrap());
    let workers = workers(1);
    let half = Half { once: once.address(), begun: begun.address() };
    drop(workers.submit(0, for_ever, half).unwrap());
    begun.wait();
    let waits = thread::spawn({
        let once = once.clone();
        move || once.call_once_force(|state| assert!(state.is_after_death()))
    });
    std::thread::sleep(Duration::from_millis(10));
    assert!(!once.is_completed());
    kill(&workers, 0);
    waits.join().unwrap();
    once.call_once(|| panic!("it is done"));
}

/// A panic leaves it to be done; that somebody died before is not forgotten over it.
#[test]
fn a_panic_gives_it_up() {
    let (once, begun) = (Once::new().unwrap(), Event::new().unwrap());
    let panics = || {
        let call = || once.call_once(|| panic!("on purpose"));
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        assert!(!once.is_completed());
    };
    panics();
    let workers = workers(1);
    let half = Half { once: once.address(), begun: begun.address() };
    drop(workers.submit(0, for_ever, half).unwrap());
    begun.wait();
    kill(&workers, 0);
    panics();
    once.call_once_force(|state| assert!(state.is_after_death()));
    assert!(once.is_completed());
}

/// Whoever does it is killed at any moment: it is done in the end.
#[test]
fn a_storm_of_deaths() {
    let (once, done) = (Once::new().unwrap(), Value::new(0).unwrap());
    let work = Work { once: once.address(), done: done.address() };
    storm(call, work, || {
        once.call_once(|| {
            done.update(|done| done + 1);
        });
        assert!(once.is_completed() && done.get() > 0);
    });
}

#[test]
fn an_address_of_something_else_is_refused() {
    let once = Once::new().unwrap();
    let other: Address<Event> = zerocopy::transmute!(once.address());
    assert!(matches!(Event::attach(other), Err(AttachError::Type { .. })));
}
