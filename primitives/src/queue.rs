//! Queues as Python has them: `Queue`, `LifoQueue` and `PriorityQueue`.

use crate::mutex::{Mutex, MutexGuard};
use crate::scope::Private;
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::futex::{Futex, WaitOutcome};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

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

/// In which order values come out.
pub trait Order<T>: Default {
    /// Puts a value in.
    fn put(&mut self, value: T);
    /// Takes the next one out.
    fn get(&mut self) -> Option<T>;
    /// How many there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// First in, first out.
#[derive(Debug)]
pub struct Fifo<T>(VecDeque<T>);

/// Last in, first out.
#[derive(Debug)]
pub struct Lifo<T>(Vec<T>);

/// The smallest first.
#[derive(Debug)]
pub struct Smallest<T>(BinaryHeap<Reverse<T>>);

/// [`Queue::put_nowait`] or [`Queue::put_timeout`] failed; the value comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutError<T> {
    /// The queue is full, or was until the deadline; Python's `Full`.
    Full(T),
    /// The queue was shut down; Python's `ShutDown`.
    ShutDown(T),
}

/// [`Queue::get_nowait`] or [`Queue::get_timeout`] failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetError {
    /// The queue is empty, or was until the deadline; Python's `Empty`.
    Empty,
    /// The queue was shut down, and is empty; Python's `ShutDown`.
    ShutDown,
}

/// The queue was shut down; what could not be put in comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutDown<T = ()>(pub T);

/// [`Queue::task_done`] was called more often than values were put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyDone;

impl<T> Queue<T> {
    /// An empty queue, first in, first out, for up to `maxsize` values; 0 means no limit.
    pub fn new(maxsize: usize) -> Self {
        Self::with_maxsize(maxsize)
    }
}

impl<T, O: Order<T>> Queue<T, O> {
    /// An empty queue of any order for up to `maxsize` values; 0 means no limit.
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
    pub fn put(&self, value: T) -> Result<(), ShutDown<T>> {
        self.put_until(value, Limit::Never).map_err(|error| match error {
            PutError::Full(value) | PutError::ShutDown(value) => ShutDown(value),
        })
    }

    /// Puts a value in if there is room.
    ///
    /// # Errors
    /// The value, if the queue is full or was shut down.
    pub fn put_nowait(&self, value: T) -> Result<(), PutError<T>> {
        self.put_until(value, Limit::Now)
    }

    /// Puts a value in, waiting for room no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// The value, if there was no room in time or the queue was shut down.
    pub fn put_timeout(&self, value: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.put_until(value, Limit::after(timeout))
    }

    /// Takes the next value out, waiting for one as long as it takes.
    ///
    /// # Errors
    /// If the queue was shut down and is empty.
    pub fn get(&self) -> Result<T, ShutDown> {
        self.get_until(Limit::Never).map_err(|_| ShutDown(()))
    }

    /// Takes the next value out if there is one.
    ///
    /// # Errors
    /// If there is none, and perhaps none will come.
    pub fn get_nowait(&self) -> Result<T, GetError> {
        self.get_until(Limit::Now)
    }

    /// Takes the next value out, waiting for one no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// If there was none in time, or none will come.
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.get_until(Limit::after(timeout))
    }

    /// Says that the work on a value that was taken out is done.
    ///
    /// # Errors
    /// If that was said for all values already.
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
    pub fn join(&self) {
        self.join_until(Limit::Never);
    }

    /// As [`join`](Self::join), no longer than `timeout`; false if there was still work to do.
    pub fn join_timeout(&self, timeout: Duration) -> bool {
        self.join_until(Limit::after(timeout))
    }

    /// How many values are in the queue; others may change that meanwhile.
    pub fn qsize(&self) -> usize {
        self.state.lock().values.len()
    }

    /// Whether the queue is empty right now.
    pub fn empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether the queue is full right now.
    pub fn full(&self) -> bool {
        self.maxsize != 0 && self.qsize() >= self.maxsize
    }

    /// How many values were put in whose work is not done.
    pub fn unfinished_tasks(&self) -> usize {
        self.state.lock().unfinished
    }

    /// Lets no more values in, and ends all waits for room or for values. With `immediate` also drops what is inside, and counts
    /// it as done; without, it can still be taken out.
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

