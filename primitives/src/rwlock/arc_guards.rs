//! Guards that keep the lock alive. In normal builds only: the checkers' `Arc` cannot be a method's receiver.

use super::RwLock;
use crate::held::Want;
use crate::scope::{Private, Scope};
use crate::sync::Arc;
use crate::sync::cell::{ConstPtr, MutPtr};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

impl<T: ?Sized, S: Scope> RwLock<T, S> {
    /// Like [`read`](Self::read), with a guard that keeps the lock alive and borrows nothing.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::{Arc, thread};
    ///
    /// let lock = Arc::new(RwLock::new(7));
    /// let guard = lock.read_arc();
    /// drop(lock);
    /// thread::spawn(move || assert_eq!(*guard, 7)).join().unwrap();
    /// ```
    pub fn read_arc(self: &Arc<Self>) -> ArcRwLockReadGuard<T, S> {
        self.take_read();
        ArcRwLockReadGuard::held(self)
    }

    /// Like [`try_read`](Self::try_read), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let (one, other) = (lock.try_read_arc(), lock.try_read_arc());
    /// assert_eq!(one.as_deref(), other.as_deref());
    /// assert!(one.is_some());
    /// ```
    pub fn try_read_arc(self: &Arc<Self>) -> Option<ArcRwLockReadGuard<T, S>> {
        self.raw.try_read().then(|| ArcRwLockReadGuard::held(self))
    }

    /// Like [`try_read_for`](Self::try_read_for), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::Arc;
    /// use std::time::Duration;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let _writer = lock.write_arc();
    /// assert!(lock.try_read_arc_for(Duration::from_millis(1)).is_none());
    /// ```
    pub fn try_read_arc_for(self: &Arc<Self>, timeout: Duration) -> Option<ArcRwLockReadGuard<T, S>> {
        self.raw.read_until(super::after(timeout)).then(|| ArcRwLockReadGuard::held(self))
    }

    /// Like [`try_read_until`](Self::try_read_until), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::Arc;
    /// use std::time::Instant;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// // In the past, and still enough for a free lock.
    /// assert_eq!(lock.try_read_arc_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    pub fn try_read_arc_until(self: &Arc<Self>, deadline: Instant) -> Option<ArcRwLockReadGuard<T, S>> {
        self.raw.read_until(|| Some(deadline)).then(|| ArcRwLockReadGuard::held(self))
    }

    /// Like [`write`](Self::write), with a guard that keeps the lock alive and borrows nothing.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::{Arc, thread};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let mut guard = lock.write_arc();
    /// thread::spawn(move || *guard += 1).join().unwrap();
    /// assert_eq!(*lock.read(), 2);
    /// ```
    pub fn write_arc(self: &Arc<Self>) -> ArcRwLockWriteGuard<T, S> {
        self.take_write();
        ArcRwLockWriteGuard::held(self)
    }

    /// Like [`try_write`](Self::try_write), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let reader = lock.read_arc();
    /// assert!(lock.try_write_arc().is_none());
    /// drop(reader);
    /// assert!(lock.try_write_arc().is_some());
    /// ```
    pub fn try_write_arc(self: &Arc<Self>) -> Option<ArcRwLockWriteGuard<T, S>> {
        self.raw.try_write().then(|| ArcRwLockWriteGuard::held(self))
    }

    /// Like [`try_write_for`](Self::try_write_for), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::Arc;
    /// use std::time::Duration;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let _reader = lock.read_arc();
    /// assert!(lock.try_write_arc_for(Duration::from_millis(1)).is_none());
    /// ```
    pub fn try_write_arc_for(self: &Arc<Self>, timeout: Duration) -> Option<ArcRwLockWriteGuard<T, S>> {
        self.take_write_until(super::after(timeout)).then(|| ArcRwLockWriteGuard::held(self))
    }

    /// Like [`try_write_until`](Self::try_write_until), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::Arc;
    /// use std::time::Instant;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// // In the past, and still enough for a free lock.
    /// assert_eq!(lock.try_write_arc_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    pub fn try_write_arc_until(self: &Arc<Self>, deadline: Instant) -> Option<ArcRwLockWriteGuard<T, S>> {
        self.take_write_until(|| Some(deadline)).then(|| ArcRwLockWriteGuard::held(self))
    }

    /// Like [`upgradable_read`](Self::upgradable_read), with a guard that keeps the lock alive and borrows nothing.
    ///
    /// ```
    /// use heddle_primitives::sync::Arc;
    /// use heddle_primitives::{ArcRwLockUpgradableReadGuard, RwLock};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let mut guard = ArcRwLockUpgradableReadGuard::upgrade(lock.upgradable_read_arc());
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// ```
    pub fn upgradable_read_arc(self: &Arc<Self>) -> ArcRwLockUpgradableReadGuard<T, S> {
        self.take_upgradable_read();
        ArcRwLockUpgradableReadGuard::held(self)
    }

    /// Like [`try_upgradable_read`](Self::try_upgradable_read), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.try_upgradable_read_arc();
    /// assert!(guard.is_some() && lock.try_upgradable_read_arc().is_none());
    /// assert!(lock.try_read().is_some());
    /// ```
    pub fn try_upgradable_read_arc(self: &Arc<Self>) -> Option<ArcRwLockUpgradableReadGuard<T, S>> {
        self.raw.try_upgradable_read().then(|| ArcRwLockUpgradableReadGuard::held(self))
    }
}

