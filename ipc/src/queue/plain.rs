//! A queue of plain data.

use core::fmt;
use std::time::{Duration, Instant};

use super::core::{Core, Ends, Limit};
use super::error::{GetError, PutError, TryGetError, TryPutError};
use super::home::Home;
use super::homed;

/// A bounded queue of plain data with many producers and many consumers in several processes: Python's `Queue`.
///
/// First in, first out. No operation waits for a process that is at work in another, so one that dies in the middle of whatever it
/// did wedges nothing:
///
/// - an item whose [`put`](Queue::put) has returned comes out exactly once;
/// - an item whose producer died within `put` comes out, or does not, and is whole;
/// - an item whose consumer died within [`get`](Queue::get) comes out once more, later than its place in the order would be;
/// - an item that `get` has returned is the consumer's, and dies with it: see [`JoinableQueue`](super::JoinableQueue) for the other way.
///
/// Waits spin first and then sleep. Sleepers look around at least every 50 ms, so that a wake that was lost with somebody delays and
/// does not hang. Nobody is told that all others are gone: see [`channel`](super::channel) for that. Clones are the same queue.
///
/// ```
/// use heddle_ipc::Workers;
/// use heddle_ipc::queue::Queue;
/// use heddle_ipc::sync::Address;
///
/// fn produce(numbers: Address<Queue<u64>>) -> u64 {
///     let numbers = Queue::attach(numbers).expect("its maker lives");
///     (1..=100).for_each(|n| numbers.put(n).expect("not closed"));
///     100
/// }
///
/// let numbers = Queue::new(8)?;
/// let workers = Workers::start(1)?;
/// let ticket = workers.submit(0, produce, numbers.address())?;
/// let sum: u64 = (0..100).map(|_| numbers.get().expect("not closed")).sum();
/// assert_eq!(sum, 5050);
/// ticket.wait(None)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Queue<T> {
    pub(super) core: Core<T>,
}

homed!(Queue, "a queue");

impl<T> Queue<T> {
    pub(super) fn over(home: Home<T>) -> Self {
        Queue { core: Core::new(home, Ends::Same) }
    }
}

impl<T: Copy> Queue<T> {
    /// Puts an item at the end; waits for room.
    ///
    /// # Errors
    ///
    /// The queue is closed; the item comes back.
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        self.core.put(item, Limit::Never).map_err(|error| PutError(error.into_inner()))
    }

    /// Puts an item at the end, if there is room.
    ///
    /// # Errors
    ///
    /// See [`TryPutError`]; the item comes back.
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        self.core.put(item, Limit::Now)
    }

    /// Puts an item at the end; waits for room, for so long at most.
    ///
    /// # Errors
    ///
    /// See [`TryPutError`]; the item comes back.
    pub fn put_timeout(&self, item: T, limit: Duration) -> Result<(), TryPutError<T>> {
        self.core.put(item, limit_of(limit))
    }

    /// Takes the first item; waits for one.
    ///
    /// # Errors
    ///
    /// The queue is closed, and empty.
    pub fn get(&self) -> Result<T, GetError> {
        self.core.take(Limit::Never).map(|cell| self.core.finish(cell)).map_err(|_| GetError)
    }

    /// Takes the first item, if there is one.
    ///
    /// # Errors
    ///
    /// See [`TryGetError`].
    pub fn try_get(&self) -> Result<T, TryGetError> {
        self.core.take(Limit::Now).map(|cell| self.core.finish(cell))
    }

    /// Takes the first item; waits for one, for so long at most.
    ///
    /// # Errors
    ///
    /// See [`TryGetError`].
    pub fn get_timeout(&self, limit: Duration) -> Result<T, TryGetError> {
        self.core.take(limit_of(limit)).map(|cell| self.core.finish(cell))
    }

    /// Says that nothing is to be put any more. What is in the queue is still to be got.
    pub fn close(&self) {
        self.core.home.words().close();
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.core.home.words().is_closed()
    }

    /// How many items there are; others may put and get meanwhile.
    pub fn len(&self) -> usize {
        self.core.home.cells().len()
    }

    /// Whether there is none; others may put and get meanwhile.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items it may hold.
    pub fn capacity(&self) -> usize {
        self.core.home.cells().ring.len()
    }
}

/// A limit that counts from now.
pub(super) fn limit_of(limit: Duration) -> Limit {
    Instant::now().checked_add(limit).map_or(Limit::Never, Limit::Until)
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue { core: self.core.clone() }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("closed", &self.core.home.words().is_closed()).finish_non_exhaustive()
    }
}
