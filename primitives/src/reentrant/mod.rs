//! A lock that its holder may lock again.
//!
//! - `guard`: proof that this thread holds it;
//! - `owner`: what the owner is called.

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod arc;
mod guard;
mod owner;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub use arc::ArcReentrantMutexGuard;
pub use guard::{MappedReentrantMutexGuard, ReentrantMutexGuard};

use crate::held;
use crate::raw::RawMutex;
use crate::scope::{Private, Scope};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::cell::UnsafeCell;
use std::any::type_name;
use std::fmt;
use std::time::{Duration, Instant};

/// Nobody's name.
const NOBODY: u64 = 0;

/// Mutual exclusion between threads, not within one: who holds the lock may lock it again, and has as many guards to drop.
/// Since one thread may have several guards, they give `&T` only; put a [`Cell`](std::cell::Cell) in it to change it.
///
/// Locking again costs no read-modify-write. No poisoning; waiters wait, and hand the lock over, as those of a
/// [`Mutex`](crate::Mutex). A guard belongs to its thread.
///
/// The owner is named by [`thread::serial`](crate::sync::thread::serial), and in scope [`Shared`](crate::Shared) by the kernel's
/// thread number together with the time since boot, in microseconds, at which the name was taken. Neither is ever used again, as addresses and
/// thread numbers are, so who comes to live in a dead owner's place does not own its lock. A forked child takes a name of its own.
///
/// Layout (`repr(C)`): the lock's word, the depth, the owner's name (8 bytes), then the data. All-zero bytes are an unlocked
/// lock around all-zero data.
///
/// | field | written by | read by |
/// |---|---|---|
/// | word | all, as [`RawMutex`] tells | all |
/// | owner | the holder, when it takes the lock and before it lets go | all, to compare with themselves |
/// | depth | the holder | the holder |
///
/// That a thread reads its own name tells that it holds the lock: only it writes the name, it takes it out before it lets
/// go, and a thread never reads a value older than one it wrote itself. That it reads another proves that it does not.
///
/// ```
/// use heddle_primitives::ReentrantMutex;
/// use std::cell::Cell;
///
/// static COUNT: ReentrantMutex<Cell<u32>> = ReentrantMutex::new(Cell::new(0));
///
/// fn add(n: u32) {
///     let count = COUNT.lock();
///     count.set(count.get() + 1);
///     if n > 1 {
///         add(n - 1);
///     }
/// }
///
/// add(3);
/// assert_eq!(COUNT.lock().get(), 3);
/// ```
///
/// Sharing it hands its data from thread to thread, so the data must be `Send`:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::ReentrantMutex::new(std::rc::Rc::new(0)));
/// ```
#[repr(C)]
pub struct ReentrantMutex<T: ?Sized, S: Scope = Private> {
    raw: RawMutex<S>,
    /// How often the owner has locked beyond the first time.
    depth: UnsafeCell<u32>,
    owner: AtomicU64,
    data: UnsafeCell<T>,
}

// SAFETY: the lock owns its data; sending it sends the data.
unsafe impl<T: ?Sized + Send, S: Scope> Send for ReentrantMutex<T, S> {}
// SAFETY: one thread at a time reaches the data.
unsafe impl<T: ?Sized + Send, S: Scope> Sync for ReentrantMutex<T, S> {}

impl<T> ReentrantMutex<T> {
    const_in_normal_builds! {
        /// A lock for the threads of this process.
        ///
        /// ```
        /// use heddle_primitives::ReentrantMutex;
        ///
        /// static LOCK: ReentrantMutex<u32> = ReentrantMutex::new(1);
        /// let (outer, inner) = (LOCK.lock(), LOCK.lock());
        /// assert_eq!(*outer + *inner, 2);
        /// ```
        pub const fn new(data: T) -> Self {
            Self::new_in(data)
        }
    }
}

