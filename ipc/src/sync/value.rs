//! One value that is read and written whole.

use core::fmt;

use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::cell::UnsafeCell;

use super::place::{Place, placed};
use super::raw_mutex::{Acquired, RawMutex};
use crate::shm_safe::{Shareable, ShmSafe};

/// What lies in memory: two copies, of which one is the value. A writer fills the other and then says, in one step, that it is
/// the value; so whoever dies on the way leaves a value that is whole, the old or the new one.
#[repr(C)]
pub(crate) struct Words<T> {
    raw: RawMutex,
    /// Which copy is the value, by its lowest bit.
    current: AtomicU32,
    copies: [UnsafeCell<T>; 2],
}

// SAFETY: as `mutex::Words`; the index is used by its lowest bit.
unsafe impl<T: ShmSafe + Send> Shareable for Words<T> {}
// SAFETY: the lock lets one thread at a time at the copies.
unsafe impl<T: Send> Sync for Words<T> {}

impl<T: Copy> Words<T> {
    fn new(value: T) -> Self {
        Words {
            raw: RawMutex::new(),
            current: AtomicU32::new(0),
            copies: [UnsafeCell::new(value), UnsafeCell::new(value)],
        }
    }

    fn current(&self) -> usize {
        // ORDERING: Relaxed: only changed under the lock.
        (self.current.load(Ordering::Relaxed) & 1) as usize
    }

    /// A copy's content. The caller has the lock.
    fn read(&self, copy: usize) -> T {
        let copy = self.copies[copy].get();
        // SAFETY: the lock is held, so nobody writes to the copy.
        unsafe { *copy.deref() }
    }

    /// Fills a copy. The caller has the lock.
    fn write(&self, copy: usize, value: T) {
        let copy = self.copies[copy].get_mut();
        // SAFETY: the lock is held, so nobody uses the copy.
        unsafe { *copy.deref() = value };
    }
}

/// A value of plain data that several processes share, read and written as a whole: Python's `Value`.
///
/// Each method takes a lock and gives it back; one that dies in between leaves the old value or the new one, so there is nothing to
/// repair, and no error. For more than one step at a time there is [`update`](Value::update), or a [`Mutex`](super::Mutex).
/// Clones are the same value.
///
/// ```
/// use heddle_ipc::sync::Value;
///
/// let temperature = Value::new([20.5_f64, 3.0])?;
/// assert_eq!(temperature.update(|[mean, spread]| [mean + 1.0, spread]), [21.5, 3.0]);
/// temperature.set([0.0, 0.0]);
/// assert_eq!(temperature.get(), [0.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Value<T> {
    place: Place<Words<T>>,
}

placed!([T: ShmSafe] Value<T>, "a value", new(value: T) = Words::new(value));

impl<T: Copy> Value<T> {
    /// The value.
    pub fn get(&self) -> T {
        self.locked(|words| words.read(words.current()))
    }

    /// Replaces the value.
    pub fn set(&self, value: T) {
        self.update(|_| value);
    }

    /// Replaces the value by what `f` makes of it, which nobody else changes meanwhile, and returns that. If `f` panics the
    /// value stays as it was.
    ///
    /// `f` must not use the same value: it would wait for itself.
    pub fn update(&self, f: impl FnOnce(T) -> T) -> T {
        self.locked(|words| {
            let current = words.current();
            let value = f(words.read(current));
            words.write(current ^ 1, value);
            // ORDERING: Release: the next owner may learn of this one's death instead of its unlock; the copy is whole by then, and this
            // store is the step after which it is the value.
            words.current.store(current as u32 ^ 1, Ordering::Release);
            value
        })
    }

    fn locked<R>(&self, f: impl FnOnce(&Words<T>) -> R) -> R {
        let words: &Words<T> = &self.place;
        match words.raw.lock(self.place.census(), None) {
            Ok(Acquired::Clean) => {}
            // Whole, as `Words` says.
            Ok(Acquired::OwnerDied) => words.raw.mark_consistent(),
            Err(never) => unreachable!("{never:?}: nobody gives it up, and there is no deadline"),
        }
        let unlock = Unlock(&words.raw);
        let result = f(words);
        drop(unlock);
        result
    }
}

/// Gives the lock back also where the caller's function panics.
struct Unlock<'a>(&'a RawMutex);

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        Value { place: self.place.clone() }
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Value").field(&self.get()).finish()
    }
}
