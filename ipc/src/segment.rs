//! Anonymous shared memory that cannot shrink, grow or lie about its size.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::SealFlags;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::arena::Arena;
use crate::header::{HEADER_LEN, Header, HeaderFault};
use crate::named::Hold;
use crate::offset::Offset;
use crate::os;
use crate::shm_safe::Shareable;

/// Without these an owner could shrink the file under a mapping, and the next access would be a SIGBUS.
const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// No segment may be longer: lengths and offsets stay within `isize`, as pointers within one allocation must.
pub(crate) const MAX_LEN: usize = isize::MAX as usize / 2;

/// A region of memory that several processes map.
///
/// It is a memfd: nameless, so that nothing is left over however its users end, and freed by the kernel when the last
/// descriptor and mapping are gone. Its memory is reserved when it is created, and its size is sealed, so that no access
/// within its length can raise SIGBUS. It begins with a header of 128 bytes; all the rest is zero at first and belongs to
/// the segment's [`Arena`].
///
/// **Pages.** The memory is shmem in pages of the system's base size (4 KiB on x86-64). It asks for huge pages in no way: most
/// systems do not give them for shared memory (`/sys/kernel/mm/transparent_hugepage/shmem_enabled`), and comparing it with
/// anonymous memory, which may get them, would compare page sizes. Creation allocates the pages; a mapping still takes one
/// minor fault for each page that it touches first, which [`prefault`](Segment::prefault) gets over with.
///
/// What sealing cannot prevent: whoever has the descriptor may punch holes, which turns contents to zero.
///
/// The exception: files with names cannot be sealed. So the segment of a [`SharedMemory`](crate::named::SharedMemory), and of a
/// [`Member`](crate::Member) that joined one, is not, and says so by [`is_sealed`](Segment::is_sealed). All that this type's own functions create
/// or open is.
///
/// **Concurrency.** Everybody who maps the segment may write to it at any time, so it hands out raw pointers, and references only
/// to [`Shareable`] types.
///
/// ```
/// use heddle_ipc::Segment;
///
/// let segment = Segment::create("example", 1 << 16)?;
/// let numbers = segment.arena().alloc::<u64>(100)?;
/// let same = Segment::open(segment.fd())?;
/// // SAFETY: in bounds and aligned, as `slice` checked; nobody else uses the fresh memory.
/// unsafe { segment.slice(numbers)?.cast::<u64>().add(7).write(42) };
/// // SAFETY: as above; the write above is done.
/// assert_eq!(unsafe { same.slice(numbers)?.cast::<u64>().add(7).read() }, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Segment {
    map: MmapRaw,
    fd: OwnedFd,
    cookie: u64,
    /// Says that the file is in use, which one with a name needs. Dropped last.
    hold: Option<Hold>,
}

impl Segment {
    /// Creates a segment of `len` bytes, of which the first 128 are its header. `name` is for people: it appears in
    /// `/proc/<pid>/maps` and need not be unique.
    ///
    /// # Errors
    ///
    /// `len` is shorter than the header or absurdly long, the name holds a NUL or more than 200 bytes, or the system has no
    /// memory, descriptor or address space to give.
    pub fn create(name: &str, len: usize) -> Result<Segment, CreateError> {
        if len <= HEADER_LEN {
            return Err(CreateError::TooShort { len, min: HEADER_LEN + 1 });
        }
        if len > MAX_LEN {
            return Err(CreateError::TooLong { len });
        }
        // Reserving more than there is would not fail at once: the kernel first kills processes to make room.
        if len as u64 > os::total_memory() {
            return Err(CreateError::NoMemory { len, source: io::ErrorKind::OutOfMemory.into() });
        }
        // The kernel takes 249 bytes; the rest is left for the prefix.
        if name.len() > 200 || name.contains('\0') {
            return Err(CreateError::Name { name: name.to_owned() });
        }
        let fd = os::memfd(&format!("heddle-{name}"), len as u64).map_err(|source| {
            match source.raw_os_error() {
                Some(libc::ENOMEM | libc::ENOSPC | libc::EFBIG) => CreateError::NoMemory { len, source },
                _ => CreateError::Os { source },
            }
        })?;
        rustix::fs::fcntl_add_seals(&fd, SEALS).map_err(|e| CreateError::Os { source: e.into() })?;
        let map = map(&fd, len).map_err(|source| CreateError::NoMemory { len, source })?;
        let cookie = os::random_u64().map_err(|source| CreateError::Os { source })?;
        let segment = Segment { map, fd, cookie, hold: None };
        segment.header().publish(len as u64, cookie);
        Ok(segment)
    }

