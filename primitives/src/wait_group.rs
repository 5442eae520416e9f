//! Waiting until all who take part have finished.

use crate::latch::Latch;
use crate::sync::Arc;
use std::fmt;
use std::time::{Duration, Instant};

/// Counts its clones and lets each wait until it is the last; crossbeam's `WaitGroup`.
///
/// A clone counts until it is dropped or waits. What was done before that is visible after the wait. It lies on the heap, so it is for the threads
/// of one process; [`Latch`] is the form for a place in shared memory, and for counts known in advance.
///
/// ```
/// use heddle_primitives::WaitGroup;
/// use heddle_primitives::sync::thread;
///
/// let group = WaitGroup::new();
/// for _ in 0..3 {
///     let group = group.clone();
///     thread::spawn(move || {
///         // Some work.
///         drop(group);
///     });
/// }
/// group.wait();
/// ```
pub struct WaitGroup {
    // The count is not zero while a member counts, so the latch opens once.
    latch: Arc<Latch>,
}

impl WaitGroup {
    /// A group with one member, the one returned.
    ///
    /// ```
    /// use heddle_primitives::WaitGroup;
    /// let group = WaitGroup::new();
    /// assert_eq!(group.members(), 1);
    /// // Nobody else is in it.
    /// group.wait();
    /// ```
    pub fn new() -> Self {
        Self { latch: Arc::new(Latch::new(1)) }
    }

    /// Leaves, and waits until all others have left.
    ///
    /// ```
    /// use heddle_primitives::WaitGroup;
    /// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
    /// use heddle_primitives::sync::thread;
    ///
    /// static DONE: AtomicU32 = AtomicU32::new(0);
    /// let group = WaitGroup::new();
    /// for _ in 0..3 {
    ///     let group = group.clone();
    ///     thread::spawn(move || {
    ///         DONE.fetch_add(1, Ordering::Relaxed);
    ///         drop(group);
    ///     });
    /// }
    /// group.wait();
    /// assert_eq!(DONE.load(Ordering::Relaxed), 3);
    /// ```
    pub fn wait(self) {
        let latch = self.latch.clone();
        drop(self);
        latch.wait();
    }

    /// Leaves, and waits until all others have left, no longer than `timeout`; false if somebody had not. A time beyond the clock's range
    /// means no limit.
    ///
    /// ```
    /// use heddle_primitives::WaitGroup;
    /// use std::time::Duration;
    ///
    /// let group = WaitGroup::new();
    /// let other = group.clone();
    /// assert!(!group.wait_for(Duration::from_millis(1)));
    /// // The first has left nevertheless.
    /// assert_eq!(other.members(), 1);
    /// ```
    pub fn wait_for(self, timeout: Duration) -> bool {
        let latch = self.latch.clone();
        drop(self);
        latch.wait_for(timeout)
    }

    /// Leaves, and waits until all others have left, no longer than until `deadline`; false if somebody had not.
    ///
    /// ```
    /// use heddle_primitives::WaitGroup;
    /// use std::time::Instant;
    ///
    /// let group = WaitGroup::new();
    /// let other = group.clone();
    /// assert!(!group.wait_until(Instant::now()));
    /// assert!(other.wait_until(Instant::now()));
    /// ```
    pub fn wait_until(self, deadline: Instant) -> bool {
        let latch = self.latch.clone();
        drop(self);
        latch.wait_until(deadline)
    }

    /// How many members there are, this one included; others may come and go at any time.
    ///
    /// ```
    /// use heddle_primitives::WaitGroup;
    /// let group = WaitGroup::new();
    /// let other = group.clone();
    /// assert_eq!(group.members(), 2);
    /// drop(other);
    /// assert_eq!(group.members(), 1);
    /// ```
    pub fn members(&self) -> u32 {
        self.latch.count()
    }
}

impl Clone for WaitGroup {
    /// Adds a member.
    ///
    /// # Panics
    /// If there are [`Latch::MAX_COUNT`] already.
    fn clone(&self) -> Self {
        let added = self.latch.try_add(1);
        debug_assert!(added, "this member counts, so the latch is not open");
        Self { latch: self.latch.clone() }
    }
}

impl Drop for WaitGroup {
    fn drop(&mut self) {
        self.latch.count_down();
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").field("members", &self.members()).finish()
    }
}
