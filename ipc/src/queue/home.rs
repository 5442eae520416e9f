//! Where a queue lies: in a segment.

use core::marker::PhantomData;
use core::ptr::NonNull;

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use super::cells::{Cell, Cells, empty_place};
use super::words::Words;
use crate::arena::{AllocError, Arena};
use crate::offset::Offset;
use crate::peers::{Member, Table};
use crate::segment::Segment;
use crate::shm_safe::{Shareable, ShmSafe};
use crate::sync::place::{Object, Place};
use crate::sync::{Address, AttachError, CreateError};

/// What lies in memory beside ring and cells. The type keeps queues of different items apart.
#[repr(C)]
pub(crate) struct Root<T> {
    words: Words,
    /// Where the ring and the cells lie, and how many there are; read-only.
    ring: [AtomicU64; 2],
    cells: [AtomicU64; 2],
    of: PhantomData<fn() -> T>,
}

// SAFETY: atomics; places and numbers are checked whenever somebody attaches.
unsafe impl<T: ShmSafe> Shareable for Root<T> {}

/// A process's view of a queue.
pub(crate) struct Home<T> {
    place: Place<Root<T>>,
    ring: NonNull<[AtomicU64]>,
    cells: NonNull<[Cell<T>]>,
}

// SAFETY: the items are used by whoever owns their cell, one at a time.
unsafe impl<T: Send> Send for Home<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Home<T> {}

impl<T: ShmSafe> Home<T> {
    /// A queue for `capacity` items, with `spare` cells for those at work, in a segment of its own.
    pub(crate) fn alone(capacity: usize, spare: usize) -> Result<Home<T>, CreateError> {
        let sizes = [
            size_of::<Table>(),
            size_of::<Object<Root<T>>>(),
            capacity.saturating_mul(size_of::<AtomicU64>()),
            capacity.saturating_add(spare).saturating_mul(size_of::<Cell<T>>()),
        ];
        let member = Member::join(Segment::create("queue", Arena::segment_len(sizes))?)?;
        Ok(Home::within(&member, capacity, spare)?)
    }

    /// The same, in a segment that this process has joined.
    pub(crate) fn within(member: &Member, capacity: usize, spare: usize) -> Result<Home<T>, AllocError> {
        let segment = member.segment();
        let ring = segment.arena().reserve_slice::<AtomicU64>(capacity)?;
        // Zeroed cells are free.
        let cells = segment.arena().reserve_slice::<Cell<T>>(capacity.saturating_add(spare))?;
        let words = |offset_at: u64, len: u64| [AtomicU64::new(offset_at), AtomicU64::new(len)];
        let root = Root {
            words: Words::new(),
            ring: words(ring.at(), ring.len()),
            cells: words(cells.at(), cells.len()),
            of: PhantomData,
        };
        let ring = segment.slice(ring).expect("just allocated");
        // SAFETY: zeroed memory, which holds atomics, and which nobody else has yet.
        for (at, place) in unsafe { ring.as_ref() }.iter().enumerate() {
            // ORDERING: Relaxed: the root is published after it.
            place.store(empty_place(at), Ordering::Relaxed);
        }
        let cells = segment.slice(cells).expect("just allocated");
        Ok(Home { place: Place::within(member, root)?, ring, cells })
    }

    pub(crate) fn attach<P>(address: Address<P>) -> Result<Home<T>, AttachError> {
        let place = Place::<Root<T>>::attach(address)?;
        // ORDERING: Relaxed: written before the queue was published.
        let read = |[at, len]: &[AtomicU64; 2]| (at.load(Ordering::Relaxed), len.load(Ordering::Relaxed));
        let ((ring_at, ring_len), (cells_at, cells_len)) = (read(&place.ring), read(&place.cells));
        let segment = place.census().segment();
        let bounds = |source| AttachError::Bounds { source };
        let ring = segment.slice(Offset::<[AtomicU64]>::slice(ring_at, ring_len)).map_err(bounds)?;
        let cells = segment.slice(Offset::<[Cell<T>]>::slice(cells_at, cells_len)).map_err(bounds)?;
        if ring.is_empty() || cells.is_empty() {
            return Err(AttachError::Type { expected: core::any::type_name::<P>() });
        }
        Ok(Home { place, ring, cells })
    }

    pub(crate) fn address<P>(&self) -> Address<P> {
        self.place.address()
    }
}

impl<T> Home<T> {
    #[inline]
    pub(crate) fn census(&self) -> &Member {
        self.place.census()
    }

    #[inline]
    pub(crate) fn words(&self) -> &Words {
        &self.place.words
    }

    #[inline]
    pub(crate) fn cells(&self) -> Cells<'_, T> {
        // SAFETY: checked when it was created or attached to; the place keeps it mapped.
        let ring = unsafe { self.ring.as_ref() };
        // SAFETY: as above.
        let cells = unsafe { self.cells.as_ref() };
        Cells { ends: &self.place.words.ends, ring, cells }
    }
}

impl<T> Clone for Home<T> {
    fn clone(&self) -> Self {
        Home { place: self.place.clone(), ring: self.ring, cells: self.cells }
    }
}
