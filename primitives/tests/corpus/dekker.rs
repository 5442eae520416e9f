//! Dekker's lock for two, the first there was, written for a machine whose memory keeps the order of stores and loads: without
//! fences each may look at the other's flag before its own is visible, and both enter.
//!
//! loom finds it. shuttle cannot: it knows no fences, and all its atomics are as if there were one after each.

use crate::scenarios::{Plain, team};
use heddle_primitives::sync::atomic::AtomicU32;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use heddle_primitives::sync::{Arc, fence, hint};

struct Dekker {
    wants: [AtomicU32; 2],
    turn: AtomicU32,
    count: Plain,
}

pub fn dekker(broken: bool) {
    let shared = Arc::new(Dekker {
        wants: [AtomicU32::new(0), AtomicU32::new(0)],
        turn: AtomicU32::new(0),
        count: Plain::new(),
    });
    team(2, &shared, move |shared, me| {
        let (mine, others) = (&shared.wants[me as usize], &shared.wants[1 - me as usize]);
        let want = || {
            mine.store(1, Relaxed);
            if !broken {
                fence(SeqCst);
            }
        };
        want();
        while others.load(Acquire) == 1 {
            if shared.turn.load(Relaxed) != me {
                mine.store(0, Relaxed);
                while shared.turn.load(Relaxed) != me {
                    hint::spin_loop();
                }
                want();
            }
            hint::spin_loop();
        }
        shared.count.set(shared.count.get() + 1);
        shared.turn.store(1 - me, Relaxed);
        mine.store(0, Release);
    });
    assert_eq!(shared.count.get(), 2);
}
