//! A lock held while meeting another thread, which needs that lock before it comes.
//!
//! loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::{Mutex, channel};

pub fn rendezvous_under_lock(broken: bool) {
    let shared = Arc::new((Mutex::new(0), channel::bounded(0)));
    team(2, &shared, move |(log, (sender, receiver)), n| {
        let mut guard = log.lock();
        *guard += 1;
        if n == 1 {
            drop(guard);
            assert_eq!(receiver.recv(), Ok(7));
            return;
        }
        if !broken {
            drop(guard);
        }
        sender.send(7).unwrap();
    });
}
