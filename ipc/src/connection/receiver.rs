//! The end that receives.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::descriptor::Inbox;
use super::error::RecvError;
use super::mailbox::MailboxRef;
use super::{DESCRIPTOR, FIRST, LAST, OneThread};
use crate::ring::{Consumer, Message};

/// As much memory is asked for on the strength of a sender's word; the rest as its bytes come.
const ON_TRUST: usize = 64 << 20;

/// The end of one direction of a [`Connection`](super::Connection) that receives.
#[derive(Debug)]
pub struct Receiver {
    pub(super) consumer: Consumer,
    pub(super) mailbox: MailboxRef,
    inbox: Option<Inbox>,
    /// A message in pieces, of which the last has not come.
    partial: Option<Partial>,
    /// What a value was before it is received.
    encoded: Vec<u8>,
    timeout: Option<Duration>,
    one_thread: OneThread,
}

/// A message of which some pieces have come.
#[derive(Debug)]
struct Partial {
    total: usize,
    bytes: Vec<u8>,
}

/// What is next.
enum Next {
    /// A message in one piece, of this length, which is still in the ring.
    Whole(usize),
    /// The beginning of one in pieces, or more of it, which has been taken from the ring into `partial`.
    Pieces,
    Descriptor,
}

impl Receiver {
    pub(super) fn new(consumer: Consumer, mailbox: MailboxRef) -> Receiver {
        Receiver {
            consumer,
            mailbox,
            inbox: None,
            partial: None,
            encoded: Vec::new(),
            timeout: None,
            one_thread: OneThread::default(),
        }
    }

    /// How long a receive may wait; for ever unless set.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// How long waits spin before they sleep; 15 us unless set.
    pub fn set_spin(&mut self, spin: Duration) {
        self.consumer.set_spin(spin);
    }

