//! A readers-writer lock whose readers do not meet.

use crate::cache_padded::CachePadded;
use crate::rwlock::RawRwLock;
use crate::scope::Private;
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::asymmetric;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::cell::{ConstPtr, MutPtr, UnsafeCell};
use crate::sync::futex::{Futex, WaitOutcome};
use crate::sync::thread;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

/// Places where readers enter themselves; few under the checkers, so that two meet.
const SLOTS: usize = if cfg!(any(heddle_loom, heddle_shuttle)) { 2 } else { 32 };

/// Reads by the common lock after a writer has come, until readers may enter themselves again. A writer that ends that pays about
/// 5 us; this many reads save that ten times over.
const READS_BEFORE_OPEN: u32 = if cfg!(any(heddle_loom, heddle_shuttle)) { 1 } else { 2_000 };

/// A slot is free, or a reader's.
const FREE: u32 = 0;
const TAKEN: u32 = 1;

/// Readers may enter themselves in a slot, or must take the common lock.
const OPEN: u32 = 1;
const CLOSED: u32 = 0;

/// Many readers or one writer, for data that is read far more often than written: readers on several CPUs do not slow each other
/// down, writers pay for that.
///
/// A reader enters itself in one of 32 slots, each on a cache line of its own, that its thread's number chooses; that is one
/// read-modify-write on a line that no other CPU uses, and leaving is a store. A reader that finds its slot taken (more threads
/// than slots, or a thread that reads twice) takes the common lock instead, as every reader does for a while after a write. So
/// where writes are frequent, this is an [`RwLock`](crate::RwLock) and a little slower. No poisoning.
///
/// A writer takes the common lock, closes the slots and waits for the readers in them. Closing them makes all threads of the
/// process pass a fence, by `membarrier`, which takes some microseconds; where the kernel has none, readers pass two full fences
/// each time. Who goes first is decided by the common lock, as described [there](crate::RwLock#who-goes-first). A thread that
/// reads again while it reads may wait for a writer that waits for it.
///
/// After Dice and Kogan, "BRAVO - Biased Locking for Reader-Writer Locks" (2019), with a table for each lock and a count of reads
/// in place of a clock.
///
/// # Why a writer sees every reader
///
/// A reader writes its slot and then looks whether slots are open; a writer closes them and then looks at the slots; a full fence
/// lies in between on both sides. Without one of them both could read the old value:
///
/// | reader | writer |
/// |---|---|
/// | slot: taken (still in the store buffer) | slots: closed (still in the store buffer) |
/// | slots open? yes | slot free? yes |
/// | reads | writes |
///
/// The same pair of fences makes sleeping safe: a reader frees its slot and then looks whether slots are closed, where it wakes
/// the writer; a writer closes them and then goes to sleep on a slot if it is taken.
///
/// Slots are opened by a reader that holds the common lock. It has acquired from it what the last writer wrote, and passes that on
/// to readers that find the slots open. A writer that gives up opens them again: what it did not wait for, the next one must.
///
/// Costs 4 KiB and a bit. For the threads of one process only. Unlike an `RwLock` it looks at itself once more after it has let a
/// writer in, so a writer must not free it while others may still be leaving; guards that borrow see to that.
///
/// ```
/// use heddle_primitives::ShardedRwLock;
/// use heddle_primitives::sync::thread;
///
/// static ROUTES: ShardedRwLock<Vec<u32>> = ShardedRwLock::new(Vec::new());
/// ROUTES.write().push(7);
/// thread::scope(|s| {
///     for _ in 0..2 {
///         s.spawn(|| assert_eq!(ROUTES.read().len(), 1));
///     }
/// });
/// ```
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::ShardedRwLock::new(std::cell::Cell::new(0)));
/// ```
pub struct ShardedRwLock<T: ?Sized> {
    slots: [CachePadded<Futex<Private>>; SLOTS],
    common: CachePadded<Common>,
    data: UnsafeCell<T>,
}

/// What readers share; only `open` is read where they do not meet.
struct Common {
    /// Whether slots may be taken. Changed by a writer that holds the lock, and from closed to open by a reader that does.
    open: AtomicU32,
    /// Reads until the slots are opened. Approximate: concurrent readers may count as one.
    reads: AtomicU32,
    lock: RawRwLock,
}

// SAFETY: the lock owns its data; sending it sends the data.
unsafe impl<T: ?Sized + Send> Send for ShardedRwLock<T> {}
// SAFETY: readers on several threads share the data, hence `Sync`; a writer may take it away, hence `Send`.
unsafe impl<T: ?Sized + Send + Sync> Sync for ShardedRwLock<T> {}

