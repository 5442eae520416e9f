//! The futex itself.

use crate::support::*;
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use std::time::Instant;

#[test]
fn futex_wait_says_why_it_returned() {
    let futex = Futex::new(1);
    assert_eq!(futex.wait(0, None), WaitOutcome::Mismatch);
    let start = Instant::now();
    assert_eq!(futex.wait(1, soon()), WaitOutcome::TimedOut);
    assert!(start.elapsed() >= TICK);
    assert_eq!(futex.wait(1, Some(start)), WaitOutcome::TimedOut, "a deadline in the past");
}

#[test]
fn futex_wake_counts_the_woken() {
    let futex = Futex::new(0);
    assert_eq!(futex.wake_all(), 0);
    thread::scope(|s| {
        let sleepers: Vec<_> = (0..2).map(|_| s.spawn(|| futex.wait(0, None))).collect();
        let mut woken = 0;
        while woken < 2 {
            woken += futex.wake(2);
            thread::yield_now();
        }
        assert_eq!(woken, 2);
        for sleeper in sleepers {
            assert_eq!(sleeper.join().unwrap(), WaitOutcome::Woken);
        }
    });
}

#[test]
fn a_shared_futex_looks_around_without_a_wake() {
    let futex = Futex::<Shared>::new_in(0);
    assert_eq!(futex.wait(0, None), WaitOutcome::Woken);
}
