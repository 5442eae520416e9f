//! `if` where `while` belongs, around a futex: the kernel may end a sleep without cause, and the sleeper believes that it was
//! woken.
//!
//! loom and shuttle find it once sleeps may end without cause; without that there is nothing to find.

use crate::scenarios::team;
use heddle_primitives::Futex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Release};

pub fn believed_wake(broken: bool) {
    let ready = Arc::new(Futex::new(0));
    team(2, &ready, move |ready, n| {
        let is_ready = || ready.word().load(Acquire) == 1;
        if n == 1 {
            ready.word().store(1, Release);
            ready.wake_one();
        } else if broken {
            if !is_ready() {
                ready.wait(0, None);
            }
            assert!(is_ready(), "went on although nobody has come");
        } else {
            while !is_ready() {
                ready.wait(0, None);
            }
        }
    });
}
