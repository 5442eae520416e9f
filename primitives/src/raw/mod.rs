//! A lock without data: the algorithm behind the mutexes, and what `lock_api` builds upon.
//!
//! - `patience`: how a waiter passes the time before it sleeps;
//! - `adapter`: the traits of `lock_api`.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod adapter;
mod patience;
#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub use adapter::RawThreadId;

use crate::scope::{Private, Scope};
use crate::sync::atomic::Ordering;
use crate::sync::futex::{Futex, WaitOutcome};
use crate::sync::thread;
use patience::Patience;
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// Somebody holds the lock.
const LOCKED: u32 = 1;
/// The next holder is one of the waiters counted before this was set; others stand back.
const RESERVED: u32 = 1 << 1;
/// Somebody may sleep whom nobody has woken: who unlocks wakes one.
const SLEEPERS: u32 = 1 << 2;
/// Reservations so far, as long as waiters are counted; wraps.
const TURN: u32 = 1 << 3;
const TURNS: u32 = 0xFFF8;
/// One waiter.
const WAITER: u32 = 1 << 16;
/// As many waiters as can be counted.
const FULL: u32 = !(WAITER - 1);

/// The longest that a newcomer stands back for one reservation. Long enough for a sleeper to arrive; the limit matters only
/// where the waiter has died, or the count of turns has wrapped between two looks.
const STAND_BACK: Duration = Duration::from_millis(1);

/// How long a waiter puts up with being overtaken before it reserves the lock for the waiters; as parking_lot's eventual
/// fairness. The checkers explore it from the second sleep on.
const PUTS_UP: Duration =
    if cfg!(any(heddle_loom, heddle_shuttle)) { Duration::ZERO } else { Duration::from_micros(500) };

/// Who gets a lock when it is unlocked: [`Barging`] or [`Fair`].
///
/// ```
/// use heddle_primitives::mutex::{Barging, Fair, Handover};
/// use heddle_primitives::{FairMutex, Mutex, Private};
///
/// fn is_fair<H: Handover>(_: &Mutex<u8, Private, H>) -> bool {
///     H::FAIR
/// }
/// assert!(is_fair(&FairMutex::new_fair(0)) && !is_fair(&Mutex::new(0)));
/// assert!(Fair::FAIR && !Barging::FAIR);
/// ```
pub trait Handover: private::Sealed + Send + Sync + fmt::Debug + 'static {
    /// Whether each unlock hands the lock to a waiter, if there is one.
    const FAIR: bool;
}

/// Whoever comes first gets the lock. A waiter that was overtaken for 0.5 ms has it reserved.
///
/// ```
/// use heddle_primitives::mutex::Barging;
/// use heddle_primitives::{Mutex, Private};
///
/// let mutex: Mutex<u8, Private, Barging> = Mutex::new(1);
/// assert_eq!(*mutex.lock(), 1);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Barging;

/// Each unlock hands the lock to a thread that already waits, spinning or asleep, if there is one.
///
/// ```
/// use heddle_primitives::mutex::Fair;
/// use heddle_primitives::{FairMutex, Mutex, Private};
///
/// let mutex: Mutex<u8, Private, Fair> = FairMutex::new_fair(1);
/// assert_eq!(*mutex.lock(), 1);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fair;

impl Handover for Barging {
    const FAIR: bool = false;
}

impl Handover for Fair {
    const FAIR: bool = true;
}

mod private {
    pub trait Sealed {}
    impl Sealed for super::Barging {}
    impl Sealed for super::Fair {}
}

