//! What messages are compared with.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use heddle_ipc::connection::Connection;
use heddle_ipc::{Offset, Segment, SegmentRef, Workers, worker};
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::hint::spin_loop;
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender, bytes_channel};

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::Channel;

/// Two descriptors through which bytes come and go; a message is preceded by its length, but for words.
pub struct Stream {
    input: std::fs::File,
    output: std::fs::File,
}

impl Stream {
    /// A pair of pipes: this side's ends, and those of the other.
    pub fn pipes() -> (Stream, [OwnedFd; 2]) {
        let (their_input, output) = std::io::pipe().expect("a pipe");
        let (input, their_output) = std::io::pipe().expect("a pipe");
        let here = Stream { input: OwnedFd::from(input).into(), output: OwnedFd::from(output).into() };
        (here, [their_input.into(), their_output.into()])
    }

    /// A socket pair.
    pub fn sockets() -> (Stream, [OwnedFd; 2]) {
        let (here, there) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let again = |socket: &std::os::unix::net::UnixStream| {
            OwnedFd::from(socket.try_clone().expect("a descriptor"))
        };
        let here = Stream { input: again(&here).into(), output: OwnedFd::from(here).into() };
        (here, [again(&there), there.into()])
    }

    /// The other side's, which come over a connection.
    pub fn received(mut from: Connection) -> Stream {
        let mut next = || from.recv_fd().expect("this side sends them").into();
        Stream { input: next(), output: next() }
    }
}

impl Channel for Stream {
    fn send(&mut self, message: &[u8]) {
        if message.len() != 8 {
            self.output
                .write_all(&(message.len() as u64 | LONG).to_ne_bytes())
                .expect("the other side is there");
        }
        self.output.write_all(message).expect("the other side is there");
    }

    fn receive<'a>(&mut self, into: &'a mut [u8]) -> &'a [u8] {
        let mut first = [0; 8];
        self.input.read_exact(&mut first).expect("the other side is there");
        let word = u64::from_ne_bytes(first);
        if word & LONG == 0 || word == u64::MAX {
            into[..8].copy_from_slice(&first);
            return &into[..8];
        }
        let len = (word & !LONG) as usize;
        self.input.read_exact(&mut into[..len]).expect("the other side is there");
        &into[..len]
    }
}

/// Marks a length among words, which are smaller.
const LONG: u64 = 1 << 63;

/// `ipc-channel`'s channels for bytes, one each way.
pub struct Ipc {
    sender: IpcBytesSender,
    receiver: IpcBytesReceiver,
}

/// What the two sides tell each other first: an end of a channel, and who gets the other.
type Ends = (IpcBytesSender, IpcSender<IpcBytesSender>);

impl Ipc {
    /// A name for the other side to connect to.
    pub fn serve() -> (IpcOneShotServer<Ends>, String) {
        IpcOneShotServer::new().expect("a name")
    }

    /// The side that serves, once the other has connected.
    pub fn accept(server: IpcOneShotServer<Ends>) -> Ipc {
        let (_, (sender, back)) = server.accept().expect("the other side connects");
        let (theirs, receiver) = bytes_channel().expect("a channel");
        back.send(theirs).expect("the other side is there");
        Ipc { sender, receiver }
    }

    /// The side that connects.
    pub fn connect(name: &str) -> Ipc {
        let (theirs, receiver) = bytes_channel().expect("a channel");
        let (back, answer) = ipc_channel::ipc::channel().expect("a channel");
        let server: IpcSender<Ends> = IpcSender::connect(name.to_owned()).expect("the name is there");
        server.send((theirs, back)).expect("the other side is there");
        Ipc { sender: answer.recv().expect("the other side answers"), receiver }
    }
}

impl Channel for Ipc {
    fn send(&mut self, message: &[u8]) {
        self.sender.send(message).expect("the other side is there");
    }

    fn receive<'a>(&mut self, into: &'a mut [u8]) -> &'a [u8] {
        let message = self.receiver.recv().expect("the other side is there");
        into[..message.len()].copy_from_slice(&message);
        &into[..message.len()]
    }
}

/// A word that both sides write, in a cache line of its own.
pub struct Line {
    segment: Segment,
    at: Offset<[u64]>,
    workers: Workers,
    last: u64,
}

impl Line {
    /// The other side is the worker.
    pub fn start(workers: Workers) -> Line {
        let segment = Segment::create("line", 4096).expect("memory");
        let at = segment.arena().alloc::<u64>(16).expect("room");
        drop(workers.submit(0, follow, Follow { segment: segment.share(), at }).expect("room"));
        Line { segment, at, workers, last: 0 }
    }

    /// A word there, and the next one back.
    pub fn trip(&mut self) {
        let word = word(&self.segment, self.at);
        word.store(self.last + 1, Ordering::Release);
        while word.load(Ordering::Acquire) != self.last + 2 {
            spin_loop();
        }
        self.last += 2;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.workers.kill(0).expect("a process may kill its child");
    }
}

fn word(segment: &Segment, at: Offset<[u64]>) -> &AtomicU64 {
    let place = segment.slice(at).expect("allocated");
    // SAFETY: within the segment, aligned, and nobody uses it as anything else.
    unsafe { place.cast::<AtomicU64>().as_ref() }
}

/// What the other side is told.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Follow {
    segment: SegmentRef,
    at: Offset<[u64]>,
}

fn follow(to: Follow) -> u64 {
    let segment = worker::attach(to.segment).expect("the parent holds it");
    let word = word(&segment, to.at);
    let mut last = 0;
    loop {
        while word.load(Ordering::Acquire) != last + 1 {
            spin_loop();
        }
        last += 2;
        word.store(last, Ordering::Release);
    }
}
