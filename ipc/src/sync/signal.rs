//! How one side tells the other that it is worth a look.

use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::sync::fence;
use heddle_primitives::{Futex, Shared};

use super::nap::{Slept, Wait};

/// Somebody may sleep, and wants to be woken.
const WAITERS: u32 = 1;
/// One announcement.
const ANNOUNCED: u32 = 2;

/// A word on which waiters sleep: announcements so far, wrapping, and whether somebody waits for the next.
///
/// Who changes what is waited for calls [`announce`](Signal::announce) afterwards; who waits calls [`prepare`](Signal::prepare), looks once more,
/// and only then sleeps. Both have a fence between their write and their look, so at least one of the two sees the other.
/// All sleepers are woken: one alone might die, or want something else.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Signal {
    futex: Futex<Shared>,
}

impl Signal {
    pub(crate) fn new() -> Signal {
        Signal { futex: Futex::new_in(0) }
    }

    /// Says that what is waited for has changed, if somebody waits.
    #[inline]
    pub(crate) fn announce(&self) {
        // ORDERING: SeqCst: between the caller's change and the look for waiters; `prepare` has one between its flag and the
        // caller's look. With less, each might miss the other.
        fence(Ordering::SeqCst);
        // ORDERING: Relaxed: see the fence.
        let word = self.futex.word().load(Ordering::Relaxed);
        if word & WAITERS != 0 {
            self.wake(word);
        }
    }

    #[cold]
    fn wake(&self, mut word: u32) {
        let address = self.futex.address();
        while word & WAITERS != 0 {
            let announced = (word & !WAITERS).wrapping_add(ANNOUNCED);
            // ORDERING: Relaxed, both: what was changed is seen by the look that follows a sleep, through its own orderings.
            match self.futex.word().compare_exchange(word, announced, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    address.wake_all();
                    return;
                }
                Err(now) => word = now,
            }
        }
    }

    /// Asks to be woken; the caller looks once more before it sleeps with what this returns.
    pub(crate) fn prepare(&self) -> u32 {
        // ORDERING: Relaxed: see the fence.
        let ticket = self.futex.word().fetch_or(WAITERS, Ordering::Relaxed) | WAITERS;
        // ORDERING: SeqCst: between the flag and the caller's look; see `announce`.
        fence(Ordering::SeqCst);
        ticket
    }

    /// Sleeps until the next announcement after [`prepare`](Signal::prepare), for a while at most.
    pub(crate) fn sleep(&self, wait: &mut Wait, ticket: u32) -> Slept {
        wait.sleep(&self.futex, ticket)
    }
}
