//! One direction between a parent and a worker: a ring of heads, and room for the bytes that do not fit a head.

use core::mem::MaybeUninit;
use std::time::{Duration, Instant};

use heddle_primitives::Shared;
use heddle_primitives::spsc::{Buffer, Consumer, Indices, Producer, RecvUntilError};
use heddle_primitives::sync::cell::UnsafeCell;

use crate::control::ControlRef;
use crate::task::{Bytes, Call, MAX_INLINE};

/// Tasks that one worker may have in flight; for the checkers few, so that rings go round in small programs.
pub(crate) const CAPACITY: usize =
    if cfg!(any(heddle_loom, heddle_shuttle, heddle_mutants)) { 2 } else { 64 };

/// Bytes that travel in the head itself, so that a small task moves one cache line.
const IN_HEAD: usize = 32;

/// The head of a task or a reply: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Head {
    /// Number of the task, from 1 on; 0 is the handshake. A reply repeats its task's.
    pub(crate) seq: u64,
    /// The task's function; a reply repeats it, and with it the type of the result.
    pub(crate) call: CallWords,
    /// Length of the argument or result.
    pub(crate) len: u32,
    /// In a reply a [`Status`] as a number; in a task the length of its result.
    pub(crate) status: u32,
    /// The bytes if `len` is at most [`IN_HEAD`]; else they lie in [`Lane::payloads`].
    inline: [u8; IN_HEAD],
}

const _: () = assert!(size_of::<Head>() == 64);

impl Head {
    pub(crate) const EMPTY: Head =
        Head { seq: 0, call: CallWords::NONE, len: 0, status: 0, inline: [0; IN_HEAD] };
}

/// [`Call`] in the form that lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct CallWords {
    trampoline: u64,
    function: u64,
}

impl CallWords {
    /// Of the handshake, which calls nothing.
    pub(crate) const NONE: CallWords = CallWords { trampoline: 0, function: 0 };

    /// A number that differs for most functions.
    pub(crate) fn mix(self) -> usize {
        ((self.trampoline ^ self.function.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
    }
}

impl From<Call> for CallWords {
    fn from(call: Call) -> Self {
        CallWords { trampoline: call.trampoline, function: call.function }
    }
}

impl From<CallWords> for Call {
    fn from(words: CallWords) -> Self {
        Call { trampoline: words.trampoline, function: words.function }
    }
}

/// What a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Status {
    /// The bytes are the result.
    Ok = 1,
    /// The function panicked; the bytes are the message, cut to fit.
    Panicked = 2,
    /// The worker is of another build; the bytes are its identity.
    Refused = 3,
    /// The task names no function of the worker's executable.
    NoFunction = 4,
}

impl Status {
    pub(crate) fn from_number(number: u32) -> Option<Status> {
        [Status::Ok, Status::Panicked, Status::Refused, Status::NoFunction]
            .into_iter()
            .find(|&status| status as u32 == number)
    }
}

/// What lies in the segment. All zero is an empty lane.
#[repr(C, align(128))]
pub(crate) struct Lane {
    indices: Indices<Shared>,
    slots: [UnsafeCell<MaybeUninit<Head>>; CAPACITY],
    /// The bytes of task `seq`, or of its reply, at `seq % CAPACITY`, if they are too many for a head.
    ///
    /// Not in the ring, since a consumer gives a ring's slot back when it takes the head. The room is free when its next user
    /// comes: a parent has at most `CAPACITY` tasks unanswered, so it writes the argument of task `s + CAPACITY` only after it
    /// took the reply of `s`, which the worker sent after it had copied that argument; and the worker writes the result of
    /// `s + CAPACITY` only after it got that task, which the parent sent after it had copied the result of `s`. The
    /// rings' own release and acquire order these accesses.
    payloads: [UnsafeCell<Bytes>; CAPACITY],
}

const _: () = assert!(CAPACITY.is_power_of_two());

impl Lane {
    /// Says that no more will be sent, on behalf of the sending end, and wakes the receiving one.
    pub(crate) fn close(&self) {
        self.indices.close_producer();
    }

    /// An empty lane; elsewhere fresh memory is one.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub(crate) fn new() -> Lane {
        Lane {
            indices: Indices::new(),
            slots: core::array::from_fn(|_| UnsafeCell::new(MaybeUninit::uninit())),
            payloads: core::array::from_fn(|_| UnsafeCell::new(Bytes::ZERO)),
        }
    }

    /// The bytes' room of task `seq`.
    #[inline]
    fn payload(&self, seq: u64) -> &UnsafeCell<Bytes> {
        &self.payloads[(seq % CAPACITY as u64) as usize]
    }
}

/// Which of a control segment's lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    Tasks,
    Replies,
}

/// A lane together with what keeps it mapped.
#[derive(Clone, Debug)]
pub(crate) struct LaneRef {
    control: ControlRef,
    direction: Direction,
}

