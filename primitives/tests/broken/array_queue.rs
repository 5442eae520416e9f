//! Vyukov's queue of two slots, which may say "full" and "empty" by the slot at hand alone.

use crate::scenarios::{Plain, team};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, thread};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingBug {
    None,
    /// A slot that is not ready means full, or empty.
    TrustsTheSlot,
    /// The value is published without Release.
    RelaxedTurn,
}

const SLOTS: u32 = 2;

struct SmallRing {
    tail: AtomicU32,
    head: AtomicU32,
    turns: [AtomicU32; SLOTS as usize],
    values: [Plain; SLOTS as usize],
    bug: RingBug,
}

impl SmallRing {
    fn new(bug: RingBug) -> Self {
        Self {
            tail: AtomicU32::new(0),
            head: AtomicU32::new(0),
            turns: [AtomicU32::new(0), AtomicU32::new(1)],
            values: [Plain::new(), Plain::new()],
            bug,
        }
    }

    /// Claims the slot at `end` if its turn is `ready` after the position; false if `other` is `behind` it.
    fn claim(&self, end: &AtomicU32, ready: u32, other: &AtomicU32, behind: u32) -> Option<u32> {
        loop {
            let position = end.load(Ordering::Acquire);
            if self.turns[(position % SLOTS) as usize].load(Ordering::Acquire) == position + ready {
                if end.compare_exchange(position, position + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    return Some(position);
                }
            } else if self.bug == RingBug::TrustsTheSlot || other.load(Ordering::Acquire) + behind == position
            {
                return None;
            } else {
                thread::yield_now();
            }
        }
    }

    fn finish(&self, position: u32, turn: u32) {
        let release = if self.bug == RingBug::RelaxedTurn { Ordering::Relaxed } else { Ordering::Release };
        self.turns[(position % SLOTS) as usize].store(turn, release);
    }

    fn push(&self, value: u32) -> bool {
        let Some(position) = self.claim(&self.tail, 0, &self.head, SLOTS) else { return false };
        self.values[(position % SLOTS) as usize].set(value);
        self.finish(position, position + 1);
        true
    }

    fn pop(&self) -> Option<u32> {
        let position = self.claim(&self.head, 1, &self.tail, 0)?;
        let value = self.values[(position % SLOTS) as usize].get();
        self.finish(position, position + SLOTS);
        Some(value)
    }
}

/// Each of two threads puts a value in before it takes one out: there is always room, and always a value.
pub fn small_ring(bug: RingBug, rounds: u32) {
    team(2, &Arc::new(SmallRing::new(bug)), move |ring, n| {
        for _ in 0..rounds {
            assert!(ring.push(n + 1), "wrongly full");
            assert!(ring.pop().is_some(), "wrongly empty");
        }
    });
}
