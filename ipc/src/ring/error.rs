//! What can go wrong at either end.

use thiserror::Error;

/// Why a message was not sent. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// No ring of this size can ever hold it.
    #[error("a message of {len} bytes does not fit a ring whose longest has {max}")]
    TooLong {
        /// The message's bytes.
        len: usize,
        /// As many as there may be.
        max: usize,
    },
    /// There is no room now.
    #[error("the ring is full")]
    Full,
    /// There was no room by the deadline.
    #[error("the ring was still full at the deadline")]
    TimedOut,
    /// The other end is closed, or its process has died.
    #[error("nobody receives any more")]
    Disconnected,
    /// The other end wrote what cannot be. Nothing more can be sent.
    #[error("the receiver claims to have received up to byte {found} of {sent}")]
    Corrupt {
        /// How far it claims to be.
        found: u64,
        /// How far it can be.
        sent: u64,
    },
}

/// Why no message was received. If there is one, it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// There is none now.
    #[error("the ring is empty")]
    Empty,
    /// There was none by the deadline.
    #[error("the ring was still empty at the deadline")]
    TimedOut,
    /// The other end is closed, or its process has died, and all that was sent has been received.
    #[error("nobody sends any more")]
    Disconnected,
    /// The other end wrote what cannot be. Nothing more can be received.
    #[error("{found:#018x} is no head of a message")]
    Corrupt {
        /// What it wrote.
        found: u64,
    },
}
