//! A worker that is no process.

use std::time::Duration;

use crate::control::ControlRef;
use crate::image::Identity;
use crate::lane::{Head, Status};
use crate::serve::{Ended, Service};
use crate::shm_safe::ShmSafe;
use crate::task::Bytes;

/// A worker's side. Dropping it closes its ends, which a process that ends does not do: keep it until nobody waits any more.
#[derive(Debug)]
pub struct Worker {
    service: Service,
    control: ControlRef,
    own: Identity,
}

/// How far a worker comes with a task before it stops for ever. What it does within a step is nothing to anybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It has not looked for a task.
    Idle,
    /// The task is off the ring, its argument not read.
    Taken,
    /// The argument is read, the function maybe called.
    Read,
    /// The result is in its room, and nobody knows.
    Filled,
    /// The reply is on the ring, and nobody was woken.
    Committed,
    /// All is done.
    Answered,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Step; 6] =
        [Step::Idle, Step::Taken, Step::Read, Step::Filled, Step::Committed, Step::Answered];
}

/// Why a worker serves no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It was told to go.
    Dismissed,
    /// It found its rings broken.
    Broken,
}

impl Worker {
    pub(super) fn new(service: Service, control: ControlRef, own: Identity) -> Worker {
        Worker { service, control, own }
    }

    /// Says that it is ready, to a parent that must be of the same build.
    pub fn greet(&mut self) -> bool {
        self.service.greet(self.control.terms().identity, self.own)
    }

    /// Answers tasks with `f` until it is told to go, or finds its rings broken.
    pub fn serve<A: ShmSafe, R: ShmSafe>(&mut self, mut f: impl FnMut(A) -> R) -> Served {
        let spin = self.control.terms().spin;
        let ended = self.service.serve(spin, |_, argument, result| {
            write(f(read(argument)), result);
            (Status::Ok, size_of::<R>())
        });
        match ended {
            Ended::Dismissed => Served::Dismissed,
            Ended::TooLong(_) | Ended::NoRoom => Served::Broken,
        }
    }

    /// Takes the next task and comes up to `last` with it; returns how far, which is [`Step::Idle`] if it was told to go.
    pub fn answer<A: ShmSafe, R: ShmSafe>(&mut self, f: impl FnOnce(A) -> R, last: Step) -> Step {
        if last == Step::Idle {
            return last;
        }
        let Some(head) = self.take() else { return Step::Idle };
        if last == Step::Taken {
            return last;
        }
        let mut argument = Bytes::ZERO;
        self.service.tasks.bytes(&head, &mut argument).expect("as long as any argument");
        if last == Step::Read {
            return last;
        }
        self.reply(&head, f(read(&argument)), last)
    }

    /// Broken: answers before it has read the argument, whose room the parent may then use again.
    pub fn answer_before_reading<A: ShmSafe, R: ShmSafe>(&mut self, result: R) -> Option<A> {
        let head = self.take()?;
        self.reply(&head, result, Step::Answered);
        let mut argument = Bytes::ZERO;
        self.service.tasks.bytes(&head, &mut argument)?;
        Some(read(&argument))
    }

    /// Broken: answers a task that was never sent.
    pub fn answer_unasked(&mut self, seq: u64) {
        let sent = self.service.replies.send(seq, super::CALL.into(), Status::Ok as u32, &[]);
        assert!(sent, "no room for a reply");
    }

    fn take(&mut self) -> Option<Head> {
        self.service.next(Duration::ZERO)
    }

    /// What [`Sender::send`](crate::lane::Sender::send) does, up to `last`.
    fn reply<R: ShmSafe>(&mut self, head: &Head, result: R, last: Step) -> Step {
        let replies = &mut self.service.replies;
        let filled = replies.fill(head.seq, head.call, Status::Ok as u32, result.as_bytes());
        if last >= Step::Committed {
            assert!(replies.commit(filled), "no room for a reply");
        }
        if last >= Step::Answered {
            replies.notify();
        }
        last
    }
}

fn read<A: ShmSafe>(bytes: &Bytes) -> A {
    A::read_from_prefix(&bytes.0).expect("any argument fits").0
}

fn write<R: ShmSafe>(value: R, bytes: &mut Bytes) {
    bytes.0[..size_of::<R>()].copy_from_slice(value.as_bytes());
}