    /// Maps a file of `len` bytes, which cannot be sealed, and has the hold end with the segment. Publishes the header of a fresh file.
    pub(crate) fn fresh(fd: OwnedFd, len: usize, hold: Hold) -> io::Result<Segment> {
        let cookie = os::random_u64()?;
        let segment = Segment { map: map(&fd, len)?, fd, cookie, hold: Some(hold) };
        segment.header().publish(len as u64, cookie);
        Ok(segment)
    }

    /// As [`fresh`](Self::fresh), of a file that another process published.
    pub(crate) fn unsealed(fd: OwnedFd, len: usize, hold: Hold) -> Result<Segment, OpenError> {
        let map = map(&fd, len).map_err(|source| OpenError::Os { source })?;
        let mut segment = Segment { map, fd, cookie: 0, hold: Some(hold) };
        segment.cookie = segment.header().check(len as u64)?;
        Ok(segment)
    }

    /// Maps a segment that another process, or this one, created.
    ///
    /// Nothing that a hostile creator can do makes this more than an error: the seals are checked first, so that the
    /// size cannot change any more, then the size, and only then is the memory looked at.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]: each kind of file that is not a segment has its own variant.
    pub fn open(fd: impl AsFd) -> Result<Segment, OpenError> {
        let fd = fd.as_fd().try_clone_to_owned().map_err(|source| OpenError::Os { source })?;
        let seals = match rustix::fs::fcntl_get_seals(&fd) {
            Ok(seals) => seals,
            // EINVAL: a file system without seals. EBADF: a descriptor that is only a path.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::BADF) => return Err(OpenError::NotAMemfd),
            Err(errno) => return Err(OpenError::Os { source: errno.into() }),
        };
        if !seals.contains(SEALS) {
            return Err(OpenError::NotSealed);
        }
        let len = rustix::fs::fstat(&fd).map_err(|e| OpenError::Os { source: e.into() })?.st_size as u64;
        if len <= HEADER_LEN as u64 {
            return Err(OpenError::TooShort { len, min: HEADER_LEN as u64 + 1 });
        }
        let usable =
            usize::try_from(len).ok().filter(|&len| len <= MAX_LEN).ok_or(OpenError::TooLong { len })?;
        let map = map(&fd, usable).map_err(|source| OpenError::Os { source })?;
        let mut segment = Segment { map, fd, cookie: 0, hold: None };
        segment.cookie = segment.header().check(len)?;
        Ok(segment)
    }

    /// Opens what [`share`](Segment::share) described, from any process of the same user.
    ///
    /// The segment must live in the sharing process during the call; afterwards this mapping keeps the memory.
    ///
    /// # Errors
    ///
    /// [`OpenError::Gone`] if the process or its descriptor is no more, [`OpenError::Another`] if the descriptor's number was
    /// reused; else as [`open`](Segment::open).
    pub fn attach(reference: SegmentRef) -> Result<Segment, OpenError> {
        let fd =
            os::open_fd_of(reference.pid, reference.fd).map_err(|source| match source.raw_os_error() {
                Some(libc::ENOENT | libc::ESRCH) => OpenError::Gone { pid: reference.pid },
                // A socket, a directory: what has the number now cannot be opened this way.
                Some(libc::ENXIO | libc::EISDIR) => OpenError::NotAMemfd,
                _ => OpenError::Os { source },
            })?;
        let segment = Segment::open(fd)?;
        if segment.cookie != reference.cookie || segment.len() as u64 != reference.len {
            return Err(OpenError::Another);
        }
        Ok(segment)
    }

    /// Plain data by which another process of the same user can [`attach`](Segment::attach) while this one holds the segment.
    pub fn share(&self) -> SegmentRef {
        SegmentRef {
            cookie: self.cookie,
            len: self.len() as u64,
            pid: std::process::id(),
            fd: self.fd.as_raw_fd() as u32,
        }
    }

    /// The length in bytes, header included.
    #[allow(clippy::len_without_is_empty, reason = "a segment is never empty")]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether the size is sealed, which it is but for the segment of a [`SharedMemory`](crate::named::SharedMemory).
    pub fn is_sealed(&self) -> bool {
        self.hold.is_none()
    }

