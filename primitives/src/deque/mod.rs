//! Queues that one thread works at and others steal from; crossbeam-deque's names.
//!
//! - [`Worker`]: the owner's end; pushes without an atomic read-modify-write.
//! - [`Stealer`]: everybody else's end; takes the oldest value, or half of all.
//! - [`Injector`]: a queue that belongs to nobody, where work arrives from outside.
//!
//! ```
//! use heddle_primitives::deque::{Injector, Steal, Worker};
//! use heddle_primitives::sync::thread;
//!
//! let incoming = Injector::new();
//! (1..=10).for_each(|n| incoming.push(n));
//! let own = Worker::new_lifo();
//! let Steal::Success(first) = incoming.steal_batch_and_pop(&own) else { unreachable!() };
//! assert_eq!(first, 1);
//!
//! let stealer = own.stealer();
//! let stolen = thread::spawn(move || stealer.steal());
//! let stolen: u32 = stolen.join().unwrap().success().unwrap();
//! let mut sum = first + stolen;
//! while let Some(n) = own.pop() {
//!     sum += n;
//! }
//! while let Steal::Success(n) = incoming.steal() {
//!     sum += n;
//! }
//! assert_eq!(sum, 55);
//! ```

mod buffer;
mod injector;
mod worker;

pub use injector::Injector;
pub use worker::{Stealer, Worker};

/// The most values that one call of `steal_batch` moves.
const MOST_AT_ONCE: usize = 32;

/// What an attempt to steal came to.
///
/// ```
/// use heddle_primitives::deque::{Injector, Steal};
/// let injector = Injector::new();
/// injector.push(7);
/// let taken = loop {
///     match injector.steal() {
///         Steal::Success(value) => break Some(value),
///         Steal::Empty => break None,
///         Steal::Retry => {}
///     }
/// };
/// assert_eq!(taken, Some(7));
/// ```
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steal<T> {
    /// There was nothing to steal.
    Empty,
    /// This was stolen.
    Success(T),
    /// Another thread came first; the queue may hold more, so it is worth trying again.
    Retry,
}

impl<T> Steal<T> {
    /// What was stolen, if anything.
    ///
    /// ```
    /// use heddle_primitives::deque::Steal;
    /// assert_eq!(Steal::Success(7).success(), Some(7));
    /// assert_eq!(Steal::<u32>::Retry.success(), None);
    /// ```
    pub fn success(self) -> Option<T> {
        match self {
            Self::Success(value) => Some(value),
            Self::Empty | Self::Retry => None,
        }
    }

    /// Whether something was stolen.
    ///
    /// ```
    /// use heddle_primitives::deque::Injector;
    /// let injector = Injector::new();
    /// injector.push(7);
    /// assert!(injector.steal().is_success());
    /// assert!(!injector.steal().is_success());
    /// ```
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Success(_))
    }

    /// Whether there was nothing to steal.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker: Worker<u32> = Worker::new_fifo();
    /// assert!(worker.stealer().steal().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether another thread came first.
    ///
    /// ```
    /// use heddle_primitives::deque::Worker;
    /// let worker = Worker::new_fifo();
    /// worker.push(7);
    /// let mut stolen = worker.stealer().steal();
    /// while stolen.is_retry() {
    ///     stolen = worker.stealer().steal();
    /// }
    /// assert_eq!(stolen.success(), Some(7));
    /// ```
    pub fn is_retry(&self) -> bool {
        matches!(self, Self::Retry)
    }
}

impl Steal<()> {
    /// The same outcome with what was stolen.
    fn with<T>(self, stolen: Option<T>) -> Steal<T> {
        match (self, stolen) {
            (Self::Retry, _) => Steal::Retry,
            (_, Some(value)) => Steal::Success(value),
            (_, None) => Steal::Empty,
        }
    }
}
