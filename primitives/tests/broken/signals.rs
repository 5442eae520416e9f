//! A semaphore, a parker and a once with one bug each.

use crate::scenarios::{Plain, team};
use heddle_primitives::Futex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SemaphoreBug {
    None,
    /// Gives back without Release.
    RelaxedRelease,
    /// Takes with Release and gives back with Acquire.
    Inverted,
    /// A thread that has slept takes its permit as if nobody else slept.
    ForgetsSleepers,
    /// A thread that has slept does not wake the next although permits are left.
    ForgetsPermits,
}

/// Bit 0: somebody may sleep; above it permits.
struct SmallSemaphore {
    futex: Futex,
    bug: SemaphoreBug,
}

impl SmallSemaphore {
    fn acquire(&self) {
        let word = self.futex.word();
        let order = if self.bug == SemaphoreBug::Inverted { Ordering::Release } else { Ordering::Acquire };
        let mut slept = 0;
        loop {
            let seen = word.load(Ordering::Relaxed);
            if seen >= 2 {
                let next = (seen - 2) | slept;
                if word.compare_exchange(seen, next, order, Ordering::Relaxed).is_ok() {
                    if slept != 0 && next >= 2 && self.bug != SemaphoreBug::ForgetsPermits {
                        self.futex.wake_one();
                    }
                    return;
                }
            } else if seen == 1 || word.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                self.futex.wait(1, None);
                slept = u32::from(self.bug != SemaphoreBug::ForgetsSleepers);
            }
        }
    }

    fn release(&self) {
        let word = self.futex.word();
        let order = match self.bug {
            SemaphoreBug::RelaxedRelease => Ordering::Relaxed,
            SemaphoreBug::Inverted => Ordering::Acquire,
            _ => Ordering::Release,
        };
        loop {
            let seen = word.load(Ordering::Relaxed);
            if word.compare_exchange(seen, (seen & !1) + 2, order, Ordering::Relaxed).is_ok() {
                if seen & 1 != 0 {
                    self.futex.wake_one();
                }
                return;
            }
        }
    }
}

/// One gives a permit to each of the others.
pub fn small_semaphore(bug: SemaphoreBug, takers: u32) {
    let shared = Arc::new((SmallSemaphore { futex: Futex::new(0), bug }, Plain::new()));
    team(takers + 1, &shared, move |(semaphore, data), n| {
        if n == 0 {
            data.set(7);
            (0..takers).for_each(|_| semaphore.release());
        } else {
            semaphore.acquire();
            assert_eq!(data.get(), 7);
        }
    });
}

/// rust #53366: `unpark` publishes with a store, or leaves it out where the token is there already.
pub fn small_parker(leaves_out: bool) {
    let shared = Arc::new((Futex::new(0), AtomicU32::new(0)));
    team(3, &shared, move |(token, work), n| {
        let word = token.word();
        if n != 0 {
            work.fetch_or(n, Ordering::Relaxed);
            if !leaves_out || word.compare_exchange(1, 1, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                word.swap(1, Ordering::Release);
                token.wake_one();
            }
            return;
        }
        while work.load(Ordering::Relaxed) != 3 {
            while word.compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed).is_err() {
                token.wait(0, None);
            }
        }
    });
}

/// `complete` is Release where it is right.
pub fn small_once(complete: Ordering) {
    let shared = Arc::new((Futex::new(0), Plain::new()));
    team(2, &shared, move |(once, data), _| {
        let word = once.word();
        if word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            data.set(7);
            word.swap(2, complete);
            once.wake_all();
        }
        while word.load(Ordering::Acquire) != 2 {
            once.wait(1, None);
        }
        assert_eq!(data.get(), 7);
    });
}