    /// Receives a message, waiting for it.
    ///
    /// # Errors
    ///
    /// See [`RecvError`]; not [`TooShort`](RecvError::TooShort).
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        let mut bytes = Vec::new();
        self.recv_into_vec(&mut bytes)?;
        Ok(bytes)
    }

    /// Receives a message into memory that is there, and returns its length.
    ///
    /// # Errors
    ///
    /// See [`RecvError`]; [`TooShort`](RecvError::TooShort) if there is not memory enough.
    #[inline]
    pub fn recv_bytes_into(&mut self, into: &mut [u8]) -> Result<usize, RecvError> {
        if self.partial.is_none() {
            // The clock is looked at only where there is something to wait for.
            let patient = self.timeout.is_none() || self.consumer.is_ready();
            let deadline = if patient { None } else { self.deadline() };
            match self.consumer.peek(deadline) {
                Ok(message) if message.mark() == FIRST | LAST && message.len() <= into.len() => {
                    let len = message.copy_to(into);
                    message.consume();
                    return Ok(len);
                }
                // It stays where it is.
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.recv_into_slow(into)
    }

    /// Receives a value that was [sent](super::Sender::send) as such.
    ///
    /// # Errors
    ///
    /// See [`RecvError`]; [`Decode`](RecvError::Decode) if the message is no value of this type, or more than one.
    pub fn recv<T: DeserializeOwned>(&mut self) -> Result<T, RecvError> {
        let mut encoded = core::mem::take(&mut self.encoded);
        let received = self.recv_into_vec(&mut encoded);
        let value = received.and_then(|()| match postcard::take_from_bytes(&encoded) {
            Ok((value, [])) => Ok(value),
            Ok(_) => Err(RecvError::Decode { source: postcard::Error::DeserializeBadEncoding }),
            Err(source) => Err(RecvError::Decode { source }),
        });
        // Memory for a single huge message is not kept.
        if encoded.capacity() <= 1 << 20 {
            self.encoded = encoded;
        }
        value
    }

    /// Receives a file descriptor; Python's `recv_handle`.
    ///
    /// # Errors
    ///
    /// See [`RecvError`]; [`NoDescriptor`](RecvError::NoDescriptor) if the next message is something else, which stays.
    pub fn recv_fd(&mut self) -> Result<OwnedFd, RecvError> {
        if self.inbox.is_none() {
            self.inbox = Some(Inbox::open(&self.mailbox).map_err(|source| RecvError::Os { source })?);
        }
        let inbox = self.inbox.as_mut().expect("just set");
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let message = self.consumer.peek(deadline)?;
        if message.mark() != DESCRIPTOR {
            return Err(RecvError::NoDescriptor);
        }
        let mut number = [0; 8];
        if message.copy_to(&mut number) != 8 {
            return Err(RecvError::Corrupt);
        }
        message.consume();
        inbox.receive(u64::from_ne_bytes(number))
    }

    /// Whether a receive would find something within the time (`None`: for ever): a message or the beginning of one, the end, or nonsense.
    pub fn poll(&mut self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return self.consumer.is_ready() || self.consumer.is_disconnected();
        }
        match self.consumer.peek(deadline) {
            Ok(_) => true,
            Err(error) => !matches!(RecvError::from(error), RecvError::TimedOut),
        }
    }

    /// Replaces what is in `bytes` by the next message.
    fn recv_into_vec(&mut self, bytes: &mut Vec<u8>) -> Result<(), RecvError> {
        bytes.clear();
        let deadline = self.deadline();
        loop {
            match self.next(deadline)? {
                Next::Whole(len) => {
                    bytes.resize(len, 0);
                    let message = self.consumer.peek(deadline)?;
                    message.copy_to(bytes);
                    message.consume();
                    return Ok(());
                }
                Next::Pieces => {
                    if let Some(whole) = self.complete(deadline)? {
                        *bytes = whole;
                        return Ok(());
                    }
                }
                Next::Descriptor => return Err(RecvError::Descriptor),
            }
        }
    }

    #[cold]
    fn recv_into_slow(&mut self, into: &mut [u8]) -> Result<usize, RecvError> {
        let deadline = self.deadline();
        loop {
            let (len, begun) = match self.next(deadline)? {
                Next::Whole(len) => (len, None),
                Next::Pieces => {
                    let partial = self.partial.as_ref().expect("begun");
                    (partial.total, Some(partial.bytes.len()))
                }
                Next::Descriptor => return Err(RecvError::Descriptor),
            };
            if len > into.len() {
                return Err(RecvError::TooShort { len, room: into.len() });
            }
            let received = match begun {
                None => {
                    let message = self.consumer.peek(deadline)?;
                    message.copy_to(&mut into[..len]);
                    message.consume();
                    Some(len)
                }
                Some(0) => self.pieces_into(into, deadline)?,
                Some(_) => self.complete(deadline)?.map(|whole| {
                    into[..len].copy_from_slice(&whole);
                    len
                }),
            };
            if let Some(len) = received {
                return Ok(len);
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.timeout.and_then(|timeout| Instant::now().checked_add(timeout))
    }

    /// Waits for something, and takes it if it is the beginning of a message in pieces.
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, RecvError> {
        loop {
            let message = match self.consumer.peek(deadline) {
                Ok(message) => message,
                Err(error) => {
                    let error = error.into();
                    if matches!(error, RecvError::EndOfFile) {
                        self.partial = None;
                    }
                    return Err(error);
                }
            };
            let mark = message.mark();
            if mark & FIRST == 0 && mark & DESCRIPTOR == 0 {
                return if self.partial.is_some() { Ok(Next::Pieces) } else { Err(RecvError::Corrupt) };
            }
            // The sender has given up what it had begun.
            self.partial = None;
            if mark == FIRST | LAST {
                return Ok(Next::Whole(message.len()));
            }
            if mark == DESCRIPTOR {
                return Ok(Next::Descriptor);
            }
            let mut total = [0; 8];
            if mark != FIRST || message.copy_to(&mut total) != 8 {
                return Err(RecvError::Corrupt);
            }
            let total = usize::try_from(u64::from_ne_bytes(total)).map_err(|_| RecvError::Corrupt)?;
            message.consume();
            self.partial = Some(Partial { total, bytes: Vec::new() });
        }
    }

    /// Waits for the pieces that are missing; `None` if the sender has given the message up.
    fn complete(&mut self, deadline: Option<Instant>) -> Result<Option<Vec<u8>>, RecvError> {
        let mut partial = self.partial.take().expect("begun");
        if partial.bytes.capacity() == 0 {
            partial.bytes.reserve(partial.total.min(ON_TRUST));
        }
        loop {
            let message = match self.consumer.peek(deadline) {
                Ok(message) => message,
                Err(error) => {
                    self.partial = Some(partial);
                    return Err(error.into());
                }
            };
            let before = partial.bytes.len();
            match Piece::of(&message, before, partial.total)? {
                Piece::Another => return Ok(None),
                piece => {
                    partial.bytes.resize(before + message.len(), 0);
                    message.copy_to(&mut partial.bytes[before..]);
                    message.consume();
                    if piece == Piece::Last {
                        return Ok(Some(partial.bytes));
                    }
                }
            }
        }
    }

    /// [`complete`](Receiver::complete), straight into the memory that they are meant for.
    fn pieces_into(
        &mut self,
        into: &mut [u8],
        deadline: Option<Instant>,
    ) -> Result<Option<usize>, RecvError> {
        let mut partial = self.partial.take().expect("begun");
        let mut got = 0;
        loop {
            let message = match self.consumer.peek(deadline) {
                Ok(message) => message,
                Err(error) => {
                    partial.bytes.extend_from_slice(&into[..got]);
                    self.partial = Some(partial);
                    return Err(error.into());
                }
            };
            match Piece::of(&message, got, partial.total)? {
                Piece::Another => return Ok(None),
                piece => {
                    got += message.copy_to(&mut into[got..partial.total]);
                    message.consume();
                    if piece == Piece::Last {
                        return Ok(Some(got));
                    }
                }
            }
        }
    }
}

/// What a message in the ring is to one of which some pieces have come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// The next piece, and more follow.
    More,
    /// The last.
    Last,
    /// Not of this message, which was given up.
    Another,
}

impl Piece {
    fn of(message: &Message<'_>, before: usize, total: usize) -> Result<Piece, RecvError> {
        let end = before.checked_add(message.len()).ok_or(RecvError::Corrupt)?;
        match message.mark() {
            LAST if end == total => Ok(Piece::Last),
            0 if end < total => Ok(Piece::More),
            mark if mark & (FIRST | DESCRIPTOR) != 0 => Ok(Piece::Another),
            _ => Err(RecvError::Corrupt),
        }
    }
}
