//! The end that messages come out of.

use core::fmt;
use std::time::{Duration, Instant};

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
use heddle_primitives::Futex;
use heddle_primitives::spin::{HANDOVER_SPIN, Spin};
use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::sync::fence;
use heddle_primitives::{Shared, WaitOutcome};

use super::control::{ASLEEP, AWAKE};
use super::copy::copy_out;
use super::error::ReceiveError;
use super::head::{Head, WORD};
use super::memory::Memory;
use super::pace::Pace;
use super::producer::over;

/// Looks before the first at the clock: as many as it takes another core to answer.
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
const LOOKS: u32 = 32;

/// The end of a ring that messages come out of; see the [module](super).
///
/// It may be sent to another thread, and [given](Consumer::give) to another process. Dropping it closes it: the producer learns that nobody
/// receives any more.
pub struct Consumer {
    pub(crate) memory: Memory,
    /// Bytes consumed since the beginning; never read back from shared memory.
    pub(crate) at: u64,
    pace: Pace,
    /// Whether room was given back since the last look, behind a fence, at whether the producer sleeps.
    owes_wake: bool,
    spin: Duration,
    /// False once the end was given away.
    pub(crate) open: bool,
}

impl Consumer {
    /// The consumer of a ring of which so many bytes were consumed so far.
    ///
    /// # Safety
    ///
    /// The only consumer of this ring, of all processes.
    pub(crate) unsafe fn new(memory: Memory, at: u64) -> Consumer {
        Consumer { memory, at, pace: Pace::new(), owes_wake: false, spin: HANDOVER_SPIN, open: true }
    }

    /// The ring's size in bytes.
    pub fn capacity(&self) -> usize {
        self.memory.capacity() as usize
    }

    /// How long to spin for a message before sleeping; 15 us unless set.
    pub fn set_spin(&mut self, spin: Duration) {
        self.spin = spin;
    }

    /// The next message, waiting for it no longer than until the deadline. It stays in the ring until it is
    /// [consumed](Message::consume).
    ///
    /// # Errors
    ///
    /// Any [`ReceiveError`] but [`Empty`](ReceiveError::Empty).
    #[inline]
    pub fn peek(&mut self, deadline: Option<Instant>) -> Result<Message<'_>, ReceiveError> {
        let head = match self.look()? {
            Some(head) => head,
            None => self.wait(deadline)?,
        };
        Ok(Message { consumer: self, head })
    }

    /// The next message, if there is one now.
    ///
    /// # Errors
    ///
    /// Any [`ReceiveError`] but [`TimedOut`](ReceiveError::TimedOut).
    #[inline]
    pub fn try_peek(&mut self) -> Result<Message<'_>, ReceiveError> {
        let closed = match self.look()? {
            Some(head) => return Ok(Message { consumer: self, head }),
            None => {
                self.pay_wake();
                self.memory.control().is_producer_closed()
            }
        };
        // Once more, for what was sent before the close.
        match self.look()? {
            Some(head) => Ok(Message { consumer: self, head }),
            None if closed => Err(ReceiveError::Disconnected),
            None => Err(ReceiveError::Empty),
        }
    }

    /// Whether no more messages will come than are in the ring: the producer is closed, or its process has died. Asks the kernel.
    pub fn is_disconnected(&self) -> bool {
        self.memory.control().is_producer_closed() || self.memory.is_producer_dead()
    }

    /// Whether there is a message, or what cannot be one, or the producer is closed.
    #[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
    pub(crate) fn is_ready(&self) -> bool {
        // ORDERING: Relaxed: whoever takes the message acquires it.
        self.memory.word(self.at).load(Ordering::Relaxed) != 0 || self.memory.control().is_producer_closed()
    }

    /// Has the producer know that the consumer sleeps, or is about to; the word that it sleeps on, and its value then.
    #[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
    pub(crate) fn fall_asleep(&self) -> (&Futex<Shared>, u32) {
        let asleep = &self.memory.control().calm.consumer_asleep;
        // ORDERING: Relaxed: the fence orders it before the look at the head (Q1 to Q3 in the module's text).
        asleep.word().swap(ASLEEP, Ordering::Relaxed);
        // ORDERING: pairs with the fence in `wake`.
        fence(Ordering::SeqCst);
        (asleep, ASLEEP)
    }

    /// The consumer is awake again.
    #[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
    pub(crate) fn wake_up(&self) {
        // ORDERING: Relaxed: spares the producer a wake; nothing depends on when it is seen.
        self.memory.control().calm.consumer_asleep.word().swap(AWAKE, Ordering::Relaxed);
    }

    /// Wakes the producer if it sleeps; to be called once after messages were [passed](Message::pass).
    #[inline]
    pub fn notify(&self) {
        self.memory.control().wake_producer();
    }

    /// The head of the next message, if it is there.
    #[inline(always)]
    fn look(&mut self) -> Result<Option<Head>, ReceiveError> {
        // ORDERING: Acquire: pairs with the Release store in `Producer::publish`: the bytes of the message, and the 0 behind it.
        let found = self.memory.word(self.at).load(Ordering::Acquire);
        if found == 0 {
            return Ok(None);
        }
        match Head::from_word(found, self.memory.max_len()) {
            Some(head) => Ok(Some(head)),
            None => Err(ReceiveError::Corrupt { found }),
        }
    }

    /// Gives the room of the message at hand back.
    #[inline(always)]
    pub(crate) fn pass(&mut self, len: u64) {
        self.at += Head::stride(len);
        self.pace.found();
        self.owes_wake = true;
        // ORDERING: Release: pairs with the Acquire load in `Producer::refresh`: the bytes have been read.
        self.memory.control().consumer.consumed.store(self.at, Ordering::Release);
    }

    /// The ring is empty: a producer that sleeps is woken for certain, before the consumer sleeps or does something else.
    #[inline]
    fn pay_wake(&mut self) {
        if self.owes_wake {
            self.owes_wake = false;
            self.notify();
        }
    }

    /// There is no message; waits for one.
    #[inline(never)]
    fn wait(&mut self, deadline: Option<Instant>) -> Result<Head, ReceiveError> {
        self.pay_wake();
        self.pace.lingers();
        #[cfg(not(any(heddle_loom, heddle_shuttle)))]
        for _ in 0..LOOKS {
            if let Some(head) = self.look()? {
                return Ok(head);
            }
            heddle_primitives::sync::hint::spin_loop();
        }
        let mut spin = Spin::new::<Shared>(self.spin, deadline);
        while spin.pause() {
            if let Some(head) = self.look()? {
                return Ok(head);
            }
        }
        self.sleep(deadline)
    }

    #[cold]
    fn sleep(&mut self, deadline: Option<Instant>) -> Result<Head, ReceiveError> {
        let memory = self.memory.clone();
        let asleep = &memory.control().calm.consumer_asleep;
        let outcome = loop {
            // ORDERING: Relaxed: the fence orders it before the look at the head (Q1 to Q3 in the module's text).
            asleep.word().swap(ASLEEP, Ordering::Relaxed);
            // ORDERING: pairs with the fence in `wake`.
            fence(Ordering::SeqCst);
            // Closed or dead first, then the head: what was sent before is not lost. Closed, so that who does not wait learns it too.
            let closed = memory.control().is_producer_closed();
            let closed = closed || {
                let dead = memory.is_producer_dead();
                if dead {
                    memory.control().close_producer();
                }
                dead
            };
            if let Some(found) = self.look().transpose() {
                break found;
            }
            if closed {
                break Err(ReceiveError::Disconnected);
            }
            let waited = asleep.wait(ASLEEP, deadline);
            if waited == WaitOutcome::TimedOut || over(waited, deadline) {
                break self.look().and_then(|found| found.ok_or(ReceiveError::TimedOut));
            }
        };
        // ORDERING: Relaxed: spares the producer a wake; nothing depends on when it is seen.
        asleep.word().swap(AWAKE, Ordering::Relaxed);
        outcome
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if self.open {
            self.memory.control().close_consumer();
        }
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("capacity", &self.capacity()).field("consumed", &self.at).finish()
    }
}

