//! Permits that come back when their holder dies.

use core::fmt;
use std::time::{Duration, Instant};

use heddle_primitives::spin::HANDOVER_SPIN;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::{Futex, Shared};
use thiserror::Error;

use super::nap::{Slept, Wait};
use super::place::{Place, placed};
use crate::peers::{Census, PeerId};
use crate::shm_safe::Shareable;

/// The most permits of a semaphore; for the checkers few, since each is looked at.
pub const MAX_PERMITS: usize = if cfg!(any(heddle_loom, heddle_shuttle, heddle_mutants)) { 2 } else { 1000 };

/// There is no permit in this cell.
const ABSENT: u32 = 0;
/// The permit of this cell is free. No id is so large.
const FREE: u32 = u32::MAX;

/// Somebody may sleep, and wants to be woken by the next release.
const WAITERS: u32 = 1;
/// One release.
const RELEASE: u32 = 2;

/// What lies in memory. A permit is a cell, which says who holds it:
///
/// | cell | meaning |
/// |---|---|
/// | 0 | there is no such permit |
/// | all ones | free |
/// | id | this peer holds it; if it is dead, whoever comes next takes the permit over |
///
/// Each step is one exchange of one cell, so no death can lose a permit or make one. Who waits has set `WAITERS` in the signal and
/// looked at the cells since; a release makes a permit free first and then changes the signal, so either the look finds the
/// permit or the sleep ends.
#[repr(C)]
pub(crate) struct Words {
    /// Releases so far, wrapping, and [`WAITERS`].
    signal: Futex<Shared>,
    /// Cells from here on are absent, and always were.
    used: AtomicU32,
    /// How many permits there may be; read-only.
    bound: AtomicU32,
    cells: [AtomicU32; MAX_PERMITS],
}

// SAFETY: `repr(C)` atomics, of which any numbers lead to a wait or to a permit, and to no access beyond them: indices are checked.
unsafe impl Shareable for Words {}

impl Words {
    fn new(permits: usize, bound: usize) -> Words {
        assert!(permits <= MAX_PERMITS, "{permits} permits, and there can be {MAX_PERMITS}");
        let cell = |at| AtomicU32::new(if at < permits { FREE } else { ABSENT });
        Words {
            signal: Futex::new_in(0),
            used: AtomicU32::new(permits as u32),
            bound: AtomicU32::new(bound as u32),
            cells: core::array::from_fn(cell),
        }
    }

    fn cells(&self) -> &[AtomicU32] {
        // ORDERING: Relaxed: who learns of a release, by the signal, sees how far the cells went at it.
        let used = self.used.load(Ordering::Relaxed) as usize;
        &self.cells[..used.min(MAX_PERMITS)]
    }

    /// Takes a free permit, or one of a dead holder if `dead` says so; returns its cell.
    fn take(&self, census: &impl Census, dead: bool) -> Option<u32> {
        let me = census.me();
        let cells = self.cells();
        // Peers begin at different cells, so that they do not meet at each.
        let first = me.slot() % cells.len().max(1);
        let in_turn = (first..cells.len()).chain(0..first);
        for at in in_turn {
            // ORDERING: Relaxed: decides only what the exchange expects.
            let mut holder = cells[at].load(Ordering::Relaxed);
            loop {
                let available = match holder {
                    FREE => true,
                    ABSENT => false,
                    _ => dead && is_lost(census, holder),
                };
                if !available {
                    break;
                }
                // ORDERING: success acquires what the last holder released; failure reads nothing.
                match cells[at].compare_exchange(holder, me.word(), Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Some(at as u32),
                    // Not passed over: a holder that gave the permit back and died has told nobody.
                    Err(now) => holder = now,
                }
            }
        }
        None
    }

    fn acquire(&self, census: &impl Census, deadline: Option<Instant>) -> Option<u32> {
        let mut wait = Wait::for_handover(HANDOVER_SPIN, deadline);
        loop {
            if let Some(cell) = self.take(census, false) {
                return Some(cell);
            }
            if !wait.spin() {
                break;
            }
        }
        let mut last = false;
        loop {
            // ORDERING: AcqRel: pairs with the AcqRel in `signal_release`: a release that came before is seen in the cells. Releases
            // nothing that anybody needs.
            let signal = self.signal.word().fetch_or(WAITERS, Ordering::AcqRel) | WAITERS;
            if let Some(cell) = self.take(census, true) {
                return Some(cell);
            }
            if last {
                return None;
            }
            last = wait.sleep(&self.signal, signal) == Slept::TimedOut;
        }
    }

    /// Makes the permit of a cell free that the caller holds.
    fn give_back(&self, cell: u32) {
        // ORDERING: Release: pairs with the Acquire in `take`.
        self.cells[cell as usize].store(FREE, Ordering::Release);
        self.signal_release();
    }

    /// Makes one permit more.
    fn add(&self) -> Result<(), ReleaseError> {
        // ORDERING: Relaxed: written before anybody else had the semaphore.
        let max = (self.bound.load(Ordering::Relaxed) as usize).min(MAX_PERMITS);
        for (at, cell) in self.cells[..max].iter().enumerate() {
            // Before the permit is there, so that who learns of it looks so far.
            // ORDERING: Relaxed: see `cells`.
            self.used.fetch_max(at as u32 + 1, Ordering::Relaxed);
            // ORDERING: Release, success: pairs with the Acquire in `take`. Relaxed, failure: this one is taken.
            if cell.compare_exchange(ABSENT, FREE, Ordering::Release, Ordering::Relaxed).is_ok() {
                self.signal_release();
                return Ok(());
            }
        }
        Err(ReleaseError { max })
    }

