//! A ring's bytes, mapped twice in a row.

use core::ffi::c_void;
use core::ptr::NonNull;
use std::io;
use std::sync::Arc;

use rustix::mm::{MapFlags, ProtFlags};
use serde::{Deserialize, Serialize};

use super::{Control, Memory};
use crate::arena::AllocError;
use crate::offset::Offset;
use crate::peers::{Census, Member};
use crate::segment::Segment;

/// Where a ring lies in its segment; plain data, checked where it is used.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Layout {
    control: u64,
    bytes: u64,
    capacity: u64,
}

/// Why a ring could not be mapped.
#[derive(Debug)]
pub(crate) enum MapError {
    /// Not within the segment, or not where a ring can be.
    Layout,
    /// The system refused.
    Os(io::Error),
}

/// The two mappings, and the segment that they are of.
pub(super) struct Mapping {
    start: *mut c_void,
    len: usize,
    layout: Layout,
    member: Member,
}

// SAFETY: a mapping belongs to the process.
unsafe impl Send for Mapping {}
// SAFETY: it is not changed before it is dropped.
unsafe impl Sync for Mapping {}

impl Layout {
    /// The capacity that is used for a ring that is asked for: a power of two, of whole pages.
    pub(crate) fn capacity_for(wanted: usize) -> Option<usize> {
        wanted.max(rustix::param::page_size()).checked_next_power_of_two()
    }

    /// Bytes that a segment must have left for a ring of a [possible](Layout::capacity_for) capacity.
    pub(crate) fn room(capacity: usize) -> usize {
        capacity.saturating_add(rustix::param::page_size() + 4 * size_of::<Control>())
    }

    /// Takes the room for a ring of a [possible](Layout::capacity_for) capacity.
    pub(crate) fn alloc(segment: &Segment, capacity: usize) -> Result<Layout, AllocError> {
        let page = rustix::param::page_size();
        let control = segment.arena().alloc::<[u64; size_of::<Control>() / 8]>(1)?;
        let bytes = segment.arena().alloc::<u8>(capacity + page)?;
        Ok(Layout {
            control: control.at(),
            bytes: bytes.at().next_multiple_of(page as u64),
            capacity: capacity as u64,
        })
    }
}

impl Memory {
    /// Maps a ring of a segment.
    pub(crate) fn map(member: &Member, layout: Layout) -> Result<Memory, MapError> {
        let Layout { control, bytes, capacity } = layout;
        let (segment, page) = (member.segment(), rustix::param::page_size() as u64);
        let control = segment.ptr(Offset::<Control>::new(control)).map_err(|_| MapError::Layout)?;
        segment.slice(Offset::<[u8]>::slice(bytes, capacity)).map_err(|_| MapError::Layout)?;
        if !capacity.is_power_of_two() || capacity < page || !bytes.is_multiple_of(page) {
            return Err(MapError::Layout);
        }
        let mapping = Mapping::new(member, layout).map_err(MapError::Os)?;
        let words = NonNull::new(mapping.start).ok_or(MapError::Layout)?.cast();
        Ok(Memory { control, words, mask: capacity - 1, keep: Arc::new(mapping) })
    }

    /// Whether the process that had the producer has died. Costs a system call.
    pub(in crate::ring) fn is_producer_dead(&self) -> bool {
        self.control().calm.producer.peer().is_some_and(|peer| self.keep.member.is_dead(peer))
    }

    /// Whether the process that had the consumer has died. Costs a system call.
    pub(in crate::ring) fn is_consumer_dead(&self) -> bool {
        self.control().calm.consumer.peer().is_some_and(|peer| self.keep.member.is_dead(peer))
    }

    /// Where it lies in its segment.
    pub(in crate::ring) fn layout(&self) -> Layout {
        self.keep.layout
    }

    /// The membership that keeps the memory.
    pub(crate) fn member(&self) -> &Member {
        &self.keep.member
    }
}

impl Mapping {
    fn new(member: &Member, layout: Layout) -> io::Result<Mapping> {
        let capacity = layout.capacity as usize;
        let len = capacity.checked_mul(2).ok_or(io::ErrorKind::InvalidInput)?;
        // First the addresses, then the bytes, once for either half.
        // SAFETY: a new mapping, wherever there is room.
        let start = unsafe {
            rustix::mm::mmap_anonymous(core::ptr::null_mut(), len, ProtFlags::empty(), MapFlags::PRIVATE)?
        };
        let mapping = Mapping { start, len, layout, member: member.clone() };
        for half in 0..2 {
            let place = start.wrapping_byte_add(half * capacity);
            let access = ProtFlags::READ | ProtFlags::WRITE;
            let flags = MapFlags::SHARED | MapFlags::FIXED;
            // SAFETY: replaces a part of the mapping just made, which nobody uses yet.
            unsafe { rustix::mm::mmap(place, capacity, access, flags, member.segment().fd(), layout.bytes)? };
        }
        Ok(mapping)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: what `new` mapped; nobody has it any more. Fails for no such mapping.
        let _ = unsafe { rustix::mm::munmap(self.start, self.len) };
    }
}
