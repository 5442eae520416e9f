//! A lock for many readers or one writer, in one word beside its data.
//!
//! - `raw`: the word and its protocol;
//! - `guards`: what holds the lock, and changes from one way of holding it into another;
//! - `mapped`: guards of a part of the data;
//! - `send_guards`: guards that may go to another thread;
//! - `arc_guards`: guards that keep the lock alive;
//! - `told`: how the lock is taken, told to the search for deadlocks;
//! - `raw_api`: the lock under `lock_api`'s traits.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod arc_guards;
mod guards;
mod mapped;
mod raw;
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod raw_api;
mod send_guards;
mod told;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub use arc_guards::{ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard, ArcRwLockWriteGuard};
pub use guards::{RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
pub use mapped::{MappedRwLockReadGuard, MappedRwLockWriteGuard};
pub use raw::RawRwLock;
pub use send_guards::{SendRwLockReadGuard, SendRwLockUpgradableReadGuard, SendRwLockWriteGuard};

use crate::scope::{Private, Scope};
use crate::sync::cell::UnsafeCell;
use std::fmt;
use std::time::{Duration, Instant};

/// Many readers or one writer, without poisoning; with upgradable readers, as in parking_lot.
///
/// A waiter spins for about 1.5 us, yields twice and then sleeps. A read is two read-modify-writes, whatever other readers do, but
/// all on one word: readers on several CPUs slow each other down, for which there is
/// [`ShardedRwLock`](crate::ShardedRwLock).
///
/// # Who goes first
///
/// - A writer that has queued keeps new readers out, so a stream of readers does not starve writers: the readers leave, and it is
///   next, unless another writer is quicker.
/// - A release by a writer wakes all readers, one writer and one upgradable reader. A reader that has slept no longer heeds
///   queued writers, so a stream of writers does not starve readers. (In scope [`Shared`](crate::Shared), where every sleep looks
///   around after 50 ms, a reader that has slept so long passes queued writers too.)
/// - A running thread may be quicker than one that has been woken. [`RwLockWriteGuard::unlock_fair`] and
///   [`bump`](RwLockWriteGuard::bump) prevent that: those who sleep then have 200 us to come.
/// - An upgrade goes before everybody: it waits for the readers that are there, and keeps new ones out.
///
/// # What deadlocks
///
/// - A thread that holds a read lock and reads again waits behind a queued writer (or upgrade), which waits for the thread's first
///   lock. [`read_recursive`](Self::read_recursive) passes both.
/// - A thread that holds a read lock and takes the lock to upgrade or write waits for itself. An upgrade cannot deadlock with another
///   one: there is one upgradable reader at a time. It waits for plain readers only, who can always leave.
///
/// The feature `deadlock_detection` reports these, and circles of several threads and locks.
///
/// Time-outs leave no trace: readers that waited behind a writer which gives up come in.
///
/// Layout (`repr(C)`): the state word, see [`RawRwLock`], then the data. All-zero bytes are an unlocked lock around all-zero
/// data. In scope [`Shared`](crate::Shared) it works between processes, but a holder that dies leaves it locked for ever.
///
/// ```
/// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard};
///
/// static NAMES: RwLock<Vec<&str>> = RwLock::new(Vec::new());
/// {
///     let names = NAMES.upgradable_read();
///     assert_eq!(NAMES.read().len(), 0);
///     let mut names = RwLockUpgradableReadGuard::upgrade(names);
///     names.push("warp");
///     let names = RwLockWriteGuard::downgrade(names);
///     assert_eq!(NAMES.read()[0], names[0]);
/// }
/// NAMES.write().clear();
/// ```
///
/// Readers share the data, and a writer may take it away, so it must be `Send` and `Sync`:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::RwLock::new(std::cell::Cell::new(0)));
/// ```
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::RwLock::new(std::marker::PhantomData::<std::sync::MutexGuard<'static, u8>>));
/// ```
#[repr(C)]
pub struct RwLock<T: ?Sized, S: Scope = Private> {
    raw: RawRwLock<S>,
    data: UnsafeCell<T>,
}

// SAFETY: the lock owns its data; sending it sends the data.
unsafe impl<T: ?Sized + Send, S: Scope> Send for RwLock<T, S> {}
// SAFETY: readers on several threads share the data, hence `Sync`; a writer may take it away, hence `Send`.
unsafe impl<T: ?Sized + Send + Sync, S: Scope> Sync for RwLock<T, S> {}

impl<T> RwLock<T> {
    const_in_normal_builds! {
        /// A lock for the threads of this process.
        ///
        /// ```
        /// use heddle_primitives::RwLock;
        ///
        /// static LOCK: RwLock<u32> = RwLock::new(1);
        /// *LOCK.write() += 1;
        /// assert_eq!(*LOCK.read(), 2);
        /// ```
        pub const fn new(data: T) -> Self {
            Self::new_in(data)
        }
    }
}

impl<T, S: Scope> RwLock<T, S> {
    const_in_normal_builds! {
        /// A lock in any scope.
        ///
        /// ```
        /// use heddle_primitives::{RwLock, Shared};
        ///
        /// let lock = RwLock::<u32, Shared>::new_in(1);
        /// assert_eq!((size_of_val(&lock), *lock.read()), (8, 1));
        /// ```
        pub const fn new_in(data: T) -> Self {
            Self { raw: RawRwLock::new_in(), data: UnsafeCell::new(data) }
        }
    }

    /// Takes the data out.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// *lock.write() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized, S: Scope> RwLock<T, S> {
    /// Locks for reading, waiting as long as it takes.
    ///
    /// Waits while a writer holds the lock and, unless it has slept, while one has queued. A thread that already reads uses
    /// [`read_recursive`](Self::read_recursive).
    ///
    /// # Panics
    /// If there are 2^24 readers already, also in the other ways to read.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let (one, other) = (lock.read(), lock.read());
    /// assert_eq!(*one + *other, 2);
    /// ```
    #[inline]
    pub fn read(&self) -> RwLockReadGuard<'_, T, S> {
        self.take_read();
        RwLockReadGuard::held(self)
    }

    /// Locks for reading if that is possible without waiting. A writer that has queued makes it fail too.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let writer = lock.write();
    /// assert!(lock.try_read().is_none());
    /// drop(writer);
    /// assert_eq!(lock.try_read().as_deref(), Some(&1));
    /// ```
    #[inline]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T, S>> {
        self.raw.try_read().then(|| RwLockReadGuard::held(self))
    }

    /// Locks for reading, waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use std::time::Duration;
    ///
    /// let lock = RwLock::new(1);
    /// let _writer = lock.write();
    /// assert!(lock.try_read_for(Duration::from_millis(1)).is_none());
    /// ```
    #[inline]
    pub fn try_read_for(&self, timeout: Duration) -> Option<RwLockReadGuard<'_, T, S>> {
        self.raw.read_until(after(timeout)).then(|| RwLockReadGuard::held(self))
    }

    /// Locks for reading, waiting no longer than until `deadline`; one in the past still takes a free lock.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use std::time::Instant;
    ///
    /// let lock = RwLock::new(1);
    /// // In the past, and still enough for a free lock.
    /// assert_eq!(lock.try_read_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    #[inline]
    pub fn try_read_until(&self, deadline: Instant) -> Option<RwLockReadGuard<'_, T, S>> {
        self.raw.read_until(|| Some(deadline)).then(|| RwLockReadGuard::held(self))
    }

    /// Locks for reading in a thread that may hold a read lock already: queued writers are passed, as are upgrades that wait for
    /// readers. For others it is unfair to writers, which a stream of such readers starves.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use heddle_primitives::sync::thread;
    ///
    /// let lock = RwLock::new(1);
    /// let outer = lock.read();
    /// thread::scope(|s| {
    ///     s.spawn(|| *lock.write() += 1);
    ///     // Whether or not the writer has queued by now.
    ///     assert_eq!(*lock.read_recursive(), *outer);
    ///     drop(outer);
    /// });
    /// ```
    pub fn read_recursive(&self) -> RwLockReadGuard<'_, T, S> {
        self.take_read_recursive();
        RwLockReadGuard::held(self)
    }

    /// Like [`read_recursive`](Self::read_recursive), if that is possible without waiting.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let outer = lock.read();
    /// assert_eq!(lock.try_read_recursive().as_deref(), Some(&*outer));
    /// drop(outer);
    /// let _writer = lock.write();
    /// assert!(lock.try_read_recursive().is_none());
    /// ```
    pub fn try_read_recursive(&self) -> Option<RwLockReadGuard<'_, T, S>> {
        self.raw.try_read_recursive().then(|| RwLockReadGuard::held(self))
    }

    /// Like [`read_recursive`](Self::read_recursive), waiting no longer than `timeout`.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use std::time::Duration;
    ///
    /// let lock = RwLock::new(1);
    /// let _writer = lock.write();
    /// assert!(lock.try_read_recursive_for(Duration::from_millis(1)).is_none());
    /// ```
    pub fn try_read_recursive_for(&self, timeout: Duration) -> Option<RwLockReadGuard<'_, T, S>> {
        self.raw.read_recursive_until(after(timeout)).then(|| RwLockReadGuard::held(self))
    }

    /// Like [`read_recursive`](Self::read_recursive), waiting no longer than until `deadline`.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use std::time::Instant;
    ///
    /// let lock = RwLock::new(1);
    /// let _outer = lock.read();
    /// // In the past, and still enough where nobody writes.
    /// assert!(lock.try_read_recursive_until(Instant::now()).is_some());
    /// ```
    pub fn try_read_recursive_until(&self, deadline: Instant) -> Option<RwLockReadGuard<'_, T, S>> {
        self.raw.read_recursive_until(|| Some(deadline)).then(|| RwLockReadGuard::held(self))
    }

    /// Locks for writing, waiting as long as it takes. In a thread that holds the lock in any way it never returns.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// *lock.write() += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    #[inline]
    pub fn write(&self) -> RwLockWriteGuard<'_, T, S> {
        self.take_write();
        RwLockWriteGuard::held(self)
    }

    /// Locks for writing if that is possible without waiting. A reader that comes and finds that it has to wait may make it fail
    /// too.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read();
    /// assert!(lock.try_write().is_none());
    /// drop(reader);
    /// assert!(lock.try_write().is_some());
    /// ```
    #[inline]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T, S>> {
        self.raw.try_write().then(|| RwLockWriteGuard::held(self))
    }

    /// Locks for writing, waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use std::time::Duration;
    ///
    /// let lock = RwLock::new(1);
    /// let _reader = lock.read();
    /// assert!(lock.try_write_for(Duration::from_millis(1)).is_none());
    /// ```
    #[inline]
    pub fn try_write_for(&self, timeout: Duration) -> Option<RwLockWriteGuard<'_, T, S>> {
        self.take_write_until(after(timeout)).then(|| RwLockWriteGuard::held(self))
    }

    /// Locks for writing, waiting no longer than until `deadline`; one in the past still takes a free lock.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use std::time::Instant;
    ///
    /// let lock = RwLock::new(1);
    /// // In the past, and still enough for a free lock.
    /// assert!(lock.try_write_until(Instant::now()).is_some());
    /// ```
    #[inline]
    pub fn try_write_until(&self, deadline: Instant) -> Option<RwLockWriteGuard<'_, T, S>> {
        self.take_write_until(|| Some(deadline)).then(|| RwLockWriteGuard::held(self))
    }

    /// Locks for reading beside other readers, with the right to become the writer without letting another writer in between.
    /// One thread at a time can have that right; waits as long as it takes.
    ///
    /// ```
    /// use heddle_primitives::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.upgradable_read();
    /// assert_eq!(*guard, *lock.read());
    /// assert!(lock.try_upgradable_read().is_none());
    /// *RwLockUpgradableReadGuard::upgrade(guard) += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    pub fn upgradable_read(&self) -> RwLockUpgradableReadGuard<'_, T, S> {
        self.take_upgradable_read();
        RwLockUpgradableReadGuard::held(self)
    }

    /// Like [`upgradable_read`](Self::upgradable_read), if that is possible without waiting.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.try_upgradable_read();
    /// assert!(guard.is_some() && lock.try_upgradable_read().is_none());
    /// ```
    pub fn try_upgradable_read(&self) -> Option<RwLockUpgradableReadGuard<'_, T, S>> {
        self.raw.try_upgradable_read().then(|| RwLockUpgradableReadGuard::held(self))
    }

    /// Like [`upgradable_read`](Self::upgradable_read), waiting no longer than `timeout`; a time beyond the clock's range means
    /// no limit.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use std::time::Duration;
    ///
    /// let lock = RwLock::new(1);
    /// let _guard = lock.upgradable_read();
    /// assert!(lock.try_upgradable_read_for(Duration::from_millis(1)).is_none());
    /// ```
    pub fn try_upgradable_read_for(&self, timeout: Duration) -> Option<RwLockUpgradableReadGuard<'_, T, S>> {
        self.raw.upgradable_read_until(after(timeout)).then(|| RwLockUpgradableReadGuard::held(self))
    }

    /// Like [`upgradable_read`](Self::upgradable_read), waiting no longer than until `deadline`.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    /// use std::time::Instant;
    ///
    /// let lock = RwLock::new(1);
    /// let _reader = lock.read();
    /// // In the past, and still enough beside plain readers.
    /// assert!(lock.try_upgradable_read_until(Instant::now()).is_some());
    /// ```
    pub fn try_upgradable_read_until(
        &self,
        deadline: Instant,
    ) -> Option<RwLockUpgradableReadGuard<'_, T, S>> {
        self.raw.upgradable_read_until(|| Some(deadline)).then(|| RwLockUpgradableReadGuard::held(self))
    }

    /// Whether somebody holds the lock in any way right now; the answer may be out of date before it is returned, and a reader that
    /// has to wait may look for a moment as if it held the lock.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read();
    /// assert!(lock.is_locked());
    /// drop(reader);
    /// assert!(!lock.is_locked());
    /// ```
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// Whether somebody holds the lock for writing right now; the answer may be out of date before it is returned.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read();
    /// assert!(!lock.is_locked_exclusive());
    /// drop(reader);
    /// let _writer = lock.write();
    /// assert!(lock.is_locked_exclusive());
    /// ```
    pub fn is_locked_exclusive(&self) -> bool {
        self.raw.is_locked_exclusive()
    }

    /// The data, which nobody else can see meanwhile.
    ///
    /// ```
    /// use heddle_primitives::RwLock;
    ///
    /// let mut lock = RwLock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.content_mut()
    }
}

/// When `timeout` has passed, counted from the call; the clock is read by those who wait only.
fn after(timeout: Duration) -> impl FnOnce() -> Option<Instant> {
    move || Instant::now().checked_add(timeout)
}

impl<T: Default, S: Scope> Default for RwLock<T, S> {
    fn default() -> Self {
        Self::new_in(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(data: T) -> Self {
        Self::new(data)
    }
}

impl<T: ?Sized + fmt::Debug, S: Scope> fmt::Debug for RwLock<T, S> {
    /// Never blocks: a lock that is held for writing shows `<locked>` in place of its data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_read_recursive() {
            Some(guard) => f.debug_struct("RwLock").field("data", &&*guard).finish(),
            None => f.debug_struct("RwLock").field("data", &format_args!("<locked>")).finish(),
        }
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use crate::Shared;

    #[test]
    fn layout_is_state_then_data() {
        assert_eq!(size_of::<RawRwLock<Shared>>(), 4);
        assert_eq!(size_of::<RwLock<u32, Shared>>(), 8);
        assert_eq!(std::mem::offset_of!(RwLock<u64, Shared>, raw), 0);
        assert_eq!(std::mem::offset_of!(RwLock<u64, Shared>, data), 8);
    }
}
