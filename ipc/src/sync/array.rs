//! Many values behind one lock.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use std::time::{Duration, Instant};

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

use super::error::{LockError, TryLockError};
use super::place::{Address, AttachError, CreateError, Object, Place};
use super::raw_mutex::{Acquired, NotAcquired, RawMutex};
use crate::arena::{AllocError, Arena};
use crate::offset::Offset;
use crate::peers::{Member, Table};
use crate::segment::Segment;
use crate::shm_safe::{Shareable, ShmSafe};

/// What lies in memory, beside the elements.
#[repr(C)]
pub(crate) struct Words<T> {
    raw: RawMutex,
    /// Where the elements lie, and how many; read-only.
    at: AtomicU64,
    len: AtomicU64,
    of: PhantomData<fn() -> T>,
}

// SAFETY: atomics; place and number of the elements are checked whenever somebody attaches.
unsafe impl<T: ShmSafe + Send> Shareable for Words<T> {}

/// A fixed number of elements of plain data that several processes share, behind one lock: Python's `Array`.
///
/// [`lock`](Array::lock) gives the elements as a slice, and survives the owner's death as [`Mutex`](super::Mutex) does. Clones are the same array.
///
/// ```
/// use heddle_ipc::sync::Array;
///
/// let squares = Array::new(&[0_u64; 10])?;
/// for (n, square) in (0..).zip(squares.lock().expect("nobody died").iter_mut()) {
///     *square = n * n;
/// }
/// assert_eq!(squares.lock().expect("nobody died")[9], 81);
/// assert_eq!(squares.len(), 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Array<T> {
    place: Place<Words<T>>,
    elements: NonNull<[T]>,
}

// SAFETY: the elements are used under the lock, by one thread at a time.
unsafe impl<T: Send> Send for Array<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Array<T> {}

impl<T: ShmSafe + Send> Array<T> {
    /// Creates an array with a copy of these elements, in a segment of its own.
    ///
    /// # Errors
    ///
    /// There is no memory, no descriptor, or no `/proc`.
    pub fn new(elements: &[T]) -> Result<Self, CreateError> {
        let sizes = [size_of::<Table>(), size_of::<Object<Words<T>>>(), size_of_val(elements)];
        let member = Member::join(Segment::create("array", Arena::segment_len(sizes))?)?;
        Ok(Array::new_in(&member, elements)?)
    }

    /// Creates an array with a copy of these elements, in a segment that this process has joined.
    ///
    /// # Errors
    ///
    /// The segment has no room left.
    pub fn new_in(member: &Member, elements: &[T]) -> Result<Self, AllocError> {
        let segment = member.segment();
        let offset = segment.arena().alloc::<T>(elements.len())?;
        let slice = segment.slice(offset).expect("just allocated");
        // SAFETY: in bounds and aligned, as `slice` checked; nobody else has the memory yet.
        unsafe { core::ptr::copy_nonoverlapping(elements.as_ptr(), slice.cast().as_ptr(), elements.len()) };
        let words = Words {
            raw: RawMutex::new(),
            at: AtomicU64::new(offset.at()),
            len: AtomicU64::new(offset.len()),
            of: PhantomData,
        };
        Ok(Array { place: Place::within(member, words)?, elements: slice })
    }

    /// Attaches to an array that another process created.
    ///
    /// # Errors
    ///
    /// The process that made the address is gone, or something else lies there.
    pub fn attach(address: Address<Self>) -> Result<Self, AttachError> {
        let place = Place::<Words<T>>::attach(address)?;
        // ORDERING: Relaxed, both: written before the array was published.
        let offset =
            Offset::<[T]>::slice(place.at.load(Ordering::Relaxed), place.len.load(Ordering::Relaxed));
        let segment = place.census().segment();
        let elements = segment.slice(offset).map_err(|source| AttachError::Bounds { source })?;
        Ok(Array { place, elements })
    }

    /// What another process needs to attach.
    pub fn address(&self) -> Address<Self> {
        self.place.address()
    }
}