impl<T, S: Scope> ReentrantMutex<T, S> {
    const_in_normal_builds! {
        /// A lock in any scope.
        ///
        /// ```
        /// use heddle_primitives::{ReentrantMutex, Shared};
        ///
        /// let lock = ReentrantMutex::<u64, Shared>::new_in(1);
        /// assert_eq!((size_of_val(&lock), *lock.lock()), (24, 1));
        /// ```
        pub const fn new_in(data: T) -> Self {
            Self {
                raw: RawMutex::new_raw(),
                depth: UnsafeCell::new(0),
                owner: AtomicU64::new(NOBODY),
                data: UnsafeCell::new(data),
            }
        }
    }

    /// Takes the data out.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use std::cell::Cell;
    ///
    /// let lock = ReentrantMutex::new(Cell::new(1));
    /// lock.lock().set(2);
    /// assert_eq!(lock.into_inner().get(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized, S: Scope> ReentrantMutex<T, S> {
    /// Locks, waiting as long as it takes; at once if this thread holds the lock.
    ///
    /// # Panics
    /// If this thread holds 2^32 guards.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use std::cell::Cell;
    ///
    /// let lock = ReentrantMutex::new(Cell::new(1));
    /// let outer = lock.lock();
    /// lock.lock().set(2);
    /// assert_eq!(outer.get(), 2);
    /// ```
    #[inline]
    pub fn lock(&self) -> ReentrantMutexGuard<'_, T, S> {
        self.acquire();
        ReentrantMutexGuard::new(self)
    }

    /// Locks if that is possible without waiting, as it is for the thread that holds the lock.
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use heddle_primitives::sync::thread;
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let _guard = lock.lock();
    /// assert!(lock.try_lock().is_some());
    /// thread::scope(|s| _ = s.spawn(|| assert!(lock.try_lock().is_none())));
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Option<ReentrantMutexGuard<'_, T, S>> {
        self.acquire_if(RawMutex::try_acquire).then(|| ReentrantMutexGuard::new(self))
    }

    /// Locks, waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use heddle_primitives::sync::thread;
    /// use std::time::Duration;
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let _guard = lock.lock();
    /// let others = || lock.try_lock_for(Duration::from_millis(1)).is_none();
    /// assert!(thread::scope(|s| s.spawn(others).join().unwrap()));
    /// ```
    #[inline]
    pub fn try_lock_for(&self, timeout: Duration) -> Option<ReentrantMutexGuard<'_, T, S>> {
        self.acquire_for(timeout).then(|| ReentrantMutexGuard::new(self))
    }

    /// Locks, waiting no longer than until `deadline`; one in the past still takes a free lock.
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use std::time::Instant;
    ///
    /// let lock = ReentrantMutex::new(1);
    /// // In the past, and still enough for a free lock.
    /// assert_eq!(lock.try_lock_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    #[inline]
    pub fn try_lock_until(&self, deadline: Instant) -> Option<ReentrantMutexGuard<'_, T, S>> {
        self.acquire_until(deadline).then(|| ReentrantMutexGuard::new(self))
    }

    /// Whether some thread holds the lock right now, or is being handed it; may be out of date before it is returned.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let _guard = lock.lock();
    /// assert!(lock.is_locked());
    /// ```
    pub fn is_locked(&self) -> bool {
        self.raw.is_taken()
    }

    /// Whether this thread holds the lock, which nobody else can change.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use heddle_primitives::sync::thread;
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let _guard = lock.lock();
    /// assert!(lock.is_owned_by_current_thread());
    /// thread::scope(|s| _ = s.spawn(|| assert!(!lock.is_owned_by_current_thread())));
    /// ```
    pub fn is_owned_by_current_thread(&self) -> bool {
        // ORDERING: only this thread writes its name, and reads no value older than one of its own.
        self.owner.load(Ordering::Relaxed) == owner::name::<S>()
    }

    /// The data, which nobody else can see meanwhile.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    ///
    /// let mut lock = ReentrantMutex::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(*lock.lock(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.content_mut()
    }

    #[inline(always)]
    fn acquire(&self) {
        self.acquire_if(|raw| {
            if !raw.acquire_fast() {
                self.wait();
            }
            true
        });
    }

    #[cold]
    fn wait(&self) {
        let _waiting = held::Waiting::begin(self.raw.address(), type_name::<Self>());
        self.raw.acquire_slow(None);
    }

    #[inline(always)]
    fn acquire_for(&self, timeout: Duration) -> bool {
        self.acquire_if(|raw| raw.acquire_fast() || raw.acquire_slow(Instant::now().checked_add(timeout)))
    }

    #[inline(always)]
    fn acquire_until(&self, deadline: Instant) -> bool {
        self.acquire_if(|raw| raw.acquire_fast() || raw.acquire_slow(Some(deadline)))
    }

    /// Goes one level deeper, or takes the lock by `take`, which tells whether it could.
    #[inline(always)]
    fn acquire_if(&self, take: impl FnOnce(&RawMutex<S>) -> bool) -> bool {
        let me = owner::name::<S>();
        // ORDERING: as in `is_owned_by_current_thread`.
        if self.owner.load(Ordering::Relaxed) == me {
            self.deepen();
            return true;
        }
        if !take(&self.raw) {
            return false;
        }
        // ORDERING: the name is compared with oneself only: what it stands for is ordered by the lock.
        self.owner.store(me, Ordering::Relaxed);
        held::acquired(self.raw.address(), type_name::<Self>());
        true
    }

    /// The caller holds the lock.
    #[inline(always)]
    fn deepen(&self) {
        let depth = self.depth.get_mut();
        // SAFETY: the holder alone touches the depth, and this thread, which is the holder, has no other reference to it.
        let depth = unsafe { depth.deref() };
        *depth = depth.checked_add(1).expect("a thread holds 2^32 guards of one lock");
    }

    /// Gives up one level, and with the last one the lock, by `release`. The caller holds the lock.
    #[inline(always)]
    fn release(&self, release: impl FnOnce(&RawMutex<S>)) {
        let pointer = self.depth.get_mut();
        // SAFETY: as in `deepen`.
        let depth = unsafe { pointer.deref() };
        if *depth > 0 {
            *depth -= 1;
            return;
        }
        drop_access(pointer);
        held::released(self.raw.address());
        // ORDERING: as in `acquire_if`.
        self.owner.store(NOBODY, Ordering::Relaxed);
        release(&self.raw);
    }
}

