//! The end that sends.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::descriptor::Post;
use super::error::SendError;
use super::mailbox::MailboxRef;
use super::{DESCRIPTOR, FIRST, LAST, OneThread};
use crate::ring::{self, Producer};

/// The end of one direction of a [`Connection`](super::Connection) that sends.
#[derive(Debug)]
pub struct Sender {
    pub(super) producer: Producer,
    pub(super) mailbox: MailboxRef,
    post: Option<Post>,
    /// What a value becomes before it is sent.
    encoded: Vec<u8>,
    timeout: Option<Duration>,
    one_thread: OneThread,
}

impl Sender {
    pub(super) fn new(producer: Producer, mailbox: MailboxRef) -> Sender {
        Sender {
            producer,
            mailbox,
            post: None,
            encoded: Vec::new(),
            timeout: None,
            one_thread: OneThread::default(),
        }
    }

    /// How long a send may wait for room; for ever unless set.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// How long waits spin before they sleep; 15 us unless set.
    pub fn set_spin(&mut self, spin: Duration) {
        self.producer.set_spin(spin);
    }

    /// Sends bytes, of any number, as one message; waits for room where there is none. A message longer than an eighth of the ring goes in
    /// pieces, and may be longer than the ring: it needs a receiver that receives.
    ///
    /// # Errors
    ///
    /// [`SendError::TimedOut`], [`SendError::Disconnected`] or [`SendError::Corrupt`].
    #[inline]
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        if bytes.len() > self.piece() {
            return self.send_in_pieces(bytes);
        }
        match self.producer.try_send_marked(bytes, FIRST | LAST) {
            Err(ring::SendError::Full) => {
                let deadline = self.deadline();
                Ok(self.producer.send_marked(bytes, FIRST | LAST, deadline)?)
            }
            sent => Ok(sent?),
        }
    }

    /// Sends a value as one message, in postcard's format.
    ///
    /// # Errors
    ///
    /// [`SendError::Encode`] if it cannot be put into bytes; else as [`send_bytes`](Sender::send_bytes).
    pub fn send<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SendError> {
        let mut encoded = core::mem::take(&mut self.encoded);
        encoded.clear();
        // What was encoded before an error goes with the buffer.
        encoded = postcard::to_extend(value, encoded).map_err(|source| SendError::Encode { source })?;
        let sent = self.send_bytes(&encoded);
        self.encoded = encoded;
        sent
    }

    /// Sends a file descriptor, for [`recv_fd`](super::Receiver::recv_fd) at the other end; Python's `send_handle`.
    ///
    /// The first time it waits until the other end is in `recv_fd`, which sets up the way that descriptors take. Both processes must be in
    /// one network namespace.
    ///
    /// # Errors
    ///
    /// [`SendError::Os`] if the system refuses; else as [`send_bytes`](Sender::send_bytes).
    pub fn send_fd(&mut self, fd: impl AsFd) -> Result<(), SendError> {
        let deadline = self.deadline();
        if self.post.is_none() {
            self.post = Some(Post::open(&self.mailbox, &self.producer, deadline)?);
        }
        let post = self.post.as_mut().expect("just set");
        let number = post.send(fd.as_fd(), &self.producer, deadline)?;
        Ok(self.producer.send_marked(&number.to_ne_bytes(), DESCRIPTOR, deadline)?)
    }

    /// Whether nobody receives any more: the other end is closed, or its process has died.
    pub fn is_disconnected(&self) -> bool {
        self.producer.is_disconnected()
    }

    fn deadline(&self) -> Option<Instant> {
        self.timeout.and_then(|timeout| Instant::now().checked_add(timeout))
    }

    /// The longest message that goes in one piece.
    #[inline]
    fn piece(&self) -> usize {
        self.producer.capacity() / 8
    }

    /// The first piece begins with the length of all. A receiver that finds another first piece before the last has been sent drops what
    /// it has, so a message that times out on its way is as if it had never been.
    #[cold]
    fn send_in_pieces(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        let deadline = self.deadline();
        let total = (bytes.len() as u64).to_ne_bytes();
        self.producer.send_marked(&total, FIRST, deadline)?;
        let size = self.piece();
        let mut pieces = bytes.chunks(size).peekable();
        while let Some(piece) = pieces.next() {
            let mark = if pieces.peek().is_none() { LAST } else { 0 };
            self.producer.send_marked(piece, mark, deadline)?;
        }
        Ok(())
    }
}
