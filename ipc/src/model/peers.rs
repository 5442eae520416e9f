//! Peers that are no processes.

use core::fmt;
use std::sync::Arc;

use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
#[cfg(any(heddle_loom, heddle_shuttle))]
use heddle_primitives::verify;

use crate::peers::{Census, Entered, PeerId, SLOTS, Table};

/// The memory that peers share, and the locks on its bytes that a kernel would keep.
struct Group {
    table: Table,
    /// Which slots' bytes are locked.
    locked: [AtomicU32; SLOTS],
}

/// One process's stay: a thread that plays a process has one, or several that play one share it.
#[derive(Clone)]
pub struct Peer {
    group: Arc<Group>,
    me: PeerId,
}

impl Peer {
    /// The first peer of fresh memory.
    pub fn alone() -> Peer {
        let group = Group { table: Table::new(), locked: core::array::from_fn(|_| AtomicU32::new(0)) };
        Peer::enter(Arc::new(group)).expect("an empty table")
    }

    /// Another peer of the same memory.
    ///
    /// # Panics
    ///
    /// There is no slot.
    pub fn joins(&self) -> Peer {
        Peer::enter(Arc::clone(&self.group)).expect("few peers")
    }

    fn enter(group: Arc<Group>) -> Option<Peer> {
        for slot in 0..SLOTS {
            // ORDERING: AcqRel, Relaxed: as the kernel orders who has a lock one after the other.
            let lock = group.locked[slot].compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed);
            if lock.is_ok() {
                let Entered::As(me) = group.table.enter(slot) else { continue };
                return Some(Peer { group, me });
            }
        }
        None
    }

    /// What the kernel does once it has taken the process down, and, in a while, those who wait.
    pub fn dies(&self) {
        // ORDERING: AcqRel: pairs with the exchange in `is_dead`: what the peer did is visible to whoever finds it dead.
        self.group.locked[self.me.slot()].swap(0, Ordering::AcqRel);
        #[cfg(any(heddle_loom, heddle_shuttle))]
        verify::time_passes();
    }

    /// What a process does that ends in order.
    pub fn leaves(&self) {
        self.group.table.end(self.me);
        self.dies();
    }

    /// Runs `f` as this peer, which dies before its operation number `step`, from 0; then `None`.
    #[cfg(any(heddle_loom, heddle_shuttle))]
    pub fn dies_at<R>(&self, step: u32, f: impl FnOnce() -> R) -> Option<R> {
        let result = verify::dies_at(step, f);
        if result.is_none() {
            self.dies();
        }
        result
    }

    /// How many deaths were noticed so far.
    pub fn deaths_noticed(&self) -> u32 {
        self.deaths()
    }
}

impl Census for Peer {
    fn me(&self) -> PeerId {
        self.me
    }

    fn is_dead(&self, peer: PeerId) -> bool {
        if self.group.table.has_ended(peer) {
            return true;
        }
        // An exchange, which sees the newest value, as a system call does.
        // ORDERING: Acquire: pairs with the exchange in `dies`.
        let dead = peer != self.me
            && self.group.locked[peer.slot()]
                .compare_exchange(0, 0, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if dead {
            self.group.table.end(peer);
        }
        dead
    }

    fn noticed(&self) -> u32 {
        self.group.table.ended()
    }

    fn deaths(&self) -> u32 {
        let present: Vec<_> = self.group.table.present().collect();
        for peer in present {
            self.is_dead(peer);
        }
        self.group.table.ended()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Peer").field(&self.me).finish()
    }
}
