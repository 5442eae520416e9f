//! Segments with names, by which unrelated processes find them.
//!
//! [`SharedMemory`] is Python's, with these differences: a segment has its name from the moment on at which it is ready, and not before; a failed
//! attempt to open one removes nothing; nothing is removed because some process ends. What processes leave behind is for
//! [`list`] to find and for [`clean`] to remove.
//!
//! # Where they are
//!
//! In `/dev/shm/heddle-<user id>`, a directory of mode 0700 that is made when it is needed and removed when it is empty. A directory
//! of the user's own keeps others from taking names in advance and from seeing them; one that another user made at its place is
//! refused. Where systemd's `RemoveIPC` is on, it removes the directory of a user who logs out.
//!
//! # How it is known that nobody uses a segment
//!
//! Whoever has one open holds a shared lock on a byte of the file, by way of a mapping, as a [`Member`](crate::Member) holds its own: the kernel
//! releases it when the process is gone, and no process id is involved. The steps, of which each may be the last of whoever takes it:
//!
//! 1. A creator makes a nameless file, allocates and initialises it, takes the shared lock, and then links the name, which fails
//!    if it is taken. Whoever dies on the way leaves nothing; from the name on the segment is whole and in use.
//! 2. Who opens a name takes the shared lock, and then looks whether the file still has a name. If it has not, or the lock cannot be
//!    had, somebody is removing it, and the name is opened anew.
//! 3. Who cleans takes the byte's lock for itself alone, which only works if nobody has the file open; while it has the lock, step 2
//!    waits. So what somebody has open is never cleaned away, and what is cleaned away is never opened.
//! 4. Who unlinks a name holds the lock of another byte of the very file, under which it looks that the name still means this file.
//!    No other name can have come in between, since the old one would have had to be removed, under the same lock.
//!
//! # What is trusted
//!
//! A file with a name cannot be sealed against shrinking, as a memfd can. Every process of the same user may truncate it, or punch holes into it,
//! and the next access behind the cut is a SIGBUS. So named segments are for trusted peers: programs of the same user, that use this
//! module. What is checked on opening (a regular file, the user's own, of mode 0600, as long as its header says, fully allocated)
//! keeps accidents and other users out. Since the memory is allocated at creation, a full `/dev/shm` is an error there,
//! and never a SIGBUS later.
//!
//! - `memory`: the segment;
//! - `directory`: names, and the files behind them;
//! - `hold`: the locks;
//! - `leftovers`: what nobody uses;
//! - `error`: what can go wrong.

mod directory;
mod error;
mod hold;
mod leftovers;
mod memory;

pub use error::{CreateError, OpenError, RootError};
pub(crate) use hold::Hold;
pub use leftovers::{Entry, clean, clean_if, list};
pub use memory::{MAX_NAME, SharedMemory};
