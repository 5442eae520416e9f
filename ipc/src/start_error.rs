//! What can go wrong when workers start.

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
