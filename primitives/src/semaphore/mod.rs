//! A number of permits.
//!
//! - `permit`: guards that give permits back;
//! - `bounded`: a semaphore that refuses more permits than it began with.

mod bounded;
mod permit;

pub use bounded::{BoundedSemaphore, OverReleased};
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub use permit::OwnedSemaphorePermit;
pub use permit::SemaphorePermit;

use crate::scope::{Private, Scope};
use crate::spin::{DEFAULT_SPIN, HANDOVER_SPIN, Spin};
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::futex::{Futex, FutexAddress, WaitOutcome};
use std::fmt;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Somebody may sleep, besides the one who saves: who gives a permit back wakes.
const SLEEPERS: u32 = 1;
/// Somebody saves permits, and nobody else gets any.
const SAVING: u32 = 2;
/// One permit; they are counted in the bits above.
const ONE: u32 = 4;

/// The most permits: the count has a sign, and for a moment it may be twice as large.
const MAX: u32 = (i32::MAX as u32 / ONE) / 2;
/// What makes the word after an addition worth a look: somebody is to be woken, there are more than the most, or less than none.
const LOOK: u32 = SLEEPERS | SAVING | !(i32::MAX as u32 / 2);
/// As many are given back in one addition: 2^22 threads, more than there can be, do not get from the most to twice the most.
const FEW: u32 = 64;

/// What the one who saves sleeps for, and all others.
const SAVER: NonZeroU32 = NonZeroU32::new(1).unwrap();
const OTHERS: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// A number of permits that threads take and give back; Python's `threading.Semaphore`.
///
/// [`acquire`](Self::acquire) returns a guard that gives its permit back when dropped. Where one thread gives what another takes, forget the guard and
/// use [`release`](Self::release). What was written before a release is visible after an acquire that got the permit.
///
/// Not fair: a running thread may take a permit before a sleeper that was woken for it. Only [`acquire_many`](Self::acquire_many) does not starve
/// behind those who want less: once it has spun in vain, it *saves*, and until it has what it wants (or gives up) nobody else gets a permit.
/// One saves at a time, in no particular order. As a consequence who holds permits and waits for more may wait for ever, even for one,
/// as with every fair semaphore.
///
/// | bits | meaning |
/// |---|---|
/// | 0 | somebody sleeps, or was woken and has not yet said so (see below) |
/// | 1 | somebody saves |
/// | 2-31 | permits less reservations, with a sign |
///
/// # The protocol
///
/// [`acquire`](Self::acquire) first subtracts a permit, whether there is one or not, since a subtraction is cheaper than an exchange. If there was none,
/// that is a *reservation*: it becomes a permit as soon as the count is not below 0, which the thread looks for once more,
/// and is cancelled only while the count is below 0. So the count is that of the permits nobody has a claim to, and a cancellation leaves nothing to be
/// had and need not wake anybody: of several who have reservations the last one to look has whatever permits came. While somebody saves, reservations are cancelled in any
/// case, and the saver is woken to look again.
///
/// Giving back is one addition or exchange, after which only the address is used: who gets the permit may free the semaphore. Either
/// tells whether bit 0 was set, and if so as many sleepers are woken as permits came. The exchange also clears it, so that the next release makes no
/// system call; the addition, which saves looking at the word first, cannot. Which one to use is what the second word advises:
/// it says whether there were sleepers lately, and if it is wrong, that costs time and nothing else. A thread that has slept cannot know
/// whether others still do: it sets the bit again when it takes a permit or goes back to sleep. Meanwhile more permits may have come, whose givers saw no bit: so if permits are left
/// when it takes one, it wakes the next. While somebody saves, the bit stays, and a release wakes the saver only; when it has finished, it
/// clears both bits and wakes all others.
///
/// Layout (`repr(C)`): the word above, then the advice, 32 bits each. All-zero bytes are a semaphore without permits. In scope [`Shared`](crate::Shared) permits of a process that dies are
/// lost, and if it saved, everybody waits for ever.
///
/// ```
/// use heddle_primitives::Semaphore;
/// use heddle_primitives::sync::thread;
///
/// static SEATS: Semaphore = Semaphore::new(2);
/// thread::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| {
///             let _seat = SEATS.acquire();
///             assert!(SEATS.available_permits() < 2);
///         });
///     }
/// });
/// assert_eq!(SEATS.available_permits(), 2);
/// ```
#[repr(C)]
pub struct Semaphore<S: Scope = Private> {
    futex: Futex<S>,
    /// Whether to give back by exchanges.
    careful: AtomicU32,
}

