//! The crate's protocols without processes and mappings, for the checkers: verification builds only.
//!
//! loom, shuttle and Miri know neither. So here the words lie on the heap, a worker is a thread, or a part of one, that has a
//! worker's ends, and the system is [`os`](crate::os), which for these builds notes how processes ended. All else is the code
//! that runs natively: [`Link`], [`Ticket`], the lanes, the worker's loop, the supervisor, a segment's header and its arena's cursor.
//!
//! - [`pair`]: a parent and its worker, which may stop for ever after each step of an answer;
//! - [`Supervised`]: who notices ends, and wakes whoever waits;
//! - [`Peer`]: who takes part in a segment, and may die at any operation;
//! - [`Hall`]: a pool's bell and station, and who sleeps there;
//! - [`ring`]: a ring of messages, whose ends may die at any operation;
//! - [`SegmentHeader`]: how a segment is published, and its memory handed out.

mod hall;
mod header;
mod peers;
pub mod ring;
mod supervised;
mod worker;

pub use hall::{Attendant, End, Hall, TASKS};
pub use header::SegmentHeader;
pub use peers::Peer;
pub use supervised::Supervised;
pub use worker::{Served, Step, Worker};

use std::any::type_name;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::control::{ControlRef, Terms};
use crate::error::SubmitError;
use crate::exit::Exit;
use crate::image::Identity;
use crate::lane::{CAPACITY, CallWords, Status};
use crate::link::{Link, SharedLink};
use crate::os::Pidfd;
use crate::serve::Service;
use crate::shm_safe::ShmSafe;
use crate::task::Call;
use crate::ticket::Ticket;

/// How many tasks may be unanswered: few, so that rings go round in small programs.
pub const WINDOW: usize = CAPACITY;

/// The only function that is called: a [`Worker`] says at each task what it does.
const CALL: Call = Call { trampoline: 1, function: 0 };

/// The parent's side of a worker. Clones are the same.
#[derive(Clone, Debug)]
pub struct Parent {
    link: SharedLink,
    control: ControlRef,
}

/// A parent and its worker, which has not greeted yet.
pub fn pair() -> (Parent, Worker) {
    let identity = Identity::from_words([1, 2, 3, 4, 5, 6]);
    let control = ControlRef::on_heap(&Terms { identity, spin: Duration::ZERO, rank: 0, count: 1 });
    let link = Arc::new(Link::new(0, 1, Pidfd::default(), control.clone(), Duration::ZERO));
    // SAFETY: the only worker of this memory.
    let service = unsafe { Service::new(&control) };
    (Parent { link, control: control.clone() }, Worker::new(service, control, identity))
}

impl Parent {
    /// Waits until the worker is ready.
    ///
    /// # Errors
    ///
    /// What came instead.
    pub fn greet(&self) -> Result<(), String> {
        let greeted = self.link.wait(0, None, Duration::ZERO, |head, _| head.status);
        match greeted {
            Ok(status) if status == Status::Ok as u32 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }

    /// Sends a task; what `Workers::submit` does, but that the worker says what the function is.
    ///
    /// # Errors
    ///
    /// [`SubmitError::Full`], [`SubmitError::Dead`] or [`SubmitError::Broken`].
    pub fn submit<A: ShmSafe, R: ShmSafe>(&self, argument: A) -> Result<Ticket<R>, SubmitError> {
        let (call, name) = (CallWords::from(CALL), type_name::<A>());
        let seq = self.link.submit(call, name, argument.as_bytes(), size_of::<R>())?;
        Ok(Ticket::new(Arc::clone(&self.link), seq, call, name))
    }

    /// Tells the worker to go.
    pub fn dismiss(&self) {
        self.link.close();
    }

    /// What the supervisor does once it has reaped the worker.
    pub fn bury(&self, exit: Exit) {
        self.link.set_death(exit);
    }

    /// What the kernel does when it has taken the worker down, for a [`Supervised`] to notice.
    pub fn end(&self, exit: Exit) {
        self.link.pidfd().end(exit);
    }

    /// How the worker ended, once that is noted.
    pub fn exit(&self) -> Option<Exit> {
        self.link.death()
    }

    /// Broken: [`bury`](Parent::bury) in the wrong order, the wake before what it announces.
    pub fn bury_too_late(&self, exit: Exit) {
        self.control.replies().close();
        self.link.set_death(exit);
    }
}

/// [`Ticket::wait`] that leaves the ticket when it times out; what `Workers::wait_all` does.
///
/// # Errors
///
/// As [`Ticket::wait`].
pub fn settle<R: ShmSafe>(ticket: &mut Ticket<R>, deadline: Option<Instant>) -> Result<R, crate::CallError> {
    ticket.settle(deadline, Duration::ZERO)
}
