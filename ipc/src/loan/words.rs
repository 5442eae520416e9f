//! Who has which block.

use std::time::Instant;

use heddle_primitives::spin::HANDOVER_SPIN;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use crate::peers::{Census, PeerId};
use crate::sync::nap::{Slept, Wait};
use crate::sync::signal::Signal;

/// What is being done with a block, in bits 28 and 29 of its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
enum State {
    Free = 0,
    Loaned = 1,
    Sent = 2,
    Received = 3,
}

/// The word of a block.
///
/// | bits | meaning |
/// |---|---|
/// | 0-27 | who lent, sent or received it; 0 if it is free |
/// | 28-29 | [`State`] |
/// | 32-63 | how often it was lent so far, wrapping |
///
/// | from | to | by |
/// |---|---|---|
/// | free, n | loaned by me, n + 1 | whoever wants a block |
/// | loaned by a dead one, n, or received by one | loaned by me, n + 1; or free | whoever finds none free, or looks for the dead |
/// | loaned by me, n | sent by me, n | its owner |
/// | sent, n | received by me, n | who has the ticket, which says n |
/// | sent by me, n | loaned by me, n + 1 | the sender, to have it back |
/// | received by me, n | free, n; or loaned by me, n + 1 | its owner |
/// | loaned by me, n | free, n | its owner |
/// | sent by a dead one, n | free, n | who knows that its ticket is lost |
///
/// Each step is one write, which both does it and says who did, so there is no instruction after which nobody knows whose a block is.
/// Where more than one may take a step it is an exchange that expects the very word; what only a living owner may do is a store, since
/// nobody else changes its word while it lives. A ticket is good for one loan: a second one of the same loan, or one of an
/// earlier loan, finds another word. (One that is 2^32 loans of its block old would be mistaken for the present one.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word(u64);

impl Word {
    fn new(state: State, owner: Option<PeerId>, turn: u32) -> Word {
        let owner = owner.map_or(0, PeerId::word);
        Word(u64::from(turn) << 32 | (state as u64) << 28 | u64::from(owner))
    }

    fn state(self) -> State {
        match self.0 >> 28 & 3 {
            0 => State::Free,
            1 => State::Loaned,
            2 => State::Sent,
            _ => State::Received,
        }
    }

    fn owner(self) -> Option<PeerId> {
        PeerId::from_word(self.0 as u32)
    }

    fn turn(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// A block that this peer has: which, and in which turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) block: u32,
    pub(crate) turn: u32,
}

/// The words of all blocks, as one peer sees them.
pub(crate) struct Blocks<'a, C, W> {
    pub(crate) census: &'a C,
    pub(crate) words: &'a [W],
    /// For who waits for a block.
    pub(crate) freed: &'a Signal,
}