impl Semaphore {
    const_in_normal_builds! {
        /// A semaphore for the threads of this process.
        ///
        /// # Panics
        /// If `permits` is above [`Semaphore::MAX_PERMITS`].
        ///
        /// ```
        /// use heddle_primitives::Semaphore;
        /// static CONNECTIONS: Semaphore = Semaphore::new(8);
        /// assert_eq!(CONNECTIONS.available_permits(), 8);
        /// ```
        pub const fn new(permits: u32) -> Self {
            Self::new_in(permits)
        }
    }

    /// The most permits that a semaphore can have.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// assert_eq!(Semaphore::MAX_PERMITS, (1 << 28) - 1);
    /// ```
    pub const MAX_PERMITS: u32 = MAX;
}

impl<S: Scope> Semaphore<S> {
    const_in_normal_builds! {
        /// A semaphore in any scope.
        ///
        /// # Panics
        /// If `permits` is above [`Semaphore::MAX_PERMITS`].
        ///
        /// ```
        /// use heddle_primitives::{Semaphore, Shared};
        /// // May be placed in memory that several processes map.
        /// let slots = Semaphore::<Shared>::new_in(2);
        /// assert_eq!(slots.acquire().permits(), 1);
        /// ```
        pub const fn new_in(permits: u32) -> Self {
            assert!(permits <= MAX, "too many permits");
            Self { futex: Futex::new_in(permits * ONE), careful: AtomicU32::new(0) }
        }
    }

