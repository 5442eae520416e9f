//! What can go wrong with named segments.

use std::io;

use thiserror::Error;

use super::memory::MAX_NAME;
use crate::arena::AllocError;
use crate::peers::JoinError;
use crate::segment::BoundsError;

/// Why a named segment could not be created. Nothing is left behind, and no other segment is touched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The name is empty, `.` or `..`, has a `/` or a NUL in it, or is too long.
    #[error("{name:?} cannot name a segment: 1 to {MAX_NAME} bytes, no `/`, no NUL, not `.` or `..`")]
    Name {
        /// The name asked for.
        name: String,
    },
    /// A segment without contents.
    #[error("a named segment cannot be empty")]
    Empty,
    /// Longer than an address space can hold.
    #[error("a segment of {len} bytes is too long for this address space")]
    TooLong {
        /// The length asked for.
        len: usize,
    },
    /// There is something of this name.
    #[error("there is a segment named {name:?} already")]
    Exists {
        /// The name asked for.
        name: String,
    },
    /// `/dev/shm`, memory, or the limits on it do not suffice.
    #[error("no memory for a segment of {len} bytes")]
    NoMemory {
        /// The length asked for.
        len: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The segment could not be joined, which its initialisation needs.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The initialisation found no room in the segment.
    #[error(transparent)]
    Alloc(#[from] AllocError),
    /// The user's directory in `/dev/shm` is another's, or open to others.
    #[error("{path} is not this user's alone")]
    Directory {
        /// Where the directory is.
        path: String,
    },
    /// The system refused for another reason: `/dev/shm` or `/proc` is not there, or there are no descriptors left.
    #[error("the system cannot create a named segment")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

/// Why a named segment could not be opened. Nothing is changed, and nothing removed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// As [`CreateError::Name`].
    #[error("{name:?} cannot name a segment: 1 to {MAX_NAME} bytes, no `/`, no NUL, not `.` or `..`")]
    Name {
        /// The name asked for.
        name: String,
    },
    /// There is no segment of this name.
    #[error("there is no segment named {name:?}")]
    NotFound {
        /// The name asked for.
        name: String,
    },
    /// A symbolic link, a directory, or something else.
    #[error("not a segment: no regular file")]
    NotAFile,
    /// Another user's file.
    #[error("not a segment of this user: it belongs to user {found}")]
    Owner {
        /// Who owns it.
        found: u32,
    },
    /// Others may read or write it, or its owner may not.
    #[error("not a segment: its mode is {found:#o} instead of 0600")]
    Mode {
        /// Its mode.
        found: u32,
    },
    /// Memory is missing, of which an access might be a SIGBUS.
    #[error("not a segment: only {allocated} of its {len} bytes are allocated")]
    Holes {
        /// Bytes that have memory.
        allocated: u64,
        /// The file's length.
        len: u64,
    },
    /// The file holds no segment that this build can use.
    #[error(transparent)]
    Segment(#[from] crate::segment::OpenError),
    /// The header's word about the contents leads nowhere.
    #[error("the segment's header is damaged")]
    Damaged {
        /// What is wrong with the place.
        source: BoundsError,
    },
    /// The contents are of another type.
    #[error(transparent)]
    Root(#[from] RootError),
    /// As [`CreateError::Directory`].
    #[error("{path} is not this user's alone")]
    Directory {
        /// Where the directory is.
        path: String,
    },
    /// The system refused for another reason.
    #[error("the system cannot open the segment")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

/// The segment's contents are of another type, or of another size or alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the segment does not hold a {expected}")]
pub struct RootError {
    /// The type asked for.
    pub expected: &'static str,
}
