//! Where a pool lies: in a segment.

use core::marker::PhantomData;
use core::ptr::NonNull;

use heddle_primitives::CachePadded;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use super::words::Blocks;
use crate::arena::{ALLOC_ALIGN, AllocError, Arena};
use crate::offset::Offset;
use crate::peers::{Member, Table};
use crate::segment::Segment;
use crate::shm_safe::{Shareable, ShmSafe};
use crate::sync::place::{Object, Place};
use crate::sync::signal::Signal;
use crate::sync::{Address, AttachError, CreateError};

/// A block's word, on cache lines of its own.
type Line = CachePadded<AtomicU64>;

/// What lies in memory beside the blocks. The type keeps pools of different elements apart.
#[repr(C)]
pub(crate) struct Root<T> {
    freed: Signal,
    /// Where the words of the blocks lie, how many there are, where the blocks lie, and the elements of each; read-only.
    shape: [AtomicU64; 4],
    of: PhantomData<fn() -> T>,
}

// SAFETY: atomics; places and numbers are checked whenever somebody attaches.
unsafe impl<T: ShmSafe> Shareable for Root<T> {}

/// A process's view of a pool.
pub(crate) struct Memory<T> {
    place: Place<Root<T>>,
    words: NonNull<[Line]>,
    blocks: NonNull<u8>,
    len: usize,
}

// SAFETY: a block is used by whoever owns it, one at a time.
unsafe impl<T: Send> Send for Memory<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Memory<T> {}

/// Bytes from one block of `len` elements to the next.
fn stride<T>(len: usize) -> Option<usize> {
    const { assert!(align_of::<T>() <= ALLOC_ALIGN, "blocks are aligned to 128 bytes") };
    size_of::<T>().checked_mul(len)?.max(1).checked_next_multiple_of(ALLOC_ALIGN)
}

/// Bytes of `count` blocks; more than any segment has if that is no number.
fn all<T>(count: usize, len: usize) -> usize {
    stride::<T>(len).and_then(|stride| stride.checked_mul(count)).unwrap_or(usize::MAX)
}

impl<T: ShmSafe> Memory<T> {
    /// `count` blocks of `len` elements in a segment of their own.
    pub(crate) fn alone(count: usize, len: usize) -> Result<Memory<T>, CreateError> {
        let words = count.saturating_mul(size_of::<Line>());
        let sizes = [size_of::<Table>(), size_of::<Object<Root<T>>>(), words, all::<T>(count, len)];
        let member = Member::join(Segment::create("loans", Arena::segment_len(sizes))?)?;
        Ok(Memory::within(&member, count, len)?)
    }

    /// The same, in a segment that this process has joined.
    pub(crate) fn within(member: &Member, count: usize, len: usize) -> Result<Memory<T>, AllocError> {
        let segment = member.segment();
        // Zeroed words are those of free blocks.
        let words = segment.arena().reserve_slice::<Line>(count)?;
        let blocks = segment.arena().alloc::<u8>(all::<T>(count, len))?;
        let root = Root {
            freed: Signal::new(),
            shape: [words.at(), words.len(), blocks.at(), len as u64].map(AtomicU64::new),
            of: PhantomData,
        };
        let words = segment.slice(words).expect("just allocated");
        let blocks = segment.slice(blocks).expect("just allocated").cast();
        Ok(Memory { place: Place::within(member, root)?, words, blocks, len })
    }

    pub(crate) fn attach<P>(address: Address<P>) -> Result<Memory<T>, AttachError> {
        let place = Place::<Root<T>>::attach(address)?;
        // ORDERING: Relaxed: written before the pool was published.
        let [words_at, count, blocks_at, len] =
            core::array::from_fn(|at| place.shape[at].load(Ordering::Relaxed));
        let segment = place.census().segment();
        let bounds = |source| AttachError::Bounds { source };
        let words = segment.slice(Offset::<[Line]>::slice(words_at, count)).map_err(bounds)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let bytes = all::<T>(words.len(), len) as u64;
        let blocks = segment.slice(Offset::<[u8]>::slice(blocks_at, bytes)).map_err(bounds)?;
        if !blocks_at.is_multiple_of(ALLOC_ALIGN as u64) || words.is_empty() {
            return Err(AttachError::Type { expected: core::any::type_name::<P>() });
        }
        Ok(Memory { place, words, blocks: blocks.cast(), len })
    }

    pub(crate) fn address<P>(&self) -> Address<P> {
        self.place.address()
    }
}

impl<T> Memory<T> {
    #[inline]
    pub(crate) fn blocks(&self) -> Blocks<'_, Member, Line> {
        // SAFETY: checked when it was created or attached to; the place keeps it mapped.
        let words = unsafe { self.words.as_ref() };
        Blocks { census: self.place.census(), words, freed: &self.place.freed }
    }

    /// The elements of a block.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A block of the pool, for writing.
    #[inline]
    pub(crate) fn write(&self, block: u32) -> Write<T> {
        assert!((block as usize) < self.words.len());
        let stride = stride::<T>(self.len).expect("checked when it was created or attached to");
        // SAFETY: a block of the pool, as just asserted, and all blocks are within the segment.
        Write(unsafe { self.blocks.add(block as usize * stride) }.cast())
    }

    /// A block of the pool, for reading.
    #[inline]
    pub(crate) fn read(&self, block: u32) -> Read<T> {
        Read(self.write(block).0)
    }
}

impl<T> Clone for Memory<T> {
    fn clone(&self) -> Self {
        Memory { place: self.place.clone(), words: self.words, blocks: self.blocks, len: self.len }
    }
}

/// A block that is written.
pub(crate) struct Write<T>(NonNull<T>);

impl<T> Write<T> {
    /// # Safety
    ///
    /// The block has at least `len` elements, is mapped as long as the result lives, and nobody else uses it.
    #[inline]
    #[allow(clippy::mut_from_ref, reason = "the caller's promise")]
    pub(crate) unsafe fn slice(&self, len: usize) -> &mut [T] {
        // SAFETY: any bytes are a `T`; the rest is the caller's promise.
        unsafe { core::slice::from_raw_parts_mut(self.0.as_ptr(), len) }
    }
}

/// A block that is read.
pub(crate) struct Read<T>(NonNull<T>);

impl<T> Read<T> {
    /// # Safety
    ///
    /// The block has at least `len` elements, is mapped as long as the result lives, and nobody writes it.
    #[inline]
    pub(crate) unsafe fn slice(&self, len: usize) -> &[T] {
        // SAFETY: as in `Write::slice`.
        unsafe { core::slice::from_raw_parts(self.0.as_ptr(), len) }
    }
}
