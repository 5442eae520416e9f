//! Who takes part in a segment, and who of them has died.

use core::fmt;
use core::num::NonZeroU32;

/// Bits of a [`PeerId`]; the rest of a 32-bit word is free for the flags of whoever stores one.
pub(crate) const ID_BITS: u32 = 28;

/// One process's stay in a segment, from joining to leaving or dying. Never used for another one.
///
/// | bits | meaning |
/// |---|---|
/// | 0-7 | the slot in the segment's table of peers |
/// | 8-27 | how many peers had the slot so far, this one included; from 1 on, so that no id is 0 |
///
/// A slot whose count is used up is never given out again, so that an id in a word that nobody touched for years still means
/// the peer that wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub(crate) struct PeerId(NonZeroU32);

impl PeerId {
    /// How many slots an id can tell apart.
    pub(crate) const SLOTS: usize = 1 << 8;
    /// The last stay of a slot.
    pub(crate) const LAST_STAY: u32 = (1 << (ID_BITS - 8)) - 1;

    /// The `stay`th peer of a slot, or `None` where there can be none.
    pub(crate) fn new(slot: usize, stay: u32) -> Option<PeerId> {
        if slot >= PeerId::SLOTS || stay == 0 || stay > PeerId::LAST_STAY {
            return None;
        }
        NonZeroU32::new(stay << 8 | slot as u32).map(PeerId)
    }

    /// The id in the lower bits of a word, if there is one. Any word gives a valid id, not always one that was given out.
    #[inline(always)]
    pub(crate) fn from_word(word: u32) -> Option<PeerId> {
        NonZeroU32::new(word & ((1 << ID_BITS) - 1)).map(PeerId)
    }

    /// The id as the lower bits of a word.
    #[inline(always)]
    pub(crate) fn word(self) -> u32 {
        self.0.get()
    }

    #[inline(always)]
    pub(crate) fn slot(self) -> usize {
        (self.0.get() & 0xFF) as usize
    }

    #[inline(always)]
    pub(crate) fn stay(self) -> u32 {
        self.0.get() >> 8
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({}.{})", self.slot(), self.stay())
    }
}

/// What a robust protocol asks about the peers of its memory: who am I, and is that one dead?
///
/// Natively a [`Member`](super::Member) answers, which asks the kernel; under the checkers a model does.
pub(crate) trait Census {
    /// This process.
    fn me(&self) -> PeerId;

    /// Whether this peer has died or left: it will never again touch the memory, and what it did is visible to whoever got
    /// the answer. `false` proves nothing. Costs a system call.
    fn is_dead(&self, peer: PeerId) -> bool;

    /// How many deaths were noticed so far, by anybody.
    fn noticed(&self) -> u32;

    /// Looks at all peers, and returns how many deaths were noticed by now: a wait that sees the number change
    /// may have lost whoever it waits for. Costs a system call for each peer.
    fn deaths(&self) -> u32;
}
