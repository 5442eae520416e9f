//! Guards: what holds the lock, and changes from one way of holding it into another.
//!
//! - `upgradable`: the guard that can become a writer's.

mod upgradable;

pub use upgradable::RwLockUpgradableReadGuard;

use super::RwLock;
use super::mapped::{MappedRwLockReadGuard, MappedRwLockWriteGuard};
use crate::held::{Hold, Want};
use crate::scope::{Private, Scope};
use crate::sync::cell::{ConstPtr, MutPtr};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// Proof that a [`RwLock`] is locked for reading; unlocks when dropped.
///
/// Not `Send`, as in std and parking_lot, for the reason that [`MutexGuard`](crate::MutexGuard) tells; what
/// [`into_send`](Self::into_send) makes of it is.
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let lock = heddle_primitives::RwLock::new(0);
/// send(lock.read());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized, S: Scope = Private> {
    pub(super) lock: &'a RwLock<T, S>,
    // Ends before the lock is free: under loom that is what ends the access.
    data: ManuallyDrop<ConstPtr<T>>,
    not_send: PhantomData<*mut ()>,
}

/// Proof that a [`RwLock`] is locked for writing; unlocks when dropped.
///
/// Not `Send`; what [`into_send`](Self::into_send) makes of it is.
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let lock = heddle_primitives::RwLock::new(0);
/// send(lock.write());
/// ```
///
/// `Sync` only if the data is:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// let lock = heddle_primitives::RwLock::new(std::cell::Cell::new(0));
/// share(lock.write());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized, S: Scope = Private> {
    pub(super) lock: &'a RwLock<T, S>,
    // As above.
    data: ManuallyDrop<MutPtr<T>>,
    not_send: PhantomData<*mut ()>,
}

// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync, S: Scope> Sync for RwLockReadGuard<'_, T, S> {}
// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync, S: Scope> Sync for RwLockWriteGuard<'_, T, S> {}

impl<'a, T: ?Sized, S: Scope> RwLockReadGuard<'a, T, S> {
    /// The caller has just locked for reading.
    #[inline(always)]
    pub(super) fn held(lock: &'a RwLock<T, S>) -> Self {
        lock.raw.tell_held(Hold::Shared);
        Self { lock, data: ManuallyDrop::new(lock.data.get()), not_send: PhantomData }
    }

    /// The lock that the guard holds.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.read();
    /// assert!(std::ptr::eq(RwLockReadGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(guard: &Self) -> &'a RwLock<T, S> {
        guard.lock
    }

    /// Unlocks. The same as dropping the guard: a read lock is always released fairly, since the last reader leaves the lock to a
    /// writer that has queued.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// RwLockReadGuard::unlock_fair(lock.read());
    /// assert!(!lock.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        drop(guard);
    }

    /// Unlocks and locks again if a writer or an upgrade waits, which go first then; others may change the data meanwhile.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut guard = lock.read();
    /// RwLockReadGuard::bump(&mut guard);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn bump(guard: &mut Self) {
        let lock = guard.lock;
        // SAFETY: replaced below, before anybody can use or drop it.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        lock.raw.tell_ends(Hold::Shared);
        // The lock is still held, so whoever keeps others out has not come yet, and this closes no circle.
        {
            let _waiting = lock.wants(Want::Shared);
            lock.raw.bump_read();
        }
        lock.raw.tell_held(Hold::Shared);
        guard.data = ManuallyDrop::new(lock.data.get());
    }

    /// Narrows the guard down to a part of the data.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockReadGuard};
    /// let lock = RwLock::new((1, "one"));
    /// let name = RwLockReadGuard::map(lock.read(), |pair| &pair.1);
    /// assert_eq!(*name, "one");
    /// assert!(lock.is_locked());
    /// ```
    pub fn map<U: ?Sized>(guard: Self, f: impl FnOnce(&T) -> &U) -> MappedRwLockReadGuard<'a, U, S> {
        match Self::try_map(guard, |data| Some(f(data))) {
            Ok(mapped) => mapped,
            Err(_) => unreachable!("the part was there"),
        }
    }

    /// Narrows the guard down to a part of the data that may not be there.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(vec![1, 2]);
    /// let second = RwLockReadGuard::try_map(lock.read(), |list| list.get(1)).unwrap();
    /// assert_eq!(*second, 2);
    /// assert!(RwLockReadGuard::try_map(lock.read(), |list| list.get(2)).is_err());
    /// ```
    pub fn try_map<U: ?Sized>(
        guard: Self,
        f: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedRwLockReadGuard<'a, U, S>, Self> {
        let Some(part) = f(&guard).map(std::ptr::from_ref) else { return Err(guard) };
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is neither used nor dropped any more.
        let data = unsafe { ManuallyDrop::take(&mut guard.data) };
        Ok(MappedRwLockReadGuard::new(&guard.lock.raw, part, data))
    }
}

impl<'a, T: ?Sized, S: Scope> RwLockWriteGuard<'a, T, S> {
    /// The caller has just locked for writing.
    #[inline(always)]
    pub(super) fn held(lock: &'a RwLock<T, S>) -> Self {
        lock.raw.tell_held(Hold::Exclusive);
        Self { lock, data: ManuallyDrop::new(lock.data.get_mut()), not_send: PhantomData }
    }

