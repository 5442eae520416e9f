//! The claim to the answer of a task.

use core::any::type_name;
use core::fmt;
use core::marker::PhantomData;
use std::time::{Duration, Instant};

use crate::error::CallError;
use crate::lane::{CallWords, Head, Status};
use crate::link::{NoReply, SharedLink};
use crate::shm_safe::ShmSafe;
use crate::task::Bytes;

/// The claim to the answer of a task that was [submitted](crate::Workers::submit).
///
/// Tickets may be waited for in any order and in any thread. Dropping one throws the answer away; the task runs nevertheless.
#[must_use = "the answer is thrown away with the ticket"]
pub struct Ticket<R> {
    link: SharedLink,
    seq: u64,
    call: CallWords,
    task: &'static str,
    /// Whether the answer was taken: the slot may be another task's by now.
    taken: bool,
    of: PhantomData<fn() -> R>,
}

impl<R: ShmSafe> Ticket<R> {
    pub(crate) fn new(link: SharedLink, seq: u64, call: CallWords, task: &'static str) -> Self {
        Ticket { link, seq, call, task, taken: false, of: PhantomData }
    }

    /// Whether [`wait`](Ticket::wait) would return at once.
    pub fn is_done(&self) -> bool {
        self.link.is_settled(self.seq)
    }

    /// Waits, at most until the deadline, for [`wait`](Ticket::wait) to have something to return, and leaves it there; `false` if
    /// it has not. For who waits for several workers, of which one may fail while another cannot go on.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use heddle_ipc::Workers;
    ///
    /// let workers = Workers::start(1)?;
    /// let ticket = workers.submit(0, |x: u64| x + 1, 41)?;
    /// while !ticket.wait_ready(Instant::now() + Duration::from_millis(20)) {}
    /// assert_eq!(ticket.wait(None)?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_ready(&self, deadline: Instant) -> bool {
        self.link.wait_ready(self.seq, deadline)
    }

    /// The rank of the worker that has the task.
    pub fn rank(&self) -> usize {
        self.link.rank
    }

    /// Waits for the answer, at most until the deadline.
    ///
    /// Spins first, for as long as [`Builder::spin`](crate::Builder::spin) says, then sleeps. Several threads that wait for one
    /// worker take turns.
    ///
    /// # Errors
    ///
    /// [`CallError::Panicked`], [`CallError::Died`], [`CallError::TimedOut`] or [`CallError::Garbage`].
    #[inline]
    pub fn wait(mut self, deadline: Option<Instant>) -> Result<R, CallError> {
        let spin = self.link.spin();
        self.settle(deadline, spin)
    }

    /// Waits for the answer; after [`CallError::TimedOut`], and only then, it may be called again.
    #[inline]
    pub(crate) fn settle(&mut self, deadline: Option<Instant>, spin: Duration) -> Result<R, CallError> {
        match self.link.wait(self.seq, deadline, spin, |head, bytes| self.read(head, bytes)) {
            Ok(answer) => {
                self.taken = true;
                answer
            }
            Err(no_reply) => Err(self.no_reply(no_reply)),
        }
    }

    /// What a reply says.
    #[inline]
    fn read(&self, head: &Head, bytes: &Bytes) -> Result<R, CallError> {
        let (rank, task) = (self.link.rank, self.task);
        let garbage = |what: String| CallError::Garbage { rank, task, what };
        if head.call != self.call {
            return Err(garbage("the answer of another function".to_owned()));
        }
        match Status::from_number(head.status) {
            Some(Status::Ok) if head.len as usize == size_of::<R>() => {
                let (value, _) = R::read_from_prefix(&bytes.0).expect("any result fits");
                Ok(value)
            }
            Some(Status::Panicked) => Err(CallError::Panicked { rank, task, message: message(head, bytes) }),
            Some(Status::NoFunction) => Err(garbage("there is no such function".to_owned())),
            _ => Err(garbage(format!("status {}, {} bytes", head.status, head.len))),
        }
    }

    #[cold]
    fn no_reply(&self, why: NoReply) -> CallError {
        let (rank, task) = (self.link.rank, self.task);
        match why {
            NoReply::Died { running, exit } => {
                CallError::Died { rank, pid: self.link.pid, task, running, exit }
            }
            NoReply::TimedOut => CallError::TimedOut { rank, task },
            NoReply::Garbage(what) => CallError::Garbage { rank, task, what },
        }
    }
}

/// The message of a panic, in which the worker may have cut a character in two, or written nonsense.
fn message(head: &Head, bytes: &Bytes) -> String {
    let len = (head.len as usize).min(bytes.0.len());
    String::from_utf8_lossy(&bytes.0[..len]).into_owned()
}

impl<R> Drop for Ticket<R> {
    fn drop(&mut self) {
        if !self.taken {
            self.link.abandon(self.seq);
        }
    }
}

impl<R> fmt::Debug for Ticket<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("task", &self.task)
            .field("rank", &self.link.rank)
            .field("seq", &self.seq)
            .field("result", &type_name::<R>())
            .finish_non_exhaustive()
    }
}
