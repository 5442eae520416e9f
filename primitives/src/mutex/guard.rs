//! Guards that borrow the mutex.

use super::Mutex;
use crate::held;
use crate::raw::{Barging, Handover, RawMutex};
use crate::scope::{Private, Scope};
use crate::sync::cell::MutPtr;
use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// Proof that a [`Mutex`] is locked; unlocks when dropped.
///
/// Not `Send`, as in std and parking_lot. The lock would not mind: nothing in it depends on the thread. But a thread that
/// holds a lock in a guard that cannot leave it is known to wait for itself when it locks again, which debug builds and the
/// feature `deadlock_detection` report. [`into_send`](Self::into_send) gives that up, and gives a guard that is `Send`.
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let mutex = heddle_primitives::Mutex::new(0);
/// send(mutex.lock());
/// ```
///
/// `Sync` only if the data is:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// let mutex = heddle_primitives::Mutex::new(std::cell::Cell::new(0));
/// share(mutex.lock());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized, S: Scope = Private, H: Handover = Barging> {
    mutex: &'a Mutex<T, S, H>,
    // Ends before the lock is free: under loom that is what ends the access.
    data: ManuallyDrop<MutPtr<T>>,
    not_send: PhantomData<*mut ()>,
}

impl<'a, T: ?Sized, S: Scope, H: Handover> MutexGuard<'a, T, S, H> {
    /// For whoever has just taken the lock.
    #[inline(always)]
    pub(super) fn new(mutex: &'a Mutex<T, S, H>) -> Self {
        Self { mutex, data: ManuallyDrop::new(mutex.data.get_mut()), not_send: PhantomData }
    }

    /// The mutex that the guard locks.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.lock();
    /// assert!(std::ptr::eq(MutexGuard::mutex(&guard), &mutex));
    /// ```
    pub fn mutex(guard: &Self) -> &'a Mutex<T, S, H> {
        guard.mutex
    }

    /// Unlocks while `f` runs, and locks again before it returns, also if `f` panics. Others may change the data meanwhile.
    /// Aborts if locking again is found to wait for this thread itself, or in a circle.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, MutexGuard};
    /// let mutex = Mutex::new(1);
    /// let mut guard = mutex.lock();
    /// MutexGuard::unlocked(&mut guard, || *mutex.lock() += 1);
    /// assert_eq!(*guard, 2);
    /// ```
    pub fn unlocked<R>(guard: &mut Self, f: impl FnOnce() -> R) -> R {
        Self::without(guard, RawMutex::release, f)
    }

    /// [`unlocked`](Self::unlocked) that hands the lock to a waiter, if there is one.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new(1);
    /// let mut guard = mutex.lock();
    /// MutexGuard::unlocked_fair(&mut guard, || *mutex.lock() += 1);
    /// assert_eq!(*guard, 2);
    /// ```
    pub fn unlocked_fair<R>(guard: &mut Self, f: impl FnOnce() -> R) -> R {
        Self::without(guard, RawMutex::release_fair, f)
    }

    /// Unlocks and hands the lock to a waiter, if there is one: whoever comes later, the caller included, gets it after that.
    /// Waiters are those that are asleep or about to be; in a [`FairMutex`](super::FairMutex) all.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, MutexGuard};
    /// let mutex = Mutex::new(1);
    /// MutexGuard::unlock_fair(mutex.lock());
    /// assert!(!mutex.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        let mutex = guard.mutex;
        guard.end();
        mutex.raw.release_fair();
    }

    /// Lets a waiter have the lock, if there is one, and locks again after it; costs a load if there is none. Others may
    /// change the data meanwhile.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, MutexGuard};
    /// let mutex = Mutex::new(1);
    /// let mut guard = mutex.lock();
    /// MutexGuard::bump(&mut guard);
    /// assert_eq!(*guard, 1);
    /// ```
    #[inline]
    pub fn bump(guard: &mut Self) {
        if guard.mutex.raw.has_waiters() {
            Self::unlocked_fair(guard, || ());
        }
    }

    /// A guard for a part of the data.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, MutexGuard};
    /// let mutex = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(mutex.lock(), |pair| &mut pair.0);
    /// *number += 1;
    /// drop(number);
    /// assert_eq!(mutex.lock().0, 2);
    /// ```
    pub fn map<U: ?Sized>(guard: Self, part: impl FnOnce(&mut T) -> &mut U) -> MappedMutexGuard<'a, U, S, H> {
        let raw = &guard.mutex.raw;
        let mut guard = guard;
        let part: *mut U = part(&mut guard);
        MappedMutexGuard { raw, data: ManuallyDrop::new(guard.take().map(part)), not_send: PhantomData }
    }

    /// A guard for a part of the data, if there is such a part.
    ///
    /// # Errors
    /// The guard, if there is not.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, MutexGuard};
    /// let mutex = Mutex::new(vec![1, 2]);
    /// let second = MutexGuard::try_map(mutex.lock(), |list| list.get_mut(1)).unwrap();
    /// assert_eq!(*second, 2);
    /// drop(second);
    /// assert!(MutexGuard::try_map(mutex.lock(), |list| list.get_mut(2)).is_err());
    /// ```
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U, S, H>, Self> {
        let raw = &guard.mutex.raw;
        let mut guard = guard;
        let Some(part) = part(&mut guard).map(|part| -> *mut U { part }) else { return Err(guard) };
        Ok(MappedMutexGuard { raw, data: ManuallyDrop::new(guard.take().map(part)), not_send: PhantomData })
    }

    /// A guard that another thread may drop. From now on nobody is warned who locks again in this thread.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, MutexGuard};
    /// use heddle_primitives::sync::thread;
    ///
    /// let mutex = Mutex::new(1);
    /// let mut guard = MutexGuard::into_send(mutex.lock());
    /// thread::scope(|s| _ = s.spawn(move || *guard += 1));
    /// assert_eq!(*mutex.lock(), 2);
    /// ```
    pub fn into_send(guard: Self) -> SendMutexGuard<'a, T, S, H> {
        held::released(guard.mutex.raw.address());
        SendMutexGuard(guard)
    }

    fn without<R>(guard: &mut Self, release: fn(&RawMutex<S, H>), f: impl FnOnce() -> R) -> R {
        struct Relock<'g, 'a, T: ?Sized, S: Scope, H: Handover>(&'g mut MutexGuard<'a, T, S, H>);

        impl<T: ?Sized, S: Scope, H: Handover> Drop for Relock<'_, '_, T, S, H> {
            fn drop(&mut self) {
                let mutex = self.0.mutex;
                // Without the lock the guard must not live on.
                let or_abort = OrAbort;
                mutex.acquire();
                std::mem::forget(or_abort);
                held::acquired(mutex.raw.address(), type_name::<Mutex<T, S, H>>());
                self.0.data = ManuallyDrop::new(mutex.data.get_mut());
            }
        }

        // SAFETY: `Relock` replaces the pointer before anybody uses or drops it again: it has the guard for itself.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        held::released(guard.mutex.raw.address());
        release(&guard.mutex.raw);
        let _relock = Relock(guard);
        f()
    }

    /// The pointer, and with it the duty to unlock.
    fn take(self) -> MutPtr<T> {
        let mut guard = ManuallyDrop::new(self);
        // SAFETY: the guard is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut guard.data) }
    }

    /// Ends the access; the caller unlocks.
    fn end(self) {
        let mut guard = ManuallyDrop::new(self);
        // SAFETY: the guard is not used again, nor dropped.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        held::released(guard.mutex.raw.address());
    }
}

