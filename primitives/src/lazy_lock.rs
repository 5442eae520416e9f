//! A value that is made when it is first used.

use crate::once_lock::OnceLock;
use crate::sync::cell::UnsafeCell;
use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A value that is made when it is first used; `std::sync::LazyLock`.
///
/// The initialiser runs once. If it panics there is none left to run again: whoever uses the value from then on panics
/// too, as in std. Where another attempt makes sense, use [`OnceLock::get_or_init`], which tries again. An initialiser that uses the same
/// value waits for itself for ever.
///
/// For the threads of one process only: an initialiser is code, which lies elsewhere in the next.
///
/// ```
/// use heddle_primitives::LazyLock;
///
/// static SQUARES: LazyLock<Vec<u32>> = LazyLock::new(|| (0..5).map(|n| n * n).collect());
/// assert_eq!(SQUARES[3], 9);
/// ```
///
/// Any thread may be the one that runs the initialiser, so it must be `Send`:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// let rc = std::rc::Rc::new(1);
/// share(heddle_primitives::LazyLock::new(move || *rc));
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    value: OnceLock<T>,
    /// Taken by whoever runs it.
    init: UnsafeCell<Option<F>>,
}

// SAFETY: the value is a `OnceLock`'s affair; the initialiser is taken by the one thread that `OnceLock` lets run, which need not be
// the one that made it, so it must be `Send`; nobody gets a reference to it.
unsafe impl<T, F: Send> Sync for LazyLock<T, F> where OnceLock<T>: Sync {}
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    const_in_normal_builds! {
        /// A value that `init` will make.
        ///
        /// ```
        /// use heddle_primitives::LazyLock;
        /// let mut made = 0;
        /// let value = LazyLock::new(|| { made += 1; 7 });
        /// assert_eq!((*value, *value), (7, 7));
        /// drop(value);
        /// assert_eq!(made, 1);
        /// ```
        pub const fn new(init: F) -> Self {
            Self { value: OnceLock::new(), init: UnsafeCell::new(Some(init)) }
        }
    }

    /// The value, made now if it is not there.
    ///
    /// # Panics
    /// If the initialiser does, or did before.
    ///
    /// ```
    /// use heddle_primitives::LazyLock;
    /// static TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| vec![1, 2, 3]);
    /// // Now, rather than in the first request.
    /// LazyLock::force(&TABLE);
    /// assert_eq!(LazyLock::get(&TABLE), Some(&vec![1, 2, 3]));
    /// ```
    #[inline]
    pub fn force(this: &Self) -> &T {
        match this.value.get() {
            Some(value) => value,
            None => this.make(),
        }
    }

    #[cold]
    fn make(&self) -> &T {
        self.value.get_or_init(|| {
            let init = {
                let init = self.init.get_mut();
                // SAFETY: the cell is borrowed, and `get_or_init` lets one thread at a time come here.
                unsafe { init.deref() }.take()
            };
            init.expect("the initialiser of this LazyLock has panicked before")()
        })
    }

    /// The value for writing, made now if it is not there; nobody else can see it meanwhile.
    ///
    /// # Panics
    /// As [`force`](Self::force).
    ///
    /// ```
    /// use heddle_primitives::LazyLock;
    /// let mut value = LazyLock::new(|| 7);
    /// *LazyLock::force_mut(&mut value) += 1;
    /// assert_eq!(*value, 8);
    /// ```
    pub fn force_mut(this: &mut Self) -> &mut T {
        Self::force(this);
        this.value.get_mut().expect("made above")
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it was made.
    ///
    /// ```
    /// use heddle_primitives::LazyLock;
    /// let value = LazyLock::new(|| 7);
    /// assert_eq!(LazyLock::get(&value), None);
    /// assert_eq!(*value, 7);
    /// assert_eq!(LazyLock::get(&value), Some(&7));
    /// ```
    pub fn get(this: &Self) -> Option<&T> {
        this.value.get()
    }

    /// The value for writing, if it was made; nobody else can see it meanwhile.
    ///
    /// ```
    /// use heddle_primitives::LazyLock;
    /// let mut value = LazyLock::new(|| 7);
    /// assert_eq!(LazyLock::get_mut(&mut value), None);
    /// LazyLock::force(&value);
    /// assert_eq!(LazyLock::get_mut(&mut value), Some(&mut 7));
    /// ```
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        this.value.get_mut()
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    /// Neither blocks nor makes the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.get() {
            Some(value) => f.debug_tuple("LazyLock").field(value).finish(),
            None => f.debug_tuple("LazyLock").field(&format_args!("<not made>")).finish(),
        }
    }
}
