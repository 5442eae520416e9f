//! The lock without its data: one word that readers, writers and upgradable readers sleep on, each a class of its own.
//!
//! - `kind`: the bits of the word, and the ways to take the lock;
//! - `upgradable`: reading with the right to become the writer.

mod kind;
mod upgradable;

use crate::held::Want;
use crate::scope::{Private, Scope};
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::futex::{Futex, WaitOutcome};
use crate::sync::thread;
use kind::{
    AS_READER, AS_UPGRADABLE, AS_UPGRADER, AS_WRITER, DRAINING, FULL, HANDED, Kind, QUEUED, READ,
    READ_RECURSIVE, READER, READERS, READERS_QUEUED, UPGRADABLE, UPGRADABLES_QUEUED, WRITE, WRITER,
    WRITERS_QUEUED,
};
use std::fmt;
use std::time::{Duration, Instant};

/// The pauses between a waiter's looks, and, as in the mutex, how often it yields before it sleeps.
const FIRST_PAUSES: u32 = 4;
const LONGEST_PAUSES: u32 = 64;
const YIELDS: u32 = if cfg!(any(heddle_loom, heddle_shuttle)) { 0 } else { 2 };

/// How long a lock that was unlocked fairly waits for those who have queued: several times what waking one takes.
const HAND_OVER: Duration = Duration::from_micros(200);

/// A readers-writer lock without data, in one word; the protocol of [`RwLock`](crate::RwLock).
///
/// | bits | name | meaning |
/// |---|---|---|
/// | 0 | `WRITER` | locked exclusively |
/// | 1 | `UPGRADABLE` | locked for upgradable reading, beside other readers |
/// | 2 | `DRAINING` | with bit 1: its holder waits for the readers to leave |
/// | 3 | `READERS_QUEUED` | readers may sleep |
/// | 4 | `WRITERS_QUEUED` | a writer has queued |
/// | 5 | `UPGRADABLES_QUEUED` | upgradable readers may sleep |
/// | 6 | `HANDED` | unlocked fairly, those who sleep go first |
/// | 7-31 | | readers; from 2^24 on nobody is let in |
///
/// | | is kept out by bits | once woken, by bits |
/// |---|---|---|
/// | reader | 0, 2, 4, 6 | 0, 2 |
/// | recursive reader | 0 | 0 |
/// | upgradable reader | 0, 1, 4, 6 | 0, 1 |
/// | writer | 0, 1, 6, readers | 0, 1, readers |
/// | upgrader | readers | readers |
///
/// A reader comes in by one addition. Where a bit keeps it out it takes the addition back; until then it looks to others like a
/// reader that leaves at once, and taking back is leaving.
///
/// # Why nobody is forgotten
///
/// The classes sleep on the same word, so the kernel compares it with what the sleeper has seen: no sleep begins once a bit on
/// which it rests has changed. A sleeper of a class sleeps beside the class's bit, or beside somebody who answers for the
/// class.
///
/// - *Readers* are all woken by whoever ends what keeps them out, except that the last reader and an upgradable one leave the bits
///   alone where a writer has queued. That writer is awake or woken by them; it takes the lock with all bits, whose release
///   wakes everybody, or it gives up and does the same.
/// - *Writers* are woken one at a time. Who clears their bit wakes one, and the one woken answers for the others: it takes the
///   lock with the bit set, sets the bit before it sleeps again, or wakes another as it gives up. So a set bit means that there is
///   a writer, or a holder that will clear it; a downgrade clears it too, or readers would queue behind nobody.
/// - *Upgradable readers* likewise. They are woken by whoever ends exclusive or upgradable holding, unless a writer has
///   queued, whose release wakes one.
/// - *The upgrader* is the only one of its kind, and woken by the last reader.
///
/// Nothing depends on how many a wake has reached. After the operation that lets others in, a release touches nothing but the
/// word's address.
///
/// Layout: one word. All-zero bytes are an unlocked lock.
///
/// ```
/// use heddle_primitives::RawRwLock;
///
/// let lock = lock_api::RwLock::<RawRwLock, u32>::new(1);
/// *lock.write() += 1;
/// assert_eq!(*lock.read(), 2);
/// ```
#[repr(C)]
pub struct RawRwLock<S: Scope = Private> {
    futex: Futex<S>,
}

