//! Programs with one bug each, which a checker must find; without it they are right.
#![allow(dead_code, unused_imports, reason = "loom and shuttle each run a part")]

mod oneshot;
mod spsc;

pub use oneshot::*;
pub use spsc::*;
mod deque;
mod pool;

pub use deque::*;
mod condvar;
mod signals;

pub use condvar::*;
#[allow(unused_imports, reason = "for loom, since shuttle knows no fences")]
pub use pool::*;
mod handover;
mod reentrant;

pub use handover::*;
pub use reentrant::*;
mod readers;
mod sequence;
mod sharded;

pub use readers::*;
pub use sequence::*;
pub use sharded::*;
pub use signals::*;

pub mod array_queue;
pub mod channel;

use crate::scenarios::{Plain, team};
use heddle_primitives::Futex;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, fence};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    None,
    /// A thread that has slept takes the lock as if nobody else slept.
    ForgetsSleepers,
    /// The wake comes before the change that it announces.
    WakesBeforeStore,
    /// `if` for `while`: whoever was woken believes that it has the lock.
    BelievesTheWake,
    /// Sleeps on whatever the word holds by then.
    RereadsExpected,
    /// Unlocks without Release.
    RelaxedUnlock,
    /// Locks without Acquire.
    RelaxedLock,
}

/// Drepper's futex mutex, as small as it can be.
pub struct SmallLock {
    futex: Futex,
    bug: Bug,
}

impl SmallLock {
    pub fn new(bug: Bug) -> Self {
        Self { futex: Futex::new(0), bug }
    }

    pub fn lock(&self) {
        let word = self.futex.word();
        let acquire = if self.bug == Bug::RelaxedLock { Ordering::Relaxed } else { Ordering::Acquire };
        if word.compare_exchange(0, 1, acquire, Ordering::Relaxed).is_ok() {
            return;
        }
        if self.bug == Bug::ForgetsSleepers {
            loop {
                if word.compare_exchange(0, 1, acquire, Ordering::Relaxed).is_ok() {
                    return;
                }
                if word.swap(2, acquire) == 0 {
                    return;
                }
                self.futex.wait(2, None);
            }
        }
        while word.swap(2, acquire) != 0 {
            let expected = if self.bug == Bug::RereadsExpected { word.load(Ordering::Relaxed) } else { 2 };
            self.futex.wait(expected, None);
            if self.bug == Bug::BelievesTheWake {
                return;
            }
        }
    }

    pub fn unlock(&self) {
        let word = self.futex.word();
        let release = if self.bug == Bug::RelaxedUnlock { Ordering::Relaxed } else { Ordering::Release };
        if self.bug == Bug::WakesBeforeStore {
            if word.load(Ordering::Relaxed) == 2 {
                self.futex.wake_one();
            }
            word.swap(0, release);
        } else if word.swap(0, release) == 2 {
            self.futex.wake_one();
        }
    }
}

pub fn small_lock(bug: Bug, threads: u32, rounds: u32) {
    let shared = Arc::new((SmallLock::new(bug), Plain::new()));
    team(threads, &shared, move |(lock, count), _| {
        for _ in 0..rounds {
            lock.lock();
            count.set(count.get() + 1);
            lock.unlock();
        }
    });
    assert_eq!(shared.1.get(), threads * rounds);
}

/// One slot, one message: `publish` is Release where it is right.
pub fn one_slot(publish: Ordering) {
    let shared = Arc::new((Plain::new(), AtomicU32::new(0)));
    team(2, &shared, move |(slot, tail), n| {
        if n == 0 {
            slot.set(7);
            tail.store(1, publish);
        } else if tail.load(Ordering::Acquire) == 1 {
            assert_eq!(slot.get(), 7);
        }
    });
}

/// Sleeping beside a queue, with the fences or without: without them both sides may read the old value.
pub fn sleep_beside(fences: bool) {
    let shared = Arc::new((AtomicU32::new(0), Futex::new(0)));
    let order = move || {
        if fences {
            fence(Ordering::SeqCst);
        }
    };
    team(2, &shared, move |(tail, asleep), n| {
        if n == 0 {
            tail.store(1, Ordering::Release);
            order();
            if asleep.word().load(Ordering::Relaxed) == 1 {
                asleep.word().swap(0, Ordering::Relaxed);
                asleep.wake_one();
            }
        } else {
            loop {
                asleep.word().swap(1, Ordering::Relaxed);
                order();
                if tail.load(Ordering::Acquire) == 1 {
                    break;
                }
                asleep.wait(1, None);
            }
        }
    });
}
