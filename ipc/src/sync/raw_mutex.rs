//! A lock that knows its owner, and survives its death.

use std::time::Instant;

use heddle_primitives::spin::DEFAULT_SPIN;
use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::{Futex, Shared};

use super::nap::{Slept, Wait};
use crate::peers::{Census, ID_BITS, PeerId};

/// Somebody may sleep whom nobody has woken: who unlocks wakes one.
const WAITERS: u32 = 1 << 31;
/// An owner died, and nobody has said since that the data are consistent.
const DIED: u32 = 1 << 30;
/// Nobody has it, an owner died, and the next one is to put the data in order.
const LEFT: u32 = 1 << 29;

const _: () = assert!(ID_BITS <= 29);

/// A lock of one word, which holds the id of its owner: one exchange both acquires the lock and records who has it, so there is
/// no instruction after which nobody knows.
///
/// | word | meaning |
/// |---|---|
/// | 0 | free |
/// | id | this peer has it |
/// | id + died | the same, and the data may be in pieces since an earlier owner's death |
/// | left | free, and the data may be in pieces: who had taken it over has not looked at them |
/// | died | for ever: an owner let go of it without having put the data in order |
/// | + waiters | somebody may sleep |
///
/// 1. Who finds it free, or its owner dead, takes it by an exchange that expects exactly that word. An id is never given out
///    twice, so the exchange cannot mistake a later owner for the dead one.
/// 2. Whoever goes to sleep has seen `waiters` set together with the owner, and the kernel compares the word again. Who has slept
///    takes the lock with `waiters` set, since it cannot know whether others still sleep: the flag is never lost with
///    sleepers behind it, but for a woken one that dies before it gets there; then the sleepers wake by themselves within 50 ms.
/// 3. The owner alone changes `id` and `died` while it lives; waiters add their flag by exchange.
///
/// Source: the participant table and takeover are described in `peers`; the protocol of the sleepers is the second mutex of U. Drepper,
/// Futexes Are Tricky (2011), with the owner in place of the 1.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct RawMutex {
    futex: Futex<Shared>,
}

/// In what state the lock was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// All is well.
    Clean,
    /// An owner died: the data may be in pieces.
    OwnerDied,
}

/// Why the lock was not got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAcquired {
    /// Somebody has it, and the time is over.
    Busy,
    /// An owner died, and the next one left the data in pieces.
    Unrecoverable,
}

/// What the word says to somebody who does not want the lock itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Free,
    /// Somebody has it who lives, as far as is known.
    Held,
    /// Its owner died, and nobody has taken it since.
    Died,
    /// See [`NotAcquired::Unrecoverable`].
    Unrecoverable,
}

/// What a look at the word led to.
enum Look {
    Got(Acquired),
    Never,
    /// Another peer, or another thread of this one, has it; the word.
    Held(u32),
}

impl RawMutex {
    /// A free lock; all zero is one, too.
    pub(crate) fn new() -> RawMutex {
        RawMutex { futex: Futex::new_in(0) }
    }

    /// Waits for the lock until the deadline.
    #[inline]
    pub(crate) fn lock(
        &self,
        census: &impl Census,
        deadline: Option<Instant>,
    ) -> Result<Acquired, NotAcquired> {
        if self.lock_fast(census) { Ok(Acquired::Clean) } else { self.lock_slow(census, deadline) }
    }

