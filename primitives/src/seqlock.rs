//! A value that readers copy without writing anything, and try again where a writer got between.

use crate::mutex::Mutex;
use crate::scope::{Private, Scope};
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::fence;
use crate::sync::thread;
use crate::sync::words::Words;
use std::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Plain data that many read and few write: readers copy it out and write nothing, so that they do not slow each other down.
///
/// A writer makes the sequence number odd, writes, and makes it even again. A reader copies the data between two looks at the
/// number; where it was odd or has changed, the copy is thrown away unseen. Readers never hold a writer up. A stream of writers
/// may starve readers, and a writer that does not run while it writes makes them wait (they spin and then yield). Writers
/// exclude each other by a [`Mutex`], which sleeps.
///
/// # What may be stored
///
/// The data is copied while it is written. In the language's terms that is no data race, because both sides do it in words that
/// are atomic, but a copy may be torn. So `T` must be a type all of whose bytes are initialised and may be read whatever they mean:
/// [`FromBytes`], [`IntoBytes`] and [`Immutable`] of zerocopy, which derives them. A torn copy is nevertheless never
/// given out.
///
/// # The protocol
///
/// After Boehm, "Can seqlocks get along with programming language memory models?" (2012). `s` is the sequence number, `d` any word
/// of the data.
///
/// - Reader: `s` (acquire), `d` (relaxed), acquire fence, `s` (relaxed).
/// - Writer: `s` odd (relaxed), release fence, `d` (relaxed), `s` even (release).
///
/// A reader that reads a `d` of some writer has passed its acquire fence after that, and the writer its release fence before, so the
/// fences pair: the reader's second look finds the writer's odd number or a later one, and the copy is not taken. A reader whose
/// first look finds the even number of some writer acquires all that this writer wrote; older words it cannot read. So between two
/// equal even numbers all words are those of the writer that wrote this number. The number has 64 bits and does not come back.
///
/// Layout (`repr(C)`): the lock's word, 4 bytes of padding, the sequence number, the data at a multiple of 8 bytes. All-zero bytes are
/// an unlocked one that holds zeros. In scope [`Shared`](crate::Shared) it works between processes, but a writer that dies
/// while it writes leaves the value locked for writers and readers.
///
/// ```
/// use heddle_primitives::SeqLock;
/// use heddle_primitives::sync::thread;
///
/// static POSITION: SeqLock<[f64; 3]> = SeqLock::new([0.0; 3]);
/// thread::scope(|s| {
///     s.spawn(|| (1..=100).for_each(|n| POSITION.write([n as f64; 3])));
///     let [x, y, z] = POSITION.read();
///     assert!(x == y && y == z);
/// });
/// POSITION.update(|position| position[0] += 1.0);
/// assert_eq!(POSITION.read(), [101.0, 100.0, 100.0]);
/// ```
///
/// Not for types with padding or with bytes that have no meaning:
///
/// ```compile_fail,E0277
/// heddle_primitives::SeqLock::new((1_u8, 2_u32));
/// ```
///
/// ```compile_fail,E0277
/// heddle_primitives::SeqLock::new(true);
/// ```
///
/// Not for what must stay in its thread:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::SeqLock::new(std::marker::PhantomData::<std::rc::Rc<u8>>));
/// ```
#[repr(C)]
pub struct SeqLock<T, S: Scope = Private> {
    writers: Mutex<(), S>,
    /// Odd while a writer writes.
    sequence: AtomicU64,
    data: Words<T>,
}

impl<T: Copy + FromBytes + IntoBytes + Immutable> SeqLock<T> {
    const_in_normal_builds! {
        /// A value for the threads of this process.
        ///
        /// ```
        /// use heddle_primitives::SeqLock;
        ///
        /// static POINT: SeqLock<[u32; 2]> = SeqLock::new([1, 2]);
        /// assert_eq!(POINT.read(), [1, 2]);
        /// ```
        pub const fn new(value: T) -> Self {
            Self::new_in(value)
        }
    }
}

impl<T: Copy + FromBytes + IntoBytes + Immutable, S: Scope> SeqLock<T, S> {
    const_in_normal_builds! {
        /// A value in any scope.
        ///
        /// ```
        /// use heddle_primitives::{SeqLock, Shared};
        ///
        /// let point = SeqLock::<[u64; 2], Shared>::new_in([1, 2]);
        /// assert_eq!((size_of_val(&point), point.read()), (32, [1, 2]));
        /// ```
        pub const fn new_in(value: T) -> Self {
            Self { writers: Mutex::new_in(()), sequence: AtomicU64::new(0), data: Words::new(value) }
        }
    }

    /// Copies the value, trying again as often as a writer gets between.
    ///
    /// ```
    /// use heddle_primitives::SeqLock;
    ///
    /// let point = SeqLock::new([1, 2]);
    /// let [x, y] = point.read();
    /// assert_eq!(x + 1, y);
    /// ```
    #[inline]
    pub fn read(&self) -> T {
        match self.try_read() {
            Some(value) => value,
            None => self.read_slow(),
        }
    }

