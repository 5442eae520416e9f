//! A segment with a name.

use core::any::type_name;
use core::fmt;
use core::ptr::NonNull;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::directory::{self, Directory, File, Name, NoDirectory, NoFile};
use super::error::{CreateError, OpenError, RootError};
use super::hold::{self, Hold};
use super::leftovers;
use crate::arena::{AllocError, Arena};
use crate::header::{HEADER_LEN, RootIs};
use crate::offset::Offset;
use crate::os;
use crate::peers::{JoinError, Member, Table};
use crate::segment::{MAX_LEN, Segment};
use crate::shm_safe::{Shareable, ShmSafe};
use crate::sync::place::fingerprint;

/// The longest name in bytes.
pub const MAX_NAME: usize = 200;

/// How long to wait for somebody who is in the middle of removing a name; that takes microseconds, unless the process is stopped there.
const REMOVAL: Duration = Duration::from_secs(1);

/// The tag of contents that are plain bytes. No fingerprint is 0.
const BYTES: u64 = 0;

/// Memory with a name, by which other processes of the same user find it: Python's `SharedMemory`.
///
/// Dropping it closes it (Python's `close`). The name, and with it the memory, stays until somebody [unlinks](Self::unlink) it, or
/// [cleans](super::clean) up what nobody has open. How names are kept, and what is trusted: see the [module](super).
///
/// **Concurrency.** Everybody who has it open may write to it at any time, so it hands out raw pointers, and references only to
/// [`Shareable`] types. For locks and the like in it, [`join`](Self::join) it.
///
/// ```
/// use heddle_ipc::named::SharedMemory;
/// use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
///
/// # let name = format!("example-{}", std::process::id());
/// let ours = SharedMemory::create_with(&name, AtomicU64::new(41))?;
/// // In another program of the same user:
/// let theirs = SharedMemory::open_as::<AtomicU64>(&name)?;
/// theirs.root::<AtomicU64>()?.fetch_add(1, Ordering::Relaxed);
///
/// assert_eq!(ours.root::<AtomicU64>()?.load(Ordering::Relaxed), 42);
/// assert!(ours.unlink()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SharedMemory {
    segment: Segment,
    name: String,
    root: RootIs,
}

impl SharedMemory {
    /// Creates `size` bytes, all zero, under a name that nobody has.
    ///
    /// # Errors
    ///
    /// See [`CreateError`].
    pub fn create(name: &str, size: usize) -> Result<SharedMemory, CreateError> {
        if size == 0 {
            return Err(CreateError::Empty);
        }
        create(name, Arena::segment_len([size, size_of::<Table>()]), |segment| {
            let bytes = segment.arena().alloc::<u8>(size)?;
            Ok(RootIs { at: bytes.at(), len: size as u64, tag: BYTES })
        })
    }

    /// As [`create`](Self::create), under a random name.
    ///
    /// # Errors
    ///
    /// See [`CreateError`].
    pub fn create_unique(size: usize) -> Result<SharedMemory, CreateError> {
        let random = os::random_u64().map_err(|source| CreateError::Os { source })?;
        SharedMemory::create(&format!("shm-{random:016x}"), size)
    }

    /// Creates memory that holds a value to be used in place, under a name that nobody has.
    ///
    /// # Errors
    ///
    /// See [`CreateError`].
    pub fn create_with<T: Shareable>(name: &str, value: T) -> Result<SharedMemory, CreateError> {
        let len = Arena::segment_len([size_of::<T>(), align_of::<T>(), size_of::<Table>()]);
        create(name, len, |segment| {
            let (offset, _) = segment.arena().place(value)?;
            Ok(root_of::<T>(offset))
        })
    }

    /// Creates memory that holds what `init` returns, and what it puts into `room` bytes beside: locks, for example, whose addresses it
    /// returns. The name appears when all is in place.
    ///
    /// ```
    /// use heddle_ipc::named::SharedMemory;
    /// use heddle_ipc::sync::{Address, Mutex};
    ///
    /// # let name = format!("built-{}", std::process::id());
    /// type Root = Address<Mutex<u64>>;
    /// let ours = SharedMemory::build::<Root>(&name, 4096, |member| Ok(Mutex::new_in(member, 7)?.address()))?;
    ///
    /// // In another program of the same user; the membership is held while the mutex is looked for.
    /// let theirs = SharedMemory::open_as::<Root>(&name)?;
    /// let member = theirs.join()?;
    /// let mutex = Mutex::attach(theirs.contents::<Root>()?)?;
    /// assert_eq!(*mutex.lock().expect("nobody died"), 7);
    /// # drop((mutex, member));
    /// # ours.unlink()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`CreateError`].
    pub fn build<T: ShmSafe>(
        name: &str,
        room: usize,
        init: impl FnOnce(&Member) -> Result<T, AllocError>,
    ) -> Result<SharedMemory, CreateError> {
        let len = Arena::segment_len([size_of::<T>(), align_of::<T>(), size_of::<Table>(), room]);
        create(name, len, |segment| {
            let member = join(segment)?;
            let value = init(&member)?;
            let slice = segment.arena().alloc::<T>(1)?;
            let place = segment.slice(slice).expect("just allocated");
            // SAFETY: in bounds and aligned, as `slice` checked; nobody else has the memory yet.
            unsafe { place.cast::<T>().write(value) };
            Ok(root_of::<T>(Offset::new(slice.at())))
        })
    }

