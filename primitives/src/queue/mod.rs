//! Queues as Python has them: `Queue`, `LifoQueue` and `PriorityQueue`.
//!
//! - `order`: in which order values come out;
//! - `error`: what can go wrong;
//! - `signal`: how threads wait.

mod error;
mod order;
mod signal;

pub use error::{GetError, PutError, ShutDown, TooManyDone};
pub use order::{Fifo, Lifo, Order, Smallest};

use crate::mutex::Mutex;
use signal::{Limit, Signal};
use std::fmt;
use std::time::Duration;

/// A queue for any number of producers and consumers that keeps account of the work done; Python's `queue.Queue`.
///
/// The order of the values is that of `O`: first in, first out here, see [`LifoQueue`] and [`PriorityQueue`] for the others.
/// Who puts a value in adds one to the unfinished tasks; who has taken and done one says so by [`task_done`](Self::task_done);
/// [`join`](Self::join) waits until there are none left.
///
/// A lock around the standard library's collections; nobody is woken who has nothing to do. Not fair, as the lock. For plain
/// passing of values a [`channel`](crate::channel) is faster. The memory grows with the most values that were inside.
///
/// ```
/// use heddle_primitives::Queue;
/// use heddle_primitives::sync::thread;
///
/// let queue = Queue::new(2);
/// thread::scope(|s| {
///     s.spawn(|| {
///         while let Ok(n) = queue.get() {
///             assert!(n < 5);
///             queue.task_done().unwrap();
///         }
///     });
///     (0..5).for_each(|n| queue.put(n).unwrap());
///     queue.join();
///     queue.shutdown(false);
/// });
/// assert_eq!(queue.qsize(), 0);
/// ```
pub struct Queue<T, O: Order<T> = Fifo<T>> {
    state: Mutex<State<O>>,
    maxsize: usize,
    not_empty: Signal,
    not_full: Signal,
    all_done: Signal,
    value: std::marker::PhantomData<fn(T) -> T>,
}

/// Values come out in the reverse order; Python's `queue.LifoQueue`.
///
/// ```
/// let queue = heddle_primitives::queue::LifoQueue::with_maxsize(0);
/// (1..=3).for_each(|n| queue.put(n).unwrap());
/// assert_eq!(queue.get(), Ok(3));
/// ```
pub type LifoQueue<T> = Queue<T, Lifo<T>>;

/// The smallest value comes out first; Python's `queue.PriorityQueue`. Equal ones come out in any order.
///
/// ```
/// let queue = heddle_primitives::queue::PriorityQueue::with_maxsize(0);
/// [(2, "b"), (1, "a")].into_iter().for_each(|task| queue.put(task).unwrap());
/// assert_eq!(queue.get(), Ok((1, "a")));
/// ```
pub type PriorityQueue<T> = Queue<T, Smallest<T>>;

struct State<O> {
    values: O,
    unfinished: usize,
    shut_down: bool,
}

impl<T> Queue<T> {
    /// An empty queue, first in, first out, for up to `maxsize` values; 0 means no limit.
    ///
    /// ```
    /// use heddle_primitives::Queue;
    /// let queue = Queue::new(1);
    /// queue.put('a').unwrap();
    /// assert!(queue.full());
    /// assert!(!Queue::<char>::new(0).full());
    /// ```
    pub fn new(maxsize: usize) -> Self {
        Self::with_maxsize(maxsize)
    }
}

impl<T, O: Order<T>> Queue<T, O> {
    /// An empty queue of any order for up to `maxsize` values; 0 means no limit.
    ///
    /// ```
    /// use heddle_primitives::queue::LifoQueue;
    /// let plates = LifoQueue::with_maxsize(2);
    /// plates.put("first").unwrap();
    /// plates.put("second").unwrap();
    /// assert!(plates.full());
    /// assert_eq!(plates.get(), Ok("second"));
    /// ```
    pub fn with_maxsize(maxsize: usize) -> Self {
        Self {
            state: Mutex::new(State { values: O::default(), unfinished: 0, shut_down: false }),
            maxsize,
            not_empty: Signal::new(),
            not_full: Signal::new(),
            all_done: Signal::new(),
            value: std::marker::PhantomData,
        }
    }

    /// Puts a value in, waiting for room as long as it takes.
    ///
    /// # Errors
    /// The value, if the queue was shut down.
    ///
    /// ```
    /// use heddle_primitives::{Queue, sync::thread};
    /// let queue = Queue::new(1);
    /// thread::scope(|s| {
    ///     // The second waits for the first to be taken out.
    ///     s.spawn(|| (1..=2).for_each(|n| queue.put(n).unwrap()));
    ///     assert_eq!((queue.get(), queue.get()), (Ok(1), Ok(2)));
    /// });
    /// ```
    pub fn put(&self, value: T) -> Result<(), ShutDown<T>> {
        self.put_until(value, Limit::Never).map_err(|error| match error {
            PutError::Full(value) | PutError::ShutDown(value) => ShutDown(value),
        })
    }

