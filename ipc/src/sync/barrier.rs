//! A barrier that breaks when a member dies.

use core::fmt;
use std::time::{Duration, Instant};

use heddle_primitives::spin::HANDOVER_SPIN;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::{Futex, Shared};
use thiserror::Error;

use super::nap::{Slept, Wait};
use super::place::{Place, placed};
use crate::peers::{Census, PeerId, SLOTS};
use crate::shm_safe::Shareable;

/// The most parties of a barrier.
pub const MAX_PARTIES: usize = ARRIVED as usize;

/// Parties that have arrived for this round.
const ARRIVED: u32 = (1 << 11) - 1;
/// Nobody passes any more until a reset.
const BROKEN: u32 = 1 << 11;
/// One round that was passed.
const ROUND: u32 = 1 << 12;
const ROUNDS: u32 = ((1 << 12) - 1) << 12;
/// One reset.
const RESET: u32 = 1 << 24;
const RESETS: u32 = !(RESET - 1);

/// What lies in memory. The state is one word, each step one exchange of it:
///
/// | bits | meaning |
/// |---|---|
/// | 0-10 | parties that have arrived for this round |
/// | 11 | broken |
/// | 12-23 | rounds passed, wrapping |
/// | 24-31 | resets, wrapping |
#[repr(C)]
pub(crate) struct Words {
    state: Futex<Shared>,
    /// How many parties; read-only.
    parties: AtomicU32,
    /// Who takes part, by the slot of the peer: its id, from its first arrival until it leaves.
    members: [AtomicU32; SLOTS],
}

// SAFETY: `repr(C)` atomics, of which any numbers lead to a wait, a pass or an error.
unsafe impl Shareable for Words {}

enum Arrival {
    Waits(u32),
    Passed,
    Broken,
}

