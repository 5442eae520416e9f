//! Checker builds: the facade's types around those of loom or shuttle, and a model of the futex.
//!
//! - `loom`, `shuttle`: what the two have of their own, under the same names;
//! - `futex`: the model of sleeping and waking, the same for both.
//!
//! A checker reports a deadlock by a panic, and unwinding drops guards, whose operations must not enter the checker again.
//! So each atomic keeps a plain shadow of its value; while the thread panics, operations work on the shadow, cells are not
//! watched and futexes do nothing. The first panic is the one that is reported.

#[cfg(heddle_loom)]
#[path = "loom.rs"]
mod engine;

#[cfg(all(heddle_shuttle, not(heddle_loom)))]
#[path = "shuttle.rs"]
mod engine;

pub(super) mod futex;

pub(in crate::sync) use engine::current_index;

use crate::sync::probe::trace::Access;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::thread::panicking;

/// Atomic integers, booleans and pointers; std's operations and orderings.
pub mod atomic {
    use super::engine::{Tokens, raw};
    use crate::sync::probe;
    use crate::sync::probe::trace::{Access, step};
    use std::fmt;
    pub use std::sync::atomic::Ordering;
    use std::sync::atomic::Ordering::Relaxed;
    use std::thread::panicking;

    /// How traces show a value.
    trait Number: Copy {
        fn number(self) -> u64;
    }

    impl<T> Number for *mut T {
        fn number(self) -> u64 {
            self.addr() as u64
        }
    }

    macro_rules! number {
        ($($value:ty),*) => {
            $(
                impl Number for $value {
                    fn number(self) -> u64 {
                        self as u64
                    }
                }
            )*
        };
    }

    number!(bool, u8, u32, u64, usize);

