//! What can go wrong at either end.

use std::io;

use thiserror::Error;

use crate::ring;

/// Why a message was not sent. The receiver gets nothing of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// There was not enough room in time. The next message takes the place of this one, if some of it was under way.
    #[error("no room for the message in time")]
    TimedOut,
    /// The other end is closed, or its process has died.
    #[error("nobody receives any more")]
    Disconnected,
    /// The value cannot be put into bytes.
    #[error("the value cannot be serialized")]
    Encode {
        /// What postcard said.
        source: postcard::Error,
    },
    /// The other end wrote what cannot be. Nothing more can be sent.
    #[error("the receiver writes nonsense")]
    Corrupt,
    /// The system refused to send a descriptor.
    #[error("the system cannot send a descriptor")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

/// Why nothing was received.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecvError {
    /// No message, or not all of one, came in time. What has come is kept for the next call.
    #[error("no message in time")]
    TimedOut,
    /// The other end is closed, or its process has died, and all that was sent has been received.
    #[error("nobody sends any more")]
    EndOfFile,
    /// The message is longer than the memory for it. It is still there.
    #[error("a message of {len} bytes does not fit memory for {room}")]
    TooShort {
        /// The message's bytes.
        len: usize,
        /// Bytes that there is memory for.
        room: usize,
    },
    /// The message is no value of this type. It is gone.
    #[error("the message is no value of this type")]
    Decode {
        /// What postcard said.
        source: postcard::Error,
    },
    /// The message is a file descriptor; it is still there, for [`recv_fd`](super::Receiver::recv_fd).
    #[error("the message is a file descriptor")]
    Descriptor,
    /// The message is not a file descriptor; it is still there.
    #[error("the message is no file descriptor")]
    NoDescriptor,
    /// The other end wrote what cannot be. Nothing more can be received.
    #[error("the sender writes nonsense")]
    Corrupt,
    /// The system refused to receive a descriptor.
    #[error("the system cannot receive a descriptor")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

impl From<ring::SendError> for SendError {
    fn from(error: ring::SendError) -> Self {
        match error {
            ring::SendError::Full | ring::SendError::TimedOut => SendError::TimedOut,
            ring::SendError::Disconnected => SendError::Disconnected,
            ring::SendError::Corrupt { .. } => SendError::Corrupt,
            ring::SendError::TooLong { .. } => unreachable!("longer messages go in pieces"),
        }
    }
}

impl From<ring::ReceiveError> for RecvError {
    fn from(error: ring::ReceiveError) -> Self {
        match error {
            ring::ReceiveError::Empty | ring::ReceiveError::TimedOut => RecvError::TimedOut,
            ring::ReceiveError::Disconnected => RecvError::EndOfFile,
            ring::ReceiveError::Corrupt { .. } => RecvError::Corrupt,
        }
    }
}
