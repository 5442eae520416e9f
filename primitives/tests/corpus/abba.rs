//! Two locks that two threads take in opposite orders: each has one and waits for the other's.
//!
//! Between threads, and between processes, whose locks lie in memory that they share. loom and shuttle find both.

use crate::scenarios::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::{Mutex, Private, Scope, Shared};

fn abba_in<S: Scope>(broken: bool) {
    let accounts = Arc::new([Mutex::<u32, S>::new_in(5), Mutex::new_in(5)]);
    team(2, &accounts, move |[a, b], n| {
        let (mut from, mut to);
        if n == 0 {
            from = a.lock();
            to = b.lock();
        } else if broken {
            from = b.lock();
            to = a.lock();
        } else {
            to = a.lock();
            from = b.lock();
        }
        *from -= 1;
        *to += 1;
    });
}

pub fn abba(broken: bool) {
    abba_in::<Private>(broken);
}

pub fn abba_between_processes(broken: bool) {
    abba_in::<Shared>(broken);
}