    /// Puts a value in if there is room.
    ///
    /// # Errors
    /// The value, if the queue is full or was shut down.
    ///
    /// ```
    /// use heddle_primitives::{Queue, queue::PutError};
    /// let queue = Queue::new(1);
    /// assert_eq!(queue.put_nowait('a'), Ok(()));
    /// assert_eq!(queue.put_nowait('b'), Err(PutError::Full('b')));
    /// ```
    pub fn put_nowait(&self, value: T) -> Result<(), PutError<T>> {
        self.put_until(value, Limit::Now)
    }

    /// Puts a value in, waiting for room no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// The value, if there was no room in time or the queue was shut down.
    ///
    /// ```
    /// use heddle_primitives::{Queue, queue::PutError};
    /// use std::time::Duration;
    /// let queue = Queue::new(1);
    /// assert_eq!(queue.put_timeout('a', Duration::MAX), Ok(()));
    /// assert_eq!(queue.put_timeout('b', Duration::from_millis(1)), Err(PutError::Full('b')));
    /// ```
    pub fn put_timeout(&self, value: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.put_until(value, Limit::after(timeout))
    }

    /// Takes the next value out, waiting for one as long as it takes.
    ///
    /// # Errors
    /// If the queue was shut down and is empty.
    ///
    /// ```
    /// use heddle_primitives::{Queue, queue::ShutDown};
    /// let queue = Queue::new(0);
    /// queue.put('a').unwrap();
    /// queue.shutdown(false);
    /// assert_eq!((queue.get(), queue.get()), (Ok('a'), Err(ShutDown(()))));
    /// ```
    pub fn get(&self) -> Result<T, ShutDown> {
        self.get_until(Limit::Never).map_err(|_| ShutDown(()))
    }

    /// Takes the next value out if there is one.
    ///
    /// # Errors
    /// If there is none, and perhaps none will come.
    ///
    /// ```
    /// use heddle_primitives::{Queue, queue::GetError};
    /// let queue = Queue::new(0);
    /// queue.put('a').unwrap();
    /// assert_eq!((queue.get_nowait(), queue.get_nowait()), (Ok('a'), Err(GetError::Empty)));
    /// ```
    pub fn get_nowait(&self) -> Result<T, GetError> {
        self.get_until(Limit::Now)
    }

