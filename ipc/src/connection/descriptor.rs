//! How descriptors cross.
//!
//! A descriptor needs a Unix socket. The receiver's is a datagram socket with a name that is no file ("abstract"), made when it first
//! receives one; whoever sends finds the name's number in shared memory. No end of a socket pair has to be handed from process to process
//! that way. Anybody in the network namespace could send to the name: what counts is that the datagram begins with the
//! segment's random number, which nobody else knows. A descriptor's datagram is sent before its message in the ring, so it is there when the
//! message is.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};

use super::error::{RecvError, SendError};
use super::mailbox::MailboxRef;
use crate::os;
use crate::ring::Producer;

/// How long to wait for room in the receiver's socket before a look at whether it lives.
const PATROL: Duration = Duration::from_millis(50);

/// Descriptors that came and were not asked for yet; more are thrown away.
const KEPT: usize = 64;

fn socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
}

fn address(name: u64) -> rustix::io::Result<SocketAddrUnix> {
    SocketAddrUnix::new_abstract_name(format!("heddle-mailbox-{name:016x}").as_bytes())
}

/// The sender's side.
#[derive(Debug)]
pub(super) struct Post {
    socket: OwnedFd,
    secret: u64,
    next: u64,
}

impl Post {
    /// Waits until the receiver has a mailbox.
    pub(super) fn open(
        mailbox: &MailboxRef,
        producer: &Producer,
        deadline: Option<Instant>,
    ) -> Result<Post, SendError> {
        let name = mailbox.opened(producer, deadline)?;
        let connected = || {
            let socket = socket()?;
            rustix::net::connect(&socket, &address(name)?)?;
            Ok(socket)
        };
        let socket = connected().map_err(|errno: Errno| SendError::Os { source: errno.into() })?;
        Ok(Post { socket, secret: mailbox.secret(), next: random(mailbox) })
    }

    /// Sends a descriptor, and returns its number.
    pub(super) fn send(
        &mut self,
        fd: BorrowedFd<'_>,
        producer: &Producer,
        deadline: Option<Instant>,
    ) -> Result<u64, SendError> {
        let number = self.next;
        let mut letter = [0; 16];
        letter[..8].copy_from_slice(&self.secret.to_ne_bytes());
        letter[8..].copy_from_slice(&number.to_ne_bytes());
        loop {
            match send_with_fd(&self.socket, &letter, fd) {
                Ok(()) => {
                    self.next = number.wrapping_add(1);
                    return Ok(number);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(producer, deadline)?,
                Err(Errno::CONNREFUSED | Errno::PIPE) => return Err(SendError::Disconnected),
                Err(errno) => return Err(SendError::Os { source: errno.into() }),
            }
        }
    }

    /// Waits until there may be room.
    fn wait(&self, producer: &Producer, deadline: Option<Instant>) -> Result<(), SendError> {
        if producer.is_disconnected() {
            return Err(SendError::Disconnected);
        }
        let left = deadline.map_or(PATROL, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Err(SendError::TimedOut);
        }
        let wait = left.min(PATROL);
        let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        let _ = rustix::event::poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], Some(&wait));
        Ok(())
    }
}

/// Where numbers begin: not where those of an earlier sender of the same direction did.
fn random(mailbox: &MailboxRef) -> u64 {
    os::random_u64().unwrap_or_else(|_| mailbox.secret())
}

/// The receiver's side.
#[derive(Debug)]
pub(super) struct Inbox {
    socket: OwnedFd,
    secret: u64,
    kept: Vec<(u64, OwnedFd)>,
    mailbox: MailboxRef,
}

impl Inbox {
    /// Makes the socket and says where it is.
    pub(super) fn open(mailbox: &MailboxRef) -> io::Result<Inbox> {
        let socket = socket()?;
        let name = os::random_u64()?;
        rustix::net::bind(&socket, &address(name)?)?;
        mailbox.open(name);
        Ok(Inbox { socket, secret: mailbox.secret(), kept: Vec::new(), mailbox: mailbox.clone() })
    }

    /// The descriptor of this number, whose message has come.
    pub(super) fn receive(&mut self, number: u64) -> Result<OwnedFd, RecvError> {
        loop {
            if let Some(at) = self.kept.iter().position(|(kept, _)| *kept == number) {
                return Ok(self.kept.remove(at).1);
            }
            let mut letter = [0; 16];
            match recv_with_fd(&self.socket, &mut letter) {
                Ok((16, Some(fd))) if letter[..8] == self.secret.to_ne_bytes() => {
                    if self.kept.len() == KEPT {
                        self.kept.remove(0);
                    }
                    let number = letter.last_chunk::<8>().expect("of 16");
                    self.kept.push((u64::from_ne_bytes(*number), fd));
                }
                // From somebody else; or without its descriptor, since this process may have no more of them.
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(RecvError::Corrupt),
                Err(errno) => return Err(RecvError::Os { source: errno.into() }),
            }
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

/// Sends bytes and a descriptor together.
pub(super) fn send_with_fd(socket: &OwnedFd, bytes: &[u8], fd: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    let fits = control.push(SendAncillaryMessage::ScmRights(&fds));
    debug_assert!(fits, "there is space for one");
    let sent = rustix::net::sendmsg(socket, &[io::IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
    if sent == bytes.len() { Ok(()) } else { Err(Errno::MSGSIZE) }
}

/// Receives bytes, and the first descriptor that comes with them; further ones are closed.
pub(super) fn recv_with_fd(socket: &OwnedFd, bytes: &mut [u8]) -> Result<(usize, Option<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [io::IoSliceMut::new(bytes)];
    let received = rustix::net::recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => fds.collect(),
        _ => Vec::new(),
    });
    Ok((received.bytes, fds.next()))
}
