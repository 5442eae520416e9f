//! Who has an end.

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use crate::peers::{ID_BITS, PeerId};

/// The end is on its way from one process to another.
const GIVEN: u64 = 1 << ID_BITS;
/// One time that it was given; they are counted in the upper half.
const GIFT: u64 = 1 << 32;

/// The process that has an end of a ring.
///
/// | lower half | meaning | leaves by |
/// |---|---|---|
/// | 0 | nobody yet | `take` |
/// | a peer | it has the end | `give` -> that peer, GIVEN, one gift more |
/// | a peer, GIVEN | it has given the end away, and nobody has claimed it | `claim` -> another peer |
///
/// The upper half counts the gifts, so that nobody claims by an old one.
///
/// If the peer in the word is dead, nobody uses the end any more: one that was given away and not claimed went with its giver.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Owner(AtomicU64);

impl Owner {
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub(super) fn new() -> Owner {
        Owner(AtomicU64::new(0))
    }

    /// The end of a ring that nobody else has yet is this peer's.
    pub(super) fn take(&self, me: PeerId) {
        // ORDERING: Relaxed: whoever is told of the ring learns this too.
        self.0.store(me.word().into(), Ordering::Relaxed);
    }

    /// The peer gives its end away; returns what [`claim`](Owner::claim) wants to hear.
    pub(super) fn give(&self, me: PeerId) -> u64 {
        // ORDERING: Relaxed: the word is the giver's until the store below.
        let gifts = self.0.load(Ordering::Relaxed) & !(GIFT - 1);
        let given = gifts.wrapping_add(GIFT) | GIVEN | u64::from(me.word());
        // ORDERING: Release: pairs with the Acquire in `claim`: what the giver did with the end is visible to the next owner.
        self.0.store(given, Ordering::Release);
        given
    }

    /// The peer claims an end that was given; `false` if that word is not, or no longer, there.
    pub(super) fn claim(&self, given: u64, me: PeerId) -> bool {
        let mine = given & !(GIFT - 1) | u64::from(me.word());
        // ORDERING: Acquire, success: pairs with the Release in `give`. Relaxed, failure: nothing is done.
        given & GIVEN != 0
            && self.0.compare_exchange(given, mine, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Whose death would leave the end without anybody.
    pub(super) fn peer(&self) -> Option<PeerId> {
        // ORDERING: Relaxed: whoever is dead is asked elsewhere.
        PeerId::from_word(self.0.load(Ordering::Relaxed) as u32)
    }
}