impl<T: ?Sized, S: Scope, H: Handover> Drop for MutexGuard<'_, T, S, H> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: dropped here and, with a new pointer in its place, in `without`.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        held::released(self.mutex.raw.address());
        self.mutex.raw.release();
    }
}

// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync, S: Scope, H: Handover> Sync for MutexGuard<'_, T, S, H> {}

/// Ends the process when dropped: a panic has said why.
struct OrAbort;

impl Drop for OrAbort {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// Proof that a [`Mutex`] is locked, with access to a part of its data; unlocks when dropped. Made by [`MutexGuard::map`].
///
/// Not `Send`, as [`MutexGuard`] is not:
///
/// ```compile_fail,E0277
/// use heddle_primitives::{Mutex, MutexGuard};
/// fn send(_: impl Send) {}
/// let mutex = Mutex::new((0, 0));
/// send(MutexGuard::map(mutex.lock(), |pair| &mut pair.0));
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MappedMutexGuard<'a, T: ?Sized, S: Scope = Private, H: Handover = Barging> {
    raw: &'a RawMutex<S, H>,
    data: ManuallyDrop<MutPtr<T>>,
    not_send: PhantomData<*mut ()>,
}

impl<'a, T: ?Sized, S: Scope, H: Handover> MappedMutexGuard<'a, T, S, H> {
    /// A guard for a part of the part.
    ///
    /// ```
    /// use heddle_primitives::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new((1, [2, 3]));
    /// let list = MutexGuard::map(mutex.lock(), |data| &mut data.1);
    /// *MappedMutexGuard::map(list, |list| &mut list[1]) = 4;
    /// assert_eq!(mutex.into_inner(), (1, [2, 4]));
    /// ```
    pub fn map<U: ?Sized>(guard: Self, part: impl FnOnce(&mut T) -> &mut U) -> MappedMutexGuard<'a, U, S, H> {
        let mut guard = guard;
        let part: *mut U = part(&mut guard);
        MappedMutexGuard {
            raw: guard.raw,
            data: ManuallyDrop::new(guard.take().map(part)),
            not_send: PhantomData,
        }
    }

    /// A guard for a part of the part, if there is such a part.
    ///
    /// # Errors
    /// The guard, if there is not.
    ///
    /// ```
    /// use heddle_primitives::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new((1, vec![2]));
    /// let list = MutexGuard::map(mutex.lock(), |data| &mut data.1);
    /// let list = MappedMutexGuard::try_map(list, |list| list.get_mut(1)).unwrap_err();
    /// assert_eq!(*list, [2]);
    /// ```
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U, S, H>, Self> {
        let mut guard = guard;
        let Some(part) = part(&mut guard).map(|part| -> *mut U { part }) else { return Err(guard) };
        Ok(MappedMutexGuard {
            raw: guard.raw,
            data: ManuallyDrop::new(guard.take().map(part)),
            not_send: PhantomData,
        })
    }

    /// Unlocks as [`MutexGuard::unlock_fair`] does.
    ///
    /// ```
    /// use heddle_primitives::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new((1, 2));
    /// MappedMutexGuard::unlock_fair(MutexGuard::map(mutex.lock(), |pair| &mut pair.0));
    /// assert!(!mutex.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is not used again, nor dropped.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        held::released(guard.raw.address());
        guard.raw.release_fair();
    }

    /// The pointer, and with it the duty to unlock.
    fn take(self) -> MutPtr<T> {
        let mut guard = ManuallyDrop::new(self);
        // SAFETY: the guard is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut guard.data) }
    }
}