impl LaneRef {
    #[inline]
    fn lane(&self) -> &Lane {
        match self.direction {
            Direction::Tasks => self.control.tasks(),
            Direction::Replies => self.control.replies(),
        }
    }
}

// SAFETY: indices and slots are fields of one lane that stays mapped, at one place, as long as `self` lives. The ends are made
// once each: the sending end of tasks and the receiving end of replies by the parent, the others by the worker.
unsafe impl Buffer<Head> for LaneRef {
    type Scope = Shared;

    #[inline]
    fn indices(&self) -> &Indices<Shared> {
        &self.lane().indices
    }

    #[inline]
    fn slots(&self) -> &[UnsafeCell<MaybeUninit<Head>>] {
        &self.lane().slots
    }
}

/// The end of a lane that sends.
#[derive(Debug)]
pub(crate) struct Sender {
    ring: Producer<Head, LaneRef>,
    lane: LaneRef,
}

/// The end of a lane that receives.
#[derive(Debug)]
pub(crate) struct Receiver {
    ring: Consumer<Head, LaneRef>,
    lane: LaneRef,
}

impl Sender {
    /// # Safety
    ///
    /// The only sending end of this lane, of all processes.
    pub(crate) unsafe fn new(control: &ControlRef, direction: Direction) -> Sender {
        let lane = LaneRef { control: control.clone(), direction };
        // SAFETY: as the caller says.
        Sender { ring: unsafe { Producer::from_buffer(lane.clone()) }, lane }
    }

    /// Sends a head with these bytes, at most [`MAX_INLINE`]; `false` if the ring is full, which it never is unless the peer
    /// broke it.
    #[inline]
    pub(crate) fn send(&mut self, seq: u64, call: CallWords, status: u32, bytes: &[u8]) -> bool {
        let head = self.fill(seq, call, status, bytes);
        let sent = self.commit(head);
        self.notify();
        sent
    }

    /// The first step of [`send`](Sender::send): the head, and the bytes in their room. The receiver sees nothing of it.
    #[inline]
    pub(crate) fn fill(&mut self, seq: u64, call: CallWords, status: u32, bytes: &[u8]) -> Head {
        let len = bytes.len().min(MAX_INLINE);
        let mut head = Head { seq, call, len: len as u32, status, inline: [0; IN_HEAD] };
        if len <= IN_HEAD {
            head.inline[..len].copy_from_slice(&bytes[..len]);
        } else {
            let room = self.lane.lane().payload(seq).get_mut();
            // SAFETY: the lane stays mapped, and the room is ours, see `Lane::payloads`.
            let room = unsafe { room.deref() };
            room.0[..len].copy_from_slice(&bytes[..len]);
        }
        head
    }

    /// The second: the receiver can take the head. `false` if the ring is full.
    #[inline]
    pub(crate) fn commit(&mut self, head: Head) -> bool {
        self.ring.push(head).is_ok()
    }

    /// The third: the receiver wakes, should it sleep.
    #[inline]
    pub(crate) fn notify(&self) {
        self.ring.notify();
    }
}

impl Receiver {
    /// # Safety
    ///
    /// The only receiving end of this lane, of all processes.
    pub(crate) unsafe fn new(control: &ControlRef, direction: Direction) -> Receiver {
        let lane = LaneRef { control: control.clone(), direction };
        // SAFETY: as the caller says.
        Receiver { ring: unsafe { Consumer::from_buffer(lane.clone()) }, lane }
    }

    /// The next head, if there is one. Its `len` is as the peer wrote it.
    #[inline]
    pub(crate) fn receive(&mut self) -> Option<Head> {
        self.ring.pop().ok()
    }

    /// The next head, spinning and then sleeping until there is one.
    #[inline]
    pub(crate) fn receive_within(
        &mut self,
        spin: Duration,
        deadline: Option<Instant>,
    ) -> Result<Head, RecvUntilError> {
        self.ring.recv_spinning(spin, deadline)
    }

    /// Whether the lane is [closed](Lane::close). What was sent before is still to be received.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Copies the bytes that belong to a head that [`receive`](Receiver::receive) returned; `None` if it claims more than there can be.
    #[inline]
    pub(crate) fn bytes(&self, head: &Head, into: &mut Bytes) -> Option<()> {
        let len = head.len as usize;
        if len <= IN_HEAD {
            into.0[..IN_HEAD].copy_from_slice(&head.inline);
        } else if len <= MAX_INLINE {
            let room = self.lane.lane().payload(head.seq).get();
            // SAFETY: the lane stays mapped, and the sender has left the room to us, see `Lane::payloads`.
            let room = unsafe { room.deref() };
            into.0[..len].copy_from_slice(&room.0[..len]);
        } else {
            return None;
        }
        Some(())
    }
}