macro_rules! order {
    ($name:ident $(: $bound:ident)?, $put:ident($value:ident => $in:expr), $get:ident($out:ident => $back:expr)) => {
        impl<T $(: $bound)?> Default for $name<T> {
            fn default() -> Self {
                Self(Default::default())
            }
        }

        impl<T $(: $bound)?> Order<T> for $name<T> {
            fn put(&mut self, $value: T) {
                self.0.$put($in);
            }

            fn get(&mut self) -> Option<T> {
                self.0.$get().map(|$out| $back)
            }

            fn len(&self) -> usize {
                self.0.len()
            }
        }
    };
}

order!(Fifo, push_back(value => value), pop_front(value => value));
order!(Lifo, push(value => value), pop(value => value));
order!(Smallest: Ord, push(value => Reverse(value)), pop(value => value.0));

const SHUT_DOWN: &str = "the queue was shut down";

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::ShutDown(_) => SHUT_DOWN,
        })
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::ShutDown => SHUT_DOWN,
        })
    }
}

impl<T> fmt::Display for ShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl fmt::Display for TooManyDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more tasks are said to be done than were put in")
    }
}

impl<T: fmt::Debug> Error for PutError<T> {}
impl Error for GetError {}
impl<T: fmt::Debug> Error for ShutDown<T> {}
impl Error for TooManyDone {}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
enum Limit {
    Now,
    Until(Instant),
    Never,
}

impl Limit {
    fn after(timeout: Duration) -> Self {
        Instant::now().checked_add(timeout).map_or(Self::Never, Self::Until)
    }
}

/// Wakes those who wait for a change under the queue's lock.
///
/// The word counts the changes that were announced. It is read, and the waiter counted, before the waiter lets go of the lock,
/// and whoever announces a change has the lock: so either the waiter has seen the change, or the announcement finds it counted
/// and moves the word away from what the waiter expects. (A waiter that does not run during 2^32 announcements, exactly, misses
/// them.)
struct Signal {
    futex: Futex,
    /// How many wait. Changed under the lock.
    waiting: AtomicU32,
}

impl Signal {
    fn new() -> Self {
        Self { futex: Futex::new(0), waiting: AtomicU32::new(0) }
    }

    /// Announces a change, lets go of the lock, and wakes up to `n`.
    fn notify<T>(&self, guard: MutexGuard<'_, T>, n: u32) {
        // ORDERING: ordered by the lock.
        let waiting = self.waiting.load(Ordering::Relaxed) != 0;
        if waiting {
            // ORDERING: what was changed is published by the lock.
            self.futex.word().fetch_add(1, Ordering::Relaxed);
        }
        drop(guard);
        if waiting {
            self.futex.wake(n);
        }
    }

    /// Returns with the lock once `condition` holds; none if it did not in time.
    fn wait<'a, T>(
        &self,
        lock: &'a Mutex<T>,
        condition: impl Fn(&T) -> bool,
        limit: Limit,
    ) -> Option<MutexGuard<'a, T>> {
        let mut guard = lock.lock();
        if condition(&guard) {
            return Some(guard);
        }
        let deadline = match limit {
            Limit::Now => return None,
            Limit::Until(deadline) => Some(deadline),
            Limit::Never => None,
        };
        // ORDERING: ordered by the lock.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut timed_out = false;
        while !condition(&guard) && !timed_out {
            // ORDERING: read under the lock, under which it is changed.
            let seen = self.futex.word().load(Ordering::Relaxed);
            timed_out = MutexGuard::unlocked(&mut guard, || {
                {
                    let mut spin = Spin::new::<Private>(DEFAULT_SPIN, deadline);
                    // ORDERING: a hint; the condition is read under the lock.
                    while self.futex.word().load(Ordering::Relaxed) == seen && spin.pause() {}
                }
                self.futex.wait(seen, deadline) == WaitOutcome::TimedOut
            });
        }
        // ORDERING: as above.
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        condition(&guard).then_some(guard)
    }
}
