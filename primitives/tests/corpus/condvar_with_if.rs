//! `if` where `while` belongs, around a condition variable: between the notification and the return another takes what the
//! waiter was woken for.
//!
//! loom and shuttle find it; no wait needs to end without cause.

use crate::scenarios::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::{Condvar, Mutex};

pub fn condvar_with_if(broken: bool) {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    team(3, &shared, move |(items, filled), n| {
        if n == 2 {
            for _ in 0..2 {
                *items.lock() += 1;
                filled.notify_one();
            }
            return;
        }
        let mut items = items.lock();
        if broken {
            if *items == 0 {
                filled.wait(&mut items);
            }
        } else {
            while *items == 0 {
                filled.wait(&mut items);
            }
        }
        assert!(*items > 0, "took what is not there");
        *items -= 1;
    });
}
