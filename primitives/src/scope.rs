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
    const SHARED: bool;
}

/// Threads of this process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {}

/// Threads of every process that maps the memory.
///
/// Survives neither a holder nor a waker that dies: that is the job of robust types. A sleep in this scope looks again at
/// least every 50 ms.
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
