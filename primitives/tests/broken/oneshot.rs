//! The channel for one value.

use crate::scenarios::{Plain, team};
use heddle_primitives::Futex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::Ordering;

/// How the sender leaves.
#[derive(Debug, Clone, Copy)]
pub enum Leave {
    /// One exchange; AcqRel where it is right.
    ByExchange(Ordering),
    /// Looks for a sleeper before it says that the value is there.
    LooksFirst,
}

/// A value and its state: 0 empty, 1 the receiver sleeps, 2 sent.
pub fn small_oneshot(leave: Leave) {
    let shared = Arc::new((Futex::new(0), Plain::new()));
    team(2, &shared, move |(state, value), n| {
        let word = state.word();
        if n == 0 {
            value.set(7);
            let found = match leave {
                Leave::ByExchange(order) => word.swap(2, order),
                Leave::LooksFirst => {
                    let found = word.load(Ordering::Acquire);
                    word.swap(2, Ordering::AcqRel);
                    found
                }
            };
            if found == 1 {
                state.wake_one();
            }
        } else {
            while word.load(Ordering::Acquire) != 2 {
                if word.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed) != Err(2) {
                    state.wait(1, None);
                }
            }
            assert_eq!(value.get(), 7);
        }
    });
}
