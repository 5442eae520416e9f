use std::time::{Duration, Instant};

use heddle_ipc::sync::{Address, AttachError, Event, Once, Semaphore};
use heddle_primitives::sync::thread;

use super::{kill, storm, workers};

fn set(event: Address<Event>) -> u64 {
    Event::attach(event).expect("its maker lives").set();
    0
}

fn wait(event: Address<Event>) -> u64 {
    Event::attach(event).expect("its maker lives").wait();
    7
}

#[test]
fn one_sets_and_all_go_on() {
    let event = Event::new().unwrap();
    let workers = workers(2);
    let tickets = [0, 1].map(|rank| workers.submit(rank, wait, event.address()).unwrap());
    assert!(!tickets[0].is_done() && !event.is_set());
    event.set();
    for ticket in tickets {
        assert_eq!(ticket.wait(None), Ok(7));
    }
    event.clear();
    assert!(!event.is_set());
    workers.call(0, set, event.address()).unwrap();
    event.wait();
}

#[test]
fn gives_up_in_time() {
    let event = Event::new().unwrap();
    let start = Instant::now();
    assert!(!event.wait_for(Duration::from_millis(20)));
    assert!(!event.wait_until(start + Duration::from_millis(30)));
    assert!(start.elapsed() >= Duration::from_millis(30));
    event.set();
    assert!(event.wait_for(Duration::ZERO) && event.wait_until(start));
}

#[test]
fn a_waiter_that_is_killed_takes_nothing_along() {
    let event = Event::new().unwrap();
    let workers = workers(1);
    drop(workers.submit(0, wait, event.address()).unwrap());
    let waits = thread::spawn({
        let event = event.clone();
        move || event.wait()
    });
    std::thread::sleep(Duration::from_millis(10));
    kill(&workers, 0);
    event.set();
    waits.join().unwrap();
}

/// Setters and waiters that are killed at any moment: whoever waits goes on with the next set.
#[test]
fn a_storm_of_deaths() {
    let event = Event::new().unwrap();
    fn turn(event: Address<Event>) -> u64 {
        let event = Event::attach(event).expect("its maker lives");
        loop {
            event.set();
            event.clear();
            event.wait_for(Duration::from_micros(50));
        }
    }
    storm(turn, event.address(), || assert!(event.wait_for(super::NOTICED), "nobody sets it"));
}

#[test]
fn an_address_of_something_else_is_refused() {
    let event = Event::new().unwrap();
    let other: Address<Once> = zerocopy::transmute!(event.address());
    assert!(matches!(Once::attach(other), Err(AttachError::Type { .. })));
    // Larger than the whole segment.
    let other: Address<Semaphore> = zerocopy::transmute!(event.address());
    assert!(matches!(Semaphore::attach(other), Err(AttachError::Bounds { .. })));
}
