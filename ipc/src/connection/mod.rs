//! Two-way connections between processes, as Python's `multiprocessing.connection`.
//!
//! [`pipe`] makes two connected ends. One of them goes to another process by [`Connection::give`]. Processes that are not related meet by
//! [`Listener`] and [`Client`]. What is sent at one end is received
//! at the other: bytes, values through serde, file descriptors.
//!
//! ```
//! let (mut here, mut there) = heddle_ipc::connection::pipe()?;
//! here.send_bytes(b"hello")?;
//! assert_eq!(there.recv_bytes()?, b"hello");
//! there.send(&("sum", 7_u64))?;
//! assert_eq!(here.recv::<(String, u64)>()?, ("sum".to_owned(), 7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Room
//!
//! Each direction is a [`ring`] of 256 KiB, or as [`pipe_with`] is told. A sender that finds no room waits until the receiver makes
//! some. A message longer than an eighth of the ring goes in pieces, so that it is copied in while it is copied out; it may be as long as memory
//! allows, and longer than the ring. So a message that does not fit needs a receiver that receives: a process that is waited for before its
//! messages are received may never end. Python's pipes do the same beyond 64 KiB.
//!
//! # The end of a connection
//!
//! Dropping an end closes it. A process that dies has its ends closed by whoever waits for them: each wait looks, before it sleeps
//! and then every 50 ms, whether the process at the other end is still a [`Member`] of the segment, so that a
//! death is noticed within 50 ms of the kernel releasing the process. That no descriptor of the connection exists
//! whose hang-up could be polled is deliberate: descriptors are inherited over a fork, and then nothing hangs up.
//! What was sent whole before is still received; then receiving is [`RecvError::EndOfFile`]. A message that was only partly sent is dropped.
//!
//! # Trust
//!
//! As for rings: the other process may crash at any instruction, and it may lie. It can send nonsense and keep waits from ending before their
//! time-outs, and no more.

mod address;
mod descriptor;
mod error;
mod handle;
mod handshake;
mod listener;
mod mailbox;
mod receiver;
mod sender;
mod wait;

pub use address::Address;
pub use error::{AcceptError, BindError, ConnectError, HandshakeError, RecvError, SendError};
pub use handle::{ConnectionHandle, ReceiverHandle, SenderHandle};
pub use listener::{Client, Listener};
pub use receiver::Receiver;
pub use sender::Sender;
pub use wait::{Source, wait};

pub use crate::ring::{AttachError, CreateError};

use core::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::peers::Member;
use crate::ring;
use crate::segment::Segment;
use mailbox::MailboxRef;

/// Bytes of the ring of a direction, unless told.
const CAPACITY: usize = 256 << 10;

/// Both ends are one thread's at a time, since there is one word to sleep on for each.
type OneThread = PhantomData<core::cell::Cell<()>>;

/// What a message's mark says of the piece at hand.
const FIRST: u8 = 1;
const LAST: u8 = 2;
/// The message is a file descriptor, which comes by another way; its bytes are its number.
const DESCRIPTOR: u8 = 4;

/// One end of a two-way connection.
///
/// It may be sent to another thread, or [given](Connection::give) to another process; for two threads that use it at a time it is
/// [split](Connection::split).
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_ipc::connection::pipe().unwrap().0);
/// ```
#[derive(Debug)]
pub struct Connection {
    sender: Sender,
    receiver: Receiver,
}

/// Makes a two-way connection; Python's `Pipe()`.
///
/// # Errors
///
/// See [`CreateError`].
pub fn pipe() -> Result<(Connection, Connection), CreateError> {
    pipe_with(CAPACITY)
}

/// [`pipe`], with so many bytes of room in each direction, rounded up to a power of two and whole pages.
///
/// # Errors
///
/// See [`CreateError`].
pub fn pipe_with(capacity: usize) -> Result<(Connection, Connection), CreateError> {
    let member = member_with_room(2, capacity)?;
    let (there, from_here) = direction(&member, capacity)?;
    let (here, from_there) = direction(&member, capacity)?;
    Ok((Connection { sender: from_here, receiver: here }, Connection { sender: from_there, receiver: there }))
}