    #[inline(always)]
    fn lock_fast(&self, census: &impl Census) -> bool {
        self.futex
            .word()
            // ORDERING: success acquires what the last owner's unlock released; failure reads nothing.
            .compare_exchange(0, census.me().word(), Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the lock if nobody has it, or somebody who is dead.
    pub(crate) fn try_lock(&self, census: &impl Census) -> Result<Acquired, NotAcquired> {
        if self.lock_fast(census) {
            return Ok(Acquired::Clean);
        }
        // ORDERING: decides only what the exchanges expect.
        let mut word = self.futex.word().load(Ordering::Relaxed);
        loop {
            match self.look(census, word, 0) {
                Look::Got(acquired) => return Ok(acquired),
                Look::Never => return Err(NotAcquired::Unrecoverable),
                Look::Held(now) => word = now,
            }
            let Some(owner) = PeerId::from_word(word) else { continue };
            if !self.is_dead(census, owner) {
                return Err(NotAcquired::Busy);
            }
            match self.take_over(census, word) {
                Ok(acquired) => return Ok(acquired),
                Err(now) => word = now,
            }
        }
    }

    #[cold]
    fn lock_slow(&self, census: &impl Census, deadline: Option<Instant>) -> Result<Acquired, NotAcquired> {
        let mut wait = Wait::at_lock(DEFAULT_SPIN, deadline);
        // Whether this thread has slept, and so may be the one that was woken.
        let mut flag = 0;
        let mut last = false;
        loop {
            // ORDERING: decides only what the exchanges expect.
            let word = self.futex.word().load(Ordering::Relaxed);
            let mut word = match self.look(census, word, flag) {
                Look::Got(acquired) => return Ok(acquired),
                Look::Never => return Err(NotAcquired::Unrecoverable),
                Look::Held(word) => word,
            };
            if flag == 0 && wait.spin() {
                continue;
            }
            let Some(owner) = PeerId::from_word(word) else { continue };
            if self.is_dead(census, owner) {
                match self.take_over(census, word) {
                    Ok(acquired) => return Ok(acquired),
                    Err(_) => continue,
                }
            }
            if last {
                return Err(NotAcquired::Busy);
            }
            flag = WAITERS;
            if word & WAITERS == 0 {
                // ORDERING: Relaxed, both: only asks for a wake; the lock is got by another exchange.
                let flagged = self.futex.word().compare_exchange(
                    word,
                    word | WAITERS,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                if flagged.is_err() {
                    continue;
                }
                word |= WAITERS;
            }
            last = wait.sleep(&self.futex, word) == Slept::TimedOut;
        }
    }

    /// Takes the lock if the word says that it is free, setting `flag` too.
    fn look(&self, census: &impl Census, mut word: u32, flag: u32) -> Look {
        loop {
            if PeerId::from_word(word).is_some() {
                return Look::Held(word);
            }
            if word & DIED != 0 {
                return Look::Never;
            }
            let (died, acquired) =
                if word & LEFT == 0 { (0, Acquired::Clean) } else { (DIED, Acquired::OwnerDied) };
            let mine = census.me().word() | died | (word & WAITERS) | flag;
            // ORDERING: success acquires what the last owner's unlock released; failure reads nothing.
            match self.futex.word().compare_exchange(word, mine, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Look::Got(acquired),
                Err(now) => word = now,
            }
        }
    }

    /// Takes the lock from a dead owner. If its word is no longer this one, another was faster.
    ///
    /// Waiters of the dead owner sleep with nobody to wake them, so the flag is set.
    fn take_over(&self, census: &impl Census, word: u32) -> Result<Acquired, u32> {
        let mine = census.me().word() | WAITERS | DIED;
        // ORDERING: Acquire, success: what earlier owners released; what the dead one did is visible since it was found dead.
        // Relaxed, failure: nothing is read.
        self.futex.word().compare_exchange(word, mine, Ordering::Acquire, Ordering::Relaxed)?;
        Ok(Acquired::OwnerDied)
    }

    /// Whether an owner is dead. It is not if it is this very process: another thread has the lock then, or this one.
    fn is_dead(&self, census: &impl Census, owner: PeerId) -> bool {
        owner != census.me() && census.is_dead(owner)
    }

    /// Lets go of the lock, whose data are in order.
    ///
    /// The caller has it.
    #[inline(always)]
    pub(crate) fn unlock(&self) {
        let address = self.futex.address();
        // ORDERING: Release: pairs with the Acquire exchanges that take the lock.
        let word = self.futex.word().swap(0, Ordering::Release);
        if word & WAITERS != 0 {
            address.wake_one();
        }
    }

    /// As [`unlock`](Self::unlock), and wakes all who wait: some may only want to see it free.
    ///
    /// The caller has it.
    pub(crate) fn unlock_all(&self) {
        self.unlock_as(0);
    }

    /// As [`unlock_all`](Self::unlock_all), where the caller took the lock over and has not looked at the data.
    ///
    /// The caller has it.
    pub(crate) fn unlock_as_left(&self) {
        self.unlock_as(LEFT);
    }

    fn unlock_as(&self, free: u32) {
        let address = self.futex.address();
        // ORDERING: Release: pairs with the Acquire exchanges that take the lock, and the Acquire load in `state`.
        if self.futex.word().swap(free, Ordering::Release) & WAITERS != 0 {
            address.wake_all();
        }
    }

    /// What the word says to somebody who does not want the lock itself.
    pub(crate) fn state(&self, census: &impl Census) -> State {
        // ORDERING: Acquire: pairs with the Release swaps that unlock: who finds it free sees what its owners did.
        let word = self.futex.word().load(Ordering::Acquire);
        match PeerId::from_word(word) {
            None if word & DIED != 0 => State::Unrecoverable,
            None if word & LEFT != 0 => State::Died,
            None => State::Free,
            Some(owner) if self.is_dead(census, owner) => State::Died,
            Some(_) => State::Held,
        }
    }

    /// Passes the time while somebody has the lock, for a while at most.
    pub(crate) fn stand_by(&self, wait: &mut Wait) -> Slept {
        if wait.spin() {
            return Slept::Look;
        }
        // ORDERING: Relaxed: decides only what the exchange expects.
        let word = self.futex.word().load(Ordering::Relaxed);
        if PeerId::from_word(word).is_none() {
            return Slept::Look;
        }
        let flagged = word | WAITERS;
        // ORDERING: Relaxed, both: only asks for a wake.
        let asked = word == flagged
            || self
                .futex
                .word()
                .compare_exchange(word, flagged, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if asked { wait.sleep(&self.futex, flagged) } else { Slept::Look }
    }

    /// Lets go of the lock, whose data are in pieces: nobody gets it any more.
    ///
    /// The caller has it.
    #[cold]
    pub(crate) fn abandon(&self) {
        // ORDERING: Release: nobody reads the data again, but the word may be looked at as a state of them.
        self.futex.word().swap(DIED, Ordering::Release);
        self.futex.wake_all();
    }

    /// Notes that the data are in order again.
    ///
    /// The caller has the lock.
    pub(crate) fn mark_consistent(&self) {
        // ORDERING: Relaxed: the unlock that follows releases everything.
        self.futex.word().fetch_and(!DIED, Ordering::Relaxed);
    }

    /// Whether the data are in pieces.
    ///
    /// The caller has the lock.
    pub(crate) fn is_inconsistent(&self) -> bool {
        // ORDERING: Relaxed: only the owner changes it.
        self.futex.word().load(Ordering::Relaxed) & DIED != 0
    }

    /// Who has the lock, if somebody does; a hint.
    pub(crate) fn owner(&self) -> Option<PeerId> {
        // ORDERING: Relaxed: a hint.
        PeerId::from_word(self.futex.word().load(Ordering::Relaxed))
    }
}
