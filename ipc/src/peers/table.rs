//! The table of peers that lies in a segment.

use heddle_primitives::sync::atomic::{AtomicU32, Ordering};

use super::census::PeerId;

/// How many peers there can be at once; for the checkers few, since they look at each.
pub(crate) const SLOTS: usize =
    if cfg!(any(heddle_loom, heddle_shuttle, heddle_mutants)) { 4 } else { PeerId::SLOTS };

/// The slot's present peer has not left, and nobody has noticed its death.
const PRESENT: u32 = 1;

/// Who takes part in a segment. Fresh memory, all zero, is a table without peers.
///
/// | a slot's word | meaning |
/// |---|---|
/// | bit 0 | the peer of this stay is present, or dead and nobody has noticed |
/// | bits 1-20 | the number of the stay; 0 if nobody ever had the slot |
///
/// A peer holds the lock on its slot's byte of the file (see [`os`](crate::os)) from before it enters its word until the kernel
/// has taken it down, so `present` with an unlocked byte is a death. The steps:
///
/// | from | to | by |
/// |---|---|---|
/// | absent, stay n | present, n + 1 | who holds the byte's lock, to join |
/// | present, n | present, n + 1 | who got the lock of the dead peer's byte, to join |
/// | present, n | absent, n | the peer, to leave; or whoever found the byte unlocked |
///
/// A word never returns to an earlier value, so an exchange that expects one fails if anything has happened.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Table {
    slots: [AtomicU32; SLOTS],
}

// Elsewhere atomics are no words in memory.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
const _: () = assert!(size_of::<Table>().is_multiple_of(128));

/// What [`Table::enter`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// The slot is this peer's.
    As(PeerId),
    /// All ids of the slot are used up.
    Full,
}

impl Table {
    /// A table without peers; elsewhere fresh memory is one.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub(crate) fn new() -> Table {
        Table { slots: core::array::from_fn(|_| AtomicU32::new(0)) }
    }

    /// Whether a slot looks as if it could be had: a hint.
    pub(crate) fn looks_free(&self, slot: usize) -> bool {
        // ORDERING: Relaxed: a hint.
        let word = self.slots[slot].load(Ordering::Relaxed);
        word & PRESENT == 0 && word >> 1 < PeerId::LAST_STAY
    }

    /// Takes a slot, whose byte the caller has locked.
    pub(crate) fn enter(&self, slot: usize) -> Entered {
        loop {
            // ORDERING: Relaxed: decides only what the exchange expects.
            let word = self.slots[slot].load(Ordering::Relaxed);
            let stay = word >> 1;
            let Some(id) = PeerId::new(slot, stay + 1) else {
                // A dead peer's word must not stay as it is: its byte is locked by the caller only now.
                self.note_end(slot, stay);
                return Entered::Full;
            };
            let entered = (stay + 1) << 1 | PRESENT;
            // ORDERING: AcqRel, success: acquires what the last stay's end released, and `ended` of others acquires that the
            // last stay is over. Relaxed, failure: look again. It fails only if somebody noticed the last peer's death meanwhile.
            let entry = self.slots[slot].compare_exchange(word, entered, Ordering::AcqRel, Ordering::Relaxed);
            if entry.is_ok() {
                return Entered::As(id);
            }
        }
    }

    /// Whether this stay is over, as far as the table says.
    #[inline]
    pub(crate) fn has_ended(&self, peer: PeerId) -> bool {
        let Some(word) = self.slots.get(peer.slot()) else { return true };
        // ORDERING: Acquire: pairs with the Release in `note_end` and `enter`: whoever ended the stay had seen what the peer did.
        let word = word.load(Ordering::Acquire);
        // Of an earlier stay it says nothing: whoever has only just heard of the peer may see an old word.
        match (word >> 1).cmp(&peer.stay()) {
            core::cmp::Ordering::Less => false,
            core::cmp::Ordering::Equal => word & PRESENT == 0,
            core::cmp::Ordering::Greater => true,
        }
    }

    /// Notes that a peer has left, or that its byte was found unlocked.
    pub(crate) fn end(&self, peer: PeerId) {
        self.note_end(peer.slot(), peer.stay());
    }

    fn note_end(&self, slot: usize, stay: u32) {
        let present = stay << 1 | PRESENT;
        // ORDERING: Release, success: pairs with the Acquire in `has_ended`, `ended` and `enter`. Relaxed, failure: another has
        // noted it, and it is over either way.
        let _ = self.slots[slot].compare_exchange(present, stay << 1, Ordering::Release, Ordering::Relaxed);
    }

    /// The peers that are present, dead ones among them that nobody has noticed.
    pub(crate) fn present(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.slots.iter().enumerate().filter_map(|(slot, word)| {
            // ORDERING: Relaxed: who is listed is looked at by itself.
            let word = word.load(Ordering::Relaxed);
            (word & PRESENT != 0).then(|| PeerId::new(slot, word >> 1)).flatten()
        })
    }

    /// How many stays have ended so far, wrapping. Follows from the words alone, so that no death between two steps can falsify it.
    pub(crate) fn ended(&self) -> u32 {
        self.slots
            .iter()
            .map(|word| {
                // ORDERING: Acquire: pairs with the Release in `note_end` and `enter`.
                let word = word.load(Ordering::Acquire);
                (word >> 1).wrapping_sub(word & PRESENT)
            })
            .fold(0, u32::wrapping_add)
    }
}
