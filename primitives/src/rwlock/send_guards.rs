//! Guards that may go to another thread.

use super::{RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
use crate::held::Hold;
use crate::scope::{Private, Scope};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// Proof that a [`RwLock`](super::RwLock) is locked for reading that may go to another thread; unlocks when dropped. Made by
/// [`RwLockReadGuard::into_send`].
///
/// Only with data that threads may share:
///
/// ```compile_fail,E0277
/// use heddle_primitives::{RwLock, RwLockReadGuard};
/// fn send(_: impl Send) {}
/// let lock = RwLock::new(std::cell::Cell::new(0));
/// send(RwLockReadGuard::into_send(lock.read()));
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct SendRwLockReadGuard<'a, T: ?Sized, S: Scope = Private>(RwLockReadGuard<'a, T, S>);

/// Proof that a [`RwLock`](super::RwLock) is locked for writing that may go to another thread; unlocks when dropped. Made by
/// [`RwLockWriteGuard::into_send`].
///
/// Only with data that may go there as well:
///
/// ```compile_fail,E0277
/// use heddle_primitives::{RwLock, RwLockWriteGuard};
/// fn send(_: impl Send) {}
/// let lock = RwLock::new(std::rc::Rc::new(0));
/// send(RwLockWriteGuard::into_send(lock.write()));
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct SendRwLockWriteGuard<'a, T: ?Sized, S: Scope = Private>(RwLockWriteGuard<'a, T, S>);

/// Proof that a [`RwLock`](super::RwLock) is locked for reading with the right to upgrade, which may go to another thread; unlocks
/// when dropped. Made by [`RwLockUpgradableReadGuard::into_send`].
///
/// Only with data that threads may share and that may go there as well:
///
/// ```compile_fail,E0277
/// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
/// fn send(_: impl Send) {}
/// let lock = RwLock::new(std::cell::Cell::new(0));
/// send(RwLockUpgradableReadGuard::into_send(lock.upgradable_read()));
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct SendRwLockUpgradableReadGuard<'a, T: ?Sized, S: Scope = Private>(
    RwLockUpgradableReadGuard<'a, T, S>,
);

// SAFETY: the receiving thread gets `&T` and unlocks, which any thread may.
unsafe impl<T: ?Sized + Sync, S: Scope> Send for SendRwLockReadGuard<'_, T, S> {}
// SAFETY: the receiving thread gets `&mut T`, may take the data away, and unlocks, which any thread may.
unsafe impl<T: ?Sized + Send, S: Scope> Send for SendRwLockWriteGuard<'_, T, S> {}
// SAFETY: the receiving thread gets `&T` beside other readers and, having upgraded, `&mut T`.
unsafe impl<T: ?Sized + Send + Sync, S: Scope> Send for SendRwLockUpgradableReadGuard<'_, T, S> {}

macro_rules! guard {
    ($sent:ident, $guard:ident, $hold:expr, $lock:ident) => {
        impl<'a, T: ?Sized, S: Scope> $guard<'a, T, S> {
            /// A guard that may go to another thread and be dropped there. A deadlock in which it takes part is not noticed.
            ///
            /// ```
            #[doc = concat!("use heddle_primitives::{RwLock, ", stringify!($guard), "};")]
            /// use heddle_primitives::sync::thread;
            ///
            /// let lock = RwLock::new(1);
            #[doc = concat!("let guard = ", stringify!($guard), "::into_send(lock.", stringify!($lock), "());")]
            /// thread::scope(|s| _ = s.spawn(move || assert_eq!(*guard, 1)));
            /// assert!(!lock.is_locked());
            /// ```
            pub fn into_send(guard: Self) -> $sent<'a, T, S> {
                guard.lock.raw.tell_ends($hold);
                $sent(guard)
            }
        }

        impl<'a, T: ?Sized, S: Scope> $sent<'a, T, S> {
            /// A guard of the calling thread.
            ///
            /// ```
            #[doc = concat!("use heddle_primitives::{RwLock, ", stringify!($guard), ", ", stringify!($sent), "};")]
            ///
            /// let lock = RwLock::new(1);
            #[doc = concat!("let guard = ", stringify!($guard), "::into_send(lock.", stringify!($lock), "());")]
            #[doc = concat!("let guard = ", stringify!($sent), "::into_guard(guard);")]
            #[doc = concat!("assert!(std::ptr::eq(", stringify!($guard), "::rwlock(&guard), &lock));")]
            /// ```
            pub fn into_guard(guard: Self) -> $guard<'a, T, S> {
                guard.0.lock.raw.tell_held($hold);
                let guard = ManuallyDrop::new(guard);
                // SAFETY: the guard is neither used nor dropped any more.
                unsafe { std::ptr::read(&guard.0) }
            }
        }

        impl<T: ?Sized, S: Scope> Drop for $sent<'_, T, S> {
            #[inline(always)]
            fn drop(&mut self) {
                // The end of the guard within tells that a hold of this thread ends.
                self.0.lock.raw.tell_held($hold);
            }
        }

        impl<T: ?Sized, S: Scope> Deref for $sent<'_, T, S> {
            type Target = T;

            #[inline(always)]
            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T: ?Sized + fmt::Debug, S: Scope> fmt::Debug for $sent<'_, T, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display, S: Scope> fmt::Display for $sent<'_, T, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

guard!(SendRwLockReadGuard, RwLockReadGuard, Hold::Shared, read);
guard!(SendRwLockWriteGuard, RwLockWriteGuard, Hold::Exclusive, write);
guard!(SendRwLockUpgradableReadGuard, RwLockUpgradableReadGuard, Hold::Upgradable, upgradable_read);

impl<T: ?Sized, S: Scope> DerefMut for SendRwLockWriteGuard<'_, T, S> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