/// A message in the ring. Dropping it leaves it there, to be looked at again.
#[derive(Debug)]
#[must_use = "it stays in the ring until it is consumed"]
pub struct Message<'c> {
    consumer: &'c mut Consumer,
    head: Head,
}

impl Message<'_> {
    /// Its bytes.
    pub fn len(&self) -> usize {
        self.head.len as usize
    }

    /// Whether it has no bytes; it is a message nevertheless.
    pub fn is_empty(&self) -> bool {
        self.head.len == 0
    }

    /// The sender's mark.
    #[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
    #[inline(always)]
    pub(crate) fn mark(&self) -> u8 {
        self.head.mark
    }

    /// Copies the first bytes, as many as there are and `into` has room for, and returns how many.
    #[inline(always)]
    pub fn copy_to(&self, into: &mut [u8]) -> usize {
        let len = into.len().min(self.len());
        let (memory, at) = (&self.consumer.memory, self.consumer.at + WORD);
        // SAFETY: a message is in the ring in one piece, and `from_word` has checked its length.
        unsafe { copy_out(&mut into[..len], memory.piece(at), |offset| memory.word(at + offset)) };
        len
    }

    /// Copies all of it.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len()];
        self.copy_to(&mut bytes);
        bytes
    }

    /// Its bytes where they are.
    ///
    /// # Safety
    ///
    /// The other process does not write there meanwhile: it is trusted not to scribble over memory that is not its.
    #[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
    pub unsafe fn as_slice(&self) -> &[u8] {
        let start = self.consumer.memory.piece(self.consumer.at + WORD).expect("mapped in one piece");
        // SAFETY: `len` bytes from there on are a message's, in one piece; the consumer, borrowed with `self`, keeps them until it passes
        // them, and the other process keeps away, as the caller says.
        unsafe { core::slice::from_raw_parts(start.as_ptr(), self.len()) }
    }

    /// Gives its room back, and wakes the producer if it is seen to sleep.
    ///
    /// That look costs no fence. A producer that falls asleep at this very moment may be overlooked; it is woken at the next message, at the
    /// latest when the consumer finds the ring empty; and by itself after 50 ms if the consumer does not come back.
    #[inline(always)]
    pub fn consume(self) {
        self.consumer.pass(self.head.len);
        self.consumer.memory.control().wake_producer_if_seen();
    }

    /// [`consume`](Message::consume), but a producer that sleeps goes on sleeping, up to 50 ms, until [`Consumer::notify`]: for many messages at
    /// a time.
    #[inline(always)]
    pub fn pass(self) {
        self.consumer.pass(self.head.len);
    }
}