impl<T> ShardedRwLock<T> {
    /// A lock for the threads of this process.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    ///
    /// static LOCK: ShardedRwLock<u32> = ShardedRwLock::new(1);
    /// *LOCK.write() += 1;
    /// assert_eq!(*LOCK.read(), 2);
    /// ```
    #[cfg(not(any(heddle_loom, heddle_shuttle)))]
    pub const fn new(data: T) -> Self {
        Self {
            slots: [const { CachePadded::new(Futex::new(FREE)) }; SLOTS],
            common: CachePadded::new(Common {
                open: AtomicU32::new(OPEN),
                reads: AtomicU32::new(0),
                lock: RawRwLock::new_in(),
            }),
            data: UnsafeCell::new(data),
        }
    }

    /// A lock for the threads of this process.
    #[cfg(any(heddle_loom, heddle_shuttle))]
    #[track_caller]
    pub fn new(data: T) -> Self {
        Self {
            slots: std::array::from_fn(|_| CachePadded::new(Futex::new(FREE))),
            common: CachePadded::new(Common {
                open: AtomicU32::new(OPEN),
                reads: AtomicU32::new(0),
                lock: RawRwLock::new_in(),
            }),
            data: UnsafeCell::new(data),
        }
    }

    /// Takes the data out.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    ///
    /// let lock = ShardedRwLock::new(1);
    /// *lock.write() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> ShardedRwLock<T> {
    /// Locks for reading, waiting as long as it takes.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    ///
    /// let lock = ShardedRwLock::new(1);
    /// let (one, other) = (lock.read(), lock.read());
    /// assert_eq!(*one + *other, 2);
    /// ```
    #[inline]
    pub fn read(&self) -> ShardedRwLockReadGuard<'_, T> {
        match self.enter() {
            Some(slot) => self.read_guard(Some(slot)),
            None => self.read_slow(),
        }
    }

    /// Locks for reading if that is possible without waiting. A writer that has queued makes it fail too.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    ///
    /// let lock = ShardedRwLock::new(1);
    /// let writer = lock.write();
    /// assert!(lock.try_read().is_none());
    /// drop(writer);
    /// assert_eq!(lock.try_read().as_deref(), Some(&1));
    /// ```
    #[inline]
    pub fn try_read(&self) -> Option<ShardedRwLockReadGuard<'_, T>> {
        match self.enter() {
            Some(slot) => Some(self.read_guard(Some(slot))),
            None => self.common.lock.try_read().then(|| self.common_read_guard()),
        }
    }

    /// Locks for reading, waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    /// use std::time::Duration;
    ///
    /// let lock = ShardedRwLock::new(1);
    /// let _writer = lock.write();
    /// assert!(lock.try_read_for(Duration::from_millis(1)).is_none());
    /// ```
    pub fn try_read_for(&self, timeout: Duration) -> Option<ShardedRwLockReadGuard<'_, T>> {
        self.read_until(|| Instant::now().checked_add(timeout))
    }

    /// Locks for reading, waiting no longer than until `deadline`; one in the past still takes a free lock.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    /// use std::time::Instant;
    ///
    /// let lock = ShardedRwLock::new(1);
    /// // In the past, and still enough for a free lock.
    /// assert_eq!(lock.try_read_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    pub fn try_read_until(&self, deadline: Instant) -> Option<ShardedRwLockReadGuard<'_, T>> {
        self.read_until(|| Some(deadline))
    }

    /// Locks for writing, waiting as long as it takes. In a thread that holds the lock in any way it never returns.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    ///
    /// let lock = ShardedRwLock::new(1);
    /// *lock.write() += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    pub fn write(&self) -> ShardedRwLockWriteGuard<'_, T> {
        self.common.lock.write();
        self.wait_for_readers(true, None);
        self.write_guard()
    }

    /// Locks for writing if that is possible without waiting.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    ///
    /// let lock = ShardedRwLock::new(1);
    /// let reader = lock.read();
    /// assert!(lock.try_write().is_none());
    /// drop(reader);
    /// assert!(lock.try_write().is_some());
    /// ```
    pub fn try_write(&self) -> Option<ShardedRwLockWriteGuard<'_, T>> {
        (self.common.lock.try_write() && self.wait_for_readers(false, None)).then(|| self.write_guard())
    }

    /// Locks for writing, waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    /// use std::time::Duration;
    ///
    /// let lock = ShardedRwLock::new(1);
    /// let _reader = lock.read();
    /// assert!(lock.try_write_for(Duration::from_millis(1)).is_none());
    /// ```
    pub fn try_write_for(&self, timeout: Duration) -> Option<ShardedRwLockWriteGuard<'_, T>> {
        self.write_until(Instant::now().checked_add(timeout))
    }

    /// Locks for writing, waiting no longer than until `deadline`; one in the past still takes a free lock.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    /// use std::time::Instant;
    ///
    /// let lock = ShardedRwLock::new(1);
    /// // In the past, and still enough for a free lock.
    /// assert!(lock.try_write_until(Instant::now()).is_some());
    /// ```
    pub fn try_write_until(&self, deadline: Instant) -> Option<ShardedRwLockWriteGuard<'_, T>> {
        self.write_until(Some(deadline))
    }

    /// The data, which nobody else can see meanwhile.
    ///
    /// ```
    /// use heddle_primitives::ShardedRwLock;
    ///
    /// let mut lock = ShardedRwLock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.content_mut()
    }

    fn read_until(
        &self,
        deadline: impl FnOnce() -> Option<Instant>,
    ) -> Option<ShardedRwLockReadGuard<'_, T>> {
        match self.enter() {
            Some(slot) => Some(self.read_guard(Some(slot))),
            None => self.common.lock.read_until(deadline).then(|| self.common_read_guard()),
        }
    }

    fn write_until(&self, deadline: Option<Instant>) -> Option<ShardedRwLockWriteGuard<'_, T>> {
        (self.common.lock.write_until(|| deadline) && self.wait_for_readers(true, deadline))
            .then(|| self.write_guard())
    }

    #[cold]
    fn read_slow(&self) -> ShardedRwLockReadGuard<'_, T> {
        self.common.lock.read();
        self.common_read_guard()
    }

    /// Enters the calling thread in its slot, if slots are open and this one is free.
    #[inline(always)]
    fn enter(&self) -> Option<&Futex<Private>> {
        // ORDERING: whether it is worth trying.
        if self.common.open.load(Ordering::Relaxed) != OPEN {
            return None;
        }
        let slot = &*self.slots[thread::serial() as usize % SLOTS];
        slot.word()
            // ORDERING: publishes nothing; the fence puts it before the look at `open`.
            .compare_exchange(FREE, TAKEN, Ordering::Relaxed, Ordering::Relaxed)
            .ok()?;
        // With the fence in `close_slots`: this thread finds the slots closed, or the writer finds this one taken.
        asymmetric::light();
        // ORDERING: acquires what the reader that opened the slots had acquired of the last writer.
        if self.common.open.load(Ordering::Acquire) == OPEN {
            return Some(slot);
        }
        self.leave(slot);
        None
    }

    /// Frees a slot.
    #[inline(always)]
    fn leave(&self, slot: &Futex<Private>) {
        // ORDERING: Release, so that what was read is read before the writer that finds the slot free writes.
        slot.word().store(FREE, Ordering::Release);
        // With the fence in `close_slots`: this thread finds the slots closed, or the writer finds this one free.
        asymmetric::light();
        // ORDERING: after the fence, which is what orders it.
        if self.common.open.load(Ordering::Relaxed) != OPEN {
            wake_writer(slot);
        }
    }

    /// The caller holds the common lock for writing. False, and the lock released, if readers were still there when `deadline`
    /// passed, or at once if it is not to wait.
    #[inline(always)]
    fn wait_for_readers(&self, wait: bool, deadline: Option<Instant>) -> bool {
        // ORDERING: changed only by holders of the lock, which orders them.
        self.common.open.load(Ordering::Relaxed) == CLOSED || self.close_slots(wait, deadline)
    }

    #[cold]
    fn close_slots(&self, wait: bool, deadline: Option<Instant>) -> bool {
        // ORDERING: publishes nothing; the fence puts it before the looks at the slots.
        self.common.open.store(CLOSED, Ordering::Relaxed);
        // Pairs with the fences in `enter` and `leave`.
        asymmetric::heavy();
        for slot in &self.slots {
            let mut spin = Spin::new::<Private>(DEFAULT_SPIN, deadline);
            // ORDERING: acquires what the reader released that left: it read before the caller writes.
            while slot.word().load(Ordering::Acquire) != FREE {
                if !wait || (!spin.pause() && slot.wait(TAKEN, deadline) == WaitOutcome::TimedOut) {
                    // ORDERING: Release for readers that find the slots open: this thread has acquired what the last writer
                    // wrote, and wrote nothing.
                    self.common.open.store(OPEN, Ordering::Release);
                    self.common.lock.release_write();
                    return false;
                }
            }
        }
        // ORDERING: a hint for readers that will have acquired the lock.
        self.common.reads.store(READS_BEFORE_OPEN, Ordering::Relaxed);
        true
    }

    /// The caller has just taken the common lock for reading.
    fn common_read_guard(&self) -> ShardedRwLockReadGuard<'_, T> {
        // ORDERING: a writer has closed the slots before it released the lock that the caller has acquired; other readers that
        // open them do no harm.
        if self.common.open.load(Ordering::Relaxed) == CLOSED {
            // ORDERING: the count is approximate and publishes nothing.
            let left = self.common.reads.load(Ordering::Relaxed);
            if left == 0 {
                // ORDERING: Release for the acquiring look in `enter`: this thread has acquired what the last writer wrote.
                self.common.open.store(OPEN, Ordering::Release);
            } else {
                // ORDERING: as above.
                self.common.reads.store(left - 1, Ordering::Relaxed);
            }
        }
        self.read_guard(None)
    }

    #[inline(always)]
    fn read_guard<'a>(&'a self, slot: Option<&'a Futex<Private>>) -> ShardedRwLockReadGuard<'a, T> {
        ShardedRwLockReadGuard { lock: self, slot, data: ManuallyDrop::new(self.data.get()) }
    }

    fn write_guard(&self) -> ShardedRwLockWriteGuard<'_, T> {
        ShardedRwLockWriteGuard { lock: self, data: ManuallyDrop::new(self.data.get_mut()) }
    }
}

