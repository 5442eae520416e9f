//! Who may share a primitive: threads of one process, or of several.

use std::fmt::Debug;

mod sealed {
    pub trait Sealed {}
}

/// Who may use a primitive at the same time; [`Private`] or [`Shared`].
///
/// The scope is a type parameter that defaults to `Private`. It decides how the kernel finds sleepers: by virtual address
/// (cheaper) or by the page behind it.
///
/// ```
/// use heddle_primitives::{Mutex, Shared};
/// // May be placed in memory that several processes map.
/// let mutex: Mutex<u64, Shared> = Mutex::new_in(0);
/// ```
pub trait Scope: sealed::Sealed + Debug + Copy + Send + Sync + Unpin + 'static {
    /// True where threads of other processes may take part.
    ///
    /// ```
    /// use heddle_primitives::{Private, Scope, Shared};
    /// assert!(!Private::SHARED);
    /// assert!(Shared::SHARED);
    /// ```
    const SHARED: bool;
}

/// Threads of this process only.
///
/// ```
/// use heddle_primitives::{Mutex, Private};
/// // What is meant where no scope is named.
/// let mutex: Mutex<u64, Private> = Mutex::new(7);
/// assert_eq!(*mutex.lock(), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {}

/// Threads of every process that maps the memory.
///
/// Survives neither a holder nor a waker that dies: that is the job of robust types. A sleep in this scope looks again at
/// least every 50 ms.
///
/// ```
/// use heddle_primitives::{Event, Shared};
/// let event = Event::<Shared>::new_in();
/// event.set();
/// // The size and meaning of the bytes are the same as in the other scope.
/// assert_eq!(size_of_val(&event), size_of::<Event>());
/// event.wait();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {}

impl sealed::Sealed for Private {}
impl sealed::Sealed for Shared {}

impl Scope for Private {
    const SHARED: bool = false;
}

impl Scope for Shared {
    const SHARED: bool = true;
}
