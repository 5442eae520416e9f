//! Names, and the files behind them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Dir, FallocateFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::memory::MAX_NAME;

/// Where the system keeps files that are memory.
const MEMORY: &str = "/dev/shm";
/// The mode of each file.
const FILE_MODE: u32 = 0o600;
/// How often the directory is made anew that others remove because it is empty.
const ATTEMPTS: usize = 1000;

/// Opening never waits, whatever there is, and never follows a link.
const CAREFUL: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// A name that a file can have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'n>(&'n str);

impl<'n> Name<'n> {
    pub(super) fn new(name: &'n str) -> Option<Name<'n>> {
        let fits = (1..=MAX_NAME).contains(&name.len());
        (fits && !name.contains(['/', '\0']) && name != "." && name != "..").then_some(Name(name))
    }

    pub(super) fn as_str(self) -> &'n str {
        self.0
    }
}

/// The user's directory.
#[derive(Debug)]
pub(super) struct Directory(OwnedFd);

/// Why there is no directory.
#[derive(Debug)]
pub(super) enum NoDirectory {
    /// Nobody made it.
    Absent,
    /// Another user's, or open to others, or no directory.
    Another,
    Os(io::Error),
}

pub(super) fn path() -> String {
    format!("{MEMORY}/heddle-{}", user())
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

impl Directory {
    /// Opens the directory, which nobody but the user can get at.
    pub(super) fn open() -> Result<Directory, NoDirectory> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path(), flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => NoDirectory::Absent,
            Errno::LOOP | Errno::NOTDIR | Errno::ACCESS => NoDirectory::Another,
            _ => NoDirectory::Os(errno.into()),
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| NoDirectory::Os(errno.into()))?;
        if stat.st_uid != user() || stat.st_mode & 0o077 != 0 {
            return Err(NoDirectory::Another);
        }
        Ok(Directory(fd))
    }

    fn make() -> Result<Directory, NoDirectory> {
        match rustix::fs::mkdir(path(), Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Directory::open(),
            Err(errno) => Err(NoDirectory::Os(errno.into())),
        }
    }

    /// Removes the directory if it is empty.
    pub(super) fn remove_if_empty() {
        // It is not, or another has removed it.
        let _ = rustix::fs::rmdir(path());
    }

    /// What has a name; nothing is followed.
    pub(super) fn stat(&self, name: Name<'_>) -> io::Result<Stat> {
        Ok(rustix::fs::statat(&self.0, name.0, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Opens what has a name, if it is of the kind that this module makes.
    pub(super) fn file(&self, name: Name<'_>) -> Result<File, NoFile> {
        let opened = rustix::fs::openat(&self.0, name.0, OFlags::RDWR | CAREFUL, Mode::empty());
        let fd = opened.map_err(|errno| match errno {
            Errno::NOENT => NoFile::Absent,
            Errno::LOOP | Errno::ISDIR | Errno::NXIO => NoFile::NotRegular,
            _ => NoFile::Os(errno.into()),
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| NoFile::Os(errno.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(NoFile::NotRegular);
        }
        if stat.st_uid != user() {
            return Err(NoFile::Owner(stat.st_uid));
        }
        if stat.st_mode & 0o7777 != FILE_MODE {
            return Err(NoFile::Mode(stat.st_mode & 0o7777));
        }
        Ok(File { fd, stat })
    }

    pub(super) fn unlink(&self, name: Name<'_>) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name.0, AtFlags::empty())?)
    }

    /// All names.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            // Other names are not of this module's making.
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        names.retain(|name| Name::new(name).is_some());
        Ok(names)
    }
}

/// A file that is the user's own.
#[derive(Debug)]
pub(super) struct File {
    pub(super) fd: OwnedFd,
    stat: Stat,
}

/// Why a name has no such file.
#[derive(Debug)]
pub(super) enum NoFile {
    Absent,
    NotRegular,
    Owner(u32),
    Mode(u32),
    Os(io::Error),
}

impl File {
    /// The file's length.
    pub(super) fn len(&self) -> u64 {
        self.stat.st_size as u64
    }

    /// Bytes that have memory, or a place in swap.
    pub(super) fn allocated(&self) -> u64 {
        // The unit is 512 bytes, whatever the pages.
        (self.stat.st_blocks as u64).saturating_mul(512)
    }

    pub(super) fn id(&self) -> Id {
        Id::from(&self.stat)
    }

    /// The first bytes, without mapping them: a file that is cut off meanwhile ends them earlier, and no more.
    pub(super) fn first_word(&self) -> Option<u64> {
        let mut bytes = [0; 8];
        let read = rustix::io::pread(&self.fd, &mut bytes, 0).ok()?;
        (read == bytes.len()).then(|| u64::from_ne_bytes(bytes))
    }
}

/// Which file it is, as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    device: u64,
    inode: u64,
}

impl From<&Stat> for Id {
    fn from(stat: &Stat) -> Id {
        Id { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// Whether a file has a name still.
pub(super) fn has_name(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(rustix::fs::fstat(fd)?.st_nlink > 0)
}

pub(super) fn id(fd: BorrowedFd<'_>) -> io::Result<Id> {
    Ok(Id::from(&rustix::fs::fstat(fd)?))
}

/// A file of `len` bytes without a name, all of them allocated.
pub(super) fn nameless(len: u64) -> io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let fd = rustix::fs::open(MEMORY, flags, Mode::from_raw_mode(FILE_MODE))?;
    // Whatever the process's mask says.
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(FILE_MODE))?;
    loop {
        match rustix::fs::fallocate(&fd, FallocateFlags::empty(), 0, len) {
            Ok(()) => return Ok(fd),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Gives a nameless file a name that nobody has; [`io::ErrorKind::AlreadyExists`] if somebody has.
pub(super) fn link(fd: BorrowedFd<'_>, name: Name<'_>) -> Result<(), NoDirectory> {
    let file = format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd());
    for _ in 0..ATTEMPTS {
        let directory = match Directory::make() {
            Ok(directory) => directory,
            // Removed since it was made.
            Err(NoDirectory::Absent) => continue,
            Err(error) => return Err(error),
        };
        match rustix::fs::linkat(CWD, &file, &directory.0, name.0, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => return Ok(()),
            // The same: nobody removes a directory with something in it.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(NoDirectory::Os(errno.into())),
        }
    }
    Err(NoDirectory::Absent)
}
