//! Peterson's lock for two, written for a machine whose memory keeps the order of stores and loads: without fences each may look at
//! the other's flag before its own is visible, and both enter.
//!
//! loom finds it. shuttle cannot: it knows no fences, and all its atomics are as if there were one after each.

use crate::scenarios::{Plain, team};
use heddle_primitives::sync::atomic::AtomicU32;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use heddle_primitives::sync::{Arc, fence, hint};

struct Peterson {
    wants: [AtomicU32; 2],
    yields: AtomicU32,
    count: Plain,
}

pub fn peterson(broken: bool) {
    let full_fence = move || {
        if !broken {
            fence(SeqCst);
        }
    };
    let shared = Arc::new(Peterson {
        wants: [AtomicU32::new(0), AtomicU32::new(0)],
        yields: AtomicU32::new(0),
        count: Plain::new(),
    });
    team(2, &shared, move |shared, me| {
        let (mine, others) = (&shared.wants[me as usize], &shared.wants[1 - me as usize]);
        mine.store(1, Relaxed);
        full_fence();
        shared.yields.store(me, Relaxed);
        full_fence();
        while others.load(Acquire) == 1 && shared.yields.load(Acquire) == me {
            hint::spin_loop();
        }
        shared.count.set(shared.count.get() + 1);
        mine.store(0, Release);
    });
    assert_eq!(shared.count.get(), 2);
}