impl<T> Array<T> {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits for the lock.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] with the guard, or [`LockError::Unrecoverable`].
    pub fn lock(&self) -> Result<ArrayGuard<'_, T>, LockError<ArrayGuard<'_, T>>> {
        match self.told(self.place.raw.lock(self.place.census(), None)) {
            Ok(guard) => Ok(guard),
            Err(TryLockError::OwnerDied(guard)) => Err(LockError::OwnerDied(guard)),
            Err(_) => Err(LockError::Unrecoverable),
        }
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// See [`TryLockError`].
    pub fn try_lock(&self) -> Result<ArrayGuard<'_, T>, TryLockError<ArrayGuard<'_, T>>> {
        self.told(self.place.raw.try_lock(self.place.census()))
    }

    /// Waits for the lock, for so long at most.
    ///
    /// # Errors
    ///
    /// See [`TryLockError`].
    pub fn try_lock_for(
        &self,
        limit: Duration,
    ) -> Result<ArrayGuard<'_, T>, TryLockError<ArrayGuard<'_, T>>> {
        self.told(self.place.raw.lock(self.place.census(), Instant::now().checked_add(limit)))
    }

    fn told(
        &self,
        acquired: Result<Acquired, NotAcquired>,
    ) -> Result<ArrayGuard<'_, T>, TryLockError<ArrayGuard<'_, T>>> {
        let guard = |inconsistent| ArrayGuard { array: self, inconsistent, not_send: PhantomData };
        match acquired {
            Ok(Acquired::Clean) => Ok(guard(false)),
            Ok(Acquired::OwnerDied) => Err(TryLockError::OwnerDied(guard(true))),
            Err(NotAcquired::Busy) => Err(TryLockError::Busy),
            Err(NotAcquired::Unrecoverable) => Err(TryLockError::Unrecoverable),
        }
    }
}

impl<T: Copy> Array<T> {
    /// A copy of an element.
    ///
    /// # Errors
    ///
    /// See [`AccessError`].
    pub fn get(&self, at: usize) -> Result<T, AccessError> {
        let guard = self.whole()?;
        guard.get(at).copied().ok_or(AccessError::OutOfBounds { at, len: self.len() })
    }

    /// Replaces an element.
    ///
    /// # Errors
    ///
    /// See [`AccessError`].
    pub fn set(&self, at: usize, value: T) -> Result<(), AccessError> {
        let mut guard = self.whole()?;
        let element = guard.get_mut(at).ok_or(AccessError::OutOfBounds { at, len: self.len() })?;
        *element = value;
        Ok(())
    }

    /// The lock, if nobody died. If somebody did, that stays to be told to whoever can repair the elements.
    fn whole(&self) -> Result<ArrayGuard<'_, T>, AccessError> {
        match self.place.raw.lock(self.place.census(), None) {
            Ok(Acquired::Clean) => Ok(ArrayGuard { array: self, inconsistent: false, not_send: PhantomData }),
            Ok(Acquired::OwnerDied) => {
                self.place.raw.unlock_as_left();
                Err(AccessError::OwnerDied)
            }
            Err(_) => Err(AccessError::OwnerDied),
        }
    }
}

impl<T> Clone for Array<T> {
    fn clone(&self) -> Self {
        Array { place: self.place.clone(), elements: self.elements }
    }
}

impl<T> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Why an element was not read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AccessError {
    /// There is no such element.
    #[error("element {at} of {len}")]
    OutOfBounds {
        /// The one asked for.
        at: usize,
        /// How many there are.
        len: usize,
    },
    /// An owner of the lock died: somebody has to repair the elements under [`Array::lock`] first.
    #[error("the lock's owner died, and nobody has repaired what it guards yet")]
    OwnerDied,
}

/// Proof that an [`Array`] is locked, and its elements; unlocks when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ArrayGuard<'a, T> {
    array: &'a Array<T>,
    inconsistent: bool,
    not_send: PhantomData<*mut ()>,
}

impl<T> ArrayGuard<'_, T> {
    /// Says that the elements are in order again after an owner's death, so that others may have the lock.
    pub fn mark_consistent(&mut self) {
        self.array.place.raw.mark_consistent();
        self.inconsistent = false;
    }

    /// Whether an owner died, and nobody has marked the elements consistent since.
    pub fn is_inconsistent(&self) -> bool {
        self.inconsistent
    }
}

impl<T> Deref for ArrayGuard<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the elements stay mapped as long as the array's place, and the lock is held.
        unsafe { self.array.elements.as_ref() }
    }
}

impl<T> DerefMut for ArrayGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let mut elements = self.array.elements;
        // SAFETY: as above.
        unsafe { elements.as_mut() }
    }
}

impl<T> Drop for ArrayGuard<'_, T> {
    fn drop(&mut self) {
        let raw = &self.array.place.raw;
        if self.inconsistent { raw.abandon() } else { raw.unlock() }
    }
}

impl<T: fmt::Debug> fmt::Debug for ArrayGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
