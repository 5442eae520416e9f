//! The event: set or not, whoever dies over it, and nobody is stranded.

use crate::*;
use heddle_ipc::model::Peer;
use heddle_ipc::sync::Event;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;
use std::time::Duration;

#[test]
fn set_and_cleared() {
    complete("event, set and cleared", 77).spurious(2).check(|| {
        let peer = Peer::alone();
        let event = Event::new_in(&peer);
        let data = Arc::new(AtomicU32::new(0));
        let other = thread::spawn({
            let (event, data) = (event.seen_by(&peer.joins()), data.clone());
            move || {
                data.store(1, Ordering::Relaxed);
                event.set();
            }
        });
        event.wait();
        assert_eq!(data.load(Ordering::Relaxed), 1);
        event.clear();
        assert!(!event.is_set() && !event.wait_for(Duration::ZERO));
        other.join().unwrap();
    });
}

/// Who sets it dies before any of its operations, and another sets it again: the waiter goes on.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_setter_dies_at_any_operation() {
    let scenario = |step| Scenario::new(format!("event, setter dies at {step}"));
    dies_at_each(scenario, &[97, 188, 188], |step| {
        let peer = Peer::alone();
        let event = Event::new_in(&peer);
        let dying = peer.joins();
        let victim = thread::spawn({
            let event = event.seen_by(&dying);
            move || {
                let lived = dying.dies_at(step, || event.set()).is_some();
                event.set();
                lived
            }
        });
        event.wait();
        victim.join().unwrap()
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_waiter_dies_at_any_operation() {
    for step in 0..8 {
        let name = format!("event, waiter dies at {step}");
        bounded(&name, 2, 50).schedules(200).check(move || {
            let peer = Peer::alone();
            let event = Event::new_in(&peer);
            let dying = peer.joins();
            let victim = thread::spawn({
                let event = event.seen_by(&dying);
                move || {
                    dying.dies_at(step, || event.wait());
                }
            });
            let other = thread::spawn({
                let event = event.seen_by(&peer.joins());
                move || event.wait()
            });
            event.set();
            victim.join().unwrap();
            other.join().unwrap();
            assert!(event.is_set());
        });
    }
}
