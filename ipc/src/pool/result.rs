//! The claim to the result of a task that runs.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::Core;
use super::error::TaskError;
use super::state::State;
use super::tasks::{Label, Notify, Outcome, TaskKey};

/// The claim to the result of a call that was made by [`Pool::apply_async`](super::Pool::apply_async) and its like.
///
/// It is a [`Future`] too, of any executor: the pool's own thread wakes it. Dropping it throws the result away; the task runs
/// nevertheless, unless it is [cancelled](AsyncResult::cancel).
#[must_use = "the result is thrown away with it"]
pub struct AsyncResult<R> {
    core: Arc<Core>,
    label: Label,
    parts: Vec<Part>,
    /// The parts that are over and were taken out, in their order.
    taken: Vec<Outcome>,
    read: Read<R>,
    kill: bool,
    over: bool,
}

/// A task, and how many elements it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) key: TaskKey,
    pub(crate) label: Label,
    pub(crate) count: usize,
}

/// Makes one result of the outcomes of all parts.
type Read<R> = fn(&[Part], Vec<Outcome>) -> Result<R, TaskError>;

impl<R> AsyncResult<R> {
    pub(crate) fn new(core: Arc<Core>, label: Label, parts: Vec<Part>, read: Read<R>, kill: bool) -> Self {
        AsyncResult { core, label, parts, taken: Vec::new(), read, kill, over: false }
    }

    /// Waits for the result, however long it takes.
    ///
    /// # Errors
    ///
    /// See [`TaskError`].
    pub fn get(mut self) -> Result<R, TaskError> {
        self.settle(None).unwrap_or(Err(TaskError::Taken { task: self.label.name }))
    }

    /// Waits for the result no longer than `limit`. After [`TaskError::TimedOut`] it may be called again, unless the pool was told to
    /// [kill](super::Pool::kill_on_timeout) what takes too long.
    ///
    /// # Errors
    ///
    /// [`TaskError::TimedOut`], [`TaskError::Taken`] if it was called before with success, and others; see there.
    pub fn get_timeout(&mut self, limit: Duration) -> Result<R, TaskError> {
        let task = self.label.name;
        if self.over {
            return Err(TaskError::Taken { task });
        }
        let deadline = Instant::now().checked_add(limit);
        match self.settle(deadline) {
            Some(result) => result,
            None if self.kill => {
                let mut state = self.core.state.lock();
                for part in &self.parts[self.taken.len()..] {
                    state.cut_short(part.key, limit);
                }
                self.core.release(state);
                // The kernel takes a killed process down soon.
                self.settle(None).unwrap_or(Err(TaskError::TimedOut { task, limit }))
            }
            None => Err(TaskError::TimedOut { task, limit }),
        }
    }

    /// Waits until there is a result or an error, at most for `limit`; `None` means no limit. Returns whether there is.
    pub fn wait(&self, limit: Option<Duration>) -> bool {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        self.core.wait(deadline, |state, notify| self.look(state, notify)).is_some()
    }

    /// Whether there is a result or an error.
    pub fn ready(&self) -> bool {
        let mut state = self.core.state.lock();
        state.pump();
        let ready = self.look(&mut state, None).is_some();
        self.core.release(state);
        ready
    }

    /// Whether the result is no error: `None` while there is none.
    pub fn successful(&self) -> Option<bool> {
        let mut state = self.core.state.lock();
        state.pump();
        let over = self.look(&mut state, None).is_some();
        let fine = over
            && self.taken.iter().all(Outcome::is_done)
            && self.left().iter().all(|part| state.tasks.get(part.key).is_some_and(|task| task.is_done()));
        self.core.release(state);
        over.then_some(fine)
    }

    /// Cancels what has not begun; returns whether that is all of it, so that it never runs. [`get`](AsyncResult::get) then is
    /// [`TaskError::Cancelled`]. A task that has begun goes on: see [`Pool::kill_on_timeout`](super::Pool::kill_on_timeout) and
    /// [`Pool::terminate`](super::Pool::terminate).
    pub fn cancel(&self) -> bool {
        let mut state = self.core.state.lock();
        let cancelled = self.left().iter().filter(|part| state.cancel(part.key, Outcome::Cancelled)).count();
        self.core.release(state);
        cancelled == self.parts.len()
    }

    fn left(&self) -> &[Part] {
        &self.parts[self.taken.len()..]
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Whether all parts are over; else watches the first that is not.
    pub(crate) fn look(&self, state: &mut State, notify: Option<&Notify>) -> Option<()> {
        let unfinished =
            self.left().iter().find(|part| state.tasks.get(part.key).is_some_and(|task| !task.is_over()));
        match (unfinished, notify) {
            (None, _) => Some(()),
            (Some(part), Some(notify)) => {
                state.watch(part.key, notify.clone());
                None
            }
            (Some(_), None) => None,
        }
    }

    /// Waits for all parts; `None` if that takes too long.
    fn settle(&mut self, deadline: Option<Instant>) -> Option<Result<R, TaskError>> {
        let core = Arc::clone(&self.core);
        core.wait(deadline, |state, notify| self.take(state, notify))?;
        Some(self.finish())
    }

    /// Takes the parts that are over; `Some` if these are all.
    fn take(&mut self, state: &mut State, notify: Option<&Notify>) -> Option<()> {
        while let Some(part) = self.parts.get(self.taken.len()) {
            match state.take(part.key) {
                Some(outcome) => self.taken.push(outcome),
                None => {
                    if let Some(notify) = notify {
                        state.watch(part.key, notify.clone());
                    }
                    return None;
                }
            }
        }
        Some(())
    }

    fn finish(&mut self) -> Result<R, TaskError> {
        if core::mem::replace(&mut self.over, true) {
            return Err(TaskError::Taken { task: self.label.name });
        }
        (self.read)(&self.parts, core::mem::take(&mut self.taken))
    }
}

impl<R> Future for AsyncResult<R> {
    type Output = Result<R, TaskError>;

    /// # Panics
    ///
    /// It was polled to its end before.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.over, "polled after its end");
        let this = &mut *self;
        let core = Arc::clone(&this.core);
        let mut state = core.state.lock();
        state.pump();
        let notify = Notify::Future(context.waker().clone());
        let all = this.take(&mut state, Some(&notify)).is_some();
        core.release(state);
        if all {
            return Poll::Ready(this.finish());
        }
        core.leave_to_handler();
        Poll::Pending
    }
}

impl<R> Drop for AsyncResult<R> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut state = self.core.state.lock();
        self.left().iter().for_each(|part| state.abandon(part.key));
    }
}

impl<R> fmt::Debug for AsyncResult<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncResult")
            .field("task", &self.label.name)
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}
