//! A worker's side of the two lanes.

use std::time::Duration;

use crate::control::ControlRef;
use crate::image::Identity;
use crate::lane::{CallWords, Direction, Head, Receiver, Sender, Status};
use crate::task::Bytes;

/// The ends that a worker has: it takes tasks off one lane and puts replies on the other.
///
/// Whoever ends without dropping them, as a process does, closes nothing: the parent learns of it by
/// [`Link::set_death`](crate::link::Link::set_death).
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) tasks: Receiver,
    pub(crate) replies: Sender,
}

/// Why a worker serves no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The parent wants it to go.
    Dismissed,
    /// A task claims so many bytes, more than there can be.
    TooLong(u32),
    /// The ring of the replies is full.
    NoRoom,
}

impl Service {
    /// # Safety
    ///
    /// The only worker of this control segment.
    pub(crate) unsafe fn new(control: &ControlRef) -> Service {
        // SAFETY: as the caller says.
        let replies = unsafe { Sender::new(control, Direction::Replies) };
        // SAFETY: as above.
        let tasks = unsafe { Receiver::new(control, Direction::Tasks) };
        Service { tasks, replies }
    }

    /// Answers task 0, the handshake, with this process's build. Returns whether it is the parent's too; of another one, nothing
    /// may be served, since functions lie elsewhere in it.
    pub(crate) fn greet(&mut self, parent: Identity, own: Identity) -> bool {
        let status = if own == parent { Status::Ok } else { Status::Refused };
        let mut bytes = Bytes::ZERO;
        let words = own.words();
        for (room, word) in bytes.0.chunks_exact_mut(8).zip(words) {
            room.copy_from_slice(&word.to_le_bytes());
        }
        self.replies.send(0, CallWords::NONE, status as u32, &bytes.0[..8 * words.len()]);
        status == Status::Ok
    }

    /// The next task, or `None` if the parent wants the worker to go.
    #[inline]
    pub(crate) fn next(&mut self, spin: Duration) -> Option<Head> {
        self.tasks.receive_within(spin, None).ok().filter(|_| !self.tasks.is_closed())
    }

    /// Answers one task after the other. `run` is given the task and its argument, and room for the result; it returns what to
    /// say and how many bytes.
    pub(crate) fn serve(
        &mut self,
        spin: Duration,
        mut run: impl FnMut(&Head, &Bytes, &mut Bytes) -> (Status, usize),
    ) -> Ended {
        let mut argument = Bytes::ZERO;
        let mut result = Bytes::ZERO;
        loop {
            let Some(head) = self.next(spin) else { return Ended::Dismissed };
            if self.tasks.bytes(&head, &mut argument).is_none() {
                return Ended::TooLong(head.len);
            }
            let (status, len) = run(&head, &argument, &mut result);
            if !self.replies.send(head.seq, head.call, status as u32, &result.0[..len]) {
                return Ended::NoRoom;
            }
        }
    }
}
