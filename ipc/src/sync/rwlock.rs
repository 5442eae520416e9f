//! Readers together, or a writer alone, whoever of them dies.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use heddle_primitives::spin::DEFAULT_SPIN;
use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::sync::cell::{ConstPtr, MutPtr, UnsafeCell};
use heddle_primitives::sync::fence;
use heddle_primitives::{Futex, Shared};

use super::error::{LockError, TryLockError};
use super::nap::{Slept, Wait};
use super::place::{Place, placed};
use super::raw_mutex::{Acquired, NotAcquired, RawMutex, State};
use crate::peers::{Attendance, Census, PeerId};
use crate::shm_safe::{Shareable, ShmSafe};

/// What lies in memory.
///
/// Each peer has a count of its own of its readers. A reader counts itself and then looks for a writer; a writer enters its id and then looks for readers. Between entering and looking both have a fence, so at least one of the
/// two sees the other: a reader that sees a writer leaves again and waits; a writer that sees readers waits until they
/// are gone, or dead.
#[repr(C)]
pub(crate) struct Words<T> {
    /// The writer, and who died as one.
    writer: RawMutex,
    /// Changes whenever the last reader of a peer leaves while there is a writer.
    left: Futex<Shared>,
    readers: Attendance,
    data: UnsafeCell<T>,
}

// SAFETY: as `mutex::Words`; the other words are numbers. `ShmSafe` types have no interior mutability, so that readers may share them.
unsafe impl<T: ShmSafe + Send> Shareable for Words<T> {}
// SAFETY: the lock lets one writer or several readers at the data.
unsafe impl<T: ShmSafe + Send> Sync for Words<T> {}

impl<T> Words<T> {
    pub(crate) fn new(value: T) -> Self {
        Words {
            writer: RawMutex::new(),
            left: Futex::new_in(0),
            readers: Attendance::new(),
            data: UnsafeCell::new(value),
        }
    }

    /// Counts one reader less, and wakes a writer that waits for it.
    fn exit(&self, me: PeerId) {
        if self.readers.exit(me) {
            // ORDERING: SeqCst: between the cell and the writer's word, as in `read`; the writer has one between its word and the
            // cells: so it finds the cell empty, or this finds the writer.
            fence(Ordering::SeqCst);
            if self.writer.owner().is_some() {
                // ORDERING: Relaxed: the word only has to change; the cell says the rest.
                self.left.word().fetch_add(1, Ordering::Relaxed);
                self.left.wake_all();
            }
        }
    }

    fn read(&self, census: &impl Census, wait: Option<Option<Instant>>) -> Result<(), NotRead> {
        let me = census.me();
        let mut wait = wait.map(|deadline| Wait::at_lock(DEFAULT_SPIN, deadline));
        let mut last = false;
        loop {
            self.readers.enter(me);
            // ORDERING: SeqCst: between this reader's cell and the writer's word. Without it both might read before the other's write
            // is seen: the reader no writer, and the writer no reader.
            fence(Ordering::SeqCst);
            match self.writer.state(census) {
                State::Free => return Ok(()),
                State::Unrecoverable => {
                    self.exit(me);
                    return Err(NotRead::Unrecoverable);
                }
                State::Died => {
                    self.exit(me);
                    return Err(NotRead::WriterDied);
                }
                State::Held => {}
            }
            self.exit(me);
            let Some(wait) = wait.as_mut().filter(|_| !last) else { return Err(NotRead::Busy) };
            last = self.writer.stand_by(wait) == Slept::TimedOut;
        }
    }