    /// Takes a permit, waiting as long as it takes.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use heddle_primitives::sync::thread;
    ///
    /// // One thread gives what the other takes.
    /// let items = Semaphore::new(0);
    /// thread::scope(|s| {
    ///     s.spawn(|| items.release(1));
    ///     items.acquire().forget();
    /// });
    /// assert_eq!(items.available_permits(), 0);
    /// ```
    #[inline]
    pub fn acquire(&self) -> SemaphorePermit<'_, S> {
        self.acquire_many(1)
    }

    /// Takes a permit if that is possible without waiting. It may find none although there is one while another thread looks for one
    /// too, even if that one gives up.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// let seats = Semaphore::new(1);
    /// let seat = seats.try_acquire().unwrap();
    /// assert!(seats.try_acquire().is_none());
    /// drop(seat);
    /// assert!(seats.try_acquire().is_some());
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_, S>> {
        self.try_acquire_many(1)
    }

    /// Takes a permit, waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use std::time::Duration;
    ///
    /// let seats = Semaphore::new(1);
    /// let seat = seats.acquire_for(Duration::from_millis(1)).unwrap();
    /// assert!(seats.acquire_for(Duration::from_millis(1)).is_none());
    /// drop(seat);
    /// ```
    #[inline]
    pub fn acquire_for(&self, timeout: Duration) -> Option<SemaphorePermit<'_, S>> {
        self.acquire_many_for(1, timeout)
    }

    /// Takes a permit, waiting no longer than until `deadline`; one in the past still takes a free permit.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use std::time::Instant;
    ///
    /// let seats = Semaphore::new(1);
    /// let seat = seats.acquire_until(Instant::now()).unwrap();
    /// assert!(seats.acquire_until(Instant::now()).is_none());
    /// drop(seat);
    /// ```
    #[inline]
    pub fn acquire_until(&self, deadline: Instant) -> Option<SemaphorePermit<'_, S>> {
        self.acquire_many_until(1, deadline)
    }

    /// Takes `n` permits at once, waiting as long as it takes. If it has to wait, it saves: see the type's documentation.
    ///
    /// # Panics
    /// If `n` is above [`Semaphore::MAX_PERMITS`].
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// let memory = Semaphore::new(10);
    /// let part = memory.acquire_many(7);
    /// assert_eq!(memory.available_permits(), 3);
    /// drop(part);
    /// assert_eq!(memory.available_permits(), 10);
    /// ```
    #[inline]
    pub fn acquire_many(&self, n: u32) -> SemaphorePermit<'_, S> {
        if !self.take_fast(n) {
            self.take_slow(n, None);
        }
        SemaphorePermit::new(self, n, MAX)
    }

    /// Takes `n` permits at once if that is possible without waiting.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// let memory = Semaphore::new(10);
    /// assert!(memory.try_acquire_many(11).is_none());
    /// // All or none.
    /// assert_eq!(memory.available_permits(), 10);
    /// ```
    #[inline]
    pub fn try_acquire_many(&self, n: u32) -> Option<SemaphorePermit<'_, S>> {
        self.take_exactly(n).then(|| SemaphorePermit::new(self, n, MAX))
    }

    /// Takes `n` permits at once, waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Panics
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use std::time::Duration;
    ///
    /// let memory = Semaphore::new(10);
    /// assert!(memory.acquire_many_for(11, Duration::from_millis(1)).is_none());
    /// assert_eq!(memory.acquire_many_for(10, Duration::from_millis(1)).unwrap().permits(), 10);
    /// ```
    #[inline]
    pub fn acquire_many_for(&self, n: u32, timeout: Duration) -> Option<SemaphorePermit<'_, S>> {
        let taken = self.take_fast(n) || self.take_slow(n, Instant::now().checked_add(timeout));
        taken.then(|| SemaphorePermit::new(self, n, MAX))
    }

    /// Takes `n` permits at once, waiting no longer than until `deadline`.
    ///
    /// # Panics
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use std::time::Instant;
    ///
    /// let memory = Semaphore::new(10);
    /// assert!(memory.acquire_many_until(11, Instant::now()).is_none());
    /// assert!(memory.acquire_many_until(10, Instant::now()).is_some());
    /// ```
    #[inline]
    pub fn acquire_many_until(&self, n: u32, deadline: Instant) -> Option<SemaphorePermit<'_, S>> {
        let taken = self.take_fast(n) || self.take_slow(n, Some(deadline));
        taken.then(|| SemaphorePermit::new(self, n, MAX))
    }

    /// Adds `n` permits and wakes those who wait for them.
    ///
    /// # Panics
    /// If there would be more than [`Semaphore::MAX_PERMITS`]; none is added then, but others may have seen more for a moment.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// let items = Semaphore::new(0);
    /// items.release(3);
    /// items.acquire_many(2).forget();
    /// assert_eq!(items.available_permits(), 1);
    /// ```
    #[inline]
    pub fn release(&self, n: u32) {
        if !self.give(n, MAX) {
            too_many();
        }
    }

    /// How many permits there are; others may change that at any time, and while somebody saves, only that thread may take them.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// let seats = Semaphore::new(2);
    /// let _seat = seats.acquire();
    /// assert_eq!(seats.available_permits(), 1);
    /// ```
    pub fn available_permits(&self) -> u32 {
        // ORDERING: a hint; nothing is read on the strength of it.
        permits(self.futex.word().load(Ordering::Relaxed))
    }

    /// Takes `n` permits if they are there and nobody saves.
    #[inline(always)]
    fn take_fast(&self, n: u32) -> bool {
        if n != 1 {
            return self.take_exactly(n);
        }
        // ORDERING: acquires what the release of this permit has released, directly or through the RMWs between.
        may_take(self.futex.word().fetch_sub(ONE, Ordering::Acquire), 1) || self.settle()
    }

    /// Takes `n` permits if they are there and nobody saves; reserves none.
    #[inline(always)]
    fn take_exactly(&self, n: u32) -> bool {
        let word = self.futex.word();
        // ORDERING: the exchange below has the last word.
        let mut seen = word.load(Ordering::Relaxed);
        while may_take(seen, n) {
            // ORDERING: as in `take_fast`; failure reads nothing.
            match word.compare_exchange_weak(seen, seen - n * ONE, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(found) => seen = found,
            }
        }
        n == 0
    }

    /// Makes a permit of the caller's reservation, or cancels it.
    #[cold]
    fn settle(&self) -> bool {
        let word = self.futex.word();
        // ORDERING: acquires as in `take_fast`: a release since then may be that of the caller's permit.
        let mut seen = word.load(Ordering::Acquire);
        loop {
            let saving = seen & SAVING != 0;
            if !saving && seen.cast_signed() >= 0 {
                return true;
            }
            // ORDERING: success publishes nothing; an RMW continues the releases before. Failure acquires as above.
            match word.compare_exchange(seen, seen.wrapping_add(ONE), Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => {
                    if saving {
                        // It may have looked when the count was too low by this one.
                        self.futex.wake_class(1, SAVER);
                    }
                    return false;
                }
                Err(found) => seen = found,
            }
        }
    }

    /// Takes `n` permits, or returns false once `deadline` has passed.
    #[cold]
    fn take_slow(&self, n: u32, deadline: Option<Instant>) -> bool {
        assert!(n <= MAX, "more permits than there can be");
        let word = self.futex.word();
        let mut slept = false;
        let mut spin = Spin::new::<S>(HANDOVER_SPIN, deadline);
        loop {
            let seen = loop {
                // ORDERING: the exchange below has the last word.
                let seen = word.load(Ordering::Relaxed);
                if may_take(seen, n) {
                    let next = if slept { (seen - n * ONE) | SLEEPERS } else { seen - n * ONE };
                    // ORDERING: as in `take_fast`.
                    if word.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                        if slept {
                            self.advise(next);
                        }
                        if slept && permits(next) != 0 {
                            // Others may have come while the bit was not set; see the protocol.
                            self.futex.wake_class(1, OTHERS);
                        }
                        return true;
                    }
                    continue;
                }
                if !spin.pause() {
                    break seen;
                }
            };
            if n > 1 && seen & SAVING == 0 {
                // ORDERING: publishes nothing; the loop reads the word again if it fails.
                if word.compare_exchange(seen, seen | SAVING, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                    return self.save(n, slept, deadline);
                }
                continue;
            }
            if seen & SLEEPERS == 0
                // ORDERING: as above.
                && word.compare_exchange(seen, seen | SLEEPERS, Ordering::Relaxed, Ordering::Relaxed).is_err()
            {
                continue;
            }
            self.advise(seen | SLEEPERS);
            match self.futex.wait_class(seen | SLEEPERS, deadline, OTHERS) {
                // The bit stays: at worst a release wakes nobody. Clearing it would strand those who sleep as well.
                WaitOutcome::TimedOut => return false,
                WaitOutcome::Woken => {
                    slept = true;
                    spin = Spin::new::<S>(DEFAULT_SPIN, deadline);
                }
                WaitOutcome::Mismatch => {}
            }
        }
    }

    /// Waits until there are `n` permits, which nobody else can take meanwhile, and takes them; false once `deadline` has passed.
    /// `slept` if the bit for sleepers may be missing.
    fn save(&self, n: u32, slept: bool, deadline: Option<Instant>) -> bool {
        let word = self.futex.word();
        let mut timed_out = false;
        loop {
            // ORDERING: the exchange below has the last word.
            let seen = word.load(Ordering::Relaxed);
            let enough = permits(seen) >= n;
            if enough || timed_out {
                let left = if enough { seen - n * ONE } else { seen };
                // ORDERING: as in `take_fast`.
                if word
                    .compare_exchange(seen, left & !(SAVING | SLEEPERS), Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
                {
                    if slept || seen & SLEEPERS != 0 {
                        self.futex.wake_class(u32::MAX, OTHERS);
                    }
                    return enough;
                }
                continue;
            }
            timed_out = self.futex.wait_class(seen, deadline, SAVER) == WaitOutcome::TimedOut;
        }
    }

    /// Adds `n` permits unless there would be more than `limit`; false then.
    #[inline(always)]
    fn give(&self, n: u32, limit: u32) -> bool {
        if limit != MAX || n > FEW {
            return self.give_carefully(n, limit);
        }
        // ORDERING: advice; both ways are right at any time.
        if self.careful.load(Ordering::Relaxed) != 0 {
            return self.give_carefully(n, limit);
        }
        let (word, address) = (self.futex.word(), self.futex.address());
        // ORDERING: releases what the caller wrote to those who take the permits; as an RMW it continues the releases before.
        let seen = word.fetch_add(n * ONE, Ordering::Release);
        seen.wrapping_add(n * ONE) & LOOK == 0 || given(address, seen, n) || self.take_back(n)
    }

    /// Takes back `n` permits that should not be there; false.
    #[cold]
    fn take_back(&self, n: u32) -> bool {
        // ORDERING: publishes nothing: a debt of those who have the permits already. Nobody frees a semaphore because one of so
        // many permits came.
        self.futex.word().fetch_sub(n * ONE, Ordering::Relaxed);
        false
    }

    /// [`give`](Self::give) that holds any limit and clears the bit for sleepers.
    fn give_carefully(&self, n: u32, limit: u32) -> bool {
        if n == 0 {
            return true;
        }
        let (word, address) = (self.futex.word(), self.futex.address());
        // ORDERING: the exchange below has the last word.
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            if n > limit || permits(seen) > limit - n {
                return false;
            }
            self.advise(seen);
            let kept = if seen & SAVING == 0 { !SLEEPERS } else { u32::MAX };
            // ORDERING: as in `give`.
            match word.compare_exchange_weak(
                seen,
                (seen & kept).wrapping_add(n * ONE),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return seen & (SLEEPERS | SAVING) == 0 || given(address, seen, n),
                Err(found) => seen = found,
            }
        }
    }

    /// Says how to give back from now on, by what the word holds. Not to be called after giving back.
    fn advise(&self, seen: u32) {
        // ORDERING: advice.
        self.careful.store(seen & (SLEEPERS | SAVING), Ordering::Relaxed);
    }
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
impl<S: Scope> Semaphore<S> {
    /// Like [`acquire`](Self::acquire), with a guard that keeps the semaphore alive. Normal builds only.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use heddle_primitives::sync::{Arc, thread};
    ///
    /// let seats = Arc::new(Semaphore::new(1));
    /// let seat = seats.acquire_arc();
    /// thread::spawn(move || drop(seat)).join().unwrap();
    /// assert_eq!(seats.available_permits(), 1);
    /// ```
    pub fn acquire_arc(self: &Arc<Self>) -> OwnedSemaphorePermit<S> {
        self.acquire_many_arc(1)
    }

