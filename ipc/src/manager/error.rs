//! What can go wrong between a proxy and its server.

use std::io;

use thiserror::Error;

/// Why a manager did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// No process could be started.
    #[error(transparent)]
    Worker(#[from] crate::StartError),
    /// The task was not accepted by the process.
    #[error(transparent)]
    Submit(#[from] crate::SubmitError),
    /// There is no socket to be had.
    #[error("the system has no socket for a manager")]
    Socket {
        /// What the system said.
        source: io::Error,
    },
    /// The server does not answer.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// Why there is no connection to a manager.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody listens by this name, or not any more.
    #[error("no manager {name:?} listens")]
    NotThere {
        /// The name asked for.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is another user's. Nothing was sent to it.
    #[error("the manager {name:?} is of user {theirs}, and this process of user {ours}")]
    OtherUser {
        /// The name asked for.
        name: String,
        /// The server's user.
        theirs: u32,
        /// This process's.
        ours: u32,
    },
    /// What listens is no manager of this version, or it refused this process.
    #[error("what listens as {name:?} is no manager of this version")]
    NoManager {
        /// The name asked for.
        name: String,
    },
}

/// Why a proxy's method has no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// The manager cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection broke in the middle; whether it was done is not known.
    #[error("the connection to the manager broke")]
    Broken {
        /// What the system said.
        source: io::Error,
    },
    /// The object was deleted, or never was.
    #[error("there is no such object")]
    NoSuchObject,
    /// The object is of another kind.
    #[error("the object is of another kind")]
    OtherKind,
    /// Nothing was published by this name.
    #[error("nothing was published as {name:?}")]
    NoSuchName {
        /// The name asked for.
        name: String,
    },
    /// The list has no such element.
    #[error("the list has no such element")]
    OutOfBounds,
    /// The time was over.
    #[error("the time is over")]
    TimedOut,
    /// A key, value or item cannot be serialized.
    #[error("it cannot be serialized")]
    Serialize {
        /// What postcard said.
        source: postcard::Error,
    },
    /// What the server has is not of this type.
    #[error("what the manager has is not of this type")]
    Deserialize {
        /// What postcard said.
        source: postcard::Error,
    },
    /// The server answers what was not asked.
    #[error("the manager does not keep to the protocol")]
    Protocol,
}
