//! The end that messages go in.

use core::fmt;
use std::time::{Duration, Instant};

use heddle_primitives::spin::{HANDOVER_SPIN, Spin};
use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::sync::fence;
use heddle_primitives::{Shared, WaitOutcome};

use super::control::{ASLEEP, AWAKE};
use super::copy::{copy_in, expect_write};
use super::error::SendError;
use super::head::{Head, WORD};
use super::memory::Memory;
use super::pace::linger;

/// How far ahead of the next message the memory is asked for, in bytes.
const AHEAD: u64 = 512;

/// The end of a ring that messages go in; see the [module](super).
///
/// It may be sent to another thread, and [given](Producer::give) to another process. Dropping it closes it: the consumer receives what
/// was sent, and then learns that there is no more.
pub struct Producer {
    pub(crate) memory: Memory,
    /// Bytes sent since the beginning; never read back from shared memory.
    pub(crate) at: u64,
    /// How far the consumer was when last looked at; as far as it must have been, at first.
    consumed: u64,
    spin: Duration,
    /// False once the end was given away.
    pub(crate) open: bool,
}

impl Producer {
    /// The producer of a ring in which so many bytes were sent so far.
    ///
    /// # Safety
    ///
    /// The only producer of this ring, of all processes.
    pub(crate) unsafe fn new(memory: Memory, at: u64) -> Producer {
        let consumed = at.saturating_sub(memory.capacity());
        Producer { memory, at, consumed, spin: HANDOVER_SPIN, open: true }
    }

    /// The ring's size in bytes. A message takes 8 more than it has, and a multiple of 8.
    pub fn capacity(&self) -> usize {
        self.memory.capacity() as usize
    }

    /// The bytes of the longest message.
    pub fn max_len(&self) -> usize {
        self.memory.max_len() as usize
    }

    /// How long to spin for room before sleeping; 15 us unless set.
    pub fn set_spin(&mut self, spin: Duration) {
        self.spin = spin;
    }

    /// Sends a message, waiting for room no longer than until the deadline, and wakes the consumer if it sleeps.
    ///
    /// # Errors
    ///
    /// Any [`SendError`] but [`Full`](SendError::Full). Nothing was sent then.
    #[inline]
    pub fn send(&mut self, bytes: &[u8], deadline: Option<Instant>) -> Result<(), SendError> {
        self.send_marked(bytes, 0, deadline)
    }

    /// Sends a message if there is room now, and wakes the consumer if it sleeps.
    ///
    /// # Errors
    ///
    /// Any [`SendError`] but [`TimedOut`](SendError::TimedOut). Nothing was sent then.
    #[inline]
    pub fn try_send(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.try_send_marked(bytes, 0)
    }

