//! What can go wrong with a job.

use std::time::Duration;

/// Why a job has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The number of workers is 0, over the limit of the model, or not a multiple that it needs.
    #[error("{model} cannot run with {workers} workers: {reason}")]
    Workers {
        /// The model's name.
        model: &'static str,
        /// The number asked for.
        workers: usize,
        /// What the model needs.
        reason: &'static str,
    },
    /// The memory of the job could not be had.
    #[error("the job's segment of {bytes} bytes could not be made: {source}")]
    Segment {
        /// Bytes asked for.
        bytes: usize,
        /// The cause.
        source: heddle_ipc::CreateError,
    },
    /// What the kernel needs besides memory could not be started.
    #[error("the kernel's service could not be started: {0}")]
    Service(#[from] std::io::Error),
    /// Worker processes could not be started.
    #[error("worker processes could not be started: {0}")]
    Start(#[from] heddle_ipc::StartError),
    /// A task could not be handed to a worker process.
    #[error("rank {rank} could not be handed its task: {source}")]
    Submit {
        /// The member's rank.
        rank: usize,
        /// The cause.
        source: heddle_ipc::SubmitError,
    },
    /// A worker process died, panicked, ran out of time or answered garbage.
    #[error("rank {rank}: {source}")]
    Call {
        /// The member's rank.
        rank: usize,
        /// What happened to it, with the task and the signal.
        source: heddle_ipc::CallError,
    },
    /// A member panicked; the others were released from their barriers.
    #[error("rank {rank} panicked: {message}")]
    Panicked {
        /// The rank of the first member that panicked.
        rank: usize,
        /// Its message.
        message: String,
    },
    /// Two members returned different answers.
    #[error("rank {rank} answered differently from rank 0")]
    Disagree {
        /// The first rank whose answer differs.
        rank: usize,
    },
    /// The job did not end in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

/// What a verifier found wrong in the output of a kernel.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{what}: expected {expected}, found {found}")]
pub struct Mismatch {
    /// Which quantity, with its index where it has one.
    pub what: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl Mismatch {
    /// Compares two values: `Ok` if they are equal.
    ///
    /// # Errors
    /// A mismatch that names `what` and both values.
    pub fn unless_equal<T: PartialEq + std::fmt::Debug>(
        what: impl FnOnce() -> String,
        expected: T,
        found: T,
    ) -> Result<(), Mismatch> {
        if expected == found {
            return Ok(());
        }
        Err(Mismatch { what: what(), expected: format!("{expected:?}"), found: format!("{found:?}") })
    }
}
