//! A mutex that its owner may lock again.

use core::fmt;
use core::marker::PhantomData;
use std::time::{Duration, Instant};

use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::thread;

use super::error::{LockError, TryLockError};
use super::place::{Place, placed};
use super::raw_mutex::{Acquired, NotAcquired, RawMutex};
use crate::peers::{Census, ID_BITS};
use crate::shm_safe::{Shareable, ShmSafe};

/// Bits of a thread's number in its process: it starts so many threads in its life.
const SERIAL_BITS: u32 = u64::BITS - ID_BITS;

/// What lies in memory.
#[repr(C)]
pub(crate) struct Words<T> {
    raw: RawMutex,
    /// How often the owner has locked it.
    depth: AtomicU32,
    /// The owner's thread, see [`this_thread`]; 0 for nobody. Stays behind with a dead owner.
    thread: AtomicU64,
    data: UnsafeCell<T>,
}

// SAFETY: as `mutex::Words`; the other words are numbers.
unsafe impl<T: ShmSafe + Send> Shareable for Words<T> {}
// SAFETY: the lock lets one thread at a time at the data.
unsafe impl<T: Send> Sync for Words<T> {}

impl<T> Words<T> {
    fn new(value: T) -> Self {
        Words {
            raw: RawMutex::new(),
            depth: AtomicU32::new(0),
            thread: AtomicU64::new(0),
            data: UnsafeCell::new(value),
        }
    }

    /// Whether the calling thread has the lock.
    fn is_mine(&self, census: &impl Census) -> bool {
        // ORDERING: Relaxed: what this thread wrote itself it sees, and nobody else writes this number.
        self.thread.load(Ordering::Relaxed) == this_thread(census)
    }
}

/// A number of the calling thread that no other one has, in any process: above, the id of its peer; in the lower bits, its own in its process, which
/// alone would be that of a dead owner's thread as well.
fn this_thread(census: &impl Census) -> u64 {
    u64::from(census.me().word()) << SERIAL_BITS | (thread::serial() & ((1 << SERIAL_BITS) - 1))
}

/// A lock around plain data in shared memory that its owner, a thread, may lock again, and that survives the owner's death.
///
/// Since one thread may have several guards, they give no references; the data are read and written whole, as in a `Cell`. A death
/// is told as by [`Mutex`](super::Mutex), to whoever gets the lock from outside. Clones are the same mutex.
///
/// ```
/// use heddle_ipc::sync::ReentrantMutex;
///
/// let depth = ReentrantMutex::new(0_u64)?;
/// let outer = depth.lock().expect("nobody died");
/// let inner = depth.lock().expect("nobody died");
/// inner.set(inner.get() + 1);
/// assert_eq!(outer.get(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReentrantMutex<T> {
    place: Place<Words<T>>,
}

placed!([T: ShmSafe] ReentrantMutex<T>, "a mutex that its owner may lock again", new(value: T) = Words::new(value));

impl<T> ReentrantMutex<T> {
    /// Waits for the lock, unless this thread has it.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] with the guard, or [`LockError::Unrecoverable`].
    ///
    /// # Panics
    ///
    /// This thread has locked it 2^32 - 1 times.
    pub fn lock(&self) -> Result<ReentrantMutexGuard<'_, T>, LockError<ReentrantMutexGuard<'_, T>>> {
        match self.lock_or(|raw| raw.lock(self.place.census(), None)) {
            Ok(guard) => Ok(guard),
            Err(TryLockError::OwnerDied(guard)) => Err(LockError::OwnerDied(guard)),
            Err(_) => Err(LockError::Unrecoverable),
        }
    }

    /// Takes the lock if it is free, or this thread has it.
    ///
    /// # Errors
    ///
    /// See [`TryLockError`].
    ///
    /// # Panics
    ///
    /// As [`lock`](ReentrantMutex::lock).
    pub fn try_lock(&self) -> Result<ReentrantMutexGuard<'_, T>, TryLockError<ReentrantMutexGuard<'_, T>>> {
        self.lock_or(|raw| raw.try_lock(self.place.census()))
    }

