//! The parent's side of one worker process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_primitives::spsc::RecvUntilError;
use heddle_primitives::sync::atomic::{AtomicU8, Ordering};
use heddle_primitives::{Mutex, OnceLock};

use crate::control::ControlRef;
use crate::error::SubmitError;
use crate::exit::Exit;
use crate::lane::{CAPACITY, CallWords, Direction, Head, Receiver, Sender};
use crate::os::Pidfd;
use crate::task::Bytes;

/// No task has this slot.
const FREE: u8 = 0;
/// A task was sent, and its ticket is held.
const PENDING: u8 = 1;
/// The reply is in the stash, and the ticket is held.
const READY: u8 = 2;
/// A task was sent, and its ticket is gone: the reply is to be thrown away.
const ABANDONED: u8 = 3;

/// One worker process, from its start to its end. A worker that is restarted is another link.
///
/// Task `seq` uses slot `seq % CAPACITY`:
///
/// | from | to | by |
/// |---|---|---|
/// | FREE | PENDING | `submit`, under the sending lock |
/// | PENDING | READY | whoever receives, under the receiving lock |
/// | PENDING | ABANDONED | the ticket's drop |
/// | READY | FREE | whoever takes the reply for the ticket, under the receiving lock |
/// | READY | FREE | the ticket's drop |
/// | ABANDONED | FREE | whoever receives, under the receiving lock |
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) rank: usize,
    pub(crate) pid: u32,
    pidfd: Pidfd,
    control: ControlRef,
    spin: Duration,
    slots: [AtomicU8; CAPACITY],
    sending: Mutex<Sending>,
    receiving: Mutex<Receiving>,
    /// Set once the process has been reaped.
    death: OnceLock<Exit>,
}

#[derive(Debug)]
struct Sending {
    lane: Sender,
    next: u64,
    /// The functions in flight, for the report of a death.
    names: [&'static str; CAPACITY],
}

#[derive(Debug)]
struct Receiving {
    lane: Receiver,
    /// The number of the first task that is not answered.
    next: u64,
    stash: Box<[Stashed; CAPACITY]>,
    /// What was wrong with the first senseless reply. Nothing is received afterwards.
    garbage: Option<String>,
}

#[derive(Clone, Copy)]
struct Stashed {
    head: Head,
    bytes: Bytes,
}

impl core::fmt::Debug for Stashed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stashed").field("head", &self.head).finish_non_exhaustive()
    }
}

