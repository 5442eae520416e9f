//! How the lock is taken, told to the search for circles; where nobody searches, it is taken and nothing else.

use super::{RawRwLock, RwLock};
use crate::held::several::{Waiting, acquired_as, released_as};
use crate::held::{Hold, SEARCHED, Want};
use crate::scope::Scope;
use std::any::type_name;
use std::time::{Duration, Instant};

/// How long a reader waits as usual before it looks whether somebody who has queued keeps it out.
const USUALLY: Duration = Duration::from_millis(2);
/// How many looks, of 1 ms, there are at most before it waits as usual again. Each time there are twice as many, so that in the end
/// all readers of a circle look at the same time.
const MOST_LOOKS: u32 = 256;

impl<T: ?Sized, S: Scope> RwLock<T, S> {
    #[inline(always)]
    pub(super) fn take_read(&self) {
        if SEARCHED && !S::SHARED {
            let usually = |raw: &RawRwLock<S>, until| raw.read_until(|| Some(until));
            self.take_and_look(Want::Shared, RawRwLock::try_read, usually);
        } else {
            let _waiting = self.wants(Want::Shared);
            self.raw.read();
        }
    }

    #[inline(always)]
    pub(super) fn take_read_recursive(&self) {
        let _waiting = self.wants(Want::Shared);
        self.raw.read_recursive_until(|| None);
    }

    #[inline(always)]
    pub(super) fn take_write(&self) {
        let _waiting = self.wants(Want::Exclusive);
        self.raw.write();
    }

    /// Like the following one with a deadline: false once it has passed. Readers with one need not be told of, since nobody waits
    /// behind them.
    #[inline(always)]
    pub(super) fn take_write_until(&self, deadline: impl FnOnce() -> Option<Instant>) -> bool {
        let _waiting = self.wants_for_a_while(Want::Exclusive);
        self.raw.write_until(deadline)
    }

    #[inline(always)]
    pub(super) fn take_upgrade_until(&self, deadline: impl FnOnce() -> Option<Instant>) -> bool {
        let _waiting = self.wants_for_a_while(Want::Upgrade);
        self.raw.upgrade_until(deadline)
    }

    #[inline(always)]
    pub(super) fn take_upgradable_read(&self) {
        if SEARCHED && !S::SHARED {
            let usually = |raw: &RawRwLock<S>, until| raw.upgradable_read_until(|| Some(until));
            self.take_and_look(Want::Upgradable, RawRwLock::try_upgradable_read, usually);
        } else {
            let _waiting = self.wants(Want::Upgradable);
            self.raw.upgradable_read_until(|| None);
        }
    }

    /// Takes the lock by `attempt`, or by `usually`, which has a deadline.
    fn take_and_look(
        &self,
        want: Want,
        attempt: fn(&RawRwLock<S>) -> bool,
        usually: impl Fn(&RawRwLock<S>, Instant) -> bool,
    ) {
        let mut waiting = self.wants(want);
        let mut looks = 1;
        while !usually(&self.raw, Instant::now() + USUALLY) {
            for _ in 0..looks {
                if waiting.look(|| attempt(&self.raw), || self.raw.is_kept_for(want)) {
                    return;
                }
            }
            waiting.stir();
            looks = (looks * 2).min(MOST_LOOKS);
        }
    }

    /// The calling thread waits without limit, as long as what is returned lives.
    ///
    /// # Panics
    /// If that would close a circle; see [`on_deadlock`](crate::deadlock::on_deadlock).
    #[inline(always)]
    pub(super) fn wants(&self, want: Want) -> Waiting {
        Waiting::begin_as(self.raw.address(), type_name::<Self>(), want)
    }

    #[inline(always)]
    fn wants_for_a_while(&self, want: Want) -> Waiting {
        Waiting::begin_limited(self.raw.address(), type_name::<Self>(), want)
    }
}

impl<S: Scope> RawRwLock<S> {
    /// The calling thread has taken the lock, with a guard that stays in it.
    #[inline(always)]
    pub(super) fn tell_held(&self, hold: Hold) {
        acquired_as(self.address(), hold);
    }

    /// The calling thread is about to let go, or its guard to become one that may leave it.
    #[inline(always)]
    pub(super) fn tell_ends(&self, hold: Hold) {
        released_as(self.address(), hold);
    }
}
