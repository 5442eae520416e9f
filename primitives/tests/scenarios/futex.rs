//! The futex itself.

use super::team;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::{Futex, WaitOutcome};

/// A wake after the change is never lost, and the number of the woken is right.
pub fn futex_wakes() {
    let shared = Arc::new((Futex::new(0), AtomicU32::new(0)));
    team(2, &shared, |(futex, woken), n| {
        if n == 0 {
            futex.word().swap(1, Ordering::Release);
            woken.fetch_add(futex.wake_all(), Ordering::Relaxed);
        } else {
            while futex.word().load(Ordering::Acquire) == 0 {
                assert_ne!(futex.wait(0, None), WaitOutcome::TimedOut);
            }
        }
    });
    assert!(shared.1.load(Ordering::Relaxed) <= 1);
}
