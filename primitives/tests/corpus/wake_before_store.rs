//! The lost wake-up, first kind: the wake comes before the change that it announces. The sleeper looks in between, and sleeps on.
//!
//! loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::Futex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Release};

pub fn wake_before_store(broken: bool) {
    let ready = Arc::new(Futex::new(0));
    team(2, &ready, move |ready, n| {
        if n == 0 {
            while ready.word().load(Acquire) == 0 {
                ready.wait(0, None);
            }
        } else if broken {
            ready.wake_one();
            ready.word().store(1, Release);
        } else {
            ready.word().store(1, Release);
            ready.wake_one();
        }
    });
}
