//! A permit given back that was never taken, as by a `finally` around a `try`: from then on there are two in a place for one.
//!
//! loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering::Relaxed};
use heddle_primitives::{Semaphore, SemaphorePermit};

pub fn semaphore_over_release(broken: bool) {
    let shared = Arc::new((Semaphore::new(1), AtomicU32::new(0)));
    team(2, &shared, move |(place, inside), n| {
        for _ in 0..=n {
            let entered = place.try_acquire().map(SemaphorePermit::forget).is_some();
            if entered {
                assert_eq!(inside.fetch_add(1, Relaxed), 0, "two in a place for one");
                inside.fetch_sub(1, Relaxed);
            }
            if entered || broken {
                place.release(1);
            }
        }
    });
}
