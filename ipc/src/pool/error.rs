//! What can go wrong with a pool.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::exit::Exit;
use crate::segment::CreateError;

/// Why a pool could not be started. Nothing of it is left.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A worker process could not be started.
    #[error(transparent)]
    Workers(#[from] crate::StartError),
    /// The shared memory could not be created.
    #[error("no shared memory for the pool")]
    Memory(#[from] CreateError),
    /// The thread that handles the pool could not be started.
    #[error("no handler for the pool")]
    Handler {
        /// What the system said.
        source: io::Error,
    },
    /// The initializer cannot be sent to a worker.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The initializer failed, or its worker kept dying.
    #[error("the workers could not be set up: {reason}")]
    Initializer {
        /// What happened.
        reason: String,
    },
}

/// Why a task was not taken. It was not run and will not be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The pool takes no more: it was closed or terminated.
    #[error("the pool is closed")]
    Closed,
    /// The pool has no workers any more, and cannot get any.
    #[error("the pool is broken: {reason}")]
    Broken {
        /// What happened.
        reason: String,
    },
    /// The function belongs to a shared library.
    #[error("{function} cannot be called in another process: it is not code of this executable")]
    NotPlain {
        /// The function's type.
        function: &'static str,
    },
    /// serde could not make bytes out of the argument.
    #[error("the argument of {function} cannot be sent: {source}")]
    Encode {
        /// The function's type.
        function: &'static str,
        /// What was wrong with it.
        source: postcard::Error,
    },
}

/// Why a task has no result.
///
/// `index` is the number of the element among those that were given to `map` and its like; `None` for a task by itself.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It was not taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The function panicked. The worker goes on.
    #[error("{}: {message}", named("panicked", task, index))]
    Panicked {
        /// The function.
        task: &'static str,
        /// Which element.
        index: Option<usize>,
        /// The panic's message.
        message: String,
    },
    /// The worker ended while it was at the task, which may have been done in part, or wholly. Another worker has taken its place.
    #[error("{}: its worker (process {pid}) ended with {exit}", named("died", task, index))]
    Died {
        /// The function.
        task: &'static str,
        /// Which element.
        index: Option<usize>,
        /// The worker's process.
        pid: u32,
        /// How it ended.
        exit: Exit,
    },
    /// No answer in time. Whether the task goes on is said by who returns this.
    #[error("{task} was not answered within {limit:?}")]
    TimedOut {
        /// The function.
        task: &'static str,
        /// The time that was given.
        limit: Duration,
    },
    /// It was cancelled before it had begun.
    #[error("{task} was cancelled")]
    Cancelled {
        /// The function.
        task: &'static str,
    },
    /// The pool was terminated before it was done.
    #[error("the pool was terminated before {task} was done")]
    Terminated {
        /// The function.
        task: &'static str,
    },
    /// The pool broke before it was done: see [`SubmitError::Broken`].
    #[error("the pool broke before {task} was done: {reason}")]
    Broken {
        /// The function.
        task: &'static str,
        /// What happened.
        reason: String,
    },
    /// There was no memory to send so many bytes of argument or result.
    #[error("{}: no memory for {len} bytes", named("was not done", task, index))]
    NoMemory {
        /// The function.
        task: &'static str,
        /// Which element.
        index: Option<usize>,
        /// Bytes that were needed.
        len: u64,
    },
    /// The argument or the result does not survive serde: what was written cannot be read back, or the result cannot be written.
    #[error("{}: {what}", named("was not understood", task, index))]
    Garbage {
        /// The function.
        task: &'static str,
        /// Which element.
        index: Option<usize>,
        /// What was wrong.
        what: String,
    },
    /// The result was taken before.
    #[error("the result of {task} was taken before")]
    Taken {
        /// The function.
        task: &'static str,
    },
}

fn named(what: &str, task: &str, index: &Option<usize>) -> String {
    match index {
        Some(index) => format!("{task} {what} at element {index}"),
        None => format!("{task} {what}"),
    }
}

/// Why a pool could not be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// It still takes tasks: [`close`](super::Pool::close) or [`terminate`](super::Pool::terminate) it first.
    #[error("the pool still takes tasks: close or terminate it first")]
    Open,
    /// Tasks still run.
    #[error("the pool was not done in time")]
    TimedOut,
}