    /// As [`lock`](ReentrantMutex::lock), for so long at most.
    ///
    /// # Errors
    ///
    /// See [`TryLockError`].
    ///
    /// # Panics
    ///
    /// As [`lock`](ReentrantMutex::lock).
    pub fn try_lock_for(
        &self,
        limit: Duration,
    ) -> Result<ReentrantMutexGuard<'_, T>, TryLockError<ReentrantMutexGuard<'_, T>>> {
        self.lock_or(|raw| raw.lock(self.place.census(), Instant::now().checked_add(limit)))
    }

    /// Whether the calling thread has it.
    pub fn is_owned_by_current_thread(&self) -> bool {
        self.place.is_mine(self.place.census())
    }

    fn lock_or(
        &self,
        acquire: impl FnOnce(&RawMutex) -> Result<Acquired, NotAcquired>,
    ) -> Result<ReentrantMutexGuard<'_, T>, TryLockError<ReentrantMutexGuard<'_, T>>> {
        let words = &self.place;
        // Not before the lock is had: a guard that is dropped lets go of it.
        let guard = || ReentrantMutexGuard { mutex: self, not_send: PhantomData };
        if words.is_mine(words.census()) {
            // ORDERING: Relaxed, both: the owner's alone.
            let depth = words.depth.load(Ordering::Relaxed).checked_add(1).expect("locked too often");
            words.depth.store(depth, Ordering::Relaxed);
            return Ok(guard());
        }
        let acquired = acquire(&words.raw);
        if acquired.is_ok() {
            // ORDERING: Relaxed, both: as above. What a dead owner left there is overwritten.
            words.depth.store(1, Ordering::Relaxed);
            words.thread.store(this_thread(words.census()), Ordering::Relaxed);
        }
        match acquired {
            Ok(Acquired::Clean) => Ok(guard()),
            Ok(Acquired::OwnerDied) => Err(TryLockError::OwnerDied(guard())),
            Err(NotAcquired::Busy) => Err(TryLockError::Busy),
            Err(NotAcquired::Unrecoverable) => Err(TryLockError::Unrecoverable),
        }
    }
}

impl<T> Clone for ReentrantMutex<T> {
    fn clone(&self) -> Self {
        ReentrantMutex { place: self.place.clone() }
    }
}

impl<T> fmt::Debug for ReentrantMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantMutex")
            .field("locked", &self.place.raw.owner().is_some())
            .finish_non_exhaustive()
    }
}

/// Proof that the calling thread has a [`ReentrantMutex`]; the last one of the thread unlocks when it is dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ReentrantMutexGuard<'a, T> {
    mutex: &'a ReentrantMutex<T>,
    not_send: PhantomData<*mut ()>,
}

impl<T> ReentrantMutexGuard<'_, T> {
    /// Replaces the data.
    pub fn set(&self, value: T) {
        let data = self.mutex.place.data.get_mut();
        // SAFETY: this thread holds the lock, and no reference to the data leaves these two functions.
        unsafe { *data.deref() = value };
    }

    /// Says that the data are in order again after an owner's death.
    pub fn mark_consistent(&self) {
        self.mutex.place.raw.mark_consistent();
    }

    /// Whether an owner died, and nobody has marked the data consistent since.
    pub fn is_inconsistent(&self) -> bool {
        self.mutex.place.raw.is_inconsistent()
    }

    /// What is left of a guard whose owner dies.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub fn left_behind(self) {
        core::mem::forget(self);
    }
}

impl<T: Copy> ReentrantMutexGuard<'_, T> {
    /// A copy of the data.
    pub fn get(&self) -> T {
        let data = self.mutex.place.data.get();
        // SAFETY: as in `set`.
        unsafe { *data.deref() }
    }
}

impl<T> Drop for ReentrantMutexGuard<'_, T> {
    fn drop(&mut self) {
        let words = &self.mutex.place;
        // ORDERING: Relaxed, all: the owner's alone.
        let depth = words.depth.load(Ordering::Relaxed).saturating_sub(1);
        words.depth.store(depth, Ordering::Relaxed);
        if depth == 0 {
            words.thread.store(0, Ordering::Relaxed);
            if words.raw.is_inconsistent() { words.raw.abandon() } else { words.raw.unlock() }
        }
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReentrantMutexGuard").field(&self.get()).finish()
    }
}
