//! Latch and WaitGroup.

use super::{Plain, team};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::{Latch, WaitGroup};
use std::time::Instant;

/// What all wrote before they counted down is seen after the wait.
pub fn latch_opens(counters: u32, waiters: u32) {
    let shared = Arc::new((Latch::new(counters), (0..counters).map(|_| Plain::new()).collect::<Vec<_>>()));
    team(counters + waiters, &shared, move |(latch, data), n| {
        if n < counters {
            data[n as usize].set(7);
            latch.count_down();
        } else {
            latch.wait();
            assert!(data.iter().all(|value| value.get() == 7));
        }
    });
    assert!(shared.0.is_open());
}

pub fn latch_times_out_or_opens() {
    let shared = Arc::new((Latch::new(1), Plain::new()));
    team(2, &shared, |(latch, data), n| {
        if n == 0 {
            data.set(7);
            assert!(latch.count_down());
        } else if latch.wait_until(Instant::now()) {
            assert_eq!(data.get(), 7);
        }
    });
}

/// An addition comes in time, or is refused because the latch is open.
pub fn latch_is_added_to() {
    let latch = Arc::new(Latch::new(1));
    team(2, &latch, |latch, n| {
        if n == 0 {
            let opened = latch.count_down();
            assert!(!opened || latch.is_open(), "what is open stays so");
        } else if latch.try_add(1) {
            assert!(!latch.is_open());
            latch.count_down();
        }
        latch.wait();
    });
}

/// All meet, and see what the others did.
pub fn latch_is_a_meeting(members: u32) {
    latch_meeting(members, Latch::arrive_and_wait);
}

fn latch_meeting(members: u32, meet: fn(&Latch)) {
    let shared = Arc::new((Latch::new(members), (0..members).map(|_| Plain::new()).collect::<Vec<_>>()));
    team(members, &shared, move |(latch, data), n| {
        data[n as usize].set(7);
        meet(latch);
        assert!(data.iter().all(|value| value.get() == 7));
    });
}

/// Members come and go; the one who waits sees what they did.
pub fn wait_group_waits(members: u32) {
    let data: Arc<Vec<_>> = Arc::new((0..members).map(|_| Plain::new()).collect());
    let group = WaitGroup::new();
    let threads: Vec<_> = (0..members)
        .map(|n| {
            let (group, data) = (group.clone(), data.clone());
            thread::spawn(move || {
                data[n as usize].set(7);
                if n == 0 {
                    drop(group);
                } else {
                    drop(group.clone());
                    group.wait();
                }
            })
        })
        .collect();
    group.wait();
    assert!(data.iter().all(|value| value.get() == 7));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