/// The name under which the handshake is reported.
const HANDSHAKE: &str = "the handshake";

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoReply {
    Died { running: &'static str, exit: Exit },
    TimedOut,
    Garbage(String),
}

impl Link {
    /// The link to a process that was just started with this control segment.
    pub(crate) fn new(rank: usize, pid: u32, pidfd: Pidfd, control: ControlRef, spin: Duration) -> Link {
        // SAFETY: the parent makes this end, here and nowhere else.
        let sender = unsafe { Sender::new(&control, Direction::Tasks) };
        // SAFETY: as above.
        let receiver = unsafe { Receiver::new(&control, Direction::Replies) };
        let stash = Box::new([Stashed { head: Head::EMPTY, bytes: Bytes::ZERO }; CAPACITY]);
        let link = Link {
            rank,
            pid,
            pidfd,
            control,
            spin,
            slots: core::array::from_fn(|_| AtomicU8::new(FREE)),
            sending: Mutex::new(Sending { lane: sender, next: 1, names: [HANDSHAKE; CAPACITY] }),
            receiving: Mutex::new(Receiving { lane: receiver, next: 0, stash, garbage: None }),
            death: OnceLock::new(),
        };
        // The handshake is the reply to task 0, which nobody sends.
        // ORDERING: Relaxed: nobody else has the link yet.
        link.slots[0].store(PENDING, Ordering::Relaxed);
        link
    }

    pub(crate) fn pidfd(&self) -> &Pidfd {
        &self.pidfd
    }

    pub(crate) fn death(&self) -> Option<Exit> {
        self.death.get().copied()
    }

    /// Notes how the process ended, and wakes whoever waits for its replies.
    pub(crate) fn set_death(&self, exit: Exit) {
        let _ = self.death.set(exit);
        // After the death is noted, so that who finds the lane closed finds the death too.
        self.control.replies().close();
    }

    /// Tells the worker to go once its current task is done.
    pub(crate) fn close(&self) {
        self.control.tasks().close();
    }

    /// Sends a task and returns its number.
    pub(crate) fn submit(
        &self,
        call: CallWords,
        name: &'static str,
        argument: &[u8],
        result_len: usize,
    ) -> Result<u64, SubmitError> {
        if let Some(exit) = self.death() {
            return Err(SubmitError::Dead { rank: self.rank, pid: self.pid, exit });
        }
        let mut sending = self.sending.lock();
        let seq = sending.next;
        let slot = slot(seq);
        // ORDERING: Acquire: pairs with the Release stores of FREE. By then the worker had read the last argument, as its reply
        // said, so its room may be written again here; and the reply's bytes have been copied out, so the worker may write into
        // theirs.
        if self.slots[slot].load(Ordering::Acquire) != FREE {
            // Replies that nobody waits for may be in the way.
            if let Some(mut receiving) = self.receiving.try_lock() {
                self.drain(&mut receiving);
            }
            // ORDERING: Acquire: as above.
            if self.slots[slot].load(Ordering::Acquire) != FREE {
                return Err(SubmitError::Full { rank: self.rank, capacity: CAPACITY });
            }
        }
        // ORDERING: Relaxed: the receiver learns of the task through the lock or the worker; the ticket is made after this.
        self.slots[slot].store(PENDING, Ordering::Relaxed);
        sending.names[slot] = name;
        if !sending.lane.send(seq, call, result_len as u32, argument) {
            // ORDERING: Relaxed: the task was not sent, so nobody wrote to its room.
            self.slots[slot].store(FREE, Ordering::Relaxed);
            return Err(SubmitError::Broken { rank: self.rank });
        }
        sending.next = seq + 1;
        Ok(seq)
    }

    /// Waits for the reply of task `seq`, and has `read` make something of it.
    #[inline]
    pub(crate) fn wait<T>(
        &self,
        seq: u64,
        deadline: Option<Instant>,
        spin: Duration,
        read: impl FnOnce(&Head, &Bytes) -> T,
    ) -> Result<T, NoReply> {
        let mut receiving = match deadline {
            None => self.receiving.lock(),
            Some(deadline) => self.receiving.try_lock_until(deadline).ok_or(NoReply::TimedOut)?,
        };
        self.settle(&mut receiving, seq, deadline, spin)?;
        let stashed = &receiving.stash[slot(seq)];
        let value = read(&stashed.head, &stashed.bytes);
        // ORDERING: Release: pairs with the Acquire load in `submit`: the bytes have been read.
        self.slots[slot(seq)].store(FREE, Ordering::Release);
        Ok(value)
    }

    /// Waits until [`wait`](Link::wait) would return at once; returns whether it would.
    pub(crate) fn wait_ready(&self, seq: u64, deadline: Instant) -> bool {
        let Some(mut receiving) = self.receiving.try_lock_until(deadline) else { return false };
        self.settle(&mut receiving, seq, Some(deadline), self.spin) != Err(NoReply::TimedOut)
    }

    /// Waits until the reply of task `seq` is in the stash.
    #[inline]
    fn settle(
        &self,
        receiving: &mut Receiving,
        seq: u64,
        deadline: Option<Instant>,
        spin: Duration,
    ) -> Result<(), NoReply> {
        while receiving.next <= seq {
            let head = match receiving.garbage {
                Some(_) => None,
                None => match receiving.lane.receive() {
                    Some(head) => Some(head),
                    None => match receiving.lane.receive_within(spin, deadline) {
                        Ok(head) => Some(head),
                        Err(RecvUntilError::TimedOut) => return Err(NoReply::TimedOut),
                        Err(RecvUntilError::Disconnected) => None,
                    },
                },
            };
            let Some(head) = head else { return Err(self.no_reply(receiving)) };
            self.accept(receiving, head);
        }
        Ok(())
    }

    /// Why no reply will come any more.
    #[cold]
    fn no_reply(&self, receiving: &mut Receiving) -> NoReply {
        if let (None, Some(exit)) = (&receiving.garbage, self.death()) {
            let running = self.sending.lock().names[slot(receiving.next)];
            return NoReply::Died { running, exit };
        }
        // Only the supervisor closes the lane, after it has noted the death: the worker wrote where it must not.
        NoReply::Garbage(
            receiving.garbage.get_or_insert("its ring is closed, but it lives".to_owned()).clone(),
        )
    }

    /// How long whoever waits for this worker spins before it sleeps.
    pub(crate) fn spin(&self) -> Duration {
        self.spin
    }

    /// Whether the reply of task `seq` can be taken, or never will come.
    pub(crate) fn is_settled(&self, seq: u64) -> bool {
        if let Some(mut receiving) = self.receiving.try_lock() {
            self.drain(&mut receiving);
            if receiving.garbage.is_some() {
                return true;
            }
        }
        // ORDERING: Relaxed: a hint; `wait` takes the reply under the lock.
        self.slots[slot(seq)].load(Ordering::Relaxed) == READY || self.death.get().is_some()
    }

    /// Throws the reply of task `seq` away, whenever it comes.
    pub(crate) fn abandon(&self, seq: u64) {
        let slot = &self.slots[slot(seq)];
        // ORDERING: Relaxed, success: who receives the reply touches nothing of ours. Relaxed, failure: the Release store
        // below follows.
        if slot.compare_exchange(PENDING, ABANDONED, Ordering::Relaxed, Ordering::Relaxed) == Err(READY) {
            // ORDERING: pairs with the Acquire load in `submit`. The bytes were copied out by the thread that made the slot
            // READY; its CAS is a Release, and this one continues that release sequence, as any read-modify-write does.
            let _ = slot.compare_exchange(READY, FREE, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Takes all replies that are there off the ring, into the stash.
    fn drain(&self, receiving: &mut Receiving) {
        while receiving.garbage.is_none()
            && let Some(head) = receiving.lane.receive()
        {
            self.accept(receiving, head);
        }
    }

    /// Puts a reply into the stash, or notes what is wrong with it.
    #[inline]
    fn accept(&self, receiving: &mut Receiving, head: Head) {
        if head.seq != receiving.next {
            receiving.garbage =
                Some(format!("the answer to task {} instead of {}", head.seq, receiving.next));
            return;
        }
        let slot = slot(head.seq);
        let stashed = &mut receiving.stash[slot];
        stashed.head = head;
        if receiving.lane.bytes(&head, &mut stashed.bytes).is_none() {
            receiving.garbage = Some(format!("{} bytes, more than there can be", head.len));
            return;
        }
        // ORDERING: Release, success: the ticket's drop may free the slot, and `submit` must then see the bytes copied.
        // Relaxed, failure: the Release store below follows.
        match self.slots[slot].compare_exchange(PENDING, READY, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => {}
            // ORDERING: Release: pairs with the Acquire load in `submit`: the bytes have been copied.
            Err(ABANDONED) => self.slots[slot].store(FREE, Ordering::Release),
            Err(_) => {
                receiving.garbage = Some(format!("an answer to task {}, which was not sent", head.seq));
                return;
            }
        }
        receiving.next += 1;
    }
}

fn slot(seq: u64) -> usize {
    (seq % CAPACITY as u64) as usize
}

/// A link that several parties hold: the workers, their tickets, the supervisor.
pub(crate) type SharedLink = Arc<Link>;
