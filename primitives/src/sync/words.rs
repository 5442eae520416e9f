//! Plain data that is read while others write it, word by word.

use std::fmt;
use std::mem::MaybeUninit;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A value that several threads read and write at the same time, in words that are atomic each, with no order among them.
///
/// What is read may be torn: some words of one write and some of another. `T` is made of initialised bytes only, so that each
/// word has a value.
///
/// Layout: as `T`, at a multiple of 8 bytes.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
#[repr(C, align(8))]
pub(crate) struct Words<T>(std::cell::UnsafeCell<T>);

// SAFETY: all access through a shared reference is atomic, and copies the value from thread to thread.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
unsafe impl<T: Send> Sync for Words<T> {}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
impl<T: Copy + FromBytes + IntoBytes + Immutable> Words<T> {
    /// Words that hold `value`.
    #[inline(always)]
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// What the words hold, which may be torn.
    #[inline(always)]
    pub(crate) fn load(&self) -> MaybeUninit<T> {
        use std::sync::atomic::Ordering::Relaxed;

        let mut value = MaybeUninit::<T>::uninit();
        let to = value.as_mut_ptr().cast::<u8>();
        self.each(
            |offset, word| {
                // SAFETY: inside `value`; a `u64` may be written there unaligned.
                unsafe { to.wrapping_byte_add(offset).cast::<u64>().write_unaligned(word.load(Relaxed)) }
            },
            |offset, byte| {
                // SAFETY: inside `value`.
                unsafe { to.wrapping_byte_add(offset).write(byte.load(Relaxed)) }
            },
        );
        value
    }

    /// Writes `value`, word by word.
    #[inline(always)]
    pub(crate) fn store(&self, value: &T) {
        use std::sync::atomic::Ordering::Relaxed;

        let from = (&raw const *value).cast::<u8>();
        self.each(
            |offset, word| {
                // SAFETY: inside `value`, whose bytes are all initialised; a `u64` may be read there unaligned.
                word.store(unsafe { from.wrapping_byte_add(offset).cast::<u64>().read_unaligned() }, Relaxed)
            },
            |offset, byte| {
                // SAFETY: inside `value`, as above.
                byte.store(unsafe { from.wrapping_byte_add(offset).read() }, Relaxed)
            },
        );
    }

    /// Calls `word` for each whole word and `byte` for each byte after the last one, with their offsets.
    #[inline(always)]
    fn each(
        &self,
        word: impl Fn(usize, &std::sync::atomic::AtomicU64),
        byte: impl Fn(usize, &std::sync::atomic::AtomicU8),
    ) {
        let data = self.0.get().cast::<u8>();
        let whole = size_of::<T>() / 8 * 8;
        for offset in (0..whole).step_by(8) {
            let pointer = data.wrapping_byte_add(offset);
            // SAFETY: inside the value, alive as long as `self` and, like `self`, at a multiple of 8; every access to it is by this same atomic.
            word(offset, unsafe { std::sync::atomic::AtomicU64::from_ptr(pointer.cast()) });
        }
        for offset in whole..size_of::<T>() {
            let pointer = data.wrapping_byte_add(offset);
            // SAFETY: as above, with no alignment to speak of.
            byte(offset, unsafe { std::sync::atomic::AtomicU8::from_ptr(pointer) });
        }
    }
}

/// As above, with the checker's atomics, which are no bytes in memory.
#[cfg(any(heddle_loom, heddle_shuttle))]
pub(crate) struct Words<T> {
    words: Vec<super::atomic::AtomicU64>,
    value: std::marker::PhantomData<T>,
}

#[cfg(any(heddle_loom, heddle_shuttle))]
impl<T: Copy + FromBytes + IntoBytes + Immutable> Words<T> {
    #[track_caller]
    pub(crate) fn new(value: T) -> Self {
        let words = value.as_bytes().chunks(8).map(|bytes| super::atomic::AtomicU64::new(word(bytes)));
        Self { words: words.collect(), value: std::marker::PhantomData }
    }

    #[track_caller]
    pub(crate) fn load(&self) -> MaybeUninit<T> {
        let bytes: Vec<u8> = self
            .words
            .iter()
            .flat_map(|word| word.load(super::atomic::Ordering::Relaxed).to_ne_bytes())
            .collect();
        MaybeUninit::new(
            T::read_from_bytes(&bytes[..size_of::<T>()]).expect("as many bytes as the value has"),
        )
    }

    #[track_caller]
    pub(crate) fn store(&self, value: &T) {
        for (bytes, stored) in value.as_bytes().chunks(8).zip(&self.words) {
            stored.store(word(bytes), super::atomic::Ordering::Relaxed);
        }
    }
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_ne_bytes(word)
}

impl<T> fmt::Debug for Words<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words")
    }
}
