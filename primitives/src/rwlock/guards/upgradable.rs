//! The guard of a reader that can become the writer.

use super::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::held::{Hold, Want};
use crate::scope::{Private, Scope};
use crate::sync::cell::ConstPtr;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

/// Proof that a [`RwLock`] is locked for reading with the right to upgrade; unlocks when dropped.
///
/// Not `Send`; what [`into_send`](Self::into_send) makes of it is.
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let lock = heddle_primitives::RwLock::new(0);
/// send(lock.upgradable_read());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockUpgradableReadGuard<'a, T: ?Sized, S: Scope = Private> {
    pub(in crate::rwlock) lock: &'a RwLock<T, S>,
    // Ends before the lock is free: under loom that is what ends the access.
    pub(super) data: ManuallyDrop<ConstPtr<T>>,
    pub(super) not_send: PhantomData<*mut ()>,
}

// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync, S: Scope> Sync for RwLockUpgradableReadGuard<'_, T, S> {}

impl<'a, T: ?Sized, S: Scope> RwLockUpgradableReadGuard<'a, T, S> {
    /// The caller has just locked for upgradable reading.
    pub(in crate::rwlock) fn held(lock: &'a RwLock<T, S>) -> Self {
        lock.raw.tell_held(Hold::Upgradable);
        Self { lock, data: ManuallyDrop::new(lock.data.get()), not_send: PhantomData }
    }

    /// The lock that the guard holds.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.upgradable_read();
    /// assert!(std::ptr::eq(RwLockUpgradableReadGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(guard: &Self) -> &'a RwLock<T, S> {
        guard.lock
    }

    /// Ends the access and returns the lock, which is still held.
    fn into_lock(guard: Self) -> &'a RwLock<T, S> {
        let lock = guard.lock;
        Self::end(guard);
        lock.raw.tell_ends(Hold::Upgradable);
        lock
    }

    /// Ends the access, and nothing else.
    fn end(guard: Self) {
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is neither used nor dropped any more.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
    }

    /// Unlocks, and leaves the lock to those who sleep if there are any; see [`RwLockWriteGuard::unlock_fair`].
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// RwLockUpgradableReadGuard::unlock_fair(lock.upgradable_read());
    /// assert!(!lock.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        Self::into_lock(guard).raw.release_upgradable_fair();
    }

    /// Unlocks and locks again if somebody waits, who goes first then; others may change the data meanwhile.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut guard = lock.upgradable_read();
    /// RwLockUpgradableReadGuard::bump(&mut guard);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn bump(guard: &mut Self) {
        let lock = guard.lock;
        // SAFETY: replaced below, before anybody can use or drop it.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        lock.raw.tell_ends(Hold::Upgradable);
        // The lock is still held, so whoever keeps others out has not come yet, and this closes no circle.
        {
            let _waiting = lock.wants(Want::Upgradable);
            lock.raw.bump_upgradable();
        }
        lock.raw.tell_held(Hold::Upgradable);
        guard.data = ManuallyDrop::new(lock.data.get());
    }

    /// Turns into a write lock as soon as the readers have left; new ones wait until this writer has come and gone.
    ///
    /// Never returns if one of the readers waits for this thread, or is this thread.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(vec![1]);
    /// let list = lock.upgradable_read();
    /// if !list.contains(&2) {
    ///     RwLockUpgradableReadGuard::upgrade(list).push(2);
    /// }
    /// assert_eq!(*lock.read(), [1, 2]);
    /// ```
    pub fn upgrade(guard: Self) -> RwLockWriteGuard<'a, T, S> {
        let _waiting = guard.lock.wants(Want::Upgrade);
        match Self::upgrade_by(guard, |lock| lock.raw.upgrade_until(|| None)) {
            Ok(guard) => guard,
            Err(_) => unreachable!("there is no deadline"),
        }
    }

    /// Turns into a write lock if there are no other readers. A reader that comes and finds that it has to wait may count as one.
    ///
    /// # Errors
    /// The guard, if there are.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read();
    /// let guard = RwLockUpgradableReadGuard::try_upgrade(lock.upgradable_read()).unwrap_err();
    /// drop(reader);
    /// *RwLockUpgradableReadGuard::try_upgrade(guard).unwrap() += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    pub fn try_upgrade(guard: Self) -> Result<RwLockWriteGuard<'a, T, S>, Self> {
        Self::upgrade_by(guard, |lock| lock.raw.try_upgrade())
    }

    /// Like [`upgrade`](Self::upgrade), waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// The guard, if there are still readers.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
    /// use std::time::Duration;
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read();
    /// let guard = lock.upgradable_read();
    /// let guard = RwLockUpgradableReadGuard::try_upgrade_for(guard, Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(*guard, *reader);
    /// ```
    pub fn try_upgrade_for(guard: Self, timeout: Duration) -> Result<RwLockWriteGuard<'a, T, S>, Self> {
        Self::upgrade_by(guard, |lock| lock.take_upgrade_until(crate::rwlock::after(timeout)))
    }

    /// Like [`upgrade`](Self::upgrade), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// The guard, if there are still readers.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
    /// use std::time::Instant;
    ///
    /// let lock = RwLock::new(1);
    /// // In the past, and still enough without other readers.
    /// let guard = RwLockUpgradableReadGuard::try_upgrade_until(lock.upgradable_read(), Instant::now());
    /// *guard.unwrap() += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    pub fn try_upgrade_until(guard: Self, deadline: Instant) -> Result<RwLockWriteGuard<'a, T, S>, Self> {
        Self::upgrade_by(guard, |lock| lock.take_upgrade_until(|| Some(deadline)))
    }

    /// Turns into a plain read lock, which lets the next upgradable reader in.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let reader = RwLockUpgradableReadGuard::downgrade(lock.upgradable_read());
    /// assert!(lock.try_upgradable_read().is_some());
    /// assert_eq!(*reader, 1);
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T, S> {
        let lock = Self::into_lock(guard);
        lock.raw.downgrade_upgradable();
        RwLockReadGuard::held(lock)
    }

    fn upgrade_by(
        guard: Self,
        upgrade: impl FnOnce(&RwLock<T, S>) -> bool,
    ) -> Result<RwLockWriteGuard<'a, T, S>, Self> {
        let lock = guard.lock;
        Self::end(guard);
        if !upgrade(lock) {
            return Err(Self { lock, data: ManuallyDrop::new(lock.data.get()), not_send: PhantomData });
        }
        // Takes the place of the hold that it was.
        Ok(RwLockWriteGuard::held(lock))
    }
}
