//! A lock from scratch, on the facade of `heddle_primitives`, to be checked, mutated and traced by `cargo xtask verify`.
//!
//! The algorithm is the third mutex of Ulrich Drepper's "Futexes Are Tricky" (2011).

use heddle_primitives::Futex;
use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::sync::cell::{MutPtr, UnsafeCell};
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep.
const AWAITED: u32 = 2;

/// A value that one thread at a time may use.
///
/// `EARLY` plants a bug: the wake comes before the word is free, so that whoever is woken finds the lock held, goes back to sleep,
/// and is woken no more.
pub struct Lock<T, const EARLY: bool = false> {
    word: Futex,
    value: UnsafeCell<T>,
}

// SAFETY: the value is handed from thread to thread, and `lock` gives it to one at a time.
unsafe impl<T: Send, const EARLY: bool> Sync for Lock<T, EARLY> {}
// SAFETY: as above.
unsafe impl<T: Send, const EARLY: bool> Send for Lock<T, EARLY> {}

impl<T, const EARLY: bool> Lock<T, EARLY> {
    /// A free lock.
    pub fn new(value: T) -> Self {
        Self { word: Futex::new(FREE), value: UnsafeCell::new(value) }
    }

    /// Waits until the lock is free, and takes it.
    pub fn lock(&self) -> Guard<'_, T, EARLY> {
        let word = self.word.word();
        // Acquire: what the last owner did happens before what this one does.
        if word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
            while word.swap(AWAITED, Ordering::Acquire) != FREE {
                self.word.wait(AWAITED, None);
            }
        }
        Guard { lock: self, value: ManuallyDrop::new(self.value.get_mut()) }
    }

    fn unlock(&self) {
        let word = self.word.word();
        if EARLY {
            if word.load(Ordering::Relaxed) == AWAITED {
                self.word.wake_one();
            }
            word.swap(FREE, Ordering::Release);
        } else if word.swap(FREE, Ordering::Release) == AWAITED {
            self.word.wake_one();
        }
    }
}

/// The right to use the value; dropped, it frees the lock.
pub struct Guard<'a, T, const EARLY: bool> {
    lock: &'a Lock<T, EARLY>,
    /// Tracked by the checkers: a second owner would be a race. It ends before the lock is free.
    value: ManuallyDrop<MutPtr<T>>,
}

impl<T, const EARLY: bool> Deref for Guard<'_, T, EARLY> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard is the only one until it is dropped.
        unsafe { MutPtr::deref(&self.value) }
    }
}

impl<T, const EARLY: bool> DerefMut for Guard<'_, T, EARLY> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { MutPtr::deref(&self.value) }
    }
}

impl<T, const EARLY: bool> Drop for Guard<'_, T, EARLY> {
    fn drop(&mut self) {
        // SAFETY: dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(&mut self.value) };
        self.lock.unlock();
    }
}
