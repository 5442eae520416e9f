//! Normal builds: the standard library, at no cost.

pub(super) mod futex;

pub use std::sync::Arc;

/// Atomic integers, booleans and pointers; std's operations and orderings.
pub mod atomic {
    use std::fmt;
    pub use std::sync::atomic::Ordering;

    macro_rules! atomic {
        ($name:ident, [$($generic:tt)*], $inner:ty, $value:ty, $example:expr) => {
            #[doc = concat!("[`std::sync::atomic::", stringify!($name), "`], with the same layout.")]
            #[doc = concat!("\n```\nuse heddle_primitives::sync::atomic::{", stringify!($name), ", Ordering};")]
            #[doc = $example]
            #[doc = "```"]
            #[repr(transparent)]
            pub struct $name<$($generic)*>($inner);

            impl<$($generic)*> $name<$($generic)*> {
                /// Makes an atomic that holds `value`.
                #[inline(always)]
                pub const fn new(value: $value) -> Self {
                    Self(<$inner>::new(value))
                }

                /// Reads the value.
                ///
                /// # Panics
                /// If `order` is `Release` or `AcqRel`.
                #[inline(always)]
                #[cfg_attr(heddle_mutants, track_caller)]
                pub fn load(&self, order: Ordering) -> $value {
                    #[cfg(heddle_mutants)]
                    let order = crate::sync::probe::load(order);
                    self.0.load(order)
                }

                /// Writes `value`.
                ///
                /// # Panics
                /// If `order` is `Acquire` or `AcqRel`.
                #[inline(always)]
                #[cfg_attr(heddle_mutants, track_caller)]
                pub fn store(&self, value: $value, order: Ordering) {
                    #[cfg(heddle_mutants)]
                    let order = crate::sync::probe::store(self.address(), order);
                    self.0.store(value, order)
                }

                /// Writes `value` and returns the previous one.
                #[inline(always)]
                #[cfg_attr(heddle_mutants, track_caller)]
                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    #[cfg(heddle_mutants)]
                    let order = crate::sync::probe::rmw("swap", self.address(), order);
                    self.0.swap(value, order)
                }

                /// Writes `new` if the value is `current`; returns the previous value.
                ///
                /// # Errors
                /// The value found, if it was not `current`.
                #[inline(always)]
                #[cfg_attr(heddle_mutants, track_caller)]
                pub fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    #[cfg(heddle_mutants)]
                    let (success, failure) = crate::sync::probe::exchange(self.address(), success, failure);
                    self.0.compare_exchange(current, new, success, failure)
                }

                /// [`compare_exchange`](Self::compare_exchange) that may fail although the value is `current`.
                ///
                /// # Errors
                /// The value found.
                #[inline(always)]
                #[cfg_attr(heddle_mutants, track_caller)]
                pub fn compare_exchange_weak(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    #[cfg(heddle_mutants)]
                    let (success, failure) = crate::sync::probe::exchange(self.address(), success, failure);
                    self.0.compare_exchange_weak(current, new, success, failure)
                }

                /// Lends the value to `f`; nobody else can see it meanwhile.
                #[inline(always)]
                #[cfg_attr(heddle_mutants, track_caller)]
                pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut $value) -> R) -> R {
                    f(self.0.get_mut())
                }

                /// Takes the value out.
                #[inline(always)]
                pub fn into_inner(self) -> $value {
                    self.0.into_inner()
                }

                /// What the probe knows the atomic by.
                #[cfg(heddle_mutants)]
                fn address(&self) -> usize {
                    std::ptr::from_ref(self).addr()
                }
            }

            impl<$($generic)*> fmt::Debug for $name<$($generic)*> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        };
    }

    macro_rules! arithmetic {
        ($name:ident, $value:ty, $($op:ident: $doc:literal),*) => {
            impl $name {
                $(
                    #[doc = $doc]
                    #[inline(always)]
                    #[cfg_attr(heddle_mutants, track_caller)]
                    pub fn $op(&self, value: $value, order: Ordering) -> $value {
                        #[cfg(heddle_mutants)]
                        let order = crate::sync::probe::rmw(stringify!($op), self.address(), order);
                        self.0.$op(value, order)
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
            atomic!(
                $name,
                [],
                std::sync::atomic::$name,
                $value,
                concat!(
                    "let n = ", stringify!($name), "::new(6);\n",
                    "assert_eq!(n.fetch_add(1, Ordering::Relaxed), 6);\n",
                    "assert_eq!(n.compare_exchange(7, 9, Ordering::AcqRel, Ordering::Acquire), Ok(7));\n",
                    "assert_eq!(n.into_inner(), 9);"
                )
            );
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

    atomic!(
        AtomicBool,
        [],
        std::sync::atomic::AtomicBool,
        bool,
        "let taken = AtomicBool::new(false);\n\
         assert!(!taken.swap(true, Ordering::Acquire), \"the first takes it\");\n\
         assert!(taken.swap(true, Ordering::Acquire));"
    );
    arithmetic!(
        AtomicBool, bool,
        fetch_and: "Logical and; returns the previous value.",
        fetch_or: "Logical or; returns the previous value.",
        fetch_xor: "Logical exclusive or; returns the previous value."
    );

    atomic!(
        AtomicPtr,
        [T],
        std::sync::atomic::AtomicPtr<T>,
        *mut T,
        "let mut value = 7;\n\
         let place = AtomicPtr::new(std::ptr::null_mut());\n\
         place.store(&raw mut value, Ordering::Release);\n\
         assert_eq!(place.load(Ordering::Acquire), &raw mut value);"
    );

    impl AtomicU32 {
        /// The standard library's atomic, for system calls.
        pub(in crate::sync) fn raw(&self) -> &std::sync::atomic::AtomicU32 {
            &self.0
        }
    }
}

/// Cells whose accesses the checkers watch.
pub mod cell {
    /// [`std::cell::UnsafeCell`], with the same layout, that hands out tracked pointers.
    ///
    /// ```
    /// use heddle_primitives::sync::cell::UnsafeCell;
    /// let cell = UnsafeCell::new(1);
    /// let pointer = cell.get_mut();
    /// // SAFETY: nobody else has a pointer into the cell.
    /// unsafe { *pointer.deref() += 1 };
    /// drop(pointer);
    /// assert_eq!(cell.into_inner(), 2);
    /// ```
    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// Wraps `value`.
        #[inline(always)]
        pub const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Takes the value out.
        #[inline(always)]
        pub fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        /// A pointer for reading; under loom the read lasts as long as the pointer.
        #[inline(always)]
        pub const fn get(&self) -> ConstPtr<T> {
            ConstPtr(self.0.get())
        }

        /// A pointer for writing; under loom the write lasts as long as the pointer.
        #[inline(always)]
        pub const fn get_mut(&self) -> MutPtr<T> {
            MutPtr(self.0.get())
        }

        /// Lends the content to `f`; nobody else can see it meanwhile.
        #[inline(always)]
        pub fn content_mut(&mut self) -> &mut T {
            self.0.get_mut()
        }
    }

    /// A pointer through which the content of an [`UnsafeCell`] is read.
    ///
    /// ```
    /// use heddle_primitives::sync::cell::UnsafeCell;
    /// let cell = UnsafeCell::new(7);
    /// let pointer = cell.get();
    /// // SAFETY: the cell is alive, and nobody writes.
    /// assert_eq!(unsafe { *pointer.deref() }, 7);
    /// ```
    #[derive(Debug)]
    pub struct ConstPtr<T: ?Sized>(*const T);

    impl<T: ?Sized> ConstPtr<T> {
        /// Borrows the content.
        ///
        /// # Safety
        /// The cell is alive, and nobody writes the content while the reference is.
        #[inline(always)]
        pub const unsafe fn deref(&self) -> &T {
            // SAFETY: as the caller promises.
            unsafe { &*self.0 }
        }
    }

    /// A pointer through which the content of an [`UnsafeCell`] is written.
    ///
    /// ```
    /// use heddle_primitives::sync::cell::UnsafeCell;
    /// let cell = UnsafeCell::new((1, 2));
    /// // The access to the whole goes on as one to a part.
    /// let pointer = cell.get_mut();
    /// // SAFETY: the cell is alive, and nobody else has a pointer into it.
    /// let second = &raw mut unsafe { pointer.deref() }.1;
    /// let pointer = pointer.map(second);
    /// // SAFETY: as above.
    /// unsafe { *pointer.deref() = 3 };
    /// drop(pointer);
    /// assert_eq!(cell.into_inner(), (1, 3));
    /// ```
    #[derive(Debug)]
    pub struct MutPtr<T: ?Sized>(*mut T);

    impl<T: ?Sized> MutPtr<T> {
        /// Borrows the content for writing.
        ///
        /// # Safety
        /// The cell is alive, and nobody else reads or writes the content while the reference is.
        #[inline(always)]
        #[allow(clippy::mut_from_ref, reason = "loom's signature; the caller promises exclusiveness")]
        pub const unsafe fn deref(&self) -> &mut T {
            // SAFETY: as the caller promises.
            unsafe { &mut *self.0 }
        }

        /// The same access, to a part of the content.
        #[inline(always)]
        pub fn map<U: ?Sized>(self, part: *mut U) -> MutPtr<U> {
            MutPtr(part)
        }
    }

    /// A pointer for writing to consecutive cells at once; under loom and shuttle the writes last as long as the pointer.
    ///
    /// ```
    /// use heddle_primitives::sync::cell::{UnsafeCell, get_mut_slice};
    /// let cells = [const { UnsafeCell::new(0) }; 3];
    /// let pointer = get_mut_slice(&cells[1..]);
    /// // SAFETY: the cells are alive, and nobody else has a pointer into them.
    /// unsafe { pointer.deref() }.copy_from_slice(&[7, 8]);
    /// drop(pointer);
    /// assert_eq!(cells.map(UnsafeCell::into_inner), [0, 7, 8]);
    /// ```
    #[inline(always)]
    pub const fn get_mut_slice<T>(cells: &[UnsafeCell<T>]) -> MutSlice<T> {
        // A cell has the layout of its content, and may be written to through a shared reference.
        MutSlice(std::ptr::from_ref(cells) as *mut [T])
    }

    /// A pointer through which the content of consecutive cells is written; see [`get_mut_slice`].
    ///
    /// ```
    /// use heddle_primitives::sync::cell::{UnsafeCell, get_mut_slice};
    /// let cells = [const { UnsafeCell::new(0) }; 3];
    /// assert_eq!(get_mut_slice(&cells).len(), 3);
    /// ```
    #[derive(Debug)]
    pub struct MutSlice<T>(*mut [T]);

    impl<T> MutSlice<T> {
        /// Borrows the content of all cells for writing.
        ///
        /// # Safety
        /// The cells are alive, and nobody else reads or writes their content while the reference is.
        #[inline(always)]
        #[allow(clippy::mut_from_ref, reason = "as for one cell; the caller promises exclusiveness")]
        pub const unsafe fn deref(&self) -> &mut [T] {
            // SAFETY: as the caller promises.
            unsafe { &mut *self.0 }
        }

        /// How many cells there are.
        #[inline(always)]
        #[allow(clippy::len_without_is_empty, reason = "a length of a pointer, as of `*mut [T]`")]
        pub const fn len(&self) -> usize {
            self.0.len()
        }
    }
}

/// Spin hints.
pub mod hint {
    /// Tells the CPU that the caller waits in a loop; under loom it lets the other threads run.
    ///
    /// ```
    /// use heddle_primitives::sync::atomic::{AtomicBool, Ordering};
    /// use heddle_primitives::sync::{hint, thread};
    ///
    /// static READY: AtomicBool = AtomicBool::new(false);
    /// let other = thread::spawn(|| READY.store(true, Ordering::Release));
    /// while !READY.load(Ordering::Acquire) {
    ///     hint::spin_loop();
    /// }
    /// other.join().unwrap();
    /// ```
    #[inline(always)]
    pub fn spin_loop() {
        std::hint::spin_loop()
    }
}

/// Threads; std's, of which the checkers know `spawn`, `Builder`, `yield_now` and `current`.
pub mod thread {
    pub use std::thread::{
        Builder, JoinHandle, Scope, ScopedJoinHandle, Thread, ThreadId, available_parallelism, current,
        panicking, sleep,
    };

    /// A number that no other thread of the process has or will ever have; from 1, and 0 for no thread.
    ///
    /// Unlike an address or the kernel's thread number it is never used again when a thread has ended, so it may name the
    /// owner of something for as long as the process lives. A child forked from the process goes on with the parent's.
    ///
    /// ```
    /// use heddle_primitives::sync::thread;
    /// let mine = thread::serial();
    /// assert_eq!(thread::serial(), mine);
    /// assert_ne!(thread::spawn(thread::serial).join().unwrap(), mine);
    /// ```
    #[inline(always)]
    pub fn serial() -> u64 {
        std::thread_local! {
            static SERIAL: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
        }

        #[cold]
        fn first() -> u64 {
            static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
            // ORDERING: numbers differ because RMWs on one atomic are ordered; nothing else is published.
            let serial = LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            SERIAL.set(serial);
            serial
        }

        match SERIAL.get() {
            0 => first(),
            serial => serial,
        }
    }

    /// [`std::thread::spawn`].
    ///
    /// ```
    /// use heddle_primitives::sync::thread;
    /// assert_eq!(thread::spawn(|| 6 * 7).join().unwrap(), 42);
    /// ```
    #[inline(always)]
    pub fn spawn<F, T>(f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        std::thread::spawn(f)
    }

    /// [`std::thread::scope`]; normal builds only.
    ///
    /// ```
    /// use heddle_primitives::sync::thread;
    /// let mut halves = [1, 2];
    /// let [left, right] = &mut halves;
    /// thread::scope(|s| {
    ///     s.spawn(|| *left += 10);
    ///     *right += 10;
    /// });
    /// assert_eq!(halves, [11, 12]);
    /// ```
    #[inline(always)]
    pub fn scope<'env, F, T>(f: F) -> T
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        std::thread::scope(f)
    }

    /// [`std::thread::yield_now`].
    ///
    /// ```
    /// use heddle_primitives::sync::thread;
    /// let other = thread::spawn(|| ());
    /// while !other.is_finished() {
    ///     thread::yield_now();
    /// }
    /// ```
    #[inline(always)]
    pub fn yield_now() {
        std::thread::yield_now()
    }
}

/// [`std::sync::atomic::fence`].
///
/// ```
/// use heddle_primitives::sync::atomic::{AtomicBool, AtomicU32, Ordering};
/// use heddle_primitives::sync::{fence, hint, thread};
///
/// static VALUE: AtomicU32 = AtomicU32::new(0);
/// static READY: AtomicBool = AtomicBool::new(false);
/// let writer = thread::spawn(|| {
///     VALUE.store(7, Ordering::Relaxed);
///     READY.store(true, Ordering::Release);
/// });
/// while !READY.load(Ordering::Relaxed) {
///     hint::spin_loop();
/// }
/// // Instead of an acquire at every look.
/// fence(Ordering::Acquire);
/// assert_eq!(VALUE.load(Ordering::Relaxed), 7);
/// writer.join().unwrap();
/// ```
#[inline(always)]
#[cfg_attr(heddle_mutants, track_caller)]
pub fn fence(order: atomic::Ordering) {
    #[cfg(heddle_mutants)]
    let Some(order) = crate::sync::probe::fence(order) else { return };
    std::sync::atomic::fence(order)
}
