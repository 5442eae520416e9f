//! Which peers do something at present, and how many of their threads.

use heddle_primitives::sync::atomic::{AtomicU32, Ordering};

use super::census::{Census, PeerId};
use super::table::SLOTS;

/// How many a cell can count.
const COUNT: u32 = (1 << 12) - 1;

/// A count for each peer, which ends with the peer. Fresh memory, all zero, counts nobody.
///
/// A cell has the count in bits 0-11, and above that the stay of the peer that counted, so that what a dead peer left is not taken
/// for its successor's in the slot.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Attendance {
    cells: [AtomicU32; SLOTS],
}

impl Attendance {
    pub(crate) fn new() -> Attendance {
        Attendance { cells: core::array::from_fn(|_| AtomicU32::new(0)) }
    }

    /// Counts one more of this peer.
    ///
    /// # Panics
    ///
    /// 4095 are counted already.
    pub(crate) fn enter(&self, me: PeerId) {
        let cell = &self.cells[me.slot()];
        // ORDERING: Relaxed: decides only what the exchange expects.
        let mut word = cell.load(Ordering::Relaxed);
        loop {
            let stay = me.stay() << 12;
            let count = if word & !COUNT == stay { word & COUNT } else { 0 };
            assert!(count < COUNT, "{count} at once in one process");
            // ORDERING: AcqRel, success: pairs with the Acquire in `is_anybody`. Relaxed, failure: look again.
            match cell.compare_exchange(word, stay | (count + 1), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Counts one less of this peer; returns whether it was the last.
    pub(crate) fn exit(&self, me: PeerId) -> bool {
        // ORDERING: Release: pairs with the Acquire in `is_anybody`: what it did is over.
        self.cells[me.slot()].fetch_sub(1, Ordering::Release) & COUNT == 1
    }

    /// Whether anybody is counted who lives, as far as is known. Costs a system call for each other peer that is.
    pub(crate) fn is_anybody(&self, census: &impl Census) -> bool {
        let me = census.me();
        self.cells.iter().enumerate().any(|(slot, cell)| {
            // ORDERING: Acquire: pairs with the Release in `exit`.
            let word = cell.load(Ordering::Acquire);
            word & COUNT != 0
                && PeerId::new(slot, word >> 12).is_some_and(|peer| peer == me || !census.is_dead(peer))
        })
    }
}