impl<S: Scope> RawRwLock<S> {
    const_in_normal_builds! {
        /// An unlocked lock in any scope.
        ///
        /// ```
        /// use heddle_primitives::{Private, RawRwLock};
        ///
        /// let lock = lock_api::RwLock::from_raw(RawRwLock::<Private>::new_in(), 1);
        /// assert_eq!(*lock.read(), 1);
        /// ```
        pub const fn new_in() -> Self {
            Self { futex: Futex::new_in(0) }
        }
    }

    /// The lock's address, which names it as long as it does not move.
    #[inline(always)]
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether somebody has queued who keeps new readers of this kind out.
    pub(super) fn is_kept_for(&self, reader: Want) -> bool {
        self.is_any(if reader == Want::Upgradable { WRITERS_QUEUED } else { WRITERS_QUEUED | DRAINING })
    }

    #[inline(always)]
    fn word(&self) -> &AtomicU32 {
        self.futex.word()
    }

    #[inline(always)]
    pub(crate) fn read(&self) {
        if !self.read_fast() {
            self.acquire_slow(&READ, None);
        }
    }

    /// Like the following ones with a deadline: false once it has passed.
    #[inline(always)]
    pub(crate) fn read_until(&self, deadline: impl FnOnce() -> Option<Instant>) -> bool {
        self.read_fast() || self.acquire_slow(&READ, deadline())
    }

    #[inline(always)]
    pub(crate) fn try_read(&self) -> bool {
        self.try_acquire(&READ)
    }

    pub(crate) fn read_recursive_until(&self, deadline: impl FnOnce() -> Option<Instant>) -> bool {
        self.try_acquire(&READ_RECURSIVE) || self.acquire_slow(&READ_RECURSIVE, deadline())
    }

    pub(crate) fn try_read_recursive(&self) -> bool {
        self.try_acquire(&READ_RECURSIVE)
    }

    #[inline(always)]
    pub(crate) fn write(&self) {
        if !self.write_fast() {
            self.acquire_slow(&WRITE, None);
        }
    }

    #[inline(always)]
    pub(crate) fn write_until(&self, deadline: impl FnOnce() -> Option<Instant>) -> bool {
        self.write_fast() || self.acquire_slow(&WRITE, deadline())
    }

    #[inline(always)]
    pub(crate) fn try_write(&self) -> bool {
        self.write_fast() || self.try_acquire(&WRITE)
    }

    pub(crate) fn is_locked(&self) -> bool {
        // ORDERING: a hint; nothing is read on the strength of it.
        self.word().load(Ordering::Relaxed) & (WRITER | UPGRADABLE | READERS) != 0
    }

    pub(crate) fn is_locked_exclusive(&self) -> bool {
        // ORDERING: as above.
        self.word().load(Ordering::Relaxed) & WRITER != 0
    }

    /// The caller holds a read lock, which ends.
    #[inline(always)]
    pub(crate) fn release_read(&self) {
        // ORDERING: Release, so that what was read under the lock is read before a later writer, whose acquiring exchange
        // finds this in the word's release sequences, writes.
        self.after_leaving(self.word().fetch_sub(READER, Ordering::Release) - READER);
    }

    /// The caller holds the lock exclusively, which ends.
    #[inline(always)]
    pub(crate) fn release_write(&self) {
        // ORDERING: releases what was written under the lock to whoever takes it next; failure reads nothing.
        if self.word().compare_exchange(WRITER, 0, Ordering::Release, Ordering::Relaxed).is_err() {
            self.release_write_slow(false);
        }
    }

    /// Like [`release_write`](Self::release_write), and those who have queued go first.
    pub(crate) fn release_write_fair(&self) {
        self.release_write_slow(true);
    }

    /// The caller's exclusive lock becomes a read lock.
    pub(crate) fn downgrade(&self) {
        // ORDERING: releases what was written under the lock to the readers that now come in.
        let before = self.change(Ordering::Release, |state| (state - WRITER + READER) & !(QUEUED | HANDED));
        self.wake_queued(before);
    }

