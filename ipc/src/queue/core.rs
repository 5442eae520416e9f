//! What all faces of a queue do: wait for an item, for room, for the end.

use std::time::Instant;

use heddle_primitives::spin::HANDOVER_SPIN;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use super::error::{TryGetError, TryPutError};
use super::home::Home;
use crate::sync::nap::{Slept, Wait};

/// Cells beside those that the ring can hold, for those who are at work.
pub(crate) const SPARE: usize = if cfg!(any(heddle_loom, heddle_shuttle, heddle_mutants)) { 2 } else { 64 };

/// A capacity that a queue can have.
///
/// # Panics
///
/// See there.
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub(crate) fn checked(capacity: usize) -> usize {
    assert!((1..=1 << 28).contains(&capacity), "a queue holds 1 to 2^28 items, not {capacity}");
    capacity
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Not at all.
    Now,
    Until(Instant),
    Never,
}

impl Limit {
    fn deadline(self) -> Option<Instant> {
        if let Limit::Until(deadline) = self { Some(deadline) } else { None }
    }
}

/// Who may still come, where the ends of a queue are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Anybody may put and get.
    Same,
    /// Once the last of the other side is gone, nothing more is to be waited for.
    Apart,
}

/// A process's handle to a queue.
pub(crate) struct Core<T> {
    pub(crate) home: Home<T>,
    ends: Ends,
    /// Where to look for a free cell.
    hint: AtomicU64,
}

impl<T> Core<T> {
    pub(crate) fn new(home: Home<T>, ends: Ends) -> Core<T> {
        Core { home, ends, hint: AtomicU64::new(0) }
    }
}

impl<T: Copy> Core<T> {
    pub(crate) fn put(&self, item: T, limit: Limit) -> Result<(), TryPutError<T>> {
        let words = self.home.words();
        let mut wait = Wait::for_handover(HANDOVER_SPIN, limit.deadline());
        loop {
            if words.is_closed() {
                return Err(TryPutError::Closed(item));
            }
            if self.try_put(item) {
                return Ok(());
            }
            if limit == Limit::Now {
                return self.refused(item);
            }
            if !wait.spin() {
                break;
            }
        }
        let mut last = false;
        loop {
            let ticket = words.room.prepare();
            if words.is_closed() || !self.has_receivers() {
                return Err(TryPutError::Closed(item));
            }
            if self.try_put(item) {
                return Ok(());
            }
            if last {
                return Err(TryPutError::Full(item));
            }
            last = words.room.sleep(&mut wait, ticket) == Slept::TimedOut;
        }
    }

    /// Takes an item out: the cell that it is in.
    pub(crate) fn take(&self, limit: Limit) -> Result<usize, TryGetError> {
        let words = self.home.words();
        let mut wait = Wait::for_handover(HANDOVER_SPIN, limit.deadline());
        loop {
            if let Some(cell) = self.home.cells().take(self.home.census()) {
                return Ok(cell);
            }
            if limit == Limit::Now {
                return self.last_look();
            }
            if !wait.spin() {
                break;
            }
        }
        let mut last = false;
        loop {
            let ticket = words.items.prepare();
            match self.last_look() {
                Err(TryGetError::Empty) if !last => {}
                result => return result,
            }
            last = words.items.sleep(&mut wait, ticket) == Slept::TimedOut;
        }
    }

    /// Copies an item out of the cell that was taken, and frees that.
    pub(crate) fn finish(&self, cell: usize) -> T {
        let item = self.home.cells().read(cell);
        self.release(cell);
        item
    }

    /// Frees a cell that was taken.
    pub(crate) fn release(&self, cell: usize) {
        self.home.cells().free(cell);
        self.home.words().room.announce();
    }

    /// Waits until nobody has anything to do with an item; `false` if the time was over first.
    pub(crate) fn wait_idle(&self, limit: Limit) -> bool {
        let words = self.home.words();
        let mut wait = Wait::for_handover(HANDOVER_SPIN, limit.deadline());
        let mut last = limit == Limit::Now;
        loop {
            let ticket = words.room.prepare();
            if self.home.cells().is_idle(self.home.census()) {
                return true;
            }
            if last {
                return false;
            }
            last = words.room.sleep(&mut wait, ticket) == Slept::TimedOut;
        }
    }

    /// Whether there is an item now, be it one whose consumer died.
    fn last_look(&self) -> Result<usize, TryGetError> {
        // Before the look: who closes has put everything before.
        let over = self.home.words().is_closed() || !self.has_senders();
        let (cells, census) = (self.home.cells(), self.home.census());
        if let Some(cell) = cells.take(census).or_else(|| cells.salvage(census)) {
            return Ok(cell);
        }
        Err(if over { TryGetError::Closed } else { TryGetError::Empty })
    }

    fn try_put(&self, item: T) -> bool {
        // ORDERING: Relaxed, both: a hint.
        let mut hint = self.hint.load(Ordering::Relaxed) as usize;
        let put = self.home.cells().put(self.home.census(), &mut hint, item);
        self.hint.store(hint as u64, Ordering::Relaxed);
        if put {
            self.home.words().items.announce();
        }
        put
    }

    /// Why there is no room at once.
    fn refused(&self, item: T) -> Result<(), TryPutError<T>> {
        Err(if self.has_receivers() { TryPutError::Full(item) } else { TryPutError::Closed(item) })
    }

    fn has_receivers(&self) -> bool {
        self.ends == Ends::Same || self.home.words().receivers.is_anybody(self.home.census())
    }

    fn has_senders(&self) -> bool {
        self.ends == Ends::Same || self.home.words().senders.is_anybody(self.home.census())
    }
}

impl<T> Clone for Core<T> {
    fn clone(&self) -> Self {
        Core { home: self.home.clone(), ends: self.ends, hint: AtomicU64::new(0) }
    }
}
