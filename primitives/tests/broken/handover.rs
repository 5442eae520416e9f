//! A lock that is handed over, as small as it can be.

use crate::scenarios::{Plain, team};
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::{Futex, WaitOutcome};
use std::time::Instant;

const LOCKED: u32 = 1;
const RESERVED: u32 = 2;
const WAITER: u32 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandoverBug {
    None,
    /// A waiter that gives up does not look whether the lock has just been reserved for it.
    LeavesReservation,
    /// A waiter that gives up stays counted.
    StaysCounted,
    /// The unlock reserves and wakes nobody.
    WakesNobody,
}

/// Locks; false if `patient` is not set and the lock was not to be had.
fn lock(futex: &Futex, patient: bool, bug: HandoverBug) -> bool {
    let word = futex.word();
    let mut counted = false;
    loop {
        let seen = word.load(Ordering::Relaxed);
        let exchange = |next| word.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed).is_ok();
        let reserved = seen & RESERVED != 0;
        if seen & LOCKED == 0 && (!reserved || counted) {
            let rest = if counted { seen - WAITER } else { seen };
            if exchange((rest & !RESERVED) | LOCKED) {
                return true;
            }
        } else if !counted {
            counted = exchange(seen + WAITER);
        } else if futex.wait(seen, (!patient).then(Instant::now)) == WaitOutcome::TimedOut {
            if bug == HandoverBug::StaysCounted {
                return false;
            }
            if bug == HandoverBug::LeavesReservation {
                word.fetch_sub(WAITER, Ordering::Relaxed);
                return false;
            }
            // Gives up only from a lock that is not reserved; else looks again.
            let seen = word.load(Ordering::Relaxed);
            if seen & LOCKED != 0
                && word.compare_exchange(seen, seen - WAITER, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            {
                return false;
            }
        }
    }
}

fn unlock(futex: &Futex, bug: HandoverBug) {
    let word = futex.word();
    loop {
        let seen = word.load(Ordering::Relaxed);
        let next = if seen >= WAITER { (seen & !LOCKED) | RESERVED } else { 0 };
        if word.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed).is_ok() {
            if next != 0 && bug != HandoverBug::WakesNobody {
                futex.wake_one();
            }
            return;
        }
    }
}

/// Two or three threads; the last one may give up.
pub fn small_handover(bug: HandoverBug, threads: u32) {
    let shared = Arc::new((Futex::new(0), Plain::new()));
    team(threads, &shared, move |(futex, count), n| {
        if lock(futex, n + 1 < threads, bug) {
            count.set(count.get() + 1);
            unlock(futex, bug);
        }
    });
    assert_eq!(shared.0.word().load(Ordering::Relaxed), 0, "the lock is left to nobody");
}
