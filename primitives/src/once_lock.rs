//! A place that is written once.

use crate::once::Once;
use crate::scope::{Private, Scope};
use crate::sync::cell::UnsafeCell;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

/// A place that is written once and read by all; `std::sync::OnceLock`.
///
/// Reading is one load once the value is there. An initialiser that panics or fails leaves the place empty, and the next caller, or one
/// that waits already, runs its own. An initialiser that comes back to the same place waits for itself for ever.
///
/// Layout (`repr(C)`): the [`Once`], then the value. All-zero bytes are an empty place. In scope [`Shared`](crate::Shared) it works
/// between processes if the value means the same in all of them.
///
/// ```
/// use heddle_primitives::OnceLock;
///
/// static CONFIG: OnceLock<String> = OnceLock::new();
/// assert!(CONFIG.get().is_none());
/// assert_eq!(CONFIG.get_or_init(|| "first".into()), "first");
/// assert_eq!(CONFIG.set("second".into()), Err("second".into()));
/// ```
///
/// All threads get references, so the value must be `Sync`; any thread may set it, so it must be `Send`:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::OnceLock::<std::cell::Cell<u32>>::new());
/// ```
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// send(heddle_primitives::OnceLock::<std::rc::Rc<u32>>::new());
/// ```
#[repr(C)]
pub struct OnceLock<T, S: Scope = Private> {
    once: Once<S>,
    value: UnsafeCell<MaybeUninit<T>>,
    /// Drops a `T`.
    owns: PhantomData<T>,
}

// SAFETY: the place owns its value.
unsafe impl<T: Send, S: Scope> Send for OnceLock<T, S> {}
// SAFETY: all threads get `&T`, and one may drop or take what another has set.
unsafe impl<T: Send + Sync, S: Scope> Sync for OnceLock<T, S> {}
impl<T: RefUnwindSafe + UnwindSafe, S: Scope> RefUnwindSafe for OnceLock<T, S> {}
impl<T: UnwindSafe, S: Scope> UnwindSafe for OnceLock<T, S> {}

impl<T> OnceLock<T> {
    const_in_normal_builds! {
        /// An empty place for the threads of this process.
        ///
        /// ```
        /// use heddle_primitives::OnceLock;
        /// static NAME: OnceLock<String> = OnceLock::new();
        /// assert_eq!(NAME.get(), None);
        /// ```
        pub const fn new() -> Self {
            Self::new_in()
        }
    }
}

impl<T, S: Scope> OnceLock<T, S> {
    const_in_normal_builds! {
        /// An empty place in any scope.
        ///
        /// ```
        /// use heddle_primitives::{OnceLock, Shared};
        /// // In memory that several processes map, one of them finds out for all.
        /// let seed: OnceLock<u64, Shared> = OnceLock::new_in();
        /// assert_eq!(seed.get_or_init(|| 7), &7);
        /// ```
        pub const fn new_in() -> Self {
            Self { once: Once::new_in(), value: UnsafeCell::new(MaybeUninit::uninit()), owns: PhantomData }
        }
    }