/// A [read guard](super::RwLockReadGuard) that keeps the lock alive.
///
/// ```
/// use heddle_primitives::sync::Arc;
/// use heddle_primitives::{ArcRwLockReadGuard, RwLock};
///
/// let lock = Arc::new(RwLock::new(1));
/// let guard: ArcRwLockReadGuard<i32> = lock.read_arc();
/// drop(lock);
/// assert_eq!(*guard, 1);
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ArcRwLockReadGuard<T: ?Sized, S: Scope = Private> {
    lock: Arc<RwLock<T, S>>,
    data: ConstPtr<T>,
}

/// A [write guard](super::RwLockWriteGuard) that keeps the lock alive.
///
/// ```
/// use heddle_primitives::sync::Arc;
/// use heddle_primitives::{ArcRwLockWriteGuard, RwLock};
///
/// let lock = Arc::new(RwLock::new(1));
/// let mut guard: ArcRwLockWriteGuard<i32> = lock.write_arc();
/// *guard += 1;
/// drop(guard);
/// assert_eq!(*lock.read(), 2);
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ArcRwLockWriteGuard<T: ?Sized, S: Scope = Private> {
    lock: Arc<RwLock<T, S>>,
    data: MutPtr<T>,
}

/// An [upgradable read guard](super::RwLockUpgradableReadGuard) that keeps the lock alive.
///
/// ```
/// use heddle_primitives::sync::Arc;
/// use heddle_primitives::{ArcRwLockUpgradableReadGuard, RwLock};
///
/// let lock = Arc::new(RwLock::new(1));
/// let guard: ArcRwLockUpgradableReadGuard<i32> = lock.upgradable_read_arc();
/// assert_eq!(*guard, *lock.read());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ArcRwLockUpgradableReadGuard<T: ?Sized, S: Scope = Private> {
    lock: Arc<RwLock<T, S>>,
    data: ConstPtr<T>,
}

impl<T: ?Sized, S: Scope> ArcRwLockWriteGuard<T, S> {
    /// Unlocks fairly; see [`RwLockWriteGuard::unlock_fair`](super::RwLockWriteGuard::unlock_fair).
    ///
    /// ```
    /// use heddle_primitives::sync::Arc;
    /// use heddle_primitives::{ArcRwLockWriteGuard, RwLock};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// ArcRwLockWriteGuard::unlock_fair(lock.write_arc());
    /// assert!(!lock.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        guard.into_lock().raw.release_write_fair();
    }

    /// Turns into a read lock; no writer comes in between.
    ///
    /// ```
    /// use heddle_primitives::sync::Arc;
    /// use heddle_primitives::{ArcRwLockWriteGuard, RwLock};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let reader = ArcRwLockWriteGuard::downgrade(lock.write_arc());
    /// assert_eq!(*reader, *lock.read());
    /// ```
    pub fn downgrade(guard: Self) -> ArcRwLockReadGuard<T, S> {
        let lock = guard.into_lock();
        lock.raw.downgrade();
        ArcRwLockReadGuard::held(&lock)
    }

    /// Turns into a read lock that can be upgraded again; no writer comes in between.
    ///
    /// ```
    /// use heddle_primitives::sync::Arc;
    /// use heddle_primitives::{ArcRwLockWriteGuard, RwLock};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = ArcRwLockWriteGuard::downgrade_to_upgradable(lock.write_arc());
    /// assert_eq!(*guard, *lock.read());
    /// ```
    pub fn downgrade_to_upgradable(guard: Self) -> ArcRwLockUpgradableReadGuard<T, S> {
        let lock = guard.into_lock();
        lock.raw.downgrade_to_upgradable();
        ArcRwLockUpgradableReadGuard::held(&lock)
    }
}

