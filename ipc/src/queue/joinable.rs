//! Items that are to be done.

use core::fmt;
use core::mem::ManuallyDrop;
use std::time::Duration;

use super::core::{Core, Ends, Limit};
use super::error::{GetError, PutError, TryGetError, TryPutError};
use super::home::Home;
use super::homed;
use super::plain::limit_of;

/// A [`Queue`](super::Queue) of tasks, and a wait until all are done: Python's `JoinableQueue`.
///
/// What [`get`](JoinableQueue::get) returns is a [`Task`], which is done when it is dropped; until then it counts for
/// [`join`](JoinableQueue::join). If its process dies before, the task comes out once more, for another process: so tasks are done at
/// least once, and `join` never waits for the dead. Clones are the same queue.
///
/// Tasks that were got and are not done use up room: beyond 64 of them, as many less can be put as there are.
///
/// ```
/// use heddle_ipc::queue::JoinableQueue;
///
/// let tasks = JoinableQueue::new(4)?;
/// tasks.put(1_u64)?;
/// let task = tasks.get()?;
/// assert!(!tasks.join_timeout(std::time::Duration::from_millis(1)), "got, and not done");
/// task.done();
/// tasks.join();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JoinableQueue<T> {
    pub(super) core: Core<T>,
}

homed!(JoinableQueue, "a queue of tasks");

impl<T> JoinableQueue<T> {
    pub(super) fn over(home: Home<T>) -> Self {
        JoinableQueue { core: Core::new(home, Ends::Same) }
    }
}

impl<T: Copy> JoinableQueue<T> {
    /// Puts a task at the end; waits for room.
    ///
    /// # Errors
    ///
    /// The queue is closed; the task comes back.
    pub fn put(&self, task: T) -> Result<(), PutError<T>> {
        self.core.put(task, Limit::Never).map_err(|error| PutError(error.into_inner()))
    }

    /// Puts a task at the end, if there is room.
    ///
    /// # Errors
    ///
    /// See [`TryPutError`]; the task comes back.
    pub fn try_put(&self, task: T) -> Result<(), TryPutError<T>> {
        self.core.put(task, Limit::Now)
    }

    /// Takes the first task; waits for one.
    ///
    /// # Errors
    ///
    /// The queue is closed, and empty.
    pub fn get(&self) -> Result<Task<'_, T>, GetError> {
        self.core.take(Limit::Never).map(|cell| self.task(cell)).map_err(|_| GetError)
    }

    /// Takes the first task, if there is one.
    ///
    /// # Errors
    ///
    /// See [`TryGetError`].
    pub fn try_get(&self) -> Result<Task<'_, T>, TryGetError> {
        self.core.take(Limit::Now).map(|cell| self.task(cell))
    }

    /// Takes the first task; waits for one, for so long at most.
    ///
    /// # Errors
    ///
    /// See [`TryGetError`].
    pub fn get_timeout(&self, limit: Duration) -> Result<Task<'_, T>, TryGetError> {
        self.core.take(limit_of(limit)).map(|cell| self.task(cell))
    }

    /// Waits until every task that was put is done.
    pub fn join(&self) {
        self.core.wait_idle(Limit::Never);
    }

    /// As [`join`](JoinableQueue::join), for so long at most; returns whether all are done.
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.core.wait_idle(limit_of(limit))
    }

    /// Says that nothing is to be put any more. What is in the queue is still to be got.
    pub fn close(&self) {
        self.core.home.words().close();
    }

    fn task(&self, cell: usize) -> Task<'_, T> {
        Task { core: &self.core, cell, item: self.core.home.cells().read(cell) }
    }
}

impl<T> Clone for JoinableQueue<T> {
    fn clone(&self) -> Self {
        JoinableQueue { core: self.core.clone() }
    }
}

impl<T> fmt::Debug for JoinableQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinableQueue")
            .field("closed", &self.core.home.words().is_closed())
            .finish_non_exhaustive()
    }
}

/// A task of a [`JoinableQueue`], which is done when this is dropped.
#[must_use = "the task counts as done as soon as this is dropped"]
pub struct Task<'a, T: Copy> {
    core: &'a Core<T>,
    cell: usize,
    item: T,
}

impl<T: Copy> Task<'_, T> {
    /// Says that the task is done; dropping says it too.
    pub fn done(self) {}

    /// What is left of a task whose process dies.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub fn left_behind(self) {
        core::mem::forget(self);
    }

    /// The task, which stays undone for as long as this process lives.
    pub fn leak(self) -> T {
        ManuallyDrop::new(self).item
    }
}

impl<T: Copy> core::ops::Deref for Task<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T: Copy> Drop for Task<'_, T> {
    fn drop(&mut self) {
        self.core.release(self.cell);
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Task<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.item).finish()
    }
}
