//! A message beside a flag that is set without Release: who sees the flag need not see the message.
//!
//! loom finds it. shuttle cannot: the order of the steps is right, and it knows no other.

use crate::scenarios::{Plain, team};
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::AtomicU32;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, Release};

pub fn message_passing(broken: bool) {
    let shared = Arc::new((Plain::new(), AtomicU32::new(0)));
    team(2, &shared, move |(message, flag), n| {
        if n == 0 {
            message.set(7);
            flag.store(1, if broken { Relaxed } else { Release });
        } else if flag.load(Acquire) == 1 {
            assert_eq!(message.get(), 7);
        }
    });
}