    /// Takes the next value out, waiting for one no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// If there was none in time, or none will come.
    ///
    /// ```
    /// use heddle_primitives::{Queue, queue::GetError};
    /// use std::time::Duration;
    /// let queue = Queue::new(0);
    /// queue.put('a').unwrap();
    /// assert_eq!(queue.get_timeout(Duration::MAX), Ok('a'));
    /// assert_eq!(queue.get_timeout(Duration::from_millis(1)), Err(GetError::Empty));
    /// ```
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.get_until(Limit::after(timeout))
    }

    /// Says that the work on a value that was taken out is done.
    ///
    /// # Errors
    /// If that was said for all values already.
    ///
    /// ```
    /// use heddle_primitives::Queue;
    /// let queue = Queue::new(0);
    /// queue.put("wash up").unwrap();
    /// let task = queue.get().unwrap();
    /// assert_eq!((task, queue.unfinished_tasks()), ("wash up", 1));
    /// queue.task_done().unwrap();
    /// assert_eq!(queue.unfinished_tasks(), 0);
    /// ```
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        let mut state = self.state.lock();
        state.unfinished = state.unfinished.checked_sub(1).ok_or(TooManyDone)?;
        if state.unfinished == 0 {
            self.all_done.notify(state, u32::MAX);
        }
        Ok(())
    }

    /// Waits until the work on all values is done. A queue that was shut down at once counts what was dropped as done; values
    /// that were taken out before are still waited for.
    ///
    /// ```
    /// use heddle_primitives::{Queue, sync::thread};
    /// let queue = Queue::new(0);
    /// (1..=3).for_each(|n| queue.put(n).unwrap());
    /// thread::scope(|s| {
    ///     s.spawn(|| {
    ///         while queue.get().is_ok() {
    ///             queue.task_done().unwrap();
    ///         }
    ///     });
    ///     queue.join();
    ///     assert_eq!((queue.qsize(), queue.unfinished_tasks()), (0, 0));
    ///     queue.shutdown(false);
    /// });
    /// ```
    pub fn join(&self) {
        self.join_until(Limit::Never);
    }

    /// As [`join`](Self::join), no longer than `timeout`; false if there was still work to do.
    ///
    /// ```
    /// use heddle_primitives::Queue;
    /// use std::time::Duration;
    /// let queue = Queue::new(0);
    /// queue.put("never done").unwrap();
    /// assert!(!queue.join_timeout(Duration::from_millis(1)));
    /// ```
    pub fn join_timeout(&self, timeout: Duration) -> bool {
        self.join_until(Limit::after(timeout))
    }

    /// How many values are in the queue; others may change that meanwhile.
    ///
    /// ```
    /// use heddle_primitives::Queue;
    /// let queue = Queue::new(0);
    /// queue.put('a').unwrap();
    /// assert_eq!(queue.qsize(), 1);
    /// queue.get().unwrap();
    /// assert_eq!(queue.qsize(), 0);
    /// ```
    pub fn qsize(&self) -> usize {
        self.state.lock().values.len()
    }

    /// Whether the queue is empty right now.
    ///
    /// ```
    /// use heddle_primitives::Queue;
    /// let queue = Queue::new(0);
    /// assert!(queue.empty());
    /// queue.put('a').unwrap();
    /// assert!(!queue.empty());
    /// ```
    pub fn empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether the queue is full right now.
    ///
    /// ```
    /// use heddle_primitives::Queue;
    /// let queue = Queue::new(1);
    /// assert!(!queue.full());
    /// queue.put('a').unwrap();
    /// assert!(queue.full());
    /// ```
    pub fn full(&self) -> bool {
        self.maxsize != 0 && self.qsize() >= self.maxsize
    }

    /// How many values were put in whose work is not done.
    ///
    /// ```
    /// use heddle_primitives::Queue;
    /// let queue = Queue::new(0);
    /// queue.put('a').unwrap();
    /// queue.get().unwrap();
    /// // Taken out, but not yet done.
    /// assert_eq!((queue.qsize(), queue.unfinished_tasks()), (0, 1));
    /// ```
    pub fn unfinished_tasks(&self) -> usize {
        self.state.lock().unfinished
    }

    /// Lets no more values in, and ends all waits for room or for values. With `immediate` also drops what is inside, and counts
    /// it as done; without, it can still be taken out.
    ///
    /// ```
    /// use heddle_primitives::Queue;
    /// let queue = Queue::new(0);
    /// (1..=2).for_each(|n| queue.put(n).unwrap());
    /// queue.shutdown(false);
    /// assert!(queue.put(3).is_err());
    /// assert_eq!(queue.get(), Ok(1));
    /// queue.shutdown(true);
    /// assert!(queue.get().is_err());
    /// ```
    pub fn shutdown(&self, immediate: bool) {
        let mut state = self.state.lock();
        state.shut_down = true;
        let dropped = if immediate { std::mem::take(&mut state.values) } else { O::default() };
        // What others have taken out and not done stays unfinished (cpython #141073).
        state.unfinished -= dropped.len().min(state.unfinished);
        let done = state.unfinished == 0;
        self.not_empty.notify(state, u32::MAX);
        self.not_full.notify(self.state.lock(), u32::MAX);
        if done {
            self.all_done.notify(self.state.lock(), u32::MAX);
        }
        drop(dropped);
    }

    fn put_until(&self, value: T, limit: Limit) -> Result<(), PutError<T>> {
        let room =
            |state: &State<O>| state.shut_down || self.maxsize == 0 || state.values.len() < self.maxsize;
        let Some(mut state) = self.not_full.wait(&self.state, room, limit) else {
            return Err(PutError::Full(value));
        };
        if state.shut_down {
            return Err(PutError::ShutDown(value));
        }
        state.values.put(value);
        state.unfinished += 1;
        self.not_empty.notify(state, 1);
        Ok(())
    }

    fn get_until(&self, limit: Limit) -> Result<T, GetError> {
        let any = |state: &State<O>| state.shut_down || !state.values.is_empty();
        let Some(mut state) = self.not_empty.wait(&self.state, any, limit) else {
            return Err(GetError::Empty);
        };
        let value = state.values.get().ok_or(GetError::ShutDown)?;
        self.not_full.notify(state, 1);
        Ok(value)
    }

    fn join_until(&self, limit: Limit) -> bool {
        self.all_done.wait(&self.state, |state| state.unfinished == 0, limit).is_some()
    }
}

impl<T, O: Order<T>> fmt::Debug for Queue<T, O> {
    /// Never blocks: while somebody holds the lock there is no size to show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.state.try_lock().map(|state| state.values.len());
        f.debug_struct("Queue").field("maxsize", &self.maxsize).field("qsize", &size).finish_non_exhaustive()
    }
}