#[cold]
fn wake_writer(slot: &Futex<Private>) {
    slot.wake_one();
}

impl<T: Default> Default for ShardedRwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for ShardedRwLock<T> {
    fn from(data: T) -> Self {
        Self::new(data)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ShardedRwLock<T> {
    /// Never blocks: a lock that is held for writing shows `<locked>` in place of its data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_read() {
            Some(guard) => f.debug_struct("ShardedRwLock").field("data", &&*guard).finish(),
            None => f.debug_struct("ShardedRwLock").field("data", &format_args!("<locked>")).finish(),
        }
    }
}

/// Proof that a [`ShardedRwLock`] is locked for reading; unlocks when dropped.
///
/// `Send` if the data is `Sync`: any thread may free the slot, and the other thread gets no more than `&T`.
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let lock = heddle_primitives::ShardedRwLock::new(std::cell::Cell::new(0));
/// send(lock.read());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ShardedRwLockReadGuard<'a, T: ?Sized> {
    lock: &'a ShardedRwLock<T>,
    /// Where the reader is entered; none if it holds the common lock.
    slot: Option<&'a Futex<Private>>,
    // Ends before the lock is free: under loom that is what ends the access.
    data: ManuallyDrop<ConstPtr<T>>,
}

/// Proof that a [`ShardedRwLock`] is locked for writing; unlocks when dropped.
///
/// `Send` if the data is: any thread may unlock.
///
/// ```
/// use heddle_primitives::ShardedRwLock;
/// use heddle_primitives::sync::thread;
///
/// let lock = ShardedRwLock::new(1);
/// let mut guard = lock.write();
/// thread::scope(|s| _ = s.spawn(move || *guard += 1));
/// assert_eq!(*lock.read(), 2);
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ShardedRwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a ShardedRwLock<T>,
    // As above.
    data: ManuallyDrop<MutPtr<T>>,
}

