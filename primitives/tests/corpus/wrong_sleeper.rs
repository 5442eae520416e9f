//! One condition variable for two conditions, and one notification: "there is room" goes to a consumer, who sleeps on, and the
//! producer is not told.
//!
//! Repaired by notifying all. loom and shuttle find it, with two consumers.

use crate::scenarios::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::{Condvar, Mutex};

pub fn wrong_sleeper(broken: bool) {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    team(3, &shared, move |(slot, changed), n| {
        // Fills the slot, or empties it.
        let turn = |fill: bool| {
            let mut full = slot.lock();
            while *full == fill {
                changed.wait(&mut full);
            }
            *full = fill;
            if broken {
                changed.notify_one();
            } else {
                changed.notify_all();
            }
        };
        if n == 2 {
            turn(true);
            turn(true);
        } else {
            turn(false);
        }
    });
}
