//! Who uses a named file, and who may remove it.

use core::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use memmap2::MmapRaw;

use crate::os;
use crate::peers::{Mark, PeerId, keep_open};

/// The byte that is locked by all who use the file; behind those of the peers.
const IN_USE: u32 = PeerId::SLOTS as u32;
/// The byte that is locked by who removes the file's name.
const REMOVAL: u32 = IN_USE + 1;

/// Keeps a file in use, until this is dropped or the process ends. A forked child does not have it.
pub(crate) struct Hold {
    mark: Mark,
    lock: Option<MmapRaw>,
}

impl Hold {
    /// Takes a file into use; `None` if somebody is cleaning it away.
    pub(super) fn take(fd: BorrowedFd<'_>) -> io::Result<Option<Hold>> {
        let own = os::reopen(fd)?;
        if !os::share_byte(&own, IN_USE)? {
            return Ok(None);
        }
        let mark = Mark::new(1)?;
        Ok(Some(Hold { mark, lock: Some(keep_open(&own)?) }))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.mark.get() == 0 {
            // A forked child never had the mapping, whose addresses may be another's now.
            core::mem::forget(self.lock.take());
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold")
    }
}

/// Whether somebody else than the file description behind `fd` uses the file.
pub(super) fn is_in_use(fd: BorrowedFd<'_>) -> io::Result<bool> {
    os::is_byte_locked(fd, IN_USE)
}

/// Keeps everybody from using a file, while the description behind `fd` is open; `false` if somebody uses it.
pub(super) fn take_alone(fd: &OwnedFd) -> io::Result<bool> {
    os::lock_byte(fd, IN_USE)
}

/// Keeps others from removing a file's name, while the result lives; `None` if somebody is at it.
pub(super) fn removal(fd: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    let own = os::reopen(fd.as_fd())?;
    Ok(os::lock_byte(&own, REMOVAL)?.then_some(own))
}