/// Ends an access before the lock is free; a pointer by itself has no end in normal builds.
#[inline(always)]
fn drop_access<P>(_: P) {}

impl<T: Default, S: Scope> Default for ReentrantMutex<T, S> {
    fn default() -> Self {
        Self::new_in(T::default())
    }
}

impl<T> From<T> for ReentrantMutex<T> {
    fn from(data: T) -> Self {
        Self::new(data)
    }
}

impl<T: ?Sized + fmt::Debug, S: Scope> fmt::Debug for ReentrantMutex<T, S> {
    /// Never blocks: a lock that another thread holds shows `<locked>` in place of its data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_struct("ReentrantMutex").field("data", &&*guard).finish(),
            None => f.debug_struct("ReentrantMutex").field("data", &format_args!("<locked>")).finish(),
        }
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use crate::Shared;

    #[test]
    fn layout_is_word_depth_owner_data() {
        assert_eq!(size_of::<ReentrantMutex<u64, Shared>>(), 24);
        assert_eq!(std::mem::offset_of!(ReentrantMutex<u8, Shared>, depth), 4);
        assert_eq!(std::mem::offset_of!(ReentrantMutex<u8, Shared>, owner), 8);
        assert_eq!(std::mem::offset_of!(ReentrantMutex<u8, Shared>, data), 16);
    }

    #[test]
    fn more_guards_than_can_be_counted_are_refused() {
        let lock = ReentrantMutex::new(());
        let guard = lock.lock();
        // SAFETY: this thread holds the lock and has no other reference to the depth.
        unsafe { *lock.depth.get_mut().deref() = u32::MAX };
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(lock.lock())));
        assert!(panicked.is_err());
        // SAFETY: as above.
        unsafe { *lock.depth.get_mut().deref() = 0 };
        drop(guard);
        assert!(!lock.is_locked());
    }
}