impl<T: ?Sized, S: Scope> ArcRwLockUpgradableReadGuard<T, S> {
    /// Turns into a write lock as soon as the readers have left.
    ///
    /// ```
    /// use heddle_primitives::sync::Arc;
    /// use heddle_primitives::{ArcRwLockUpgradableReadGuard, RwLock};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let mut guard = ArcRwLockUpgradableReadGuard::upgrade(lock.upgradable_read_arc());
    /// *guard += 1;
    /// assert!(lock.is_locked_exclusive());
    /// ```
    pub fn upgrade(guard: Self) -> ArcRwLockWriteGuard<T, S> {
        {
            let _waiting = guard.lock.wants(Want::Upgrade);
            guard.lock.raw.upgrade_until(|| None);
        }
        ArcRwLockWriteGuard::held(&guard.into_lock())
    }

    /// Turns into a write lock if there are no other readers.
    ///
    /// # Errors
    /// The guard, if there are.
    ///
    /// ```
    /// use heddle_primitives::sync::Arc;
    /// use heddle_primitives::{ArcRwLockUpgradableReadGuard, RwLock};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let reader = lock.read_arc();
    /// let guard = ArcRwLockUpgradableReadGuard::try_upgrade(lock.upgradable_read_arc()).unwrap_err();
    /// drop(reader);
    /// assert!(ArcRwLockUpgradableReadGuard::try_upgrade(guard).is_ok());
    /// ```
    pub fn try_upgrade(guard: Self) -> Result<ArcRwLockWriteGuard<T, S>, Self> {
        let lock = guard.into_lock();
        if lock.raw.try_upgrade() { Ok(ArcRwLockWriteGuard::held(&lock)) } else { Err(Self::held(&lock)) }
    }

    /// Turns into a plain read lock.
    ///
    /// ```
    /// use heddle_primitives::sync::Arc;
    /// use heddle_primitives::{ArcRwLockUpgradableReadGuard, RwLock};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let reader = ArcRwLockUpgradableReadGuard::downgrade(lock.upgradable_read_arc());
    /// assert!(lock.try_upgradable_read().is_some());
    /// assert_eq!(*reader, 1);
    /// ```
    pub fn downgrade(guard: Self) -> ArcRwLockReadGuard<T, S> {
        let lock = guard.into_lock();
        lock.raw.downgrade_upgradable();
        ArcRwLockReadGuard::held(&lock)
    }
}

macro_rules! guard {
    ($guard:ident, $access:ident, $release:ident) => {
        // SAFETY: as for the guard that borrows the lock; the lock itself may be dropped wherever the guard is, so its data
        // must be fit for that.
        unsafe impl<T: ?Sized + Send + Sync, S: Scope> Send for $guard<T, S> {}
        // SAFETY: a shared guard gives out `&T` only.
        unsafe impl<T: ?Sized + Send + Sync, S: Scope> Sync for $guard<T, S> {}

        impl<T: ?Sized, S: Scope> $guard<T, S> {
            /// The caller has just locked.
            fn held(lock: &Arc<RwLock<T, S>>) -> Self {
                Self { data: lock.data.$access(), lock: lock.clone() }
            }

            /// The lock that the guard holds.
            ///
            /// ```
            /// use heddle_primitives::sync::Arc;
            /// use heddle_primitives::{ArcRwLockReadGuard, RwLock};
            ///
            /// let lock = Arc::new(RwLock::new(1));
            /// let guard = lock.read_arc();
            /// assert!(Arc::ptr_eq(ArcRwLockReadGuard::rwlock(&guard), &lock));
            /// ```
            pub fn rwlock(guard: &Self) -> &Arc<RwLock<T, S>> {
                &guard.lock
            }

            /// The lock, which is still held.
            #[allow(dead_code, reason = "a read guard turns into nothing")]
            fn into_lock(self) -> Arc<RwLock<T, S>> {
                let guard = ManuallyDrop::new(self);
                // SAFETY: the guard is neither used nor dropped any more.
                unsafe { std::ptr::read(&guard.lock) }
            }
        }

        impl<T: ?Sized, S: Scope> Drop for $guard<T, S> {
            fn drop(&mut self) {
                self.lock.raw.$release();
            }
        }

        impl<T: ?Sized, S: Scope> Deref for $guard<T, S> {
            type Target = T;

            fn deref(&self) -> &T {
                // SAFETY: the guard keeps the lock alive, and while it lives nobody writes but through `&mut` of the guard.
                unsafe { self.data.deref() }
            }
        }

        impl<T: ?Sized + fmt::Debug, S: Scope> fmt::Debug for $guard<T, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

guard!(ArcRwLockReadGuard, get, release_read);
guard!(ArcRwLockWriteGuard, get_mut, release_write);
guard!(ArcRwLockUpgradableReadGuard, get, release_upgradable);

impl<T: ?Sized, S: Scope> DerefMut for ArcRwLockWriteGuard<T, S> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` excludes other borrows through the guard.
        unsafe { self.data.deref() }
    }
}
