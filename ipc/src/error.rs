//! What can go wrong with workers.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::exit::Exit;
use crate::image::Identity;
use crate::segment::CreateError;

/// Why workers could not be started. Those that were are killed and reaped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// No workers, or more than a process can watch.
    #[error("cannot start {count} workers: between 1 and {max} are possible")]
    Count {
        /// The number asked for.
        count: usize,
        /// The largest possible.
        max: usize,
    },
    /// The code by which a worker is recognised before `main` did not run in this program, so it would not in the workers.
    #[error(
        "the entry before `main` did not run in this program, so workers would not be recognised: was `.init_array` dropped \
         when linking, or is this crate in a library that was loaded later?"
    )]
    NoEntry,
    /// The control segment of a worker could not be created.
    #[error("no control segment for worker {rank}")]
    Control {
        /// The worker.
        rank: usize,
        /// Why.
        source: CreateError,
    },
    /// The process could not be started.
    #[error("worker {rank} could not be started")]
    Spawn {
        /// The worker.
        rank: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The thread that watches the workers could not be started.
    #[error("no supervisor for the workers")]
    Supervisor {
        /// What the system said.
        source: io::Error,
    },
    /// The executable that was started is of another build.
    #[error("worker {rank} is of another build and was refused: it is {worker}, this program is {parent}")]
    Refused {
        /// The worker.
        rank: usize,
        /// The worker's build.
        worker: Identity,
        /// This program's build.
        parent: Identity,
    },
    /// The worker ended before it was ready.
    #[error("worker {rank} (process {pid}) ended with {exit} before it was ready")]
    Died {
        /// The worker.
        rank: usize,
        /// Its process.
        pid: u32,
        /// How it ended.
        exit: Exit,
    },
    /// The worker was not ready in time.
    #[error("worker {rank} (process {pid}) was not ready within {limit:?}")]
    TimedOut {
        /// The worker.
        rank: usize,
        /// Its process.
        pid: u32,
        /// The limit.
        limit: Duration,
    },
    /// The worker's first message made no sense.
    #[error("worker {rank} (process {pid}) began with garbage: {what}")]
    Garbage {
        /// The worker.
        rank: usize,
        /// Its process.
        pid: u32,
        /// What was wrong with it.
        what: String,
    },
}

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