    /// [`try_send`](Producer::try_send), but a consumer that sleeps goes on sleeping, up to 50 ms, until [`notify`](Producer::notify): for many
    /// messages at a time.
    ///
    /// # Errors
    ///
    /// As `try_send`.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.room(bytes.len())?;
        self.fill(bytes);
        self.publish(bytes.len() as u64, 0);
        Ok(())
    }

    /// Wakes the consumer if it sleeps; to be called once after messages were [pushed](Producer::push).
    #[inline]
    pub fn notify(&self) {
        self.memory.control().wake_consumer();
    }

    /// Room for a message of `len` bytes, to be written in place, waiting for it no longer than until the deadline.
    ///
    /// # Errors
    ///
    /// Any [`SendError`] but [`Full`](SendError::Full).
    #[inline]
    pub fn reserve(&mut self, len: usize, deadline: Option<Instant>) -> Result<Reservation<'_>, SendError> {
        self.await_room(len, deadline)?;
        Ok(Reservation { producer: self, len })
    }

    /// Room for a message of `len` bytes, to be written in place, if there is any now.
    ///
    /// # Errors
    ///
    /// Any [`SendError`] but [`TimedOut`](SendError::TimedOut).
    #[inline]
    pub fn try_reserve(&mut self, len: usize) -> Result<Reservation<'_>, SendError> {
        self.room(len)?;
        Ok(Reservation { producer: self, len })
    }

    /// Whether nobody receives any more: the consumer is closed, or its process has died. Asks the kernel.
    pub fn is_disconnected(&self) -> bool {
        self.memory.control().is_consumer_closed() || self.memory.is_consumer_dead()
    }

    /// [`send`](Producer::send), with a mark beside the bytes.
    #[inline]
    pub(crate) fn send_marked(
        &mut self,
        bytes: &[u8],
        mark: u8,
        deadline: Option<Instant>,
    ) -> Result<(), SendError> {
        self.await_room(bytes.len(), deadline)?;
        self.fill(bytes);
        self.publish(bytes.len() as u64, mark);
        self.notify();
        Ok(())
    }

    /// [`try_send`](Producer::try_send), with a mark beside the bytes.
    #[inline]
    pub(crate) fn try_send_marked(&mut self, bytes: &[u8], mark: u8) -> Result<(), SendError> {
        self.room(bytes.len())?;
        self.fill(bytes);
        self.publish(bytes.len() as u64, mark);
        self.notify();
        Ok(())
    }

    #[inline(always)]
    fn fill(&mut self, bytes: &[u8]) {
        let at = self.at + WORD;
        // SAFETY: there is room for the bytes from `at` on, as the caller saw to, in one piece.
        unsafe { copy_in(bytes, self.memory.piece(at), |offset| self.memory.word(at + offset)) };
    }

    /// Publishes the `len` bytes that were written behind the place of the head.
    #[inline(always)]
    fn publish(&mut self, len: u64, mark: u8) {
        let next = self.at + Head::stride(len);
        // ORDERING: Relaxed: published by the head, as the bytes are.
        self.memory.word(next).store(0, Ordering::Relaxed);
        // ORDERING: Release: pairs with the Acquire load in `Consumer::look`; the bytes and the 0 behind them become visible.
        self.memory.word(self.at).store(Head { len, mark }.word(), Ordering::Release);
        self.at = next;
        if self.free() > AHEAD {
            expect_write(self.memory.word(next + AHEAD));
        }
    }

    /// Bytes that are free as of the last look at how far the consumer is.
    #[inline(always)]
    fn free(&self) -> u64 {
        self.memory.capacity() - (self.at - self.consumed)
    }

    /// Whether there is room for a message of `len` bytes and the head of the next one.
    #[inline(always)]
    fn room(&mut self, len: usize) -> Result<(), SendError> {
        let max = self.memory.max_len();
        if len as u64 > max {
            return Err(SendError::TooLong { len, max: max as usize });
        }
        let needed = Head::stride(len as u64) + WORD;
        if needed > self.free() {
            self.refresh()?;
        }
        if self.memory.control().is_consumer_closed() {
            return Err(SendError::Disconnected);
        }
        if needed > self.free() { Err(SendError::Full) } else { Ok(()) }
    }

    /// Looks how far the consumer is.
    fn refresh(&mut self) -> Result<(), SendError> {
        // ORDERING: Acquire: pairs with the Release store in `Consumer::pass`: what was read there may be written again.
        let found = self.memory.control().consumer.consumed.load(Ordering::Acquire);
        if found < self.consumed || found > self.at {
            return Err(SendError::Corrupt { found, sent: self.at });
        }
        self.consumed = found;
        Ok(())
    }

    #[inline(always)]
    fn await_room(&mut self, len: usize, deadline: Option<Instant>) -> Result<(), SendError> {
        match self.room(len) {
            Err(SendError::Full) => self.wait_for_room(len, deadline),
            other => other,
        }
    }

    #[cold]
    fn wait_for_room(&mut self, len: usize, deadline: Option<Instant>) -> Result<(), SendError> {
        // Who goes on at the first free word finds the next one taken.
        linger();
        let mut spin = Spin::new::<Shared>(self.spin, deadline);
        loop {
            match self.room(len) {
                Err(SendError::Full) => {}
                other => return other,
            }
            if !spin.pause() {
                break;
            }
        }
        let memory = self.memory.clone();
        let asleep = &memory.control().consumer.producer_asleep;
        let outcome = loop {
            // ORDERING: Relaxed: the fence orders it before the look at how far the consumer is (Q1 to Q3 in the module's text).
            asleep.word().swap(ASLEEP, Ordering::Relaxed);
            // ORDERING: pairs with the fence in `wake`.
            fence(Ordering::SeqCst);
            if memory.is_consumer_dead() {
                // So that who does not wait learns it too.
                memory.control().close_consumer();
            }
            match self.room(len) {
                Err(SendError::Full) => {}
                other => break other,
            }
            let waited = asleep.wait(ASLEEP, deadline);
            if waited == WaitOutcome::TimedOut || over(waited, deadline) {
                break match self.room(len) {
                    Err(SendError::Full) => Err(SendError::TimedOut),
                    other => other,
                };
            }
        };
        // ORDERING: Relaxed: spares the consumer a wake; nothing depends on when it is seen.
        asleep.word().swap(AWAKE, Ordering::Relaxed);
        outcome
    }
}

/// Whether the time is up after a wait that did not sleep, since somebody keeps changing the word.
pub(super) fn over(waited: WaitOutcome, deadline: Option<Instant>) -> bool {
    waited == WaitOutcome::Mismatch && deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

impl Drop for Producer {
    fn drop(&mut self) {
        if self.open {
            self.memory.control().close_producer();
        }
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("capacity", &self.capacity()).field("sent", &self.at).finish()
    }
}

/// Room for a message, which nobody sees before it is [committed](Reservation::commit). Dropping it gives the room back.
#[derive(Debug)]
#[must_use = "nothing is sent before the commit"]
pub struct Reservation<'p> {
    producer: &'p mut Producer,
    len: usize,
}

impl Reservation<'_> {
    /// The bytes that were asked for.
    #[allow(clippy::len_without_is_empty, reason = "the length asked for, not of a collection")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The room itself, to be written in place. What was there before may be anything.
    ///
    /// # Safety
    ///
    /// The other process does not write there meanwhile: it is trusted not to scribble over memory that is not its.
    #[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
    pub unsafe fn as_uninit(&mut self) -> &mut [core::mem::MaybeUninit<u8>] {
        let start = self.producer.memory.piece(self.producer.at + WORD).expect("mapped in one piece");
        // SAFETY: `len` bytes from there on are free, in one piece and this end's, and borrowed with `self`; the other process
        // keeps away, as the caller says.
        unsafe { core::slice::from_raw_parts_mut(start.as_ptr().cast(), self.len) }
    }

    /// Copies `bytes` to the room's beginning.
    ///
    /// # Panics
    ///
    /// They are more than there is room for.
    pub fn fill(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.len, "{} bytes do not fit room for {}", bytes.len(), self.len);
        self.producer.fill(bytes);
    }

    /// Sends the first `len` bytes of the room, and wakes the consumer if it sleeps.
    ///
    /// # Panics
    ///
    /// There is not room for so many.
    pub fn commit(self, len: usize) {
        assert!(len <= self.len, "{len} bytes are more than the {} that there is room for", self.len);
        self.producer.publish(len as u64, 0);
        self.producer.notify();
    }
}