    fn write(&self, census: &impl Census, limit: Option<Option<Instant>>) -> Result<Acquired, NotAcquired> {
        let acquired = match limit {
            None => self.writer.try_lock(census)?,
            Some(deadline) => self.writer.lock(census, deadline)?,
        };
        let mut wait = limit.map(|deadline| Wait::at_lock(DEFAULT_SPIN, deadline));
        let mut last = false;
        loop {
            // ORDERING: Relaxed: read before the cells, so that a change after them ends the sleep.
            let left = self.left.word().load(Ordering::Relaxed);
            // ORDERING: SeqCst: between the writer's word and the cells; see `read` and `exit`.
            fence(Ordering::SeqCst);
            if !self.readers.is_anybody(census) {
                return Ok(acquired);
            }
            let waiting = wait.as_mut().filter(|_| !last);
            let Some(wait) = waiting else {
                self.give_up(acquired);
                return Err(NotAcquired::Busy);
            };
            if !wait.spin() {
                last = wait.sleep(&self.left, left) == Slept::TimedOut;
            }
        }
    }

    /// Ends a writer's turn that has written nothing.
    fn give_up(&self, acquired: Acquired) {
        match acquired {
            Acquired::Clean => self.writer.unlock_all(),
            // The data are still as the dead writer left them: the next writer has to learn of it.
            Acquired::OwnerDied => self.writer.unlock_as_left(),
        }
    }
}

/// Why there is no reading.
enum NotRead {
    Busy,
    WriterDied,
    Unrecoverable,
}

/// A lock around plain data in shared memory that lets several readers or one writer at it, and survives the death of any.
///
/// A reader that dies leaves no trace. After a writer's death nobody may read until a writer has put the data in order: [`read`](RwLock::read)
/// is refused with [`ReadError::WriterDied`], and [`write`](RwLock::write) returns the guard in [`LockError::OwnerDied`], as
/// [`Mutex::lock`](super::Mutex::lock) does. A waiting writer keeps new readers out; among writers whoever comes first is next. A thread that
/// reads and reads again, while a writer waits, waits for itself. One process may have 4095 readers at a time; one more panics.
/// Clones are the same lock.
///
/// ```
/// use heddle_ipc::sync::RwLock;
///
/// let table = RwLock::new([0_u32; 4])?;
/// table.write().expect("nobody died")[2] = 7;
/// let (one, two) = (table.read()?, table.read()?);
/// assert_eq!(one[2] + two[2], 14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RwLock<T> {
    place: Place<Words<T>>,
}

placed!([T: ShmSafe] RwLock<T>, "a readers-writer lock", new(value: T) = Words::new(value));

type Written<'a, T> = Result<RwLockWriteGuard<'a, T>, TryLockError<RwLockWriteGuard<'a, T>>>;

impl<T> RwLock<T> {
    /// Waits until nobody writes.
    ///
    /// # Errors
    ///
    /// [`ReadError::WriterDied`] or [`ReadError::Unrecoverable`].
    pub fn read(&self) -> Result<RwLockReadGuard<'_, T>, ReadError> {
        self.read_or(Some(None))
    }

    /// Reads if nobody writes or is about to.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, ReadError> {
        self.read_or(None)
    }

    /// As [`read`](RwLock::read), for so long at most.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub fn try_read_for(&self, limit: Duration) -> Result<RwLockReadGuard<'_, T>, ReadError> {
        self.read_or(Some(Instant::now().checked_add(limit)))
    }

    /// Waits until nobody reads or writes.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] with the guard, or [`LockError::Unrecoverable`].
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, T>, LockError<RwLockWriteGuard<'_, T>>> {
        match self.write_or(Some(None)) {
            Ok(guard) => Ok(guard),
            Err(TryLockError::OwnerDied(guard)) => Err(LockError::OwnerDied(guard)),
            Err(_) => Err(LockError::Unrecoverable),
        }
    }

    /// Writes if nobody reads or writes.
    ///
    /// # Errors
    ///
    /// See [`TryLockError`].
    pub fn try_write(&self) -> Written<'_, T> {
        self.write_or(None)
    }

    /// As [`write`](RwLock::write), for so long at most.
    ///
    /// # Errors
    ///
    /// See [`TryLockError`].
    pub fn try_write_for(&self, limit: Duration) -> Written<'_, T> {
        self.write_or(Some(Instant::now().checked_add(limit)))
    }

    fn read_or(&self, limit: Option<Option<Instant>>) -> Result<RwLockReadGuard<'_, T>, ReadError> {
        match self.place.read(self.place.census(), limit) {
            Ok(()) => Ok(RwLockReadGuard {
                lock: self,
                data: ManuallyDrop::new(self.place.data.get()),
                not_send: PhantomData,
            }),
            Err(NotRead::Busy) => Err(ReadError::Busy),
            Err(NotRead::WriterDied) => Err(ReadError::WriterDied),
            Err(NotRead::Unrecoverable) => Err(ReadError::Unrecoverable),
        }
    }

    fn write_or(&self, limit: Option<Option<Instant>>) -> Written<'_, T> {
        let guard = |acquired| RwLockWriteGuard {
            lock: self,
            data: ManuallyDrop::new(self.place.data.get_mut()),
            inconsistent: acquired == Acquired::OwnerDied,
            not_send: PhantomData,
        };
        match self.place.write(self.place.census(), limit) {
            Ok(Acquired::Clean) => Ok(guard(Acquired::Clean)),
            Ok(died) => Err(TryLockError::OwnerDied(guard(died))),
            Err(NotAcquired::Busy) => Err(TryLockError::Busy),
            Err(NotAcquired::Unrecoverable) => Err(TryLockError::Unrecoverable),
        }
    }
}