/// A lock that guards nothing by itself, for [`lock_api::Mutex`](https://docs.rs/lock_api) and its relatives; whoever wants
/// data in it takes [`Mutex`](crate::Mutex). All operations are those of the traits `lock_api::RawMutex`, `RawMutexFair`
/// and `RawMutexTimed`.
///
/// Uncontended: one exchange to lock, one subtraction to unlock. A waiter spins, yields and sleeps;
/// where a yield has let another thread run, threads outnumber CPUs, and it spins less and yields more.
///
/// | bits | name | meaning |
/// |---|---|---|
/// | 0 | locked | somebody holds the lock |
/// | 1 | reserved | the next holder is a waiter that was counted before this was set |
/// | 2 | sleepers | somebody may sleep whom nobody has woken: who unlocks wakes one |
/// | 3-15 | turn | reservations so far, wrapping, so that a newcomer can tell one from the next |
/// | 16-31 | waiters | threads that will look at the word again before they give up or sleep for good |
///
/// 1. Whoever sleeps is counted, and where no waiter is counted all bits but `locked` are 0: the last one to leave clears
///    them. An unlock that finds the plain word 1 leaves 0.
/// 2. `reserved` implies a waiter: it is set only where one is counted, and the last of them to leave, having got the lock
///    or given up, clears it. So nobody is left before a lock that is reserved for nobody: `try_lock` fails only while a
///    waiter is on its way.
/// 3. Of the waiters those counted before the reservation may take the lock at once. Others see it in the turn, stand
///    back, and may once the turn has changed, once they were woken (the wake may have been another's), or after 1 ms; so
///    each waiter may in the end. The last waiter counted takes the lock although it should stand back, instead of
///    giving up.
/// 4. A sleeper is woken by the next unlock: it sets `sleepers` before it sleeps, and the kernel looks at the word again.
///    A woken thread sets the flag again if others are left: when it takes the lock, sleeps again, or gives up. So a fair
///    unlock, which wakes one, clears the flag; the other leaves that to whoever takes the lock without having slept. Only
///    a thread that stands back sets the flag while the lock is free: whoever takes a reserved lock leaves it.
///
/// An unlock touches nothing after its one read-modify-write but the address, for the wake.
///
/// Layout: one word; zero is unlocked. In scope [`Shared`](crate::Shared) a waiter that dies delays each fair hand-over by 1 ms.
///
/// ```
/// use heddle_primitives::RawMutex;
/// use heddle_primitives::sync::thread;
///
/// static COUNT: lock_api::Mutex<RawMutex, u32> = lock_api::Mutex::new(0);
/// thread::scope(|s| (0..3).for_each(|_| _ = s.spawn(|| *COUNT.lock() += 1)));
/// assert_eq!(*COUNT.lock(), 3);
/// ```
#[cfg_attr(not(any(heddle_loom, heddle_shuttle)), repr(transparent))]
pub struct RawMutex<S: Scope = Private, H: Handover = Barging> {
    futex: Futex<S>,
    handover: PhantomData<H>,
}

/// What a waiter knows of itself.
struct Waiter {
    /// The word counts it.
    counted: bool,
    /// It has slept, so it may have been the one that was woken, and cannot know whether others still sleep.
    slept: bool,
    /// The turn that began before it was counted: that reservation is for others.
    barred: Option<u32>,
}

impl<S: Scope, H: Handover> RawMutex<S, H> {
    const_in_normal_builds! {
        /// An unlocked lock.
        pub(crate) const fn new_raw() -> Self {
            Self { futex: Futex::new_in(0), handover: PhantomData }
        }
    }

    /// The lock's address, which names it as long as it does not move.
    #[inline(always)]
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Locked, or about to be by a waiter.
    #[inline]
    pub(crate) fn is_taken(&self) -> bool {
        // ORDERING: a hint; nothing is read on the strength of it.
        self.futex.word().load(Ordering::Relaxed) & (LOCKED | RESERVED) != 0
    }