impl<T: ?Sized, S: Scope, H: Handover> Drop for MappedMutexGuard<'_, T, S, H> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        held::released(self.raw.address());
        self.raw.release();
    }
}

// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync, S: Scope, H: Handover> Sync for MappedMutexGuard<'_, T, S, H> {}

/// Proof that a [`Mutex`] is locked that may go to another thread; unlocks when dropped. Made by [`MutexGuard::into_send`].
///
/// Only with data that may go there as well:
///
/// ```compile_fail,E0277
/// use heddle_primitives::{Mutex, MutexGuard};
/// fn send(_: impl Send) {}
/// let mutex = Mutex::new(std::rc::Rc::new(0));
/// send(MutexGuard::into_send(mutex.lock()));
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct SendMutexGuard<'a, T: ?Sized, S: Scope = Private, H: Handover = Barging>(MutexGuard<'a, T, S, H>);

impl<'a, T: ?Sized, S: Scope, H: Handover> SendMutexGuard<'a, T, S, H> {
    /// A guard of the calling thread.
    ///
    /// ```
    /// use heddle_primitives::mutex::SendMutexGuard;
    /// use heddle_primitives::{Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = SendMutexGuard::into_guard(MutexGuard::into_send(mutex.lock()));
    /// assert!(std::ptr::eq(MutexGuard::mutex(&guard), &mutex));
    /// ```
    pub fn into_guard(guard: Self) -> MutexGuard<'a, T, S, H> {
        held::acquired(guard.0.mutex.raw.address(), type_name::<Mutex<T, S, H>>());
        guard.0
    }
}

// SAFETY: the data goes along, and nothing in the lock depends on the thread that unlocks it.
unsafe impl<T: ?Sized + Send, S: Scope, H: Handover> Send for SendMutexGuard<'_, T, S, H> {}

impl<T: ?Sized, S: Scope, H: Handover> Deref for SendMutexGuard<'_, T, S, H> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized, S: Scope, H: Handover> DerefMut for SendMutexGuard<'_, T, S, H> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

macro_rules! dereferences {
    ($($guard:ident),*) => {
        $(
            impl<T: ?Sized, S: Scope, H: Handover> Deref for $guard<'_, T, S, H> {
                type Target = T;

                #[inline(always)]
                fn deref(&self) -> &T {
                    // SAFETY: the guard borrows the mutex, and while it lives nobody else has the lock; writers need
                    // `&mut` of the guard.
                    unsafe { (*self.data).deref() }
                }
            }

            impl<T: ?Sized, S: Scope, H: Handover> DerefMut for $guard<'_, T, S, H> {
                #[inline(always)]
                fn deref_mut(&mut self) -> &mut T {
                    // SAFETY: as in `deref`, and `&mut self` excludes other borrows through the guard.
                    unsafe { (*self.data).deref() }
                }
            }
        )*
    };
}

dereferences!(MutexGuard, MappedMutexGuard);

macro_rules! shown_as_the_data {
    ($($guard:ident),*) => {
        $(
            impl<T: ?Sized + fmt::Debug, S: Scope, H: Handover> fmt::Debug for $guard<'_, T, S, H> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    (**self).fmt(f)
                }
            }

            impl<T: ?Sized + fmt::Display, S: Scope, H: Handover> fmt::Display for $guard<'_, T, S, H> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    (**self).fmt(f)
                }
            }
        )*
    };
}

shown_as_the_data!(MutexGuard, MappedMutexGuard, SendMutexGuard);