    /// The lock that the guard holds.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.write();
    /// assert!(std::ptr::eq(RwLockWriteGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(guard: &Self) -> &'a RwLock<T, S> {
        guard.lock
    }

    /// Ends the access and returns the lock, which is still held.
    fn into_lock(guard: Self) -> &'a RwLock<T, S> {
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is neither used nor dropped any more.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        guard.lock.raw.tell_ends(Hold::Exclusive);
        guard.lock
    }

    /// Unlocks, and leaves the lock to those who sleep if there are any: for 200 us, or until one has come, nobody else gets it but
    /// by a `try_` function without time.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// RwLockWriteGuard::unlock_fair(lock.write());
    /// assert!(!lock.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        Self::into_lock(guard).raw.release_write_fair();
    }

    /// Unlocks and locks again if somebody waits, who goes first then; others may change the data meanwhile.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new(0);
    /// let mut guard = lock.write();
    /// for _ in 0..10 {
    ///     *guard += 1;
    ///     RwLockWriteGuard::bump(&mut guard);
    /// }
    /// assert_eq!(*guard, 10);
    /// ```
    pub fn bump(guard: &mut Self) {
        let lock = guard.lock;
        // SAFETY: replaced below, before anybody can use or drop it.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        lock.raw.tell_ends(Hold::Exclusive);
        // The lock is still held, so whoever keeps others out has not come yet, and this closes no circle.
        {
            let _waiting = lock.wants(Want::Exclusive);
            lock.raw.bump_write();
        }
        lock.raw.tell_held(Hold::Exclusive);
        guard.data = ManuallyDrop::new(lock.data.get_mut());
    }

    /// Turns into a read lock; no writer comes in between. Readers that wait come in.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut writer = lock.write();
    /// *writer += 1;
    /// let reader = RwLockWriteGuard::downgrade(writer);
    /// assert_eq!((*reader, *lock.read()), (2, 2));
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T, S> {
        let lock = Self::into_lock(guard);
        lock.raw.downgrade();
        RwLockReadGuard::held(lock)
    }

    /// Turns into a read lock that can be upgraded again; no writer comes in between. Readers that wait come in.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let guard = RwLockWriteGuard::downgrade_to_upgradable(lock.write());
    /// assert_eq!(*lock.read(), 1);
    /// assert!(RwLockUpgradableReadGuard::try_upgrade(guard).is_ok());
    /// ```
    pub fn downgrade_to_upgradable(guard: Self) -> RwLockUpgradableReadGuard<'a, T, S> {
        let lock = Self::into_lock(guard);
        lock.raw.downgrade_to_upgradable();
        RwLockUpgradableReadGuard::held(lock)
    }

    /// Narrows the guard down to a part of the data.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new([1, 2]);
    /// *RwLockWriteGuard::map(lock.write(), |pair| &mut pair[1]) = 3;
    /// assert_eq!(lock.into_inner(), [1, 3]);
    /// ```
    pub fn map<U: ?Sized>(guard: Self, f: impl FnOnce(&mut T) -> &mut U) -> MappedRwLockWriteGuard<'a, U, S> {
        match Self::try_map(guard, |data| Some(f(data))) {
            Ok(mapped) => mapped,
            Err(_) => unreachable!("the part was there"),
        }
    }

    /// Narrows the guard down to a part of the data that may not be there.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(vec![1, 2]);
    /// *RwLockWriteGuard::try_map(lock.write(), |list| list.get_mut(1)).unwrap() = 3;
    /// let list = RwLockWriteGuard::try_map(lock.write(), |list| list.get_mut(2)).unwrap_err();
    /// assert_eq!(*list, [1, 3]);
    /// ```
    pub fn try_map<U: ?Sized>(
        mut guard: Self,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedRwLockWriteGuard<'a, U, S>, Self> {
        let Some(part) = f(&mut guard).map(std::ptr::from_mut) else { return Err(guard) };
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is neither used nor dropped any more.
        let data = unsafe { ManuallyDrop::take(&mut guard.data) };
        Ok(MappedRwLockWriteGuard::new(&guard.lock.raw, part, data))
    }
}

macro_rules! guard {
    ($guard:ident, $hold:expr, $release:ident) => {
        impl<T: ?Sized, S: Scope> Drop for $guard<'_, T, S> {
            #[inline(always)]
            fn drop(&mut self) {
                // SAFETY: dropped here and, where the guard goes on in another form, there instead.
                unsafe { ManuallyDrop::drop(&mut self.data) };
                self.lock.raw.tell_ends($hold);
                self.lock.raw.$release();
            }
        }

        impl<T: ?Sized, S: Scope> Deref for $guard<'_, T, S> {
            type Target = T;

            #[inline(always)]
            fn deref(&self) -> &T {
                // SAFETY: the guard borrows the lock, and while it lives nobody writes but through `&mut` of the guard.
                unsafe { (*self.data).deref() }
            }
        }

        impl<T: ?Sized + fmt::Debug, S: Scope> fmt::Debug for $guard<'_, T, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display, S: Scope> fmt::Display for $guard<'_, T, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

guard!(RwLockReadGuard, Hold::Shared, release_read);
guard!(RwLockWriteGuard, Hold::Exclusive, release_write);
guard!(RwLockUpgradableReadGuard, Hold::Upgradable, release_upgradable);

impl<T: ?Sized, S: Scope> DerefMut for RwLockWriteGuard<'_, T, S> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` excludes other borrows through the guard.
        unsafe { (*self.data).deref() }
    }
}
