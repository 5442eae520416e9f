//! The queue between two.

use crate::scenarios::{Plain, team};
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};

/// Two slots that are published at once: after both are written where it is right, after the first otherwise.
pub fn chunk(early: bool) {
    let shared = Arc::new(([Plain::new(), Plain::new()], AtomicU32::new(0)));
    team(2, &shared, move |(slots, tail), n| {
        if n == 0 {
            slots[0].set(1);
            if early {
                tail.store(2, Ordering::Release);
            }
            slots[1].set(2);
            if !early {
                tail.store(2, Ordering::Release);
            }
        } else if tail.load(Ordering::Acquire) == 2 {
            assert_eq!((slots[0].get(), slots[1].get()), (1, 2));
        }
    });
}
