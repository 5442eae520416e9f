//! What can go wrong with tasks.

use thiserror::Error;

use crate::exit::Exit;

/// Why a task was not taken. It was not run and will not be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// There is no such worker.
    #[error("there is no worker {rank}: there are {count}")]
    NoSuchWorker {
        /// The rank asked for.
        rank: usize,
        /// The number of workers.
        count: usize,
    },
    /// As many tasks are unanswered as a worker may have; take an answer, or drop a ticket, first.
    #[error("worker {rank} has {capacity} tasks unanswered, as many as it may have")]
    Full {
        /// The worker.
        rank: usize,
        /// How many it may have.
        capacity: usize,
    },
    /// The function captures something, or belongs to a shared library.
    #[error(
        "{function} cannot be called in another process: it captures something, or is not code of this executable"
    )]
    NotPlain {
        /// The function's type.
        function: &'static str,
    },
    /// The ring is full although few tasks are unanswered, so the worker wrote where it must not:
    /// [`Workers::restart`](crate::Workers::restart) replaces it.
    #[error("worker {rank} has broken its ring")]
    Broken {
        /// The worker.
        rank: usize,
    },
    /// The worker has ended; [`Workers::restart`](crate::Workers::restart) replaces it.
    #[error("worker {rank} (process {pid}) has ended with {exit}")]
    Dead {
        /// The worker.
        rank: usize,
        /// Its process.
        pid: u32,
        /// How it ended.
        exit: Exit,
    },
}

/// Why a task has no result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// It was not taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The function panicked. The worker lives on.
    #[error("{task} panicked in worker {rank}: {message}")]
    Panicked {
        /// The worker.
        rank: usize,
        /// The function.
        task: &'static str,
        /// The panic's message, cut to 256 bytes.
        message: String,
    },
    /// The worker ended before it answered. Whether it had begun, or even finished, the task is not known.
    #[error("worker {rank} (process {pid}) ended with {exit} while it ran {running}; {task} has no answer")]
    Died {
        /// The worker.
        rank: usize,
        /// Its process.
        pid: u32,
        /// The function that was to be answered.
        task: &'static str,
        /// The first function that was not answered: most likely the one that was running.
        running: &'static str,
        /// How the worker ended.
        exit: Exit,
    },
    /// No answer by the deadline. The worker may still be running the task: it takes no other until it is done. Who does not want
    /// to wait for that restarts it.
    #[error("{task} was not answered by worker {rank} in time")]
    TimedOut {
        /// The worker.
        rank: usize,
        /// The function.
        task: &'static str,
    },
    /// The worker answered something that is no answer. Nothing from it can be trusted any more, so all its later answers are
    /// errors too: restart it.
    #[error("worker {rank} answered garbage to {task}: {what}")]
    Garbage {
        /// The worker.
        rank: usize,
        /// The function.
        task: &'static str,
        /// What was wrong with the answer.
        what: String,
    },
}
