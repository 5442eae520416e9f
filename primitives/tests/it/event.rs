//! Event.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

#[test]
fn event_releases_and_times_out() {
    let event = Event::new();
    assert!(!event.wait_for(TICK));
    thread::scope(|s| {
        let waiters: Vec<_> = (0..3).map(|_| s.spawn(|| event.wait())).collect();
        thread::sleep(TICK);
        event.set();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    assert!(event.is_set());
    event.clear();
    assert!(!event.wait_until(Instant::now()));
}

#[test]
fn a_pulse_releases_who_waits_now() {
    let event = Event::new();
    let waiting = AtomicU32::new(0);
    thread::scope(|s| {
        s.spawn(|| {
            waiting.store(1, Ordering::Relaxed);
            event.wait();
        });
        while waiting.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        thread::sleep(TICK);
        event.set();
        event.clear();
    });
}

#[derive(Debug, Clone, Copy)]
enum EventOp {
    Set,
    Clear,
    Test,
}

proptest! {
    #[test]
    fn event_is_a_flag(ops in prop::collection::vec(
        prop_oneof![Just(EventOp::Set), Just(EventOp::Clear), Just(EventOp::Test)], 0..50)
    ) {
        let (event, mut model) = (Event::new(), false);
        for op in ops {
            match op {
                EventOp::Set => { event.set(); model = true }
                EventOp::Clear => { event.clear(); model = false }
                EventOp::Test => prop_assert_eq!(event.wait_until(Instant::now()), model),
            }
            prop_assert_eq!(event.is_set(), model);
        }
    }
}

#[test]
fn event_hands_work_over() {
    let (event, work) = (Event::new(), AtomicU64::new(0));
    thread::scope(|s| {
        for _ in 0..THREADS {
            s.spawn(|| {
                for _ in 0..2_000 {
                    work.fetch_add(1, Ordering::Relaxed);
                    event.set();
                }
            });
        }
        while work.load(Ordering::Relaxed) < THREADS * 2_000 {
            assert!(event.wait_for(Duration::from_secs(20)), "a set was lost");
            event.clear();
        }
    });
}

#[test]
fn r05_set_touches_nothing_after_the_release() {
    for round in 0..2_000 {
        let page = Page::map();
        let event = page.get::<Event>();
        thread::scope(|s| {
            s.spawn(|| {
                page.get::<Event>().wait();
                page.unmap();
            });
            if round % 20 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            event.set();
        });
    }
}