    /// Opens what has a name, whatever its contents.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(name: &str) -> Result<SharedMemory, OpenError> {
        let checked = Name::new(name).ok_or_else(|| OpenError::Name { name: name.to_owned() })?;
        let (file, hold) = take(checked)?;
        let min = HEADER_LEN as u64 + 1;
        let len = file.len();
        if len < min {
            return Err(crate::segment::OpenError::TooShort { len, min }.into());
        }
        if file.allocated() < len {
            return Err(OpenError::Holes { allocated: file.allocated(), len });
        }
        let usable = usize::try_from(len)
            .ok()
            .filter(|&len| len <= MAX_LEN)
            .ok_or(crate::segment::OpenError::TooLong { len })?;
        let segment = Segment::unsealed(file.fd, usable, hold)?;
        let root = segment.header().root.get();
        segment
            .slice(Offset::<[u8]>::slice(root.at, root.len))
            .map_err(|source| OpenError::Damaged { source })?;
        Ok(SharedMemory { segment, name: name.to_owned(), root })
    }

    /// Opens what has a name, if its contents are a `T`.
    ///
    /// That they are is known by a fingerprint of the type's name, size and alignment: two programs agree on it if the type is of the same
    /// crate.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open_as<T: 'static>(name: &str) -> Result<SharedMemory, OpenError> {
        let memory = SharedMemory::open(name)?;
        memory.place::<T>()?;
        Ok(memory)
    }

    /// The name that it was created or opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The length of the contents in bytes: what was asked for, or the size of the value.
    #[allow(
        clippy::len_without_is_empty,
        reason = "named memory is never empty, but for values without size"
    )]
    pub fn len(&self) -> usize {
        self.root.len as usize
    }

    /// The contents. Others may write to them at any time.
    pub fn bytes(&self) -> NonNull<[u8]> {
        self.segment
            .slice(Offset::<[u8]>::slice(self.root.at, self.root.len))
            .expect("checked when it was opened")
    }

    /// The start of the contents.
    pub fn as_ptr(&self) -> *mut u8 {
        self.bytes().cast().as_ptr()
    }

    /// The value that the memory was [created with](Self::create_with).
    ///
    /// # Errors
    ///
    /// The contents are of another type.
    pub fn root<T: Shareable>(&self) -> Result<&T, RootError> {
        let place = self.place::<T>()?;
        // SAFETY: in bounds and aligned, as `place` checked; any bytes are a `T`; and the fingerprint says that they are used as
        // nothing else, as far as peers do not lie.
        Ok(unsafe { place.as_ref() })
    }

    /// A copy of the value that the memory was [built](Self::build) with.
    ///
    /// # Errors
    ///
    /// The contents are of another type.
    pub fn contents<T: ShmSafe>(&self) -> Result<T, RootError> {
        let place = self.place::<T>()?;
        // SAFETY: in bounds and aligned, as `place` checked; any bytes are a `T`. Nothing writes them once the memory has its name but who
        // does so by a raw pointer, and vouches for it.
        Ok(unsafe { place.read() })
    }

    /// The whole segment, with its arena. It is not sealed.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Joins the segment, for the primitives that survive a peer's death. The membership keeps the memory in use as this does.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn join(&self) -> Result<Member, JoinError> {
        join(&self.segment)
    }

    /// Removes the name; who has the memory open keeps it. Returns whether it was this call that removed it: not if it is gone
    /// already, even if another segment has the name by now.
    ///
    /// # Errors
    ///
    /// Another process is stopped in the middle of removing it, or the system refused.
    pub fn unlink(&self) -> io::Result<bool> {
        let name = Name::new(&self.name).expect("checked when it was opened");
        let deadline = Instant::now() + REMOVAL;
        let _removal = loop {
            match hold::removal(self.segment.fd())? {
                Some(removal) => break removal,
                None => rest(deadline)?,
            }
        };
        let directory = match Directory::open() {
            Ok(directory) => directory,
            Err(NoDirectory::Absent) => return Ok(false),
            Err(error) => return Err(as_io(error)),
        };
        let removed = leftovers::remove(&directory, name, directory::id(self.segment.fd())?)?;
        Directory::remove_if_empty();
        Ok(removed)
    }

    fn place<T: 'static>(&self) -> Result<NonNull<T>, RootError> {
        let wrong = RootError { expected: type_name::<T>() };
        if self.root.tag != fingerprint::<T>() || self.root.len != size_of::<T>() as u64 {
            return Err(wrong);
        }
        self.segment.ptr(Offset::<T>::new(self.root.at)).map_err(|_| wrong)
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory").field("name", &self.name).field("len", &self.len()).finish()
    }
}

