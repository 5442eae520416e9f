//! How far an end stays behind the other.

use std::time::Duration;

/// How long to let messages, or room for them, gather: as long as it takes to send or receive a hundred small ones.
const LINGER: Duration = Duration::from_nanos(400);
/// Fewer messages than these are few.
const FEW: u32 = 64;
/// How many times few messages must be found after a wait that was in vain.
const DISAPPOINTED: i32 = -16;

/// Whether the producer works at the same time, as seen from how many messages the consumer finds at a time.
///
/// A consumer on the producer's heels takes the cache line that the producer writes from it, message for message: about 30 ns each, where
/// ends that are hundreds of messages apart need a few. Nothing takes a pair from the first mode to the second but chance. So a
/// consumer that has found a few messages, but more than one, and then none lets [`LINGER`] pass and looks once more. Whoever finds one
/// at a time, as in questions and answers, never waits.
#[derive(Debug)]
pub(super) struct Pace {
    /// Messages since there was none.
    run: u32,
    /// From 1 on the end lingers.
    looks: i32,
    /// Whether it has, and what it is good for is not known yet.
    lingered: bool,
}

impl Pace {
    pub(super) const fn new() -> Pace {
        Pace { run: 0, looks: 0, lingered: false }
    }

    /// There was a message.
    #[inline(always)]
    pub(super) fn found(&mut self) {
        self.run = self.run.wrapping_add(1);
    }

    /// There is none; waits and returns true if another look is due.
    #[inline]
    pub(super) fn lingers(&mut self) -> bool {
        if self.run == 0 {
            if self.lingered {
                self.looks = DISAPPOINTED;
                self.lingered = false;
            }
            return false;
        }
        let run = core::mem::take(&mut self.run);
        self.lingered = false;
        if run == 1 || run >= FEW {
            return false;
        }
        if self.looks < 1 {
            self.looks += 1;
            return false;
        }
        self.lingered = true;
        linger();
        true
    }
}

/// Under the checkers time does not pass; the look after it is like any other.
#[cold]
#[inline(never)]
pub(super) fn linger() {
    if cfg!(not(any(heddle_loom, heddle_shuttle))) {
        let until = std::time::Instant::now() + LINGER;
        while std::time::Instant::now() < until {
            heddle_primitives::sync::hint::spin_loop();
        }
    }
}