impl Words {
    fn new(parties: usize) -> Words {
        assert!((1..=MAX_PARTIES).contains(&parties), "a barrier has 1 to {MAX_PARTIES} parties");
        Words {
            state: Futex::new_in(0),
            parties: AtomicU32::new(parties as u32),
            members: core::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    fn register(&self, census: &impl Census) {
        let me = census.me();
        let member = &self.members[me.slot()];
        // ORDERING: Relaxed: written by this process, or its slot's last one, which is over.
        if member.load(Ordering::Relaxed) == me.word() {
            return;
        }
        // ORDERING: Relaxed: decides only what `break_in` expects: the round in which the slot's last peer is still a member.
        let round = self.state.word().load(Ordering::Relaxed);
        // ORDERING: Relaxed: who misses it looks again within 50 ms.
        if member.swap(me.word(), Ordering::Relaxed) != 0 {
            // The slot's last peer was a member to its end, and nobody can find that out any more.
            self.break_in(round);
        }
    }

    fn arrive(&self) -> Arrival {
        // ORDERING: Relaxed: written before anybody else had the barrier.
        let parties = self.parties.load(Ordering::Relaxed);
        // ORDERING: Relaxed: decides only what the exchange expects.
        let mut state = self.state.word().load(Ordering::Relaxed);
        loop {
            if state & BROKEN != 0 {
                return Arrival::Broken;
            }
            let last = (state & ARRIVED) + 1 >= parties;
            let next = if last { (state & RESETS) | (state.wrapping_add(ROUND) & ROUNDS) } else { state + 1 };
            // ORDERING: AcqRel: each arrival releases what its thread did, and the last acquires all of it and releases it to those that it
            // lets pass. Relaxed, failure: look again.
            match self.state.word().compare_exchange(state, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if last => {
                    self.state.wake_all();
                    return Arrival::Passed;
                }
                Ok(_) => return Arrival::Waits(state),
                Err(now) => state = now,
            }
        }
    }

    /// Whether somebody died who takes part.
    fn lost_a_member(&self, census: &impl Census) -> bool {
        let me = census.me();
        self.members.iter().any(|member| {
            // ORDERING: Relaxed: see `register`.
            let peer = PeerId::from_word(member.load(Ordering::Relaxed));
            peer.is_some_and(|peer| peer != me && census.is_dead(peer))
        })
    }

    /// Breaks the barrier if the round of `of` is not over yet; returns whether the caller broke it.
    fn break_in(&self, of: u32) -> bool {
        // ORDERING: Relaxed: decides only what the exchange expects.
        let mut state = self.state.word().load(Ordering::Relaxed);
        loop {
            if (state ^ of) & (ROUNDS | RESETS) != 0 || state & BROKEN != 0 {
                return false;
            }
            // ORDERING: AcqRel, Relaxed: as in `arrive`.
            match self.state.word().compare_exchange(
                state,
                state | BROKEN,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    self.state.wake_all();
                    return true;
                }
                Err(now) => state = now,
            }
        }
    }

    fn wait(&self, census: &impl Census, deadline: Option<Instant>) -> Result<bool, BarrierError> {
        self.register(census);
        let arrived = match self.arrive() {
            Arrival::Passed => return Ok(true),
            Arrival::Broken => return Err(BarrierError::Broken),
            Arrival::Waits(state) => state,
        };
        let mut wait = Wait::for_handover(HANDOVER_SPIN, deadline);
        loop {
            // ORDERING: Acquire: pairs with the exchange of the last to arrive.
            let state = self.state.word().load(Ordering::Acquire);
            if (state ^ arrived) & RESETS != 0 {
                return Err(BarrierError::Broken);
            }
            if (state ^ arrived) & ROUNDS != 0 {
                return Ok(false);
            }
            if state & BROKEN != 0 {
                return Err(BarrierError::Broken);
            }
            if wait.spin() {
                continue;
            }
            if self.lost_a_member(census) {
                self.break_in(arrived);
                continue;
            }
            if wait.sleep(&self.state, state) == Slept::TimedOut && self.break_in(arrived) {
                return Err(BarrierError::TimedOut);
            }
        }
    }

    fn reset(&self) {
        // ORDERING: Relaxed: decides only what the exchange expects.
        let mut state = self.state.word().load(Ordering::Relaxed);
        loop {
            let fresh = ((state & RESETS).wrapping_add(RESET)) | (state & ROUNDS);
            // ORDERING: AcqRel, Relaxed: as in `arrive`.
            match self.state.word().compare_exchange(state, fresh, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        self.state.wake_all();
    }
}

/// A point that processes pass together, again and again.
///
/// All pass, or none: if a member dies, if one gives up after its time, or if somebody [aborts](Barrier::abort), all who wait and
/// all who come get [`BarrierError::Broken`], until somebody [resets](Barrier::reset) the barrier. Names and behaviour are those of
/// Python's `Barrier`.
///
/// A process is a member from its first [`wait`](Barrier::wait) or [`join`](Barrier::join) on: that it died is noticed then, also while it
/// is elsewhere. One that ends in order and is not needed any more says so by [`leave`](Barrier::leave). That a process died which
/// never came cannot be noticed. Clones are the same barrier.
///
/// ```
/// use heddle_ipc::Workers;
/// use heddle_ipc::sync::{Address, Barrier};
///
/// fn meet(barrier: Address<Barrier>) -> u64 {
///     let barrier = Barrier::attach(barrier).expect("its maker lives");
///     let leader = barrier.wait().expect("nobody died");
///     barrier.leave();
///     u64::from(leader)
/// }
///
/// let barrier = Barrier::new(2)?;
/// let workers = Workers::start(1)?;
/// let ticket = workers.submit(0, meet, barrier.address())?;
/// let leader = barrier.wait()?;
/// assert_eq!(ticket.wait(None)?, u64::from(!leader));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Barrier {
    place: Place<Words>,
}

placed!([] Barrier, "a barrier for so many parties, 1 to [`MAX_PARTIES`](crate::sync::MAX_PARTIES)",
    new(parties: usize) = Words::new(parties));

impl Barrier {
    /// Waits until all parties have come. Exactly one of them is told `true`.
    ///
    /// # Errors
    ///
    /// [`BarrierError::Broken`].
    pub fn wait(&self) -> Result<bool, BarrierError> {
        self.place.wait(self.place.census(), None)
    }

    /// As [`wait`](Barrier::wait), for so long at most; then the barrier is broken, for all.
    ///
    /// # Errors
    ///
    /// [`BarrierError::TimedOut`] for the one that broke it, [`BarrierError::Broken`].
    pub fn wait_for(&self, limit: Duration) -> Result<bool, BarrierError> {
        self.place.wait(self.place.census(), Instant::now().checked_add(limit))
    }

    /// As [`wait_for`](Barrier::wait_for), until then.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Barrier::wait_for).
    pub fn wait_until(&self, deadline: Instant) -> Result<bool, BarrierError> {
        self.place.wait(self.place.census(), Some(deadline))
    }

    /// Makes this process a member before its first wait: should it die before, the others learn of it.
    pub fn join(&self) {
        self.place.register(self.place.census());
    }

    /// Ends this process's membership: its end does not break the barrier any more.
    pub fn leave(&self) {
        // ORDERING: Relaxed: see `Words::register`.
        self.place.members[self.place.census().me().slot()].store(0, Ordering::Relaxed);
    }

    /// Breaks the barrier: all who wait and all who come get an error, until a [reset](Barrier::reset).
    pub fn abort(&self) {
        loop {
            // ORDERING: Relaxed: says which round to break; the exchange has the last word.
            let state = self.place.state.word().load(Ordering::Relaxed);
            if state & BROKEN != 0 || self.place.break_in(state) {
                return;
            }
        }
    }

    /// Makes the barrier as new. Who waits in it gets [`BarrierError::Broken`]. Members who died are forgotten.
    pub fn reset(&self) {
        let census = self.place.census();
        for member in &self.place.members {
            // ORDERING: Relaxed: see `Words::register`.
            let word = member.load(Ordering::Relaxed);
            if PeerId::from_word(word).is_some_and(|peer| census.is_dead(peer)) {
                // ORDERING: Relaxed, both: as above. It fails if another process has the slot by now.
                let _ = member.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
        self.place.reset();
    }

    /// How many parties it takes.
    pub fn parties(&self) -> usize {
        // ORDERING: Relaxed: written before anybody else had the barrier.
        self.place.parties.load(Ordering::Relaxed) as usize
    }

    /// How many have come for this round; it may have changed by the time that this returns.
    pub fn n_waiting(&self) -> usize {
        // ORDERING: Relaxed: a hint.
        (self.place.state.word().load(Ordering::Relaxed) & ARRIVED) as usize
    }

    /// Whether it is broken; it may have changed by the time that this returns.
    pub fn is_broken(&self) -> bool {
        // ORDERING: Relaxed: a hint.
        self.place.state.word().load(Ordering::Relaxed) & BROKEN != 0
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &self.n_waiting())
            .field("broken", &self.is_broken())
            .finish_non_exhaustive()
    }
}

/// Why a barrier was not passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BarrierError {
    /// A member died, somebody gave up, aborted or reset it.
    #[error("the barrier is broken")]
    Broken,
    /// The caller's time was over; that broke the barrier.
    #[error("the time at the barrier is over")]
    TimedOut,
}
