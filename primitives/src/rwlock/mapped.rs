//! Guards of a part of the data.

use super::RawRwLock;
use crate::held::Hold;
use crate::scope::{Private, Scope};
use crate::sync::cell::{ConstPtr, MutPtr};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// What keeps the access to the whole open, of whose type a mapped guard knows nothing. In a normal build there is nothing to
/// keep.
#[cfg(any(heddle_loom, heddle_shuttle))]
type Access<'a> = Box<dyn Kept + 'a>;
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
type Access<'a> = PhantomData<&'a ()>;

#[cfg(any(heddle_loom, heddle_shuttle))]
trait Kept {}

#[cfg(any(heddle_loom, heddle_shuttle))]
impl<T: ?Sized> Kept for ConstPtr<T> {}

#[cfg(any(heddle_loom, heddle_shuttle))]
impl<T: ?Sized> Kept for MutPtr<T> {}

macro_rules! keep {
    ($pointer:expr) => {{
        #[cfg(any(heddle_loom, heddle_shuttle))]
        {
            ManuallyDrop::new(Box::new($pointer) as Access<'_>)
        }
        #[cfg(not(any(heddle_loom, heddle_shuttle)))]
        {
            let _ = $pointer;
            ManuallyDrop::new(PhantomData)
        }
    }};
}

/// A [read guard](super::RwLockReadGuard) of a part of the data.
///
/// ```
/// use heddle_primitives::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
///
/// let lock = RwLock::new((1, "one"));
/// let name: MappedRwLockReadGuard<'_, &str> = RwLockReadGuard::map(lock.read(), |pair| &pair.1);
/// assert_eq!(*name, "one");
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MappedRwLockReadGuard<'a, T: ?Sized, S: Scope = Private> {
    raw: &'a RawRwLock<S>,
    part: *const T,
    access: ManuallyDrop<Access<'a>>,
    lent: PhantomData<&'a T>,
}

/// A [write guard](super::RwLockWriteGuard) of a part of the data.
///
/// The part cannot be exchanged for one that lives shorter:
///
/// ```compile_fail,E0308
/// use heddle_primitives::MappedRwLockWriteGuard;
/// fn shorten<'s>(guard: MappedRwLockWriteGuard<'s, &'static str>) -> MappedRwLockWriteGuard<'s, &'s str> {
///     guard
/// }
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MappedRwLockWriteGuard<'a, T: ?Sized, S: Scope = Private> {
    raw: &'a RawRwLock<S>,
    part: *mut T,
    access: ManuallyDrop<Access<'a>>,
    lent: PhantomData<&'a mut T>,
}

// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync, S: Scope> Sync for MappedRwLockReadGuard<'_, T, S> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync, S: Scope> Sync for MappedRwLockWriteGuard<'_, T, S> {}

impl<'a, T: ?Sized, S: Scope> MappedRwLockReadGuard<'a, T, S> {
    /// The caller holds a read lock, which the guard takes over.
    pub(super) fn new<U: ?Sized + 'a>(raw: &'a RawRwLock<S>, part: *const T, data: ConstPtr<U>) -> Self {
        Self { raw, part, access: keep!(data), lent: PhantomData }
    }

    /// Narrows the guard down further.
    ///
    /// ```
    /// use heddle_primitives::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new((1, vec![2, 3]));
    /// let list = RwLockReadGuard::map(lock.read(), |data| &data.1);
    /// assert_eq!(*MappedRwLockReadGuard::map(list, |list| &list[1]), 3);
    /// ```
    pub fn map<U: ?Sized>(guard: Self, f: impl FnOnce(&T) -> &U) -> MappedRwLockReadGuard<'a, U, S> {
        match Self::try_map(guard, |data| Some(f(data))) {
            Ok(mapped) => mapped,
            Err(_) => unreachable!("the part was there"),
        }
    }

    /// Narrows the guard down further, if the part is there.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    ///
    /// ```
    /// use heddle_primitives::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new((1, vec![2, 3]));
    /// let list = RwLockReadGuard::map(lock.read(), |data| &data.1);
    /// let list = MappedRwLockReadGuard::try_map(list, |list| list.get(2)).unwrap_err();
    /// assert_eq!(*list, [2, 3]);
    /// ```
    pub fn try_map<U: ?Sized>(
        guard: Self,
        f: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedRwLockReadGuard<'a, U, S>, Self> {
        let Some(part) = f(&guard).map(std::ptr::from_ref) else { return Err(guard) };
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is neither used nor dropped any more.
        let access = unsafe { ManuallyDrop::take(&mut guard.access) };
        Ok(MappedRwLockReadGuard {
            raw: guard.raw,
            part,
            access: ManuallyDrop::new(access),
            lent: PhantomData,
        })
    }
}

