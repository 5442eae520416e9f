//! Where the receiver of a direction takes descriptors.

use std::time::Instant;

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::{Futex, Shared, WaitOutcome};
use serde::{Deserialize, Serialize};

use super::error::SendError;
use crate::offset::Offset;
use crate::peers::Member;
use crate::ring::Producer;

const OPEN: u32 = 1;

/// The words of a direction about descriptors. All zero, as fresh memory, is a mailbox that is not open.
#[repr(C, align(128))]
struct Mailbox {
    /// The number in the name of the receiver's socket.
    name: AtomicU64,
    state: Futex<Shared>,
}

/// Where a mailbox lies; plain data, checked where it is used.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct MailboxPlace(u64);

/// A mailbox, and the membership that keeps it.
#[derive(Clone, Debug)]
pub(super) struct MailboxRef {
    member: Member,
    place: MailboxPlace,
}

impl MailboxRef {
    /// Bytes that a segment must have left for a mailbox.
    pub(super) const ROOM: usize = 2 * size_of::<Mailbox>();

    /// Takes the room for one.
    ///
    /// # Panics
    ///
    /// There is none.
    pub(super) fn alloc(member: &Member) -> MailboxRef {
        let room = member.segment().arena().alloc::<[u64; size_of::<Mailbox>() / 8]>(1);
        let place = MailboxPlace(room.expect("created with room for it").at());
        MailboxRef { member: member.clone(), place }
    }

    /// The mailbox at a place that somebody told, if there can be one.
    pub(super) fn at(member: &Member, place: MailboxPlace) -> Option<MailboxRef> {
        member.segment().ptr(Offset::<Mailbox>::new(place.0)).ok()?;
        Some(MailboxRef { member: member.clone(), place })
    }

    pub(super) fn place(&self) -> MailboxPlace {
        self.place
    }

    /// A number that only those know who have the segment.
    pub(super) fn secret(&self) -> u64 {
        self.member.segment().share().cookie
    }

    fn get(&self) -> &Mailbox {
        let place = self.member.segment().ptr(Offset::<Mailbox>::new(self.place.0)).expect("checked before");
        // SAFETY: within the mapping, which `self.member` keeps, and aligned; atomics, for which any bytes are valid.
        unsafe { place.as_ref() }
    }

    /// Says that the receiver's socket has this number.
    pub(super) fn open(&self, name: u64) {
        let mailbox = self.get();
        // ORDERING: Relaxed: the Release store below publishes it.
        mailbox.name.store(name, Ordering::Relaxed);
        // ORDERING: Release: pairs with the Acquire in `opened`.
        mailbox.state.word().store(OPEN, Ordering::Release);
        mailbox.state.wake_all();
    }

    /// Says that the receiver has no socket any more, or not yet.
    pub(super) fn close(&self) {
        // ORDERING: Release: as in `open`.
        self.get().state.word().store(0, Ordering::Release);
    }

    /// The number in the name of the receiver's socket, once there is one.
    pub(super) fn opened(&self, producer: &Producer, deadline: Option<Instant>) -> Result<u64, SendError> {
        let mailbox = self.get();
        loop {
            // ORDERING: Acquire: pairs with the Release in `open`: the name is that socket's.
            let state = mailbox.state.word().load(Ordering::Acquire);
            if state == OPEN {
                return Ok(mailbox.name.load(Ordering::Relaxed));
            }
            if producer.is_disconnected() {
                return Err(SendError::Disconnected);
            }
            // Any other state is as good as closed.
            if mailbox.state.wait(state, deadline) == WaitOutcome::TimedOut
                || deadline.is_some_and(|deadline| Instant::now() >= deadline)
            {
                return Err(SendError::TimedOut);
            }
        }
    }
}