/// Makes a one-way connection; Python's `Pipe(duplex=False)`.
///
/// # Errors
///
/// See [`CreateError`].
///
/// ```
/// let (mut receiver, mut sender) = heddle_ipc::connection::pipe_one_way(1 << 16)?;
/// sender.send(&[1, 2, 3])?;
/// assert_eq!(receiver.recv::<[i32; 3]>()?, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pipe_one_way(capacity: usize) -> Result<(Receiver, Sender), CreateError> {
    direction(&member_with_room(1, capacity)?, capacity)
}

fn member_with_room(directions: usize, capacity: usize) -> Result<Member, CreateError> {
    let room = ring::room(capacity)?.saturating_add(MailboxRef::ROOM);
    Ok(Member::create("pipe", room.saturating_mul(directions))?)
}

/// A direction, in a segment with room for it.
fn direction(member: &Member, capacity: usize) -> Result<(Receiver, Sender), CreateError> {
    let (producer, consumer) = ring::create_in(member, capacity)?;
    let mailbox = MailboxRef::alloc(member);
    Ok((Receiver::new(consumer, mailbox.clone()), Sender::new(producer, mailbox)))
}

impl Connection {
    /// The connection that consists of these directions.
    pub fn from_parts(sender: Sender, receiver: Receiver) -> Connection {
        Connection { sender, receiver }
    }

    /// The two directions, each of which may go its own way.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Sends bytes as one message. See [`Sender::send_bytes`].
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    #[inline]
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.sender.send_bytes(bytes)
    }

    /// Sends a value as one message. See [`Sender::send`].
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SendError> {
        self.sender.send(value)
    }

    /// Sends a file descriptor. See [`Sender::send_fd`].
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send_fd(&mut self, fd: impl AsFd) -> Result<(), SendError> {
        self.sender.send_fd(fd)
    }

    /// Receives a message. See [`Receiver::recv_bytes`].
    ///
    /// # Errors
    ///
    /// See [`RecvError`].
    #[inline]
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.receiver.recv_bytes()
    }

    /// Receives a message into memory that is there. See [`Receiver::recv_bytes_into`].
    ///
    /// # Errors
    ///
    /// See [`RecvError`].
    #[inline]
    pub fn recv_bytes_into(&mut self, into: &mut [u8]) -> Result<usize, RecvError> {
        self.receiver.recv_bytes_into(into)
    }

    /// Receives a value. See [`Receiver::recv`].
    ///
    /// # Errors
    ///
    /// See [`RecvError`].
    pub fn recv<T: DeserializeOwned>(&mut self) -> Result<T, RecvError> {
        self.receiver.recv()
    }

    /// Receives a file descriptor. See [`Receiver::recv_fd`].
    ///
    /// # Errors
    ///
    /// See [`RecvError`].
    pub fn recv_fd(&mut self) -> Result<OwnedFd, RecvError> {
        self.receiver.recv_fd()
    }

    /// Whether a receive would find something: a message, or the end. See [`Receiver::poll`].
    pub fn poll(&mut self, timeout: Option<Duration>) -> bool {
        self.receiver.poll(timeout)
    }

    /// The segment that the connection lies in. Writing there is what a peer gone wild does.
    pub fn memory(&self) -> &Segment {
        self.receiver.consumer.segment()
    }

    /// How long a send may wait for room; for ever unless set.
    pub fn set_send_timeout(&mut self, timeout: Option<Duration>) {
        self.sender.set_timeout(timeout);
    }

    /// How long a receive may wait; for ever unless set.
    pub fn set_recv_timeout(&mut self, timeout: Option<Duration>) {
        self.receiver.set_timeout(timeout);
    }

    /// How long waits spin before they sleep; 15 us unless set.
    pub fn set_spin(&mut self, spin: Duration) {
        self.sender.set_spin(spin);
        self.receiver.set_spin(spin);
    }

    /// Closes this end: the other receives what was sent, and then the news. Dropping it does the same.
    pub fn close(self) {}
}