// SAFETY: the receiving thread gets `&T` and unlocks, which any thread may.
unsafe impl<T: ?Sized + Sync> Send for ShardedRwLockReadGuard<'_, T> {}
// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for ShardedRwLockReadGuard<'_, T> {}
// SAFETY: the receiving thread gets `&mut T`, may take the data away, and unlocks, which any thread may.
unsafe impl<T: ?Sized + Send> Send for ShardedRwLockWriteGuard<'_, T> {}
// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for ShardedRwLockWriteGuard<'_, T> {}

impl<T: ?Sized> Drop for ShardedRwLockReadGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        match self.slot {
            Some(slot) => self.lock.leave(slot),
            None => self.lock.common.lock.release_read(),
        }
    }
}

impl<T: ?Sized> Drop for ShardedRwLockWriteGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        self.lock.common.lock.release_write();
    }
}

macro_rules! guard {
    ($guard:ident) => {
        impl<T: ?Sized> Deref for $guard<'_, T> {
            type Target = T;

            #[inline(always)]
            fn deref(&self) -> &T {
                // SAFETY: the guard borrows the lock, and while it lives nobody writes but through `&mut` of the guard.
                unsafe { (*self.data).deref() }
            }
        }

        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display> fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

guard!(ShardedRwLockReadGuard);
guard!(ShardedRwLockWriteGuard);

impl<T: ?Sized> DerefMut for ShardedRwLockWriteGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` excludes other borrows through the guard.
        unsafe { (*self.data).deref() }
    }
}