impl<T> Clone for RwLock<T> {
    fn clone(&self) -> Self {
        RwLock { place: self.place.clone() }
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock")
            .field("written", &self.place.writer.owner().is_some())
            .finish_non_exhaustive()
    }
}

/// Why a lock was not got for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Somebody writes, or is about to.
    #[error("the lock is held")]
    Busy,
    /// A writer died: a [`write`](RwLock::write) has to put the data in order first.
    #[error("a writer died, and nobody has repaired what the lock guards yet")]
    WriterDied,
    /// A writer died, and the next one did not repair the data. It will not get better.
    #[error("a writer died, and nobody repaired what the lock guards")]
    Unrecoverable,
}

/// Proof that nobody writes to what a [`RwLock`] guards.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockReadGuard<'a, T> {
    lock: &'a RwLock<T>,
    // Ends before the lock is free: under loom that is what ends the access.
    data: ManuallyDrop<ConstPtr<T>>,
    not_send: PhantomData<*mut ()>,
}

impl<T> RwLockReadGuard<'_, T> {
    /// What is left of a guard whose owner dies.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub fn left_behind(self) {
        let mut guard = ManuallyDrop::new(self);
        // SAFETY: the guard is never dropped.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
    }
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this thread holds the lock for reading, so nobody writes.
        unsafe { ConstPtr::deref(&self.data) }
    }
}

impl<T> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: not used after this.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        self.lock.place.exit(self.lock.place.census().me());
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RwLockReadGuard").field(&**self).finish()
    }
}

/// Proof that nobody else reads or writes what a [`RwLock`] guards.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockWriteGuard<'a, T> {
    lock: &'a RwLock<T>,
    // Ends before the lock is free: under loom that is what ends the access.
    data: ManuallyDrop<MutPtr<T>>,
    inconsistent: bool,
    not_send: PhantomData<*mut ()>,
}

impl<T> RwLockWriteGuard<'_, T> {
    /// Says that the data are in order again after a writer's death, so that others may have the lock.
    pub fn mark_consistent(&mut self) {
        self.lock.place.writer.mark_consistent();
        self.inconsistent = false;
    }

    /// Whether a writer died, and nobody has marked the data consistent since.
    pub fn is_inconsistent(&self) -> bool {
        self.inconsistent
    }

    /// What is left of a guard whose owner dies.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub fn left_behind(self) {
        let mut guard = ManuallyDrop::new(self);
        // SAFETY: the guard is never dropped.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this thread holds the lock alone.
        unsafe { MutPtr::deref(&self.data) }
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this thread holds the lock alone.
        unsafe { MutPtr::deref(&self.data) }
    }
}

impl<T> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: not used after this.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        let writer = &self.lock.place.writer;
        if self.inconsistent { writer.abandon() } else { writer.unlock_all() }
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RwLockWriteGuard").field(&**self).finish()
    }
}
