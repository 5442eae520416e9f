//! Rings in segments of their own, and ends that go from one process to another.

use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::consumer::Consumer;
use super::control::Control;
use super::memory::{Layout, MapError, Memory};
use super::owner::Owner;
use super::producer::Producer;
use crate::peers::{Census, JoinError, Member};
use crate::segment::{Segment, SegmentRef};

/// Makes a ring, in memory of its own, for messages of up to `capacity` bytes together. The capacity is rounded up to a power of two and
/// whole pages.
///
/// # Errors
///
/// See [`CreateError`].
pub fn create(capacity: usize) -> Result<(Producer, Consumer), CreateError> {
    let member = Member::create("ring", room(capacity)?)?;
    create_in(&member, capacity)
}

/// Bytes that a segment must have left for a ring of this capacity.
pub(crate) fn room(capacity: usize) -> Result<usize, CreateError> {
    Layout::capacity_for(capacity).map(Layout::room).ok_or(CreateError::TooLong { capacity })
}

/// Makes a ring in a segment that is a member's, and has the room for it.
pub(crate) fn create_in(member: &Member, capacity: usize) -> Result<(Producer, Consumer), CreateError> {
    let capacity = Layout::capacity_for(capacity).ok_or(CreateError::TooLong { capacity })?;
    let layout = Layout::alloc(member.segment(), capacity).map_err(|_| CreateError::TooLong { capacity })?;
    let memory = Memory::map(member, layout).map_err(|error| match error {
        MapError::Layout => unreachable!("just allocated"),
        MapError::Os(source) => CreateError::Os { source },
    })?;
    let calm = &memory.control().calm;
    calm.producer.take(member.me());
    calm.consumer.take(member.me());
    // SAFETY: the ring is new, so this is its only producer.
    let producer = unsafe { Producer::new(memory.clone(), 0) };
    // SAFETY: as above.
    let consumer = unsafe { Consumer::new(memory, 0) };
    Ok((producer, consumer))
}

/// An end on its way to another process: plain data, for serde.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Handle {
    segment: SegmentRef,
    layout: Layout,
    at: u64,
    given: u64,
    /// Keeps the segment in the giver's process.
    #[serde(skip)]
    _member: Option<Member>,
}

/// A [`Producer`] that was given away.
///
/// Plain data: it goes to another process of the same user by whatever way, and becomes a producer there, once. Until then the process that
/// gave it must keep the handle, or something else of the ring, and live: the ring's memory is found through it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProducerHandle(Handle);

/// A [`Consumer`] that was given away; as [`ProducerHandle`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConsumerHandle(Handle);

impl Producer {
    /// The segment that the ring lies in. Writing there is what a peer gone wild does.
    pub fn segment(&self) -> &Segment {
        self.memory.member().segment()
    }

    /// Gives the end away, to the process that [attaches](ProducerHandle::attach) the handle.
    pub fn give(mut self) -> ProducerHandle {
        self.open = false;
        ProducerHandle(Handle::of(&self.memory, self.at, |control| &control.calm.producer))
    }
}

impl Consumer {
    /// The segment that the ring lies in. Writing there is what a peer gone wild does.
    pub fn segment(&self) -> &Segment {
        self.memory.member().segment()
    }

    /// Gives the end away, to the process that [attaches](ConsumerHandle::attach) the handle.
    pub fn give(mut self) -> ConsumerHandle {
        self.open = false;
        ConsumerHandle(Handle::of(&self.memory, self.at, |control| &control.calm.consumer))
    }
}

impl ProducerHandle {
    /// The segment that the end is in.
    pub(crate) fn segment(&self) -> SegmentRef {
        self.0.segment
    }

    /// The end, in this process from now on.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(self) -> Result<Producer, AttachError> {
        let member = Member::attach(self.0.segment)?;
        self.attach_in(&member)
    }

    /// [`attach`](ProducerHandle::attach), where the segment is known already.
    pub(crate) fn attach_in(&self, member: &Member) -> Result<Producer, AttachError> {
        let memory = self.0.claim(member, |control| &control.calm.producer)?;
        // SAFETY: claimed, so it is nobody else's.
        Ok(unsafe { Producer::new(memory, self.0.at) })
    }
}

impl ConsumerHandle {
    /// The segment that the end is in.
    pub(crate) fn segment(&self) -> SegmentRef {
        self.0.segment
    }

    /// The end, in this process from now on.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(self) -> Result<Consumer, AttachError> {
        let member = Member::attach(self.0.segment)?;
        self.attach_in(&member)
    }

    /// [`attach`](ConsumerHandle::attach), where the segment is known already.
    pub(crate) fn attach_in(&self, member: &Member) -> Result<Consumer, AttachError> {
        let memory = self.0.claim(member, |control| &control.calm.consumer)?;
        // SAFETY: claimed, so it is nobody else's.
        Ok(unsafe { Consumer::new(memory, self.0.at) })
    }
}

impl Handle {
    fn of(memory: &Memory, at: u64, owner: impl Fn(&Control) -> &Owner) -> Handle {
        let member = memory.member();
        Handle {
            segment: member.segment().share(),
            layout: memory.layout(),
            at,
            given: owner(memory.control()).give(member.me()),
            _member: Some(member.clone()),
        }
    }

    fn claim(&self, member: &Member, owner: impl Fn(&Control) -> &Owner) -> Result<Memory, AttachError> {
        let memory = Memory::map(member, self.layout).map_err(|error| match error {
            MapError::Layout => AttachError::Layout,
            MapError::Os(source) => AttachError::Os { source },
        })?;
        // Where words are read; no ring ever comes to the limit.
        if !self.at.is_multiple_of(8) || self.at > 1 << 62 {
            return Err(AttachError::Layout);
        }
        if !owner(memory.control()).claim(self.given, member.me()) {
            return Err(AttachError::Taken);
        }
        Ok(memory)
    }
}

/// Why a ring could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// Longer than an address space can hold.
    #[error("a ring of {capacity} bytes is too long for this address space")]
    TooLong {
        /// The capacity asked for.
        capacity: usize,
    },
    /// Its segment could not be created or joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The system refused to map it.
    #[error("the system cannot map a ring")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}

/// Why an end that was given away could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttachError {
    /// Its segment could not be opened or joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// There is no ring where the handle says.
    #[error("the handle names no ring of its segment")]
    Layout,
    /// Another process has it, or it was never given.
    #[error("the end is somebody else's")]
    Taken,
    /// The system refused to map it.
    #[error("the system cannot map the ring")]
    Os {
        /// What the system said.
        source: io::Error,
    },
}
