//! The pool as an executor of futures, after Python's `concurrent.futures`.

use core::fmt;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::SubmitError;
use super::job::Sendable;
use super::map::Imap;
use super::result::AsyncResult;
use super::state::State;
use super::tasks::{Notify, Outcome};
use super::{JoinError, Pool};

/// A [`Pool`] with the names of Python's `concurrent.futures`: [`submit`](Executor::submit), [`map`](Executor::map),
/// [`shutdown`](Executor::shutdown). Its futures are [`AsyncResult`]s.
///
/// ```
/// use heddle_ipc::pool::{Pool, as_completed};
///
/// let executor = Pool::new(2)?.executor();
/// let squares: Vec<_> = (1..5).map(|x| executor.submit(|x: u64| x * x, x)).collect::<Result<_, _>>()?;
/// let mut sum = 0;
/// for square in as_completed(squares) {
///     sum += square.get()?;
/// }
/// assert_eq!(sum, 30);
/// executor.shutdown(false)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Executor {
    pool: Pool,
}

impl Pool {
    /// The same pool with other names for its methods.
    pub fn executor(&self) -> Executor {
        Executor { pool: self.clone() }
    }

    /// Cancels all tasks that have not begun; those who wait for them get [`TaskError::Cancelled`](super::TaskError::Cancelled). Returns how many there were.
    pub fn cancel_pending(&self) -> usize {
        let core = self.core();
        let mut state = core.state.lock();
        let unfinished = state.tasks.unfinished();
        let cancelled = unfinished.into_iter().filter(|&key| state.cancel(key, Outcome::Cancelled)).count();
        core.release(state);
        cancelled
    }
}

impl Executor {
    /// Has one of the processes run `f(argument)`: [`Pool::apply_async`].
    ///
    /// # Errors
    ///
    /// See [`SubmitError`].
    pub fn submit<F, A, R>(&self, f: F, argument: A) -> Result<AsyncResult<R>, SubmitError>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Sendable,
        R: Sendable,
    {
        self.pool.apply_async(f, argument)
    }

    /// `f` of each item, in their order, as they are asked for: [`Pool::imap`] one by one.
    ///
    /// # Errors
    ///
    /// See [`SubmitError`].
    pub fn map<F, I, R>(&self, f: F, items: I) -> Result<Imap<I::IntoIter, R>, SubmitError>
    where
        F: Fn(I::Item) -> R + Copy + 'static,
        I: IntoIterator<Item: Sendable>,
        R: Sendable,
    {
        self.pool.imap(f, items, 1)
    }

    /// Takes no more tasks, and waits until those that were taken are done and the processes have ended. If `cancel_pending`, those that
    /// have not begun are cancelled.
    ///
    /// # Errors
    ///
    /// None but those of [`Pool::join`].
    pub fn shutdown(&self, cancel_pending: bool) -> Result<(), JoinError> {
        self.pool.close();
        if cancel_pending {
            self.pool.cancel_pending();
        }
        self.pool.join()
    }
}

/// When [`wait`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnWhen {
    /// As soon as one is over.
    FirstCompleted,
    /// As soon as one has ended in an error, or all are over.
    FirstError,
    /// When all are over.
    AllCompleted,
}

/// Waits for several results, at most for `limit`; `None` means no limit. Returns the numbers of those that are over, in their order.
///
/// They may be of several pools.
pub fn wait<R>(results: &[AsyncResult<R>], when: ReturnWhen, limit: Option<Duration>) -> Vec<usize> {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let over: Vec<usize> = (0..results.len()).filter(|&at| results[at].ready()).collect();
        let enough = match when {
            ReturnWhen::FirstCompleted => !over.is_empty() || results.is_empty(),
            ReturnWhen::FirstError => {
                over.len() == results.len() || over.iter().any(|&at| results[at].successful() == Some(false))
            }
            ReturnWhen::AllCompleted => over.len() == results.len(),
        };
        if enough || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return over;
        }
        wait_for_one_more(results, deadline);
    }
}

/// Waits until one of those that are not over is.
fn wait_for_one_more<R>(results: &[AsyncResult<R>], deadline: Option<Instant>) {
    let left: Vec<&AsyncResult<R>> = results.iter().filter(|result| !result.ready()).collect();
    let Some(first) = left.first() else { return };
    if left.iter().all(|result| Arc::ptr_eq(result.core(), first.core())) {
        first.core().wait(deadline, |state, notify| any_over(&left, state, notify));
        return;
    }
    // Each pool's handler tells this thread.
    let parker = heddle_primitives::Parker::new();
    let notify = Notify::Thread(parker.unparker().clone());
    for result in &left {
        let mut state = result.core().state.lock();
        state.pump();
        let over = any_over(&[*result], &mut state, Some(&notify)).is_some();
        result.core().release(state);
        if over {
            return;
        }
        result.core().leave_to_handler();
    }
    match deadline {
        Some(deadline) => {
            parker.park_deadline(deadline);
        }
        None => parker.park(),
    }
}

fn any_over<R>(results: &[&AsyncResult<R>], state: &mut State, notify: Option<&Notify>) -> Option<()> {
    let over = results.iter().any(|result| result.look(state, None).is_some());
    if let (false, Some(notify)) = (over, notify) {
        results.iter().for_each(|result| {
            result.look(state, Some(notify));
        });
    }
    over.then_some(())
}

/// The results as they come: an iterator that waits for the next one that is over.
///
/// They may be of several pools.
pub fn as_completed<R>(results: impl IntoIterator<Item = AsyncResult<R>>) -> AsCompleted<R> {
    AsCompleted { left: results.into_iter().collect(), over: VecDeque::new() }
}

/// What [`as_completed`] returns.
#[must_use = "it waits for results when it is asked for them"]
pub struct AsCompleted<R> {
    left: Vec<AsyncResult<R>>,
    over: VecDeque<AsyncResult<R>>,
}

impl<R> Iterator for AsCompleted<R> {
    type Item = AsyncResult<R>;

    fn next(&mut self) -> Option<AsyncResult<R>> {
        if self.over.is_empty() {
            let over = wait(&self.left, ReturnWhen::FirstCompleted, None);
            // The last first, so that the others keep their numbers.
            for at in over.into_iter().rev() {
                self.over.push_front(self.left.remove(at));
            }
        }
        self.over.pop_front()
    }
}

impl<R> fmt::Debug for AsCompleted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &(self.left.len() + self.over.len()))
            .finish_non_exhaustive()
    }
}