    /// The value, if it is there. If not, it may come at any time.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// let place = OnceLock::new();
    /// assert_eq!(place.get(), None);
    /// place.set(7).unwrap();
    /// assert_eq!(place.get(), Some(&7));
    /// ```
    #[inline(always)]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: the value is there.
        self.once.is_completed().then(|| unsafe { self.assume_set() })
    }

    /// The value, which nobody else can see meanwhile.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// let mut place: OnceLock<_> = OnceLock::from(vec![1]);
    /// place.get_mut().unwrap().push(2);
    /// assert_eq!(place.get(), Some(&vec![1, 2]));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: completed, so the value was written.
        Some(unsafe { self.value.content_mut().assume_init_mut() })
    }

    /// Puts `value` there if the place is empty; waits for an initialiser that runs.
    ///
    /// # Errors
    /// `value`, if there is one already.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// let place = OnceLock::new();
    /// assert_eq!(place.set("first"), Ok(()));
    /// assert_eq!(place.set("second"), Err("second"));
    /// assert_eq!(place.get(), Some(&"first"));
    /// ```
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        self.try_insert(value).map(|_| ()).map_err(|(_, value)| value)
    }

    /// Puts `value` there if the place is empty, and returns the reference; waits for an initialiser that runs.
    ///
    /// # Errors
    /// The value that is there already, and `value`.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// let place = OnceLock::new();
    /// assert_eq!(place.try_insert("first"), Ok(&"first"));
    /// assert_eq!(place.try_insert("second"), Err((&"first", "second")));
    /// ```
    #[inline]
    pub fn try_insert(&self, value: T) -> Result<&T, (&T, T)> {
        let mut value = Some(value);
        let there = self.get_or_init(|| value.take().expect("taken once"));
        match value {
            None => Ok(there),
            Some(value) => Err((there, value)),
        }
    }

    /// The value, made by `f` if it is not there, or by another's initialiser, for which it waits.
    ///
    /// # Panics
    /// If `f` does; the place stays empty.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// use heddle_primitives::sync::thread;
    ///
    /// let winner = OnceLock::new();
    /// let seen: Vec<u32> = thread::scope(|s| {
    ///     let threads: Vec<_> = (0..3).map(|me| s.spawn({ let winner = &winner; move || *winner.get_or_init(|| me) })).collect();
    ///     threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    /// });
    /// // Whoever came first, all see the same.
    /// assert!(seen.iter().all(|value| value == winner.get().unwrap()));
    /// ```
    #[inline]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        let Ok(value) = self.get_or_try_init(|| Ok::<_, Infallible>(f()));
        value
    }

    /// The value, made by `f` if it is not there, or by another's initialiser, for which it waits.
    ///
    /// # Errors
    /// Those of `f`; the place stays empty.
    ///
    /// # Panics
    /// If `f` does; the place stays empty.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// let number = OnceLock::new();
    /// assert!(number.get_or_try_init(|| "x".parse::<u32>()).is_err());
    /// assert_eq!(number.get_or_try_init(|| "7".parse::<u32>()), Ok(&7));
    /// ```
    #[inline]
    pub fn get_or_try_init<E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        self.once.try_call(|| {
            let value = f()?;
            let place = self.value.get_mut();
            // SAFETY: the cell is borrowed; `Once` lets one closure run at a time and none after completion, and nobody reads before.
            let place = unsafe { place.deref() };
            place.write(value);
            Ok(())
        })?;
        // SAFETY: `try_call` returns Ok when the value is there.
        Ok(unsafe { self.assume_set() })
    }

    /// Waits until the value is there.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// use heddle_primitives::sync::thread;
    ///
    /// static ADDRESS: OnceLock<String> = OnceLock::new();
    /// let client = thread::spawn(|| ADDRESS.wait().len());
    /// ADDRESS.set("localhost".into()).unwrap();
    /// assert_eq!(client.join().unwrap(), 9);
    /// ```
    #[inline]
    pub fn wait(&self) -> &T {
        self.once.wait();
        // SAFETY: the `Once` is completed.
        unsafe { self.assume_set() }
    }

    /// Waits until the value is there, no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// use std::time::Duration;
    ///
    /// let place = OnceLock::new();
    /// assert_eq!(place.wait_for(Duration::from_millis(1)), None);
    /// place.set(7).unwrap();
    /// assert_eq!(place.wait_for(Duration::from_millis(1)), Some(&7));
    /// ```
    pub fn wait_for(&self, timeout: Duration) -> Option<&T> {
        // SAFETY: the `Once` is completed.
        self.once.wait_for(timeout).then(|| unsafe { self.assume_set() })
    }

    /// Waits until the value is there, no longer than until `deadline`.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// use std::time::Instant;
    ///
    /// let place = OnceLock::<u32>::new();
    /// // A deadline in the past only looks.
    /// assert_eq!(place.wait_until(Instant::now()), None);
    /// ```
    pub fn wait_until(&self, deadline: Instant) -> Option<&T> {
        // SAFETY: the `Once` is completed.
        self.once.wait_until(deadline).then(|| unsafe { self.assume_set() })
    }

    /// Takes the value out.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// assert_eq!(OnceLock::<u32>::new().into_inner(), None);
    /// assert_eq!(<OnceLock<_>>::from(7).into_inner(), Some(7));
    /// ```
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    /// Takes the value out and leaves an empty place.
    ///
    /// ```
    /// use heddle_primitives::OnceLock;
    /// let mut place: OnceLock<_> = OnceLock::from(7);
    /// assert_eq!(place.take(), Some(7));
    /// // It can be filled again.
    /// assert_eq!(place.set(8), Ok(()));
    /// ```
    pub fn take(&mut self) -> Option<T> {
        if !self.once.is_completed() {
            return None;
        }
        self.once = Once::new_in();
        // SAFETY: it was completed, so the value was written; now that it is not, nobody reads or drops it again.
        Some(unsafe { self.value.content_mut().assume_init_read() })
    }

    /// # Safety
    /// The caller has seen the `Once` completed.
    #[inline(always)]
    unsafe fn assume_set(&self) -> &T {
        // Under a checker the read ends here; it has been compared with the write, after which there is no other.
        let value = self.value.get();
        // SAFETY: the cell is borrowed, and nobody writes once it is completed, but through `&mut self`.
        let value: *const MaybeUninit<T> = unsafe { value.deref() };
        // SAFETY: as above, for as long as `self` is borrowed.
        let value = unsafe { &*value };
        // SAFETY: completed, so the value was written.
        unsafe { value.assume_init_ref() }
    }
}

impl<T, S: Scope> Drop for OnceLock<T, S> {
    fn drop(&mut self) {
        if self.once.is_completed() {
            // SAFETY: completed, so the value was written; nobody uses it after this.
            unsafe { self.value.content_mut().assume_init_drop() };
        }
    }
}

impl<T, S: Scope> Default for OnceLock<T, S> {
    fn default() -> Self {
        Self::new_in()
    }
}

impl<T, S: Scope> From<T> for OnceLock<T, S> {
    fn from(value: T) -> Self {
        let place = Self::new_in();
        let _ = place.set(value);
        place
    }
}

impl<T: Clone, S: Scope> Clone for OnceLock<T, S> {
    fn clone(&self) -> Self {
        self.get().map_or_else(Self::new_in, |value| Self::from(value.clone()))
    }
}

impl<T: PartialEq, S: Scope> PartialEq for OnceLock<T, S> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq, S: Scope> Eq for OnceLock<T, S> {}

impl<T: fmt::Debug, S: Scope> fmt::Debug for OnceLock<T, S> {
    /// Never blocks: an empty place shows `<empty>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(value) => f.debug_tuple("OnceLock").field(value).finish(),
            None => f.debug_tuple("OnceLock").field(&format_args!("<empty>")).finish(),
        }
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use crate::Shared;

    #[test]
    fn layout_is_once_then_value() {
        assert_eq!(size_of::<Once<Shared>>(), 4);
        assert_eq!(size_of::<OnceLock<u32, Shared>>(), 8);
        assert_eq!(std::mem::offset_of!(OnceLock<u64, Shared>, once), 0);
        assert_eq!(std::mem::offset_of!(OnceLock<u64, Shared>, value), 8);
    }
}