    /// The start of the mapping. Others may write to the memory at any time; the first 128 bytes are the header.
    pub fn as_ptr(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    /// The file, for handing to another process.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The segment's bump allocator.
    pub fn arena(&self) -> Arena<'_> {
        Arena::new(self)
    }

    /// Faults every page into this mapping now, rather than one by one on first touch.
    ///
    /// # Errors
    ///
    /// The kernel is older than 5.14 or has no memory for page tables.
    pub fn prefault(&self) -> io::Result<()> {
        self.map.advise(Advice::PopulateWrite)
    }

    /// The memory of a slice: in bounds and aligned for this segment, whatever the offset holds.
    ///
    /// # Errors
    ///
    /// [`BoundsError`] if the slice leaves the segment, touches its header, or is misaligned.
    pub fn slice<T>(&self, offset: Offset<[T]>) -> Result<NonNull<[T]>, BoundsError> {
        let start = self.check(offset.at(), offset.len(), size_of::<T>(), align_of::<T>())?;
        Ok(NonNull::slice_from_raw_parts(start.cast(), offset.len() as usize))
    }

    /// The memory of one value, checked as [`slice`](Segment::slice) does.
    ///
    /// # Errors
    ///
    /// [`BoundsError`] as for `slice`.
    pub fn ptr<T>(&self, offset: Offset<T>) -> Result<NonNull<T>, BoundsError> {
        Ok(self.check(offset.at(), 1, size_of::<T>(), align_of::<T>())?.cast())
    }

    /// Puts `value` at `offset`, to be used in place from now on. Prefer [`Arena::place`], which needs no promise.
    ///
    /// # Errors
    ///
    /// [`BoundsError`] as for [`slice`](Segment::slice).
    ///
    /// # Safety
    ///
    /// Nobody else may use the value's bytes during the call, nor use them as anything but a `T` while a reference to it lives.
    pub unsafe fn place<T: Shareable>(&self, offset: Offset<T>, value: T) -> Result<&T, BoundsError> {
        let place = self.ptr(offset)?;
        let value = ManuallyDrop::new(value);
        // SAFETY: `ptr` checked bounds and alignment; the caller keeps others away.
        unsafe { place.cast().write(value) };
        // SAFETY: just initialised, Sync, and lives as long as the mapping, which `self` keeps.
        Ok(unsafe { place.as_ref() })
    }

    /// The `T` that was [placed](Segment::place) at `offset`, by this process or another.
    ///
    /// # Errors
    ///
    /// [`BoundsError`] as for [`slice`](Segment::slice).
    ///
    /// # Safety
    ///
    /// While the reference lives, nobody may use its bytes as anything but a `T`. That a value was placed there need not hold
    /// for soundness (any bytes are a `T`), but without it the answers are meaningless.
    pub unsafe fn get<T: Shareable>(&self, offset: Offset<T>) -> Result<&T, BoundsError> {
        // SAFETY: in bounds and aligned, as `ptr` checked; any bytes are a `T`, as `Shareable` demands, and the caller keeps
        // other uses away.
        Ok(unsafe { self.ptr(offset)?.as_ref() })
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: both constructors map at least `HEADER_LEN` bytes, page-aligned; the header is made of atomics, so that
        // concurrent writes by peers are no race.
        unsafe { &*self.as_ptr().cast::<Header>() }
    }

    /// The start of `count` elements of `size` bytes at `at`.
    fn check(&self, at: u64, count: u64, size: usize, align: usize) -> Result<NonNull<u8>, BoundsError> {
        let len = self.len() as u64;
        let end = count.checked_mul(size as u64).and_then(|bytes| at.checked_add(bytes));
        if at < HEADER_LEN as u64 || end.is_none_or(|end| end > len) {
            return Err(BoundsError::Outside { at, count, size, len });
        }
        if !at.is_multiple_of(align as u64) {
            return Err(BoundsError::Misaligned { at, align });
        }
        // SAFETY: `at` is at most `len`, so the result is within the mapping or one past it.
        let start = unsafe { self.as_ptr().add(at as usize) };
        // SAFETY: a mapping is not at address zero, nor does it wrap around.
        Ok(unsafe { NonNull::new_unchecked(start) })
    }
}

