//! The pool's place to sleep, with bugs.

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SleepBug {
    None,
    /// The look may come before the registration.
    SleeperWithoutFence,
    /// The look at the sleepers may come before what was put into the queue.
    WakerWithoutFence,
    /// The number to sleep on is read after the look.
    ReadsWakesLate,
}

/// One sleeper, one waker, one thing.
pub fn small_sleep(bug: SleepBug) {
    let shared = Arc::new((AtomicU32::new(0), AtomicU32::new(0), Futex::new(0)));
    team(2, &shared, move |(pile, sleepers, wakes), n| {
        if n == 0 {
            pile.store(1, Ordering::Release);
            if bug != SleepBug::WakerWithoutFence {
                fence(Ordering::SeqCst);
            }
            if sleepers.load(Ordering::Relaxed) > 0 {
                wakes.word().fetch_add(1, Ordering::Relaxed);
                wakes.wake_one();
            }
            return;
        }
        loop {
            let mut before = wakes.word().load(Ordering::Relaxed);
            sleepers.fetch_add(1, Ordering::Release);
            if bug != SleepBug::SleeperWithoutFence {
                fence(Ordering::SeqCst);
            }
            if pile.load(Ordering::Acquire) == 1 {
                break;
            }
            if bug == SleepBug::ReadsWakesLate {
                before = wakes.word().load(Ordering::Relaxed);
            }
            wakes.wait(before, None);
            sleepers.fetch_sub(1, Ordering::Relaxed);
        }
    });
}
