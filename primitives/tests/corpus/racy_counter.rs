//! The counter that two threads read, increment and write back: one increment is lost.
//!
//! loom and shuttle find it: an order of the steps suffices.

use crate::scenarios::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub fn racy_counter(broken: bool) {
    let count = Arc::new(AtomicU32::new(0));
    team(2, &count, move |count, _| {
        if broken {
            let seen = count.load(Relaxed);
            count.store(seen + 1, Relaxed);
        } else {
            count.fetch_add(1, Relaxed);
        }
    });
    assert_eq!(count.load(Relaxed), 2, "an increment is lost");
}