fn map(fd: &OwnedFd, len: usize) -> io::Result<MmapRaw> {
    MmapOptions::new().len(len).map_raw(fd)
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("len", &self.len())
            .field("fd", &self.fd.as_raw_fd())
            .finish_non_exhaustive()
    }
}

/// Where another process finds a segment: plain data, for sending as an argument of a task.
///
/// Valid while the process that made it holds the [`Segment`]; later attempts to attach are errors, even if the process id or the
/// descriptor number was reused. Both processes must see the same PID namespace and `/proc`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, Serialize, Deserialize,
)]
#[repr(C)]
pub struct SegmentRef {
    pub(crate) cookie: u64,
    pub(crate) len: u64,
    pub(crate) pid: u32,
    pub(crate) fd: u32,
}

/// Why a segment could not be created. Nothing is left behind.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// Shorter than a header and one byte.
    #[error("a segment of {len} bytes is too short: it needs at least {min}")]
    TooShort {
        /// The length asked for.
        len: usize,
        /// The shortest possible.
        min: usize,
    },
    /// Longer than an address space can hold.
    #[error("a segment of {len} bytes is too long for this address space")]
    TooLong {
        /// The length asked for.
        len: usize,
    },
    /// Over 200 bytes, or with a NUL in it.
    #[error("{name:?} cannot name a segment: at most 200 bytes, no NUL")]
    Name {
        /// The name asked for.
        name: String,
    },
    /// Memory, or the limits on it, do not suffice.
    #[error("no memory for a segment of {len} bytes")]
    NoMemory {
        /// The length asked for.
        len: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused for another reason.
    #[error("the system cannot create a segment")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

/// Why a file is not a segment that this build can use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file of a kind that cannot be sealed.
    #[error("not a segment: the descriptor is no memfd")]
    NotAMemfd,
    /// A memfd whose size may still change.
    #[error("not a segment: the memfd's size is not sealed")]
    NotSealed,
    /// No room for a header.
    #[error("not a segment: {len} bytes, and the shortest has {min}")]
    TooShort {
        /// The file's length.
        len: u64,
        /// The shortest possible.
        min: u64,
    },
    /// Longer than this process can map.
    #[error("a segment of {len} bytes does not fit this address space")]
    TooLong {
        /// The file's length.
        len: u64,
    },
    /// The creator has not finished.
    #[error("the segment is not published yet: its creator died, or is still at it")]
    NotPublished,
    /// Begins with something else.
    #[error("not a segment: it begins with {found:#018x}")]
    NotOurs {
        /// The first eight bytes.
        found: u64,
    },
    /// Made by a build with another layout.
    #[error("the segment has layout version {found}, this build has {expected}")]
    Version {
        /// The segment's version.
        found: u32,
        /// This build's.
        expected: u32,
    },
    /// The header contradicts the file.
    #[error("the segment's header says {header} bytes, the file has {file}")]
    Size {
        /// The header's claim.
        header: u64,
        /// The file's length.
        file: u64,
    },
    /// The process, or its descriptor, is no more.
    #[error("process {pid} no longer holds the segment")]
    Gone {
        /// The process that shared it.
        pid: u32,
    },
    /// The descriptor now belongs to another segment.
    #[error("the shared descriptor now belongs to another segment")]
    Another,
    /// The system refused for another reason.
    #[error("the system cannot open the segment")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

impl From<HeaderFault> for OpenError {
    fn from(fault: HeaderFault) -> Self {
        match fault {
            HeaderFault::NotPublished => OpenError::NotPublished,
            HeaderFault::NotOurs { found } => OpenError::NotOurs { found },
            HeaderFault::Version { found, expected } => OpenError::Version { found, expected },
            HeaderFault::Size { header, file } => OpenError::Size { header, file },
        }
    }
}

/// Why an offset could not be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BoundsError {
    /// Outside the segment, or in its header.
    #[error("{count} x {size} bytes at {at} are not within the {len} bytes of the segment after its header")]
    Outside {
        /// Bytes from the segment's start.
        at: u64,
        /// Elements.
        count: u64,
        /// Bytes an element.
        size: usize,
        /// The segment's length.
        len: u64,
    },
    /// Not a multiple of the type's alignment.
    #[error("offset {at} is not a multiple of {align}")]
    Misaligned {
        /// Bytes from the segment's start.
        at: u64,
        /// The type's alignment.
        align: usize,
    },
}