    /// Lets queued writers go first, and reads again.
    pub(crate) fn bump_read(&self) {
        if self.is_any(WRITERS_QUEUED | DRAINING) {
            self.release_read();
            self.read();
        }
    }

    /// Lets those go first who have queued, and writes again.
    pub(crate) fn bump_write(&self) {
        if self.is_any(QUEUED) {
            self.release_write_fair();
            self.write();
        }
    }

    fn is_any(&self, bits: u32) -> bool {
        // ORDERING: a hint.
        self.word().load(Ordering::Relaxed) & bits != 0
    }

    #[inline(always)]
    fn read_fast(&self) -> bool {
        // ORDERING: acquires what the last writer released; nothing was written that would have to be released.
        let before = self.word().fetch_add(READER, Ordering::Acquire);
        before & (READ.blocked | FULL) == 0 || self.take_back(before)
    }

    /// Always false.
    #[cold]
    fn take_back(&self, before: u32) -> bool {
        // ORDERING: nothing was read under the lock; an RMW continues the release sequences of those who left.
        self.after_leaving(self.word().fetch_sub(READER, Ordering::Relaxed) - READER);
        assert_not_full(before);
        false
    }

    #[inline(always)]
    fn write_fast(&self) -> bool {
        // ORDERING: success acquires what the last holders released, readers included; failure reads nothing.
        self.word().compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline(always)]
    fn try_acquire(&self, kind: &Kind) -> bool {
        // ORDERING: decides whether an exchange is worth trying.
        let state = self.word().load(Ordering::Relaxed);
        // A lock that was handed over may have nobody left to take it, and a caller that does not wait would never know.
        self.try_take(kind, state, kind.blocked & !HANDED, 0).is_ok()
    }

    /// Takes the lock unless one of the bits `blocked` is or becomes set, and sets `others`; returns the state that was in the
    /// way.
    #[inline(always)]
    fn try_take(&self, kind: &Kind, mut state: u32, blocked: u32, others: u32) -> Result<(), u32> {
        while state & blocked == 0 {
            if kind.taken == READER {
                assert_not_full(state);
            }
            // Whoever gets here is one of those to whom the lock was handed, or takes it as one that does not wait.
            let taken = ((state + kind.taken) | others) & !HANDED;
            // ORDERING: as in `read_fast` and `write_fast`.
            match self.word().compare_exchange(state, taken, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(found) => state = found,
            }
        }
        Err(state)
    }

    /// Takes the lock, or returns false once `deadline` has passed.
    #[cold]
    fn acquire_slow(&self, kind: &Kind, deadline: Option<Instant>) -> bool {
        let word = self.word();
        let mut blocked = kind.blocked;
        let mut others = 0;
        let mut yields = YIELDS;
        loop {
            let mut spin = Spin::exponential::<S>(DEFAULT_SPIN, deadline, FIRST_PAUSES, LONGEST_PAUSES);
            let mut state = loop {
                // ORDERING: decides whether the exchange in `try_take` is worth trying.
                let Err(state) = self.try_take(kind, word.load(Ordering::Relaxed), blocked, others) else {
                    return true;
                };
                if !spin.pause() {
                    if yields == 0 {
                        break state;
                    }
                    yields -= 1;
                    thread::yield_now();
                }
            };
            // From here on this thread may be the one that is woken for its class.
            others = kind.others;
            state = loop {
                match self.try_take(kind, state, blocked, others) {
                    Ok(()) => return true,
                    Err(found) if found & kind.queued != 0 => break found,
                    Err(found) => {
                        let queued = found | kind.queued;
                        // ORDERING: publishes nothing; failure goes round.
                        match word.compare_exchange(found, queued, Ordering::Relaxed, Ordering::Relaxed) {
                            Ok(_) => break queued,
                            Err(found) => state = found,
                        }
                    }
                }
            };
            // Those to whom the lock was handed may all have gone; this thread gives them the time to come, and no more.
            let handed = state & blocked == HANDED;
            let until = if handed { Some(hand_over_end(deadline)) } else { deadline };
            match self.futex.wait_class(state, until, kind.class) {
                WaitOutcome::Woken => blocked &= kind.blocked_woken,
                WaitOutcome::Mismatch => {}
                WaitOutcome::TimedOut if handed => blocked &= !HANDED,
                WaitOutcome::TimedOut => {
                    self.give_up(kind);
                    return false;
                }
            }
        }
    }