    macro_rules! atomic {
        ($name:ident, [$($generic:tt)*], $inner:ty, $shadow:ty, $value:ty) => {
            #[doc = concat!("[`std::sync::atomic::", stringify!($name), "`] as the checker has it.")]
            pub struct $name<$($generic)*> {
                inner: $inner,
                shadow: $shadow,
                tokens: Tokens,
            }

            impl<$($generic)*> $name<$($generic)*> {
                /// Makes an atomic that holds `value`.
                #[track_caller]
                pub fn new(value: $value) -> Self {
                    Self { inner: <$inner>::new(value), shadow: <$shadow>::new(value), tokens: Tokens::new() }
                }

                /// Reads the value.
                ///
                /// # Panics
                /// If `order` is `Release` or `AcqRel`.
                #[track_caller]
                pub fn load(&self, order: Ordering) -> $value {
                    if panicking() {
                        return self.shadow.load(Relaxed);
                    }
                    let order = probe::load(order);
                    let value = self.inner.load(order);
                    self.tokens.after_load();
                    step("load", Access::Reads, Some(order), self.address(), value.number());
                    value
                }

                /// Writes `value`.
                ///
                /// # Panics
                /// If `order` is `Acquire` or `AcqRel`.
                #[track_caller]
                pub fn store(&self, value: $value, order: Ordering) {
                    if !panicking() {
                        let order = probe::store(self.address(), order);
                        self.inner.store(value, order);
                        self.tokens.after_write();
                        step("store", Access::Writes, Some(order), self.address(), value.number());
                    }
                    self.shadow.store(value, Relaxed);
                }

                /// Writes `value` and returns the previous one.
                #[track_caller]
                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    if panicking() {
                        return self.shadow.swap(value, Relaxed);
                    }
                    let order = probe::rmw("swap", self.address(), order);
                    let previous = self.inner.swap(value, order);
                    self.shadow.store(value, Relaxed);
                    self.tokens.after_write();
                    step("swap", Access::Both, Some(order), self.address(), value.number());
                    previous
                }

                /// Writes `new` if the value is `current`; returns the previous value.
                ///
                /// # Errors
                /// The value found, if it was not `current`.
                #[track_caller]
                pub fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    if panicking() {
                        return self.shadow.compare_exchange(current, new, Relaxed, Relaxed);
                    }
                    let (success, failure) = probe::exchange(self.address(), success, failure);
                    let result = self.inner.compare_exchange(current, new, success, failure);
                    match result {
                        Ok(_) => {
                            self.shadow.store(new, Relaxed);
                            self.tokens.after_write();
                            step("compare_exchange", Access::Both, Some(success), self.address(), new.number());
                        }
                        Err(found) => {
                            self.tokens.after_failed_exchange();
                            step("failed exchange", Access::Reads, Some(failure), self.address(), found.number());
                        }
                    }
                    result
                }

                /// [`compare_exchange`](Self::compare_exchange); the checkers know no spurious failure.
                ///
                /// # Errors
                /// The value found.
                #[track_caller]
                pub fn compare_exchange_weak(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    self.compare_exchange(current, new, success, failure)
                }

                /// Lends the value to `f`; nobody else can see it meanwhile.
                #[track_caller]
                pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut $value) -> R) -> R {
                    // Where nothing orders the writers before this call, loom lets the load see an old value.
                    let mut value = self.load(Relaxed);
                    let result = f(&mut value);
                    self.store(value, Relaxed);
                    result
                }

                /// Takes the value out.
                #[track_caller]
                pub fn into_inner(self) -> $value {
                    self.load(Relaxed)
                }

                /// What traces know the atomic by.
                fn address(&self) -> usize {
                    std::ptr::from_ref(self).addr()
                }
            }

            impl<$($generic)*> fmt::Debug for $name<$($generic)*> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.shadow.fmt(f)
                }
            }
        };
    }

    macro_rules! arithmetic {
        ($name:ident, $value:ty, $($op:ident: $doc:literal),*) => {
            impl $name {
                $(
                    #[doc = $doc]
                    #[track_caller]
                    pub fn $op(&self, value: $value, order: Ordering) -> $value {
                        let shadow = self.shadow.$op(value, Relaxed);
                        if panicking() {
                            return shadow;
                        }
                        let order = probe::rmw(stringify!($op), self.address(), order);
                        let previous = self.inner.$op(value, order);
                        // The shadow was at another thread's value if the operation let that thread run.
                        self.shadow.store(previous, Relaxed);
                        self.shadow.$op(value, Relaxed);
                        self.tokens.after_write();
                        let now = self.shadow.load(Relaxed).number();
                        step(stringify!($op), Access::Both, Some(order), self.address(), now);
                        previous
                    }
                )*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self::new(<$value>::default())
                }
            }
        };
    }

    macro_rules! integer {
        ($name:ident, $value:ty) => {
            atomic!($name, [], raw::$name, std::sync::atomic::$name, $value);
            arithmetic!(
                $name, $value,
                fetch_add: "Adds `value`, wrapping; returns the previous value.",
                fetch_sub: "Subtracts `value`, wrapping; returns the previous value.",
                fetch_and: "Bitwise and; returns the previous value.",
                fetch_or: "Bitwise or; returns the previous value.",
                fetch_xor: "Bitwise exclusive or; returns the previous value.",
                fetch_max: "Keeps the larger value; returns the previous one.",
                fetch_min: "Keeps the smaller value; returns the previous one."
            );
        };
    }

    integer!(AtomicU8, u8);
    integer!(AtomicU32, u32);
    integer!(AtomicU64, u64);
    integer!(AtomicUsize, usize);

    atomic!(AtomicBool, [], raw::AtomicBool, std::sync::atomic::AtomicBool, bool);
    arithmetic!(
        AtomicBool, bool,
        fetch_and: "Logical and; returns the previous value.",
        fetch_or: "Logical or; returns the previous value.",
        fetch_xor: "Logical exclusive or; returns the previous value."
    );

    atomic!(AtomicPtr, [T], raw::AtomicPtr<T>, std::sync::atomic::AtomicPtr<T>, *mut T);
}

/// Cells whose accesses the checker watches.
pub mod cell {
    use super::engine::{Reading, Watch, Writing};
    use crate::sync::probe::death;
    use crate::sync::probe::trace::{Access, step};
    use std::mem::{ManuallyDrop, MaybeUninit};
    use std::thread::panicking;