impl<C: Census, W: core::ops::Deref<Target = AtomicU64>> Blocks<'_, C, W> {
    /// Takes a block that is free, or one that a dead peer had.
    pub(crate) fn try_loan(&self) -> Option<Held> {
        self.take_free().or_else(|| self.take_from_the_dead())
    }

    /// Waits for a block until the deadline.
    #[inline]
    pub(crate) fn loan(&self, deadline: Option<Instant>) -> Option<Held> {
        self.take_free().or_else(|| self.wait(deadline))
    }

    #[cold]
    fn wait(&self, deadline: Option<Instant>) -> Option<Held> {
        let mut wait = Wait::for_handover(HANDOVER_SPIN, deadline);
        while wait.spin() {
            if let Some(held) = self.take_free() {
                return Some(held);
            }
        }
        let mut last = false;
        loop {
            let ticket = self.freed.prepare();
            if let Some(held) = self.try_loan() {
                return Some(held);
            }
            if last {
                return None;
            }
            last = self.freed.sleep(&mut wait, ticket) == Slept::TimedOut;
        }
    }

    #[inline]
    fn take_free(&self) -> Option<Held> {
        // Peers begin at different blocks, so that they do not meet at each.
        let first = self.census.me().slot() % self.words.len().max(1);
        (first..self.words.len()).chain(0..first).find_map(|at| {
            let word = self.look(at);
            (word.state() == State::Free).then(|| self.take(at, word)).flatten()
        })
    }

    #[cold]
    fn take_from_the_dead(&self) -> Option<Held> {
        (0..self.words.len()).find_map(|at| {
            let word = self.look(at);
            self.is_left(word, false).then(|| self.take(at, word)).flatten()
        })
    }

    /// Lends a block to this peer that is free, or left behind.
    #[inline]
    fn take(&self, at: usize, word: Word) -> Option<Held> {
        let turn = word.turn().wrapping_add(1);
        let mine = Word::new(State::Loaned, Some(self.census.me()), turn);
        self.exchange(at, word, mine).then_some(Held { block: at as u32, turn })
    }

    /// Whether a block's owner is dead, and nobody else has a claim to it: a ticket of a block that was sent may be under way.
    fn is_left(&self, word: Word, sent: bool) -> bool {
        let owned = match word.state() {
            State::Free => false,
            State::Loaned | State::Received => !sent,
            State::Sent => sent,
        };
        owned && word.owner().is_some_and(|owner| owner != self.census.me() && self.census.is_dead(owner))
    }

    /// Sends a block that was loaned.
    #[inline]
    pub(crate) fn send(&self, held: Held) {
        // ORDERING: Release: pairs with the Acquire in `exchange` of who receives: what was written into the block.
        self.store(held, State::Sent, Ordering::Release);
    }

    /// Receives a block that was sent, or, for the sender, has it back as a loan.
    #[inline]
    pub(crate) fn receive(&self, held: Held, back: bool) -> Option<Held> {
        let at = held.block as usize;
        self.words.get(at)?;
        let word = self.look(at);
        if word.state() != State::Sent || word.turn() != held.turn {
            return None;
        }
        let me = self.census.me();
        if !back {
            return self.exchange(at, word, Word::new(State::Received, Some(me), held.turn)).then_some(held);
        }
        (word.owner() == Some(me)).then(|| self.take(at, word)).flatten()
    }

    /// Makes a loan of what was received.
    pub(crate) fn keep(&self, held: Held) -> Held {
        let turn = held.turn.wrapping_add(1);
        let kept = Held { block: held.block, turn };
        // ORDERING: Relaxed: nobody else gets at the block by this.
        self.store(kept, State::Loaned, Ordering::Relaxed);
        kept
    }

    /// Frees a block that this peer has.
    #[inline]
    pub(crate) fn release(&self, held: Held) {
        // ORDERING: Release: pairs with the Acquire in `exchange` of the next loan: uses of the block are over.
        self.words[held.block as usize].store(Word::new(State::Free, None, held.turn).0, Ordering::Release);
        self.freed.announce();
    }

    /// Frees the blocks that dead peers had: those that they had loaned or received, or those that they had sent. Returns how many.
    pub(crate) fn reap(&self, sent: bool) -> usize {
        let reap = |at| {
            let word = self.look(at);
            self.is_left(word, sent) && self.exchange(at, word, Word::new(State::Free, None, word.turn()))
        };
        let reaped = (0..self.words.len()).filter(|&at| reap(at)).count();
        if reaped > 0 {
            self.freed.announce();
        }
        reaped
    }

    /// How many blocks are free: a hint.
    pub(crate) fn free(&self) -> usize {
        (0..self.words.len()).filter(|&at| self.look(at).state() == State::Free).count()
    }

    fn look(&self, at: usize) -> Word {
        // ORDERING: Relaxed: decides only what the exchanges expect.
        Word(self.words[at].load(Ordering::Relaxed))
    }

    fn store(&self, held: Held, state: State, ordering: Ordering) {
        let word = Word::new(state, Some(self.census.me()), held.turn);
        self.words[held.block as usize].store(word.0, ordering);
    }

    fn exchange(&self, at: usize, from: Word, to: Word) -> bool {
        // ORDERING: AcqRel, success: acquires what the last owner released, in its own write or by its death, and, where the block becomes
        // free, releases it to the next. Relaxed, failure: nothing is read.
        self.words[at].compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}
