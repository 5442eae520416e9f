//! What two processes that meet tell each other before they share memory.
//!
//! | who | sends | and checks before |
//! |---|---|---|
//! | the client | what it speaks | that the other's user is the expected one |
//! | the listener | the same, and the segment with the client's end; or only the same, if the client speaks something else | the other's user, and what it speaks |
//! | the client | that it has its end | what the other speaks; the segment's seals, size and header; the places of all it uses |

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::descriptor::{recv_with_fd, send_with_fd};
use super::error::HandshakeError;
use super::handle::ConnectionHandle;
use super::{Connection, pipe_with};
use crate::header::LAYOUT_VERSION;
use crate::peers::Member;
use crate::segment::Segment;

const MAGIC: [u8; 8] = *b"heddle-c";
/// Goes up whenever this conversation changes.
const VERSION: u32 = 1;
const GREETING: usize = 16;
/// The client has its end.
const DONE: [u8; 1] = [1];
/// As long as a reply may be.
const LONGEST: usize = 1024;

/// What each side speaks: this conversation, and the layout of what lies in segments.
fn greeting() -> [u8; GREETING] {
    let mut bytes = [0; GREETING];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..].copy_from_slice(&LAYOUT_VERSION.to_le_bytes());
    bytes
}

fn check(greeted: &[u8]) -> Result<(), HandshakeError> {
    let Some((found, _)) = greeted.split_first_chunk::<GREETING>() else {
        return Err(HandshakeError::NotOurs);
    };
    if found[..8] != MAGIC {
        return Err(HandshakeError::NotOurs);
    }
    let number = |at: usize| u32::from_le_bytes([found[at], found[at + 1], found[at + 2], found[at + 3]]);
    let (found, expected) = ((number(8), number(12)), (VERSION, LAYOUT_VERSION));
    if found == expected { Ok(()) } else { Err(HandshakeError::Version { found, expected }) }
}

/// The user behind the other end of a socket, when it connected or listened.
pub(super) fn user_of(socket: &OwnedFd) -> Result<u32, HandshakeError> {
    let credentials = rustix::net::sockopt::socket_peercred(socket).map_err(HandshakeError::from)?;
    Ok(credentials.uid.as_raw())
}

/// The listener's side, with a client of the right user.
pub(super) fn receive_client(
    socket: &OwnedFd,
    capacity: usize,
    deadline: Instant,
) -> Result<Connection, HandshakeError> {
    let mut greeted = [0; GREETING];
    let (len, _) = receive(socket, &mut greeted, deadline)?;
    if let Err(error) = check(&greeted[..len]) {
        // So that it learns what is spoken here; if it does not listen, nothing is lost.
        let _ = send(socket, &greeting(), deadline);
        return Err(error);
    }
    let (here, there) = pipe_with(capacity).map_err(|source| HandshakeError::Create { source })?;
    let reply = postcard::to_extend(&there.give(), greeting().to_vec()).expect("plain numbers");
    loop {
        match send_with_fd(socket, &reply, here.memory().fd()) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait(socket, PollFlags::OUT, deadline)?,
            Err(errno) => return Err(errno.into()),
        }
    }
    let mut done = [0; 1];
    match receive(socket, &mut done, deadline)? {
        (1, _) if done == DONE => Ok(here),
        _ => Err(HandshakeError::NotOurs),
    }
}

/// The client's side, with a listener of the right user.
pub(super) fn greet_listener(socket: &OwnedFd, deadline: Instant) -> Result<Connection, HandshakeError> {
    send(socket, &greeting(), deadline)?;
    let mut reply = [0; LONGEST];
    let (len, fd) = receive(socket, &mut reply, deadline)?;
    check(&reply[..len])?;
    let handle: ConnectionHandle =
        postcard::from_bytes(&reply[GREETING..len]).map_err(|_| HandshakeError::NotOurs)?;
    let segment = Segment::open(fd.ok_or(HandshakeError::NotOurs)?.as_fd())
        .map_err(|source| HandshakeError::Open { source })?;
    let member = Member::join(segment).map_err(|source| HandshakeError::Join { source })?;
    let connection = handle.attach_in(&member).map_err(|source| HandshakeError::Attach { source })?;
    send(socket, &DONE, deadline)?;
    Ok(connection)
}

fn send(socket: &OwnedFd, bytes: &[u8], deadline: Instant) -> Result<(), HandshakeError> {
    loop {
        match rustix::net::send(socket, bytes, rustix::net::SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait(socket, PollFlags::OUT, deadline)?,
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn receive(
    socket: &OwnedFd,
    bytes: &mut [u8],
    deadline: Instant,
) -> Result<(usize, Option<OwnedFd>), HandshakeError> {
    loop {
        match recv_with_fd(socket, bytes) {
            Ok((0, _)) => return Err(HandshakeError::HungUp),
            Ok(received) => return Ok(received),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait(socket, PollFlags::IN, deadline)?,
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Waits until the socket is ready.
pub(super) fn wait(socket: &OwnedFd, for_what: PollFlags, deadline: Instant) -> Result<(), HandshakeError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(HandshakeError::TimedOut);
    }
    let left = Timespec {
        tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    };
    match rustix::event::poll(&mut [PollFd::new(socket, for_what)], Some(&left)) {
        Ok(0) => Err(HandshakeError::TimedOut),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

impl From<Errno> for HandshakeError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PIPE | Errno::CONNRESET => HandshakeError::HungUp,
            errno => HandshakeError::Os { source: io::Error::from(errno) },
        }
    }
}