    /// [`std::cell::UnsafeCell`] that hands out tracked pointers.
    #[derive(Debug, Default)]
    pub struct UnsafeCell<T: ?Sized> {
        watch: Watch,
        data: std::cell::UnsafeCell<T>,
    }

    impl<T> UnsafeCell<T> {
        /// Wraps `value`.
        #[track_caller]
        pub fn new(value: T) -> Self {
            Self { watch: Watch::new(), data: std::cell::UnsafeCell::new(value) }
        }

        /// Takes the value out.
        pub fn into_inner(self) -> T {
            self.data.into_inner()
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        /// A pointer for reading; the read lasts as long as the pointer.
        #[track_caller]
        pub fn get(&self) -> ConstPtr<T> {
            let watch = if panicking() {
                None
            } else {
                step("read", Access::Reads, None, std::ptr::from_ref(&self.watch).addr(), 0);
                Some(ManuallyDrop::new(self.watch.read()))
            };
            ConstPtr { watch, data: self.data.get() }
        }

        /// A pointer for writing; the write lasts as long as the pointer.
        #[track_caller]
        pub fn get_mut(&self) -> MutPtr<T> {
            let watch = if panicking() {
                None
            } else {
                step("write", Access::Writes, None, std::ptr::from_ref(&self.watch).addr(), 0);
                Some(ManuallyDrop::new(self.watch.write()))
            };
            MutPtr { watch, data: self.data.get() }
        }

        /// Lends the content to `f`; nobody else can see it meanwhile.
        #[track_caller]
        pub fn content_mut(&mut self) -> &mut T {
            // Tells the checker of a write; a race shows although the reference outlives it, since it excludes others.
            drop(self.get_mut());
            self.data.get_mut()
        }
    }

    /// A pointer through which the content of an [`UnsafeCell`] is read.
    #[derive(Debug)]
    pub struct ConstPtr<T: ?Sized> {
        watch: Option<ManuallyDrop<Reading>>,
        data: *const T,
    }

    impl<T: ?Sized> ConstPtr<T> {
        /// Borrows the content.
        ///
        /// # Safety
        /// The cell is alive, and nobody writes the content while the reference is.
        pub unsafe fn deref(&self) -> &T {
            // SAFETY: as the caller promises.
            unsafe { &*self.data }
        }
    }

    impl<T: ?Sized> Drop for ConstPtr<T> {
        fn drop(&mut self) {
            if let Some(watch) = self.watch.take()
                && (!panicking() || death::is_under_way())
            {
                drop(ManuallyDrop::into_inner(watch));
            }
        }
    }

    /// A pointer through which the content of an [`UnsafeCell`] is written.
    #[derive(Debug)]
    pub struct MutPtr<T: ?Sized> {
        watch: Option<ManuallyDrop<Writing>>,
        data: *mut T,
    }

    impl<T: ?Sized> MutPtr<T> {
        /// Borrows the content for writing.
        ///
        /// # Safety
        /// The cell is alive, and nobody else reads or writes the content while the reference is.
        #[allow(clippy::mut_from_ref, reason = "loom's signature; the caller promises exclusiveness")]
        pub unsafe fn deref(&self) -> &mut T {
            // SAFETY: as the caller promises.
            unsafe { &mut *self.data }
        }

        /// The same access, to a part of the content.
        pub fn map<U: ?Sized>(self, part: *mut U) -> MutPtr<U> {
            MutPtr { watch: ManuallyDrop::new(self).watch.take(), data: part }
        }
    }

    impl<T: ?Sized> Drop for MutPtr<T> {
        fn drop(&mut self) {
            if let Some(watch) = self.watch.take()
                && (!panicking() || death::is_under_way())
            {
                drop(ManuallyDrop::into_inner(watch));
            }
        }
    }

