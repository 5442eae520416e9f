//! How far an end stays behind the other.
//!
//! Two ends at work at the same time have two modes. If one is on the other's heels, it finds a value or two whenever it looks,
//! and both the counter and the slots' cache line cross between the cores for each of them: about 30 ns a message of 8 bytes.
//! If they are hundreds of slots apart, a line crosses once for the values in it: 3 ns. Nothing takes a pair from the first
//! mode to the second but chance, so the end that looks does: if it has found only a few values again and again, it lets
//! [`LINGER`] pass and looks once more. Whoever finds one value at a time, as in questions and answers, never waits.

use std::cell::Cell;
use std::time::Duration;

/// How long to let values gather: as long as it takes to push or pop a hundred.
const LINGER: Duration = Duration::from_nanos(400);
/// Fewer values than these are few.
const FEW: u32 = 64;
/// And fewer than the queue's capacity by this: two ends that wait for each other at either end of a small queue gain nothing.
const FEW_SHARE: u32 = 8;
/// How many times few values must be found after a wait that was in vain.
const DISAPPOINTED: i8 = -16;

/// Whether the other end works at the same time, as seen from what an end finds when it looks at the other's counter.
///
/// Below [`STREAM`](Self::STREAM) the number counts up when a look finds few values but more than one; from there on the end
/// lingers whenever it finds few.
pub(super) struct Pace(Cell<i8>);

impl Pace {
    const STREAM: i8 = 1;

    pub const fn new() -> Self {
        Self(Cell::new(0))
    }

    /// Notes that there were `n`, one or more, in a queue for `limit`; waits and returns true if another look is due.
    #[inline(always)]
    pub fn lingers(&self, n: u32, limit: u32) -> bool {
        if n >= FEW.min(limit / FEW_SHARE) {
            return false;
        }
        let looks = self.0.get();
        if looks < Self::STREAM {
            // Written only where it changes: questions and answers, the cache misses of which show everything, are spared it.
            if n != 1 {
                self.0.set(looks + 1);
            }
            return false;
        }
        linger();
        true
    }

    /// Notes what the wait was good for.
    #[inline(always)]
    pub fn lingered(&self, before: u32, after: u32) {
        if after == before {
            self.0.set(DISAPPOINTED);
        }
    }
}

/// Under the checkers time does not pass; the look after it is like any other.
#[cold]
#[inline(never)]
fn linger() {
    if cfg!(not(any(heddle_loom, heddle_shuttle))) {
        let until = std::time::Instant::now() + LINGER;
        while std::time::Instant::now() < until {
            crate::sync::hint::spin_loop();
        }
    }
}