fn root_of<T>(offset: Offset<T>) -> RootIs {
    RootIs { at: offset.at(), len: size_of::<T>() as u64, tag: fingerprint::<T>() }
}

/// Creates a segment of `len` bytes, has it filled, and gives it its name.
fn create(
    name: &str,
    len: usize,
    init: impl FnOnce(&Segment) -> Result<RootIs, CreateError>,
) -> Result<SharedMemory, CreateError> {
    let checked = Name::new(name).ok_or_else(|| CreateError::Name { name: name.to_owned() })?;
    let system = |source| CreateError::Os { source };
    if len > MAX_LEN {
        return Err(CreateError::TooLong { len });
    }
    // As in `Segment::create`.
    if len as u64 > os::total_memory() {
        return Err(CreateError::NoMemory { len, source: io::ErrorKind::OutOfMemory.into() });
    }
    // Not the check that counts, which is the link's; but memory is not taken for nothing.
    if Directory::open().is_ok_and(|directory| directory.stat(checked).is_ok()) {
        return Err(CreateError::Exists { name: name.to_owned() });
    }
    let fd = directory::nameless(len as u64).map_err(|source| match source.raw_os_error() {
        Some(libc::ENOMEM | libc::ENOSPC | libc::EFBIG) => CreateError::NoMemory { len, source },
        _ => CreateError::Os { source },
    })?;
    let hold = held(&fd).map_err(system)?;
    let segment = Segment::fresh(fd, len, hold).map_err(|source| CreateError::NoMemory { len, source })?;
    let root = init(&segment)?;
    segment.header().root.set(root);
    directory::link(segment.fd(), checked).map_err(|error| match error {
        NoDirectory::Os(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            CreateError::Exists { name: name.to_owned() }
        }
        NoDirectory::Another => CreateError::Directory { path: directory::path() },
        error => CreateError::Os { source: as_io(error) },
    })?;
    Ok(SharedMemory { segment, name: name.to_owned(), root })
}

/// The hold of a file that nobody can be cleaning away.
fn held(fd: &OwnedFd) -> io::Result<Hold> {
    Hold::take(fd.as_fd())?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
}

/// Opens a name's file, and takes it into use.
fn take(name: Name<'_>) -> Result<(File, Hold), OpenError> {
    let system = |source| OpenError::Os { source };
    let not_found = || OpenError::NotFound { name: name.as_str().to_owned() };
    let deadline = Instant::now() + REMOVAL;
    loop {
        let directory = Directory::open().map_err(|error| match error {
            NoDirectory::Absent => not_found(),
            NoDirectory::Another => OpenError::Directory { path: directory::path() },
            NoDirectory::Os(source) => OpenError::Os { source },
        })?;
        let file = directory.file(name).map_err(|error| match error {
            NoFile::Absent => not_found(),
            NoFile::NotRegular => OpenError::NotAFile,
            NoFile::Owner(found) => OpenError::Owner { found },
            NoFile::Mode(found) => OpenError::Mode { found },
            NoFile::Os(source) => OpenError::Os { source },
        })?;
        if let Some(hold) = Hold::take(file.fd.as_fd()).map_err(system)?
            && directory::has_name(file.fd.as_fd()).map_err(system)?
        {
            return Ok((file, hold));
        }
        rest(deadline).map_err(system)?;
    }
}

/// Joins a segment, by a mapping of its own.
fn join(segment: &Segment) -> Result<Member, JoinError> {
    let system = |source| JoinError::Os { source };
    let fd = segment.fd().try_clone_to_owned().map_err(system)?;
    let hold = held(&fd).map_err(system)?;
    Member::join(Segment::unsealed(fd, segment.len(), hold)?)
}

/// Passes a little time, unless there is none left.
fn rest(deadline: Instant) -> io::Result<()> {
    if Instant::now() > deadline {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    std::thread::sleep(Duration::from_millis(1));
    Ok(())
}

fn as_io(error: NoDirectory) -> io::Error {
    match error {
        NoDirectory::Absent => io::ErrorKind::NotFound.into(),
        NoDirectory::Another => {
            io::Error::new(io::ErrorKind::PermissionDenied, format!("{} is another's", directory::path()))
        }
        NoDirectory::Os(error) => error,
    }
}