    /// A pointer for writing to consecutive cells at once; the writes last as long as the pointer.
    #[track_caller]
    pub fn get_mut_slice<T>(cells: &[UnsafeCell<T>]) -> MutSlice<T> {
        let cells: Vec<_> = cells.iter().map(UnsafeCell::get_mut).collect();
        // SAFETY: a watched pointer excludes others, and no bytes are invalid for `MaybeUninit`.
        let copy = cells.iter().map(|cell| unsafe { cell.data.cast::<MaybeUninit<T>>().read() }).collect();
        MutSlice { cells, copy: Box::into_raw(copy) }
    }

    /// A pointer through which the content of consecutive cells is written; see [`get_mut_slice`]. Cells under watch are not
    /// next to each other, so their bytes are moved to a place where they are, and back when the pointer ends.
    #[derive(Debug)]
    pub struct MutSlice<T> {
        cells: Vec<MutPtr<T>>,
        copy: *mut [MaybeUninit<T>],
    }

    impl<T> MutSlice<T> {
        /// Borrows the content of all cells for writing.
        ///
        /// # Safety
        /// The cells are alive, and nobody else reads or writes their content while the reference is.
        #[allow(clippy::mut_from_ref, reason = "as for one cell; the caller promises exclusiveness")]
        pub unsafe fn deref(&self) -> &mut [T] {
            // SAFETY: the bytes are those of the cells, so they are as valid as there; the caller excludes other borrows.
            unsafe { &mut *(self.copy as *mut [T]) }
        }

        /// How many cells there are.
        #[allow(clippy::len_without_is_empty, reason = "a length of a pointer, as of `*mut [T]`")]
        pub fn len(&self) -> usize {
            self.cells.len()
        }
    }

    impl<T> Drop for MutSlice<T> {
        fn drop(&mut self) {
            // SAFETY: made by `Box::into_raw`, taken back once.
            let copy = unsafe { Box::from_raw(self.copy) };
            for (cell, value) in self.cells.iter().zip(copy) {
                // SAFETY: as in `get_mut_slice`; the cells are still alive, as whoever last borrowed promised.
                unsafe { cell.data.cast::<MaybeUninit<T>>().write(value) };
            }
        }
    }
}

/// Spin hints.
pub mod hint {
    /// Lets the other threads run: in a loop that waits for them nothing else would.
    pub fn spin_loop() {
        super::thread::yield_now()
    }
}

/// Threads as the checker has them.
pub mod thread {
    pub use super::engine::thread::{Builder, JoinHandle, Thread, ThreadId, current, spawn};
    pub use std::thread::panicking;

    /// A number that no other thread of the execution has; from 1, and 0 for no thread.
    pub fn serial() -> u64 {
        super::engine::current_index() as u64 + 1
    }

    /// Lets the other threads run.
    #[track_caller]
    pub fn yield_now() {
        if !panicking() {
            super::engine::thread::yield_now()
        }
    }
}

/// [`std::sync::atomic::fence`]; shuttle ignores it.
#[track_caller]
pub fn fence(order: atomic::Ordering) {
    if panicking() {
        return;
    }
    if let Some(order) = crate::sync::probe::fence(order) {
        crate::sync::probe::trace::step("fence", Access::None, Some(order), 0, 0);
        engine::fence(order)
    }
}

/// [`std::sync::Arc`] as the checker has it.
#[derive(Debug)]
pub struct Arc<T>(ManuallyDrop<engine::Arc<T>>);

impl<T> Arc<T> {
    /// Moves `value` to the heap.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self(ManuallyDrop::new(engine::Arc::new(value)))
    }
}

impl<T> Clone for Arc<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        // While the thread panics the value leaks: the checker cannot count any more.
        if !panicking() {
            // SAFETY: dropped here and nowhere else.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
}

/// The number in a thread's identity, which the checkers tell only in its `Debug` form.
fn number_in(id: impl std::fmt::Debug) -> usize {
    struct Digits(usize);

    impl std::fmt::Write for Digits {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            for digit in text.bytes().filter(u8::is_ascii_digit) {
                self.0 = self.0 * 10 + usize::from(digit - b'0');
            }
            Ok(())
        }
    }

    let mut digits = Digits(0);
    let _ = std::fmt::write(&mut digits, format_args!("{id:?}"));
    digits.0
}