    /// Locks if nobody holds the lock or waits for it.
    #[inline(always)]
    pub(crate) fn acquire_fast(&self) -> bool {
        self.futex
            .word()
            // ORDERING: success acquires what the last holder's unlocking RMW released; failure reads nothing.
            .compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Locks if nobody holds the lock and it is not reserved.
    #[inline(always)]
    pub(crate) fn try_acquire(&self) -> bool {
        self.acquire_fast() || self.try_acquire_slow()
    }

    #[cold]
    fn try_acquire_slow(&self) -> bool {
        let newcomer = Waiter::new();
        // ORDERING: decides only what the exchange expects.
        let mut seen = self.futex.word().load(Ordering::Relaxed);
        while seen & (LOCKED | RESERVED) == 0 {
            match self.exchange(seen, newcomer.taken(seen)) {
                Ok(_) => return true,
                Err(found) => seen = found,
            }
        }
        false
    }

    /// Locks, or returns false once `deadline` has passed. For a caller that has tried.
    #[cold]
    pub(crate) fn acquire_slow(&self, deadline: Option<Instant>) -> bool {
        let word = self.futex.word();
        let mut me = Waiter::new();
        let mut patience = Patience::new();
        let mut since = None;
        if H::FAIR && self.enter(&mut me) {
            return true;
        }
        loop {
            let mut spin =
                if H::FAIR { patience.attentive_spin::<S>(deadline) } else { patience.spin::<S>(deadline) };
            loop {
                // ORDERING: looked at only to decide whether the exchange is worth trying.
                let seen = word.load(Ordering::Relaxed);
                if me.may_take(seen) && self.exchange(seen, me.taken(seen)).is_ok() {
                    return true;
                }
                if !spin.pause() && !patience.give_way() {
                    break;
                }
            }
            let tired = me.slept && since.is_some_and(|since: Instant| since.elapsed() >= PUTS_UP);
            let Some(expected) = self.ready_to_sleep(&mut me, tired) else { return true };
            if !me.counted {
                // More waiters than can be counted: nobody would know of this one's sleep.
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return false;
                }
                thread::yield_now();
                continue;
            }
            since = since.or_else(|| Some(Instant::now()));
            let stand_back = me.barred.map(|_| Instant::now() + STAND_BACK);
            let until = match (deadline, stand_back) {
                (Some(deadline), Some(stand_back)) => Some(deadline.min(stand_back)),
                (deadline, stand_back) => deadline.or(stand_back),
            };
            match self.futex.wait(expected, until) {
                WaitOutcome::Mismatch => {}
                WaitOutcome::Woken => me.has_slept(),
                WaitOutcome::TimedOut => {
                    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                        return self.leave(&mut me);
                    }
                    me.has_slept();
                }
            }
        }
    }

    /// Takes the lock if it is free, or else has the caller counted; whether it has got the lock.
    fn enter(&self, me: &mut Waiter) -> bool {
        // ORDERING: decides only what the exchange expects.
        let mut seen = self.futex.word().load(Ordering::Relaxed);
        loop {
            let free = me.may_take(seen);
            let next = if free { me.taken(seen) } else { Waiter::counted(seen) };
            if next == seen {
                return false;
            }
            match self.exchange(seen, next) {
                Ok(_) if free => return true,
                Ok(_) => {
                    me.is_counted(seen, next);
                    return false;
                }
                Err(found) => seen = found,
            }
        }
    }

    /// Makes the word one that the caller may sleep on and returns it; none if the caller has got the lock instead.
    fn ready_to_sleep(&self, me: &mut Waiter, tired: bool) -> Option<u32> {
        // ORDERING: decides only what the exchange expects.
        let mut seen = self.futex.word().load(Ordering::Relaxed);
        loop {
            let free = me.may_take(seen);
            let next = if free {
                me.taken(seen)
            } else {
                let counted = if me.counted { seen } else { Waiter::counted(seen) };
                let sleeping = if me.counted || counted != seen { counted | SLEEPERS } else { seen };
                if tired && sleeping & RESERVED == 0 { reserved(sleeping) } else { sleeping }
            };
            if next == seen {
                return Some(seen);
            }
            match self.exchange(seen, next) {
                Ok(_) if free => return None,
                Ok(_) => {
                    if !me.counted {
                        me.is_counted(seen, next);
                    }
                    return Some(next);
                }
                Err(found) => seen = found,
            }
        }
    }

    /// Gives up, unless the lock is the caller's at the last moment; whether it is.
    fn leave(&self, me: &mut Waiter) -> bool {
        // ORDERING: decides only what the exchange expects.
        let mut seen = self.futex.word().load(Ordering::Relaxed);
        loop {
            let mine = me.may_take(seen) || (seen & LOCKED == 0 && seen < 2 * WAITER);
            let next = if mine { me.taken(seen) } else { me.gone(seen) };
            match self.exchange(seen, next) {
                Ok(_) => return mine,
                Err(found) => seen = found,
            }
        }
    }

    /// A waiter's change of the word.
    #[inline(always)]
    fn exchange(&self, seen: u32, next: u32) -> Result<u32, u32> {
        // ORDERING: where it takes the lock, success acquires what the last holder's unlocking RMW released: all RMWs in
        // between continue its release sequence. Not Release: a waiter has written nothing that others must see.
        self.futex.word().compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed)
    }

    /// Unlocks, as the policy has it.
    #[inline(always)]
    pub(crate) fn release(&self) {
        if H::FAIR { self.release_fair() } else { self.release_barging() }
    }

    /// Unlocks for whoever comes first.
    #[inline(always)]
    pub(crate) fn release_barging(&self) {
        // ORDERING: releases what was written under the lock to the next holder's acquiring exchange.
        if self.futex.word().fetch_sub(LOCKED, Ordering::Release) & SLEEPERS != 0 {
            self.wake();
        }
    }

    /// Unlocks for a waiter, if one is counted.
    #[inline(always)]
    pub(crate) fn release_fair(&self) {
        // ORDERING: as in `release_barging`; failure only tells what the next exchange expects.
        if let Err(seen) = self.futex.word().compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed)
        {
            self.release_fair_slow(seen);
        }
    }

    #[cold]
    fn release_fair_slow(&self, mut seen: u32) {
        loop {
            // The flag is for those that fall asleep from now on: the wake below is for the others.
            let open = seen & !(LOCKED | SLEEPERS);
            let next = if seen < WAITER || seen & RESERVED != 0 { open } else { reserved(open) };
            // ORDERING: as in `release_barging`; failure only tells what the next exchange expects.
            match self.futex.word().compare_exchange_weak(seen, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(found) => seen = found,
            }
        }
        if seen & SLEEPERS != 0 {
            self.wake();
        }
    }

    /// The word may be gone by now: the next holder may have freed it. Only its address goes to the kernel.
    #[cold]
    fn wake(&self) {
        self.futex.wake_one();
    }

    /// Whether a waiter is counted.
    #[inline(always)]
    pub(crate) fn has_waiters(&self) -> bool {
        // ORDERING: a hint; at worst the holder keeps the lock.
        self.futex.word().load(Ordering::Relaxed) >= WAITER
    }
}

