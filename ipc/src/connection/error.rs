//! What can go wrong at either end.

use std::io;

use thiserror::Error;

use super::address::Address;
use crate::peers::JoinError;
use crate::ring::{self, AttachError, CreateError};
use crate::segment::OpenError;

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

/// Why nothing listens. Nothing is left behind.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// A path without a file's name, an empty name, or too long a one.
    #[error("{address:?} cannot be an address")]
    Address {
        /// The address asked for.
        address: Address,
    },
    /// Somebody listens there.
    #[error("somebody listens there already")]
    InUse,
    /// A file that is no socket, or another user's, is in the way.
    #[error("a file that is not one of this user's sockets is in the way")]
    NotASocket,
    /// The system refused.
    #[error("the system cannot listen there")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

/// Why nobody was accepted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// Nobody came in time.
    #[error("nobody connected in time")]
    TimedOut,
    /// Somebody came and did not become a peer. The listener goes on.
    #[error("a process that connected was not accepted")]
    Handshake {
        /// Why not.
        source: HandshakeError,
    },
    /// The system refused.
    #[error("the system cannot accept a connection")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

/// Why there is no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A path without a file's name, an empty name, or too long a one.
    #[error("{address:?} cannot be an address")]
    Address {
        /// The address asked for.
        address: Address,
    },
    /// Nobody listens there.
    #[error("nobody listens there")]
    NobodyThere,
    /// Whoever listens there did not become a peer.
    #[error("who listens there is no peer")]
    Handshake {
        /// Why not.
        source: HandshakeError,
    },
    /// The system refused.
    #[error("the system cannot connect")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

/// Why two processes that met share no memory.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The other belongs to a user that is not allowed.
    #[error("the other process belongs to user {uid}")]
    WrongUser {
        /// Its user.
        uid: u32,
    },
    /// The other said something else.
    #[error("the other process speaks something else")]
    NotOurs,
    /// The other is of a build with another conversation, or another layout.
    #[error("the other process has versions {found:?} of conversation and layout, this one has {expected:?}")]
    Version {
        /// The other's versions.
        found: (u32, u32),
        /// This build's.
        expected: (u32, u32),
    },
    /// The other took too long.
    #[error("the other process took too long")]
    TimedOut,
    /// The other went away.
    #[error("the other process went away")]
    HungUp,
    /// There is no memory for a connection.
    #[error("a connection could not be made")]
    Create {
        /// Why not.
        source: CreateError,
    },
    /// What the other sent is no segment.
    #[error("what the other process shared is no segment")]
    Open {
        /// What is wrong with it.
        source: OpenError,
    },
    /// The segment could not be joined.
    #[error("the segment that the other process shared cannot be joined")]
    Join {
        /// Why not.
        source: JoinError,
    },
    /// The segment holds no end for this process.
    #[error("the other process shared no end of a connection")]
    Attach {
        /// Why not.
        source: AttachError,
    },
    /// The system refused.
    #[error("the system cannot talk to the other process")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}
