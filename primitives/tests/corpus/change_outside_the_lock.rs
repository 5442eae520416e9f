//! A condition that is changed without the lock: the waiter has looked and not yet gone to sleep when the notification comes.
//!
//! That the flag is atomic does not help. loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::AtomicU32;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Release};
use heddle_primitives::{Condvar, Mutex};

pub fn change_outside_the_lock(broken: bool) {
    let shared = Arc::new((Mutex::new(()), Condvar::new(), AtomicU32::new(0)));
    team(2, &shared, move |(lock, changed, ready), n| {
        if n == 0 {
            let guard = (!broken).then(|| lock.lock());
            ready.store(1, Release);
            drop(guard);
            changed.notify_one();
        } else {
            let mut guard = lock.lock();
            while ready.load(Acquire) == 0 {
                changed.wait(&mut guard);
            }
        }
    });
}