/// The word with a reservation of its own turn.
fn reserved(seen: u32) -> u32 {
    (seen & !TURNS) | (seen.wrapping_add(TURN) & TURNS) | RESERVED
}

impl Waiter {
    fn new() -> Self {
        Self { counted: false, slept: false, barred: None }
    }

    /// Whether the word as seen lets this thread take the lock.
    #[inline(always)]
    fn may_take(&mut self, seen: u32) -> bool {
        if self.barred.is_some_and(|turn| seen & RESERVED == 0 || seen & TURNS != turn) {
            self.barred = None;
        }
        seen & LOCKED == 0 && (seen & RESERVED == 0 || (self.counted && self.barred.is_none()))
    }

    /// The word with one waiter more, or as it was if it can count no more.
    fn counted(seen: u32) -> u32 {
        if seen >= FULL { seen } else { seen + WAITER }
    }

    /// This thread has made the word `next` out of `seen`, by which it may have been counted.
    fn is_counted(&mut self, seen: u32, next: u32) {
        self.counted = next >= WAITER && next & FULL != seen & FULL;
        self.barred = (seen & RESERVED != 0).then_some(seen & TURNS);
    }

    fn has_slept(&mut self) {
        self.slept = true;
        self.barred = None;
    }

    /// The word with this thread as the holder.
    #[inline(always)]
    fn taken(&self, seen: u32) -> u32 {
        let others = if self.counted { seen - WAITER } else { seen };
        if others < WAITER {
            return LOCKED;
        }
        let sleepers = match self.slept {
            true => SLEEPERS,
            // Who stands back may have set it after the unlock.
            false if seen & RESERVED != 0 => others & SLEEPERS,
            false => 0,
        };
        (others & !(RESERVED | SLEEPERS)) | sleepers | LOCKED
    }

    /// The word without this thread, which is counted.
    fn gone(&self, seen: u32) -> u32 {
        let others = seen - WAITER;
        if others < WAITER {
            return others & LOCKED;
        }
        if self.slept { others | SLEEPERS } else { others }
    }
}

impl<S: Scope, H: Handover> fmt::Debug for RawMutex<S, H> {
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMutex").field("locked", &self.is_taken()).finish()
    }
}

impl<S: Scope, H: Handover> Default for RawMutex<S, H> {
    fn default() -> Self {
        Self::new_raw()
    }
}