    /// How many permits are free, or held by the dead.
    fn available(&self, census: &impl Census) -> usize {
        let is_available = |cell: &&AtomicU32| {
            // ORDERING: Relaxed: a hint.
            let holder = cell.load(Ordering::Relaxed);
            holder == FREE || is_lost(census, holder)
        };
        self.cells().iter().filter(is_available).count()
    }

    fn signal_release(&self) {
        let address = self.signal.address();
        // ORDERING: Relaxed: decides only what the exchange expects.
        let mut signal = self.signal.word().load(Ordering::Relaxed);
        loop {
            let released = (signal & !WAITERS).wrapping_add(RELEASE);
            // ORDERING: AcqRel: pairs with the `fetch_or` of who waits. Relaxed, failure: look again.
            match self.signal.word().compare_exchange(signal, released, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => signal = now,
            }
        }
        if signal & WAITERS != 0 {
            // All: one that is woken may die before it has taken the permit, and nobody would know of the others.
            address.wake_all();
        }
    }
}

/// Whether the holder of a permit is dead. It is not if it is this very process.
fn is_lost(census: &impl Census, holder: u32) -> bool {
    PeerId::from_word(holder).is_some_and(|peer| peer != census.me() && census.is_dead(peer))
}

/// What both kinds of semaphores do.
macro_rules! semaphore {
    ($name:ident, $release:literal, $errors:literal) => {
        impl $name {
            /// Waits for a permit.
            pub fn acquire(&self) -> Permit<'_> {
                match self.place.acquire(self.place.census(), None) {
                    Some(cell) => self.permit(cell),
                    None => unreachable!("there is no deadline"),
                }
            }

            /// Takes a permit if there is one, or one whose holder is dead.
            pub fn try_acquire(&self) -> Option<Permit<'_>> {
                self.place.take(self.place.census(), true).map(|cell| self.permit(cell))
            }

            /// Waits for a permit, for so long at most.
            pub fn try_acquire_for(&self, limit: Duration) -> Option<Permit<'_>> {
                let deadline = Instant::now().checked_add(limit);
                self.place.acquire(self.place.census(), deadline).map(|cell| self.permit(cell))
            }

            /// Waits for a permit, until then at most.
            pub fn try_acquire_until(&self, deadline: Instant) -> Option<Permit<'_>> {
                self.place.acquire(self.place.census(), Some(deadline)).map(|cell| self.permit(cell))
            }

            #[doc = $release]
            ///
            /// # Errors
            ///
            #[doc = $errors]
            pub fn release(&self) -> Result<(), ReleaseError> {
                self.place.add()
            }

            /// How many permits are free, or held by the dead; it may have changed by the time that this returns.
            pub fn available(&self) -> usize {
                self.place.available(self.place.census())
            }

            fn permit(&self, cell: u32) -> Permit<'_> {
                Permit { words: &self.place, cell }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("available", &self.available())
                    .finish_non_exhaustive()
            }
        }
    };
}

/// Permits, which several processes share, and which come back when the process that holds them dies.
///
/// [`acquire`](Semaphore::acquire) waits for a permit and gives it back when it is dropped. Where one process takes permits and another
/// makes them, as in Python, take them by [`Permit::forget`] and make them by [`release`](Semaphore::release). There are at most
/// [`MAX_PERMITS`]. Not fair: whoever comes first gets a permit. Clones are the same semaphore.
///
/// Where the system cannot say who is dead (see [`Member`](crate::Member)), a permit stays held.
///
/// ```
/// use heddle_ipc::sync::Semaphore;
///
/// let semaphore = Semaphore::new(2)?;
/// let first = semaphore.acquire();
/// let second = semaphore.acquire();
/// assert!(semaphore.try_acquire().is_none());
/// drop(first);
/// assert!(semaphore.try_acquire().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Semaphore {
    place: Place<Words>,
}

placed!([] Semaphore, "a semaphore of so many permits, at most [`MAX_PERMITS`](crate::sync::MAX_PERMITS)",
    new(permits: usize) = Words::new(permits, MAX_PERMITS));

semaphore!(
    Semaphore,
    "Makes a permit that nobody held. Any process may.",
    "There are [`MAX_PERMITS`] already."
);

/// A [`Semaphore`] that never has more permits than at first.
///
/// ```
/// use heddle_ipc::sync::BoundedSemaphore;
///
/// let slots = BoundedSemaphore::new(1)?;
/// assert!(slots.release().is_err(), "nobody holds one");
/// slots.acquire().forget();
/// assert!(slots.release().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct BoundedSemaphore {
    place: Place<Words>,
}

placed!([] BoundedSemaphore, "a semaphore of so many permits, at most [`MAX_PERMITS`](crate::sync::MAX_PERMITS)",
    new(permits: usize) = Words::new(permits, permits));

semaphore!(
    BoundedSemaphore,
    "Gives back a permit that somebody took and [forgot](Permit::forget).",
    "All permits are there, or held."
);

/// A permit, which is given back when this is dropped, or when the process dies.
#[must_use = "the permit is given back as soon as this is dropped"]
pub struct Permit<'a> {
    words: &'a Words,
    cell: u32,
}

impl Permit<'_> {
    /// Uses the permit up: it is gone, and does not come back when the process dies. Another may be [made](Semaphore::release).
    pub fn forget(self) {
        // ORDERING: Relaxed: no holder follows.
        self.words.cells[self.cell as usize].store(ABSENT, Ordering::Relaxed);
        core::mem::forget(self);
    }

    /// What is left of a permit whose holder dies.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub fn left_behind(self) {
        core::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.words.give_back(self.cell);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// There are as many permits as there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the semaphore has its {max} permits already")]
pub struct ReleaseError {
    /// How many there can be.
    pub max: usize,
}