    /// Passes on what a waiter answers for that does not wait any longer.
    fn give_up(&self, kind: &Kind) {
        let passed = match kind.taken {
            // All were woken, if any.
            READER => return,
            UPGRADABLE => UPGRADABLES_QUEUED,
            // Others may sleep because a writer had queued.
            _ => QUEUED,
        };
        // ORDERING: publishes nothing. Who queues at the same time finds the word changed, or its bit set again.
        self.word().fetch_and(!passed, Ordering::Relaxed);
        // Also where the bit was not set: this thread may have been woken in place of another.
        self.wake_queued(passed);
    }

    /// What follows from a word without one reader less.
    #[inline(always)]
    fn after_leaving(&self, left: u32) {
        if left < READER && left & (WRITERS_QUEUED | DRAINING) != 0 {
            self.last_reader_left(left);
        }
    }

    /// The word may be gone by now: whoever came in may have freed it. Only its address goes to the kernel.
    #[cold]
    fn last_reader_left(&self, left: u32) {
        if left & DRAINING != 0 {
            self.futex.wake_class(1, AS_UPGRADER);
        } else if left & (WRITER | UPGRADABLE) == 0 {
            self.futex.wake_class(1, AS_WRITER);
        }
    }

    #[cold]
    fn release_write_slow(&self, fair: bool) {
        // ORDERING: as in `release_write`.
        let before = self.change(Ordering::Release, |state| {
            let handed = if fair && state & QUEUED != 0 { HANDED } else { 0 };
            (state & !(WRITER | QUEUED | HANDED)) | handed
        });
        self.wake_queued(before);
    }

    /// Changes the word, which nobody else can make unfit for it; returns what it was.
    #[inline(always)]
    #[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
    fn change(&self, success: Ordering, new: impl Fn(u32) -> u32) -> u32 {
        // ORDERING: the exchange has the last word.
        let mut state = self.word().load(Ordering::Relaxed);
        loop {
            // ORDERING: success as the caller says why; failure reads nothing.
            match self.word().compare_exchange(state, new(state), success, Ordering::Relaxed) {
                Ok(_) => return state,
                Err(found) => state = found,
            }
        }
    }

    /// Wakes all readers, one writer and one upgradable reader, of those classes whose bits are set in `queued`. The word may be
    /// gone by now.
    #[inline(always)]
    fn wake_queued(&self, queued: u32) {
        if queued & QUEUED != 0 {
            self.wake_queued_slow(queued);
        }
    }

    #[cold]
    fn wake_queued_slow(&self, queued: u32) {
        if queued & READERS_QUEUED != 0 {
            self.futex.wake_class(u32::MAX, AS_READER);
        }
        if queued & UPGRADABLES_QUEUED != 0 {
            self.futex.wake_class(1, AS_UPGRADABLE);
        }
        if queued & WRITERS_QUEUED != 0 {
            self.futex.wake_class(1, AS_WRITER);
        }
    }
}

#[inline(always)]
fn assert_not_full(state: u32) {
    if state & FULL != 0 {
        too_many();
    }
}

fn hand_over_end(deadline: Option<Instant>) -> Instant {
    let end = Instant::now() + HAND_OVER;
    deadline.map_or(end, |deadline| deadline.min(end))
}

#[cold]
fn too_many() -> ! {
    panic!("a lock has no room for more than {} readers", FULL / READER)
}

impl<S: Scope> Default for RawRwLock<S> {
    fn default() -> Self {
        Self::new_in()
    }
}

impl<S: Scope> fmt::Debug for RawRwLock<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORDERING: a hint.
        let state = self.word().load(Ordering::Relaxed);
        f.debug_struct("RawRwLock")
            .field("readers", &(state / READER))
            .field("upgradable", &(state & UPGRADABLE != 0))
            .field("writer", &(state & WRITER != 0))
            .finish()
    }
}