impl<'a, T: ?Sized, S: Scope> MappedRwLockWriteGuard<'a, T, S> {
    /// The caller holds a write lock, which the guard takes over.
    pub(super) fn new<U: ?Sized + 'a>(raw: &'a RawRwLock<S>, part: *mut T, data: MutPtr<U>) -> Self {
        Self { raw, part, access: keep!(data), lent: PhantomData }
    }

    /// Unlocks fairly; see [`RwLockWriteGuard::unlock_fair`](super::RwLockWriteGuard::unlock_fair).
    ///
    /// ```
    /// use heddle_primitives::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, vec![2, 3]));
    /// MappedRwLockWriteGuard::unlock_fair(RwLockWriteGuard::map(lock.write(), |data| &mut data.0));
    /// assert!(!lock.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is neither used nor dropped any more.
        unsafe { ManuallyDrop::drop(&mut guard.access) };
        guard.raw.tell_ends(Hold::Exclusive);
        guard.raw.release_write_fair();
    }

    /// Narrows the guard down further.
    ///
    /// ```
    /// use heddle_primitives::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, vec![2, 3]));
    /// let list = RwLockWriteGuard::map(lock.write(), |data| &mut data.1);
    /// *MappedRwLockWriteGuard::map(list, |list| &mut list[1]) = 4;
    /// assert_eq!(lock.read().1, [2, 4]);
    /// ```
    pub fn map<U: ?Sized>(guard: Self, f: impl FnOnce(&mut T) -> &mut U) -> MappedRwLockWriteGuard<'a, U, S> {
        match Self::try_map(guard, |data| Some(f(data))) {
            Ok(mapped) => mapped,
            Err(_) => unreachable!("the part was there"),
        }
    }

    /// Narrows the guard down further, if the part is there.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    ///
    /// ```
    /// use heddle_primitives::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, vec![2, 3]));
    /// let list = RwLockWriteGuard::map(lock.write(), |data| &mut data.1);
    /// let mut list = MappedRwLockWriteGuard::try_map(list, |list| list.get_mut(2)).unwrap_err();
    /// list.push(4);
    /// assert_eq!(*list, [2, 3, 4]);
    /// ```
    pub fn try_map<U: ?Sized>(
        mut guard: Self,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedRwLockWriteGuard<'a, U, S>, Self> {
        let Some(part) = f(&mut guard).map(std::ptr::from_mut) else { return Err(guard) };
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is neither used nor dropped any more.
        let access = unsafe { ManuallyDrop::take(&mut guard.access) };
        Ok(MappedRwLockWriteGuard {
            raw: guard.raw,
            part,
            access: ManuallyDrop::new(access),
            lent: PhantomData,
        })
    }
}

macro_rules! mapped {
    ($guard:ident, $hold:expr, $release:ident) => {
        impl<T: ?Sized, S: Scope> Drop for $guard<'_, T, S> {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: dropped here and, where the guard goes on in another form, there instead.
                unsafe { ManuallyDrop::drop(&mut self.access) };
                self.raw.tell_ends($hold);
                self.raw.$release();
            }
        }

        impl<T: ?Sized, S: Scope> Deref for $guard<'_, T, S> {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: a part of the data of a lock that the guard borrows and holds.
                unsafe { &*self.part }
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

mapped!(MappedRwLockReadGuard, Hold::Shared, release_read);
mapped!(MappedRwLockWriteGuard, Hold::Exclusive, release_write);

impl<T: ?Sized, S: Scope> DerefMut for MappedRwLockWriteGuard<'_, T, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the lock is held for writing, and `&mut self` excludes other borrows through the guard.
        unsafe { &mut *self.part }
    }
}