    /// Copies the value, unless a writer writes at the same time.
    ///
    /// ```
    /// use heddle_primitives::SeqLock;
    ///
    /// let point = SeqLock::new([1, 2]);
    /// point.update(|coordinates| {
    ///     coordinates[0] = 5;
    ///     // Nothing has been written yet.
    ///     assert_eq!(point.try_read(), Some([1, 2]));
    /// });
    /// assert_eq!(point.try_read(), Some([5, 2]));
    /// ```
    #[inline]
    pub fn try_read(&self) -> Option<T> {
        // ORDERING: acquires what the writer of this number released by its second store.
        let before = self.sequence.load(Ordering::Acquire);
        if !before.is_multiple_of(2) {
            return None;
        }
        let value = self.data.load();
        // ORDERING: pairs with the release fence of a writer one of whose words was read: the look below then finds its odd number
        // or a later one.
        fence(Ordering::Acquire);
        // ORDERING: after the fence, which is what orders it.
        if self.sequence.load(Ordering::Relaxed) != before {
            return None;
        }
        // SAFETY: all bytes were read, and any bytes are a `T`; these are even those of one writer.
        Some(unsafe { value.assume_init() })
    }

    /// Writes `value`, waiting for other writers.
    ///
    /// ```
    /// use heddle_primitives::SeqLock;
    ///
    /// let point = SeqLock::new([1, 2]);
    /// point.write([3, 4]);
    /// assert_eq!(point.read(), [3, 4]);
    /// ```
    #[inline]
    pub fn write(&self, value: T) {
        let _writer = self.writers.lock();
        self.store(&value);
    }

    /// Changes the value by `change`, waiting for other writers, and returns what `change` does. Readers see the old value until
    /// `change` has returned; if it panics, nothing has changed.
    ///
    /// ```
    /// use heddle_primitives::SeqLock;
    ///
    /// let point = SeqLock::new([1, 2]);
    /// let before = point.update(|point| std::mem::replace(&mut point[0], 9));
    /// assert_eq!((before, point.read()), (1, [9, 2]));
    /// ```
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let _writer = self.writers.lock();
        // SAFETY: any bytes are a `T`; nobody else writes, so these are those of the last writer.
        let mut value = unsafe { self.data.load().assume_init() };
        let result = change(&mut value);
        self.store(&value);
        result
    }

    /// Takes the value out.
    ///
    /// ```
    /// use heddle_primitives::SeqLock;
    ///
    /// let point = SeqLock::new([1, 2]);
    /// point.write([3, 4]);
    /// assert_eq!(point.into_inner(), [3, 4]);
    /// ```
    pub fn into_inner(self) -> T {
        // SAFETY: any bytes are a `T`, and nobody else can write.
        unsafe { self.data.load().assume_init() }
    }

    /// The caller holds the writers' lock.
    #[inline(always)]
    fn store(&self, value: &T) {
        // ORDERING: only holders of the lock write the number, and the lock orders them.
        let before = self.sequence.load(Ordering::Relaxed);
        // ORDERING: before the data for whoever reads that, by the fence.
        self.sequence.store(before + 1, Ordering::Relaxed);
        // ORDERING: pairs with the acquire fence of a reader that reads a word of this write.
        fence(Ordering::Release);
        self.data.store(value);
        // ORDERING: releases the words to the acquiring first look of a reader that finds this number.
        self.sequence.store(before + 2, Ordering::Release);
    }

    #[cold]
    fn read_slow(&self) -> T {
        let mut spin = Spin::new::<S>(DEFAULT_SPIN, None);
        loop {
            if let Some(value) = self.try_read() {
                return value;
            }
            if !spin.pause() {
                // The writer may not be running.
                thread::yield_now();
            }
        }
    }
}

impl<T: Copy + FromBytes + IntoBytes + Immutable + Default, S: Scope> Default for SeqLock<T, S> {
    fn default() -> Self {
        Self::new_in(T::default())
    }
}

impl<T: Copy + FromBytes + IntoBytes + Immutable> From<T> for SeqLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Copy + FromBytes + IntoBytes + Immutable + fmt::Debug, S: Scope> fmt::Debug for SeqLock<T, S> {
    /// Never waits: a value that is being written shows as `<locked>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_read() {
            Some(value) => f.debug_struct("SeqLock").field("data", &value).finish(),
            None => f.debug_struct("SeqLock").field("data", &format_args!("<locked>")).finish(),
        }
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use crate::Shared;

    #[test]
    fn layout_is_lock_sequence_data() {
        assert_eq!(std::mem::offset_of!(SeqLock<u8, Shared>, writers), 0);
        assert_eq!(std::mem::offset_of!(SeqLock<u8, Shared>, sequence), 8);
        assert_eq!(std::mem::offset_of!(SeqLock<u8, Shared>, data), 16);
        assert_eq!(size_of::<SeqLock<u8, Shared>>(), 24);
        assert_eq!(size_of::<SeqLock<[u64; 4], Shared>>(), 48);
    }
}