    /// Like [`try_acquire`](Self::try_acquire), with a guard that keeps the semaphore alive. Normal builds only.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let seats = Arc::new(Semaphore::new(1));
    /// let seat = seats.try_acquire_arc().unwrap();
    /// assert!(seats.try_acquire_arc().is_none());
    /// drop(seat);
    /// ```
    pub fn try_acquire_arc(self: &Arc<Self>) -> Option<OwnedSemaphorePermit<S>> {
        let permit = self.try_acquire()?;
        Some(OwnedSemaphorePermit::new(self, permit))
    }

    /// Like [`acquire_many`](Self::acquire_many), with a guard that keeps the semaphore alive. Normal builds only.
    ///
    /// # Panics
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let memory = Arc::new(Semaphore::new(10));
    /// let part = memory.acquire_many_arc(7);
    /// assert_eq!((part.permits(), memory.available_permits()), (7, 3));
    /// ```
    pub fn acquire_many_arc(self: &Arc<Self>, n: u32) -> OwnedSemaphorePermit<S> {
        OwnedSemaphorePermit::new(self, self.acquire_many(n))
    }
}

impl<S: Scope> fmt::Debug for Semaphore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("permits", &self.available_permits()).finish()
    }
}

/// How many permits nobody has a claim to.
#[inline(always)]
fn permits(seen: u32) -> u32 {
    if seen.cast_signed() < 0 { 0 } else { seen / ONE }
}

/// Whether somebody who does not save may take `n` permits.
#[inline(always)]
fn may_take(seen: u32, n: u32) -> bool {
    seen & SAVING == 0 && permits(seen) >= n
}

/// Wakes for `n` permits that were added to `seen`; false if there are too many.
///
/// The semaphore may be gone; only its address is used.
#[cold]
fn given<S: Scope>(address: FutexAddress<S>, seen: u32, n: u32) -> bool {
    if permits(seen) + n > MAX {
        return false;
    }
    if seen & SAVING != 0 {
        address.wake_class(1, SAVER);
    } else if seen & SLEEPERS != 0 {
        address.wake_class(n, OTHERS);
    }
    true
}

#[cold]
fn too_many() -> ! {
    panic!("more permits than a semaphore can have")
}
