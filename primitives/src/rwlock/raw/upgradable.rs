//! Reading with the right to become the writer.

use super::kind::{
    AS_UPGRADER, AS_WRITER, DRAINING, HANDED, QUEUED, READ_UPGRADABLE, READER, READERS, READERS_QUEUED,
    UPGRADABLE, UPGRADABLES_QUEUED, WRITER, WRITERS_QUEUED,
};
use super::{FIRST_PAUSES, LONGEST_PAUSES, RawRwLock};
use crate::scope::Scope;
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::atomic::Ordering;
use crate::sync::futex::WaitOutcome;
use std::time::Instant;

impl<S: Scope> RawRwLock<S> {
    pub(crate) fn upgradable_read_until(&self, deadline: impl FnOnce() -> Option<Instant>) -> bool {
        self.try_acquire(&READ_UPGRADABLE) || self.acquire_slow(&READ_UPGRADABLE, deadline())
    }

    pub(crate) fn try_upgradable_read(&self) -> bool {
        self.try_acquire(&READ_UPGRADABLE)
    }

    /// The caller holds an upgradable read lock, which ends.
    pub(crate) fn release_upgradable(&self) {
        self.leave_upgradable(0, false);
    }

    /// As above, and those who have queued go first.
    pub(crate) fn release_upgradable_fair(&self) {
        self.leave_upgradable(0, true);
    }

    /// The caller's upgradable read lock becomes a plain one.
    pub(crate) fn downgrade_upgradable(&self) {
        self.leave_upgradable(READER, false);
    }

    /// The caller's exclusive lock becomes an upgradable read lock.
    pub(crate) fn downgrade_to_upgradable(&self) {
        // Upgradable readers stay asleep, and their bit tells so: `leave_upgradable` wakes one.
        let woken = READERS_QUEUED | WRITERS_QUEUED;
        // ORDERING: as in `downgrade`.
        let before =
            self.change(Ordering::Release, |state| (state - WRITER + UPGRADABLE) & !(woken | HANDED));
        self.wake_queued(before & woken);
    }

    /// The caller's upgradable read lock becomes exclusive if there are no other readers.
    pub(crate) fn try_upgrade(&self) -> bool {
        // ORDERING: decides whether the exchange below is worth trying.
        let mut state = self.word().load(Ordering::Relaxed);
        while state & READERS == 0 {
            let upgraded = (state & !(UPGRADABLE | DRAINING)) + WRITER;
            // ORDERING: acquires what leaving readers released: they read before the caller writes. Not Release: the caller
            // has written nothing yet. Failure reads nothing.
            match self.word().compare_exchange(state, upgraded, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(found) => state = found,
            }
        }
        false
    }

    /// The caller's upgradable read lock becomes exclusive once the readers have left, or stays what it is if `deadline` passes.
    pub(crate) fn upgrade_until(&self, deadline: impl FnOnce() -> Option<Instant>) -> bool {
        self.try_upgrade() || self.upgrade_slow(deadline())
    }

    /// Lets writers and upgradable readers go first that have queued, and reads again.
    pub(crate) fn bump_upgradable(&self) {
        if self.is_any(QUEUED) {
            self.release_upgradable_fair();
            self.upgradable_read_until(|| None);
        }
    }

    /// The caller's upgradable read lock becomes `rest`, which is a read lock or nothing.
    fn leave_upgradable(&self, rest: u32, fair: bool) {
        // ORDERING: as in `release_read`, for the caller leaves or will.
        let before = self.change(Ordering::Release, |state| {
            let handed = if fair && state & QUEUED != 0 { HANDED } else { 0 };
            // A writer's bit stays until it has come: readers are to let it in. Then it will wake an upgradable reader.
            let cleared = if state & WRITERS_QUEUED == 0 { UPGRADABLES_QUEUED } else { 0 };
            ((state - UPGRADABLE + rest) | handed) & !cleared
        });
        // From here on only the address is used, as in `last_reader_left`.
        if before & WRITERS_QUEUED == 0 {
            self.wake_queued(before & UPGRADABLES_QUEUED);
        } else if (before - UPGRADABLE + rest) & READERS == 0 {
            self.futex.wake_class(1, AS_WRITER);
        }
    }

    #[cold]
    fn upgrade_slow(&self, deadline: Option<Instant>) -> bool {
        let word = self.word();
        // ORDERING: publishes nothing.
        word.fetch_or(DRAINING, Ordering::Relaxed);
        loop {
            let mut spin = Spin::exponential::<S>(DEFAULT_SPIN, deadline, FIRST_PAUSES, LONGEST_PAUSES);
            loop {
                if self.try_upgrade() {
                    return true;
                }
                if !spin.pause() {
                    break;
                }
            }
            // ORDERING: the kernel compares it again.
            let state = word.load(Ordering::Relaxed);
            if state & READERS != 0
                && self.futex.wait_class(state, deadline, AS_UPGRADER) == WaitOutcome::TimedOut
            {
                let passed = DRAINING | READERS_QUEUED;
                // ORDERING: publishes nothing.
                word.fetch_and(!passed, Ordering::Relaxed);
                self.wake_queued(passed & QUEUED);
                return false;
            }
        }
    }
}
