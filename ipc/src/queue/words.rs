//! What lies in memory for each queue, whatever its items.

use heddle_primitives::CachePadded;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};

use super::cells::Ends;
use crate::peers::Attendance;
use crate::sync::signal::Signal;

/// The queue's words beside its ring and cells.
#[repr(C)]
pub(crate) struct Words {
    pub(crate) ends: Ends,
    /// For who waits for an item.
    pub(crate) items: CachePadded<Signal>,
    /// For who waits for room, or for all to be done.
    pub(crate) room: CachePadded<Signal>,
    /// Whether nothing is to be put any more.
    closed: AtomicU32,
    /// Who has a sending end, where ends are told apart.
    pub(crate) senders: Attendance,
    /// Who has a receiving end.
    pub(crate) receivers: Attendance,
}

impl Words {
    pub(crate) fn new() -> Words {
        Words {
            ends: Ends::new(),
            items: CachePadded::new(Signal::new()),
            room: CachePadded::new(Signal::new()),
            closed: AtomicU32::new(0),
            senders: Attendance::new(),
            receivers: Attendance::new(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        // ORDERING: Acquire: pairs with the AcqRel in `close`: what was put before is seen by the look that follows.
        self.closed.load(Ordering::Acquire) != 0
    }

    pub(crate) fn close(&self) {
        // ORDERING: AcqRel: see `is_closed`.
        self.closed.swap(1, Ordering::AcqRel);
        self.items.announce();
        self.room.announce();
    }
}
