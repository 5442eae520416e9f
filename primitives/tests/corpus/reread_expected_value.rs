//! The lost wake-up, second kind: the value to sleep on is read anew just before the sleep, not the one that was judged. If it has
//! changed meanwhile, the thread sleeps on the very change that it waits for.
//!
//! loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::Futex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, Release};

pub fn reread_expected_value(broken: bool) {
    let ready = Arc::new(Futex::new(0));
    team(2, &ready, move |ready, n| {
        if n == 0 {
            loop {
                let judged = ready.word().load(Acquire);
                if judged != 0 {
                    break;
                }
                let expected = if broken { ready.word().load(Relaxed) } else { judged };
                ready.wait(expected, None);
            }
        } else {
            ready.word().store(1, Release);
            ready.wake_one();
        }
    });
}
