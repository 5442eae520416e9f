//! The lock under `lock_api`'s traits, for `lock_api::RwLock<RawRwLock, T>`.

use super::{RawRwLock, after};
use crate::scope::Scope;
use lock_api::GuardSend;
use std::time::{Duration, Instant};

fn guard(locked: bool) -> Option<GuardSend> {
    locked.then(GuardSend::new)
}

fn upgraded(upgraded: bool, guard: GuardSend) -> Result<GuardSend, GuardSend> {
    if upgraded { Ok(guard) } else { Err(guard) }
}

// SAFETY: the lock lets in readers or one writer, acquires what earlier holders released and releases for later ones; its
// guards have no state, any thread may unlock, and nothing unwinds but a reader too many, who holds nothing then.
unsafe impl<S: Scope> lock_api::RawRwLock for RawRwLock<S> {
    #[allow(clippy::declare_interior_mutable_const, reason = "the trait wants a constant")]
    const INIT: Self = Self::new_in();

    type SharedGuard = GuardSend;
    type ExclusiveGuard = GuardSend;

    #[inline]
    fn lock_shared(&self) -> GuardSend {
        self.read();
        GuardSend::new()
    }

    #[inline]
    fn try_lock_shared(&self) -> Option<GuardSend> {
        guard(self.try_read())
    }

    #[inline]
    unsafe fn unlock_shared(&self, _: GuardSend) {
        self.release_read();
    }

    #[inline]
    fn lock_exclusive(&self) -> GuardSend {
        self.write();
        GuardSend::new()
    }

    #[inline]
    fn try_lock_exclusive(&self) -> Option<GuardSend> {
        guard(self.try_write())
    }

    #[inline]
    unsafe fn unlock_exclusive(&self, _: GuardSend) {
        self.release_write();
    }

    fn is_locked(&self) -> bool {
        RawRwLock::is_locked(self)
    }

    fn is_locked_exclusive(&self) -> bool {
        RawRwLock::is_locked_exclusive(self)
    }
}

// SAFETY: as above.
unsafe impl<S: Scope> lock_api::RawRwLockFair for RawRwLock<S> {
    unsafe fn unlock_shared_fair(&self, _: GuardSend) {
        self.release_read();
    }

    unsafe fn unlock_exclusive_fair(&self, _: GuardSend) {
        self.release_write_fair();
    }

    unsafe fn bump_shared(&self, _: &mut GuardSend) {
        self.bump_read();
    }

    unsafe fn bump_exclusive(&self, _: &mut GuardSend) {
        self.bump_write();
    }
}

// SAFETY: as above; a downgrade releases what was written.
unsafe impl<S: Scope> lock_api::RawRwLockDowngrade for RawRwLock<S> {
    unsafe fn downgrade(&self, guard: GuardSend) -> GuardSend {
        RawRwLock::downgrade(self);
        guard
    }
}

// SAFETY: as above.
unsafe impl<S: Scope> lock_api::RawRwLockTimed for RawRwLock<S> {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_shared_for(&self, timeout: Duration) -> Option<GuardSend> {
        guard(self.read_until(after(timeout)))
    }

    fn try_lock_shared_until(&self, deadline: Instant) -> Option<GuardSend> {
        guard(self.read_until(|| Some(deadline)))
    }

    fn try_lock_exclusive_for(&self, timeout: Duration) -> Option<GuardSend> {
        guard(self.write_until(after(timeout)))
    }

    fn try_lock_exclusive_until(&self, deadline: Instant) -> Option<GuardSend> {
        guard(self.write_until(|| Some(deadline)))
    }
}

// SAFETY: as above; an upgrade acquires what leaving readers released.
unsafe impl<S: Scope> lock_api::RawRwLockUpgrade for RawRwLock<S> {
    type UpgradableGuard = GuardSend;

    fn lock_upgradable(&self) -> GuardSend {
        self.upgradable_read_until(|| None);
        GuardSend::new()
    }

    fn try_lock_upgradable(&self) -> Option<GuardSend> {
        guard(self.try_upgradable_read())
    }

    unsafe fn unlock_upgradable(&self, _: GuardSend) {
        self.release_upgradable();
    }

    unsafe fn upgrade(&self, guard: GuardSend) -> GuardSend {
        self.upgrade_until(|| None);
        guard
    }

    unsafe fn try_upgrade(&self, guard: GuardSend) -> Result<GuardSend, GuardSend> {
        upgraded(RawRwLock::try_upgrade(self), guard)
    }
}

// SAFETY: as above.
unsafe impl<S: Scope> lock_api::RawRwLockUpgradeFair for RawRwLock<S> {
    unsafe fn unlock_upgradable_fair(&self, _: GuardSend) {
        self.release_upgradable_fair();
    }

    unsafe fn bump_upgradable(&self, _: &mut GuardSend) {
        RawRwLock::bump_upgradable(self);
    }
}

// SAFETY: as above.
unsafe impl<S: Scope> lock_api::RawRwLockUpgradeDowngrade for RawRwLock<S> {
    unsafe fn downgrade_upgradable(&self, guard: GuardSend) -> GuardSend {
        RawRwLock::downgrade_upgradable(self);
        guard
    }

    unsafe fn downgrade_to_upgradable(&self, guard: GuardSend) -> GuardSend {
        RawRwLock::downgrade_to_upgradable(self);
        guard
    }
}

// SAFETY: as above.
unsafe impl<S: Scope> lock_api::RawRwLockUpgradeTimed for RawRwLock<S> {
    fn try_lock_upgradable_for(&self, timeout: Duration) -> Option<GuardSend> {
        guard(self.upgradable_read_until(after(timeout)))
    }

    fn try_lock_upgradable_until(&self, deadline: Instant) -> Option<GuardSend> {
        guard(self.upgradable_read_until(|| Some(deadline)))
    }

    unsafe fn try_upgrade_for(&self, guard: GuardSend, timeout: Duration) -> Result<GuardSend, GuardSend> {
        upgraded(self.upgrade_until(after(timeout)), guard)
    }

    unsafe fn try_upgrade_until(&self, guard: GuardSend, deadline: Instant) -> Result<GuardSend, GuardSend> {
        upgraded(self.upgrade_until(|| Some(deadline)), guard)
    }
}
