//! A queue that belongs to nobody.

use super::{MOST_AT_ONCE, Steal, Worker};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::{CachePadded, Mutex};
use std::collections::VecDeque;
use std::fmt;

/// A queue into which any thread pushes and from which any thread steals, the oldest value first.
///
/// A list behind a [`Mutex`], with its length beside it, so that a look at an empty queue is one load. crossbeam's is
/// lock-free; for work that arrives from outside the lock is not what costs, and a batch is moved under one lock.
/// [`Steal::Retry`] is what a thief gets while another thread holds the lock, so nobody ever waits to steal.
///
/// Memory: grows with what is in it and keeps its largest size.
///
/// ```
/// use heddle_primitives::deque::{Injector, Steal};
/// let queue = Injector::new();
/// queue.push(1);
/// queue.push(2);
/// assert_eq!(queue.steal(), Steal::Success(1));
/// assert_eq!(queue.len(), 1);
/// ```
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::deque::Injector::<std::rc::Rc<u32>>::new());
/// ```
pub struct Injector<T> {
    /// How many values the list holds; changed under the lock.
    len: CachePadded<AtomicUsize>,
    list: Mutex<VecDeque<T>>,
}

impl<T> Injector<T> {
    /// An empty queue.
    ///
    /// ```
    /// use heddle_primitives::{LazyLock, deque::Injector};
    /// static TASKS: LazyLock<Injector<u32>> = LazyLock::new(Injector::new);
    /// TASKS.push(7);
    /// assert_eq!(TASKS.steal().success(), Some(7));
    /// ```
    pub fn new() -> Self {
        Self { len: CachePadded::new(AtomicUsize::new(0)), list: Mutex::new(VecDeque::new()) }
    }

    /// Appends `value`.
    ///
    /// ```
    /// use heddle_primitives::{deque::Injector, sync::thread};
    /// let injector = Injector::new();
    /// thread::scope(|s| {
    ///     for n in 0..4 {
    ///         let injector = &injector;
    ///         s.spawn(move || injector.push(n));
    ///     }
    /// });
    /// assert_eq!(injector.len(), 4);
    /// ```
    pub fn push(&self, value: T) {
        let mut list = self.list.lock();
        list.push_back(value);
        // ORDERING: a hint, made true by the lock; who sleeps on "empty" puts a fence before its look.
        self.len.store(list.len(), Ordering::Relaxed);
    }

    /// Takes the oldest value.
    ///
    /// ```
    /// use heddle_primitives::deque::{Injector, Steal};
    /// let injector = Injector::new();
    /// injector.push("first");
    /// injector.push("second");
    /// assert_eq!(injector.steal(), Steal::Success("first"));
    /// ```
    pub fn steal(&self) -> Steal<T> {
        let mut stolen = None;
        self.take(1, |value| stolen = Some(value)).with(stolen)
    }

    /// Moves up to half of the values, 32 at most, to `dest`, the oldest first.
    ///
    /// ```
    /// use heddle_primitives::deque::{Injector, Worker};
    /// let (injector, worker) = (Injector::new(), Worker::new_fifo());
    /// (0..8).for_each(|n| injector.push(n));
    /// assert!(injector.steal_batch(&worker).is_success());
    /// assert_eq!(worker.pop(), Some(0));
    /// assert_eq!(injector.len() + worker.len(), 7);
    /// ```
    pub fn steal_batch(&self, dest: &Worker<T>) -> Steal<()> {
        self.take(MOST_AT_ONCE, |value| dest.push(value))
    }

    /// Takes the oldest value, and moves those that follow it, up to half of all and 31 at most, to `dest`, in order.
    ///
    /// ```
    /// use heddle_primitives::deque::{Injector, Worker};
    /// let (injector, worker) = (Injector::new(), Worker::new_fifo());
    /// (0..8).for_each(|n| injector.push(n));
    /// assert_eq!(injector.steal_batch_and_pop(&worker).success(), Some(0));
    /// assert_eq!(injector.len() + worker.len(), 7);
    /// ```
    pub fn steal_batch_and_pop(&self, dest: &Worker<T>) -> Steal<T> {
        let mut first = None;
        self.take(MOST_AT_ONCE, |value| match first {
            None => first = Some(value),
            Some(_) => dest.push(value),
        })
        .with(first)
    }

    /// How many values there are; everybody may change that meanwhile.
    ///
    /// ```
    /// use heddle_primitives::deque::Injector;
    /// let injector = Injector::new();
    /// (0..100).for_each(|n| injector.push(n));
    /// assert_eq!(injector.len(), 100);
    /// ```
    pub fn len(&self) -> usize {
        // ORDERING: a hint.
        self.len.load(Ordering::Relaxed)
    }

    /// Whether there is nothing; others may push at any time.
    ///
    /// ```
    /// use heddle_primitives::deque::Injector;
    /// let injector = Injector::new();
    /// assert!(injector.is_empty());
    /// injector.push(1);
    /// assert!(!injector.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&self, most: usize, mut sink: impl FnMut(T)) -> Steal<()> {
        if self.is_empty() {
            return Steal::Empty;
        }
        let Some(mut list) = self.list.try_lock() else { return Steal::Retry };
        let wanted = list.len().div_ceil(2).min(most);
        if wanted == 0 {
            return Steal::Empty;
        }
        list.drain(..wanted).for_each(&mut sink);
        // ORDERING: as in `push`.
        self.len.store(list.len(), Ordering::Relaxed);
        Steal::Success(())
    }
}

impl<T> Default for Injector<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Injector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injector").field("len", &self.len()).finish()
    }
}
