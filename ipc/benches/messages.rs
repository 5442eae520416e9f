//! What it costs to send messages to another process: a word there and back, awake and asleep, words one way, and 64 KiB and 4 MiB copied in and out.
//!
//! The other process is a worker, and both are pinned to a CPU each, where there are two. The peers: a cache line that both write, which no
//! message can beat; a pair of pipes; a socket pair; and `ipc-channel`. What is copied is compared with two copies in one
//! process. Every answer is checked.

use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use heddle_ipc::Workers;
use heddle_ipc::connection::{Connection, ConnectionHandle, pipe_with};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[path = "messages/peers.rs"]
mod peers;
#[path = "../../primitives/benches/support/mod.rs"]
mod support;

use peers::{Line, Stream};

/// How long both sides spin where they are to stay awake.
const AWAKE: Duration = Duration::from_millis(5);
/// What ends a batch of words, and asks for their sum.
const END: u64 = u64::MAX;

/// Something that carries messages both ways. Each side panics when the other is gone.
trait Channel {
    fn send(&mut self, message: &[u8]);
    /// The next message, which is not longer than `into`.
    fn receive<'a>(&mut self, into: &'a mut [u8]) -> &'a [u8];

    fn send_word(&mut self, word: u64) {
        self.send(&word.to_ne_bytes());
    }

    fn receive_word(&mut self) -> u64 {
        u64::from_ne_bytes(self.receive(&mut [0; 8]).try_into().expect("a word"))
    }
}

impl Channel for Connection {
    #[inline]
    fn send(&mut self, message: &[u8]) {
        self.send_bytes(message).expect("the other side is there");
    }

    #[inline]
    fn receive<'a>(&mut self, into: &'a mut [u8]) -> &'a [u8] {
        let len = self.recv_bytes_into(into).expect("the other side is there");
        &into[..len]
    }
}

/// What the other side does: answers each word with the next one;
const ECHO: u32 = 0;
/// adds words up, and answers the end of each batch with their sum;
const SUM: u32 = 1;
/// or copies out what comes, and answers with its length and last byte.
const TAKE: u32 = 2;

/// What the channel is: a connection,
const OURS: u32 = 0;
/// two descriptors, which come over a connection,
const STREAM: u32 = 1;
/// or a name to connect to.
const NAMED: u32 = 2;

fn serve(task: u32, channel: &mut impl Channel) -> u64 {
    let mut sum = 0_u64;
    let mut room = vec![0; 4 << 20];
    loop {
        match task {
            ECHO => {
                let word = channel.receive_word();
                channel.send_word(word + 1);
            }
            SUM => match channel.receive_word() {
                END => channel.send_word(core::mem::take(&mut sum)),
                word => sum += word,
            },
            _ => {
                let message = channel.receive(&mut room);
                let answer = (message.len() as u64) << 8 | u64::from(message[message.len() - 1]);
                channel.send_word(answer);
            }
        }
    }
}

/// What the other side is told.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Setup {
    task: u32,
    kind: u32,
    spin_us: u64,
    len: u64,
    bytes: [u8; 224],
}

impl Setup {
    fn new(task: u32, kind: u32, bytes: &[u8]) -> Setup {
        let mut room = [0; 224];
        room[..bytes.len()].copy_from_slice(bytes);
        Setup { task, kind, spin_us: 0, len: bytes.len() as u64, bytes: room }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

fn other_side(setup: Setup) -> u64 {
    if setup.kind == NAMED {
        let name = core::str::from_utf8(setup.bytes()).expect("a name");
        return serve(setup.task, &mut peers::Ipc::connect(name));
    }
    let handle: ConnectionHandle = postcard::from_bytes(setup.bytes()).expect("a handle");
    let mut connection = handle.attach().expect("given to this process");
    if setup.kind == STREAM {
        return serve(setup.task, &mut Stream::received(connection));
    }
    connection.set_spin(Duration::from_micros(setup.spin_us));
    serve(setup.task, &mut connection)
}

/// A channel whose other side is a worker on the second CPU; the caller is on the first.
struct Side<C> {
    channel: C,
    workers: Workers,
}

impl<C> Drop for Side<C> {
    fn drop(&mut self) {
        self.workers.kill(0).expect("a process may kill its child");
    }
}

fn pin_to(cpu: u64) -> u64 {
    support::pin(cpu as usize);
    cpu
}

/// A worker on the second CPU.
fn worker() -> Workers {
    support::unpin();
    let workers = Workers::builder().spin(Duration::ZERO).start().expect("a worker");
    assert_eq!(workers.call(0, pin_to, 1), Ok(1));
    support::pin(0);
    workers
}

/// Starts the other side, makes this one, and sees that they have met.
fn side<C: Channel>(setup: Setup, channel: impl FnOnce() -> C) -> Side<C> {
    let workers = worker();
    drop(workers.submit(0, other_side, setup).expect("room"));
    let mut side = Side { channel: channel(), workers };
    let (first, answer) = match setup.task {
        ECHO => (1, 2),
        SUM => (END, 0),
        _ => (0, 8 << 8),
    };
    side.channel.send_word(first);
    assert_eq!(side.channel.receive_word(), answer);
    side
}

/// A connection, of which the other side gets an end.
fn connection(task: u32, kind: u32, spin: Duration) -> (Connection, Setup, ConnectionHandle) {
    let (mut here, there) = pipe_with(256 << 10).expect("memory");
    here.set_spin(spin);
    let handle = there.give();
    let bytes = postcard::to_stdvec(&handle).expect("plain numbers");
    let spin_us = spin.as_micros() as u64;
    (here, Setup { spin_us, ..Setup::new(task, kind, &bytes) }, handle)
}

fn heddle(task: u32, spin: Duration) -> Side<Connection> {
    // The handle is kept until the other side has its end.
    let (here, setup, _handle) = connection(task, OURS, spin);
    side(setup, || here)
}

fn stream(task: u32, (here, there): (Stream, [OwnedFd; 2])) -> Side<Stream> {
    let (mut way, setup, _handle) = connection(task, STREAM, Duration::ZERO);
    side(setup, || {
        there.iter().for_each(|fd| way.send_fd(fd).expect("the other side receives"));
        here
    })
}

fn ipc_channel(task: u32) -> Side<peers::Ipc> {
    let (server, name) = peers::Ipc::serve();
    side(Setup::new(task, NAMED, name.as_bytes()), || peers::Ipc::accept(server))
}

/// A word there, and the next one back.
fn trips<C: Channel>(mut side: Side<C>) -> impl FnMut() {
    let mut word = 0;
    move || {
        word += 1;
        side.channel.send_word(black_box(word));
        assert_eq!(side.channel.receive_word(), word + 1);
    }
}

fn round_trip(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("messages/round-trip");
    let mut add = |variant: &str, trip: &mut dyn FnMut()| {
        group.bench_function(BenchmarkId::new(variant, 1), |bencher| bencher.iter(&mut *trip));
    };
    add("heddle", &mut trips(heddle(ECHO, AWAKE)));
    let mut line = Line::start(worker());
    add("line", &mut || line.trip());
    drop(line);
    group.finish();

    let mut group = criterion.benchmark_group("messages/asleep");
    let mut add = |variant: &str, trip: &mut dyn FnMut()| {
        group.bench_function(BenchmarkId::new(variant, 1), |bencher| bencher.iter(&mut *trip));
    };
    add("heddle", &mut trips(heddle(ECHO, Duration::ZERO)));
    add("pipe", &mut trips(stream(ECHO, Stream::pipes())));
    add("socketpair", &mut trips(stream(ECHO, Stream::sockets())));
    add("ipc-channel", &mut trips(ipc_channel(ECHO)));
}

/// So many words, and the sum of all in return.
fn batches<C: Channel>(mut side: Side<C>) -> impl FnMut(u64) -> Duration {
    move |words| {
        let started = Instant::now();
        for word in 0..words {
            side.channel.send_word(word);
        }
        side.channel.send_word(END);
        let sum = side.channel.receive_word();
        let elapsed = started.elapsed();
        assert_eq!(sum, words * words.saturating_sub(1) / 2);
        elapsed
    }
}

fn one_way(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("messages/one-way");
    let mut add = |variant: &str, batch: &mut dyn FnMut(u64) -> Duration| {
        group.bench_function(BenchmarkId::new(variant, 1), |bencher| {
            support::in_bulk(bencher, 1000, &mut *batch);
        });
    };
    add("heddle", &mut batches(heddle(SUM, AWAKE)));
    add("pipe", &mut batches(stream(SUM, Stream::pipes())));
    add("socketpair", &mut batches(stream(SUM, Stream::sockets())));
    add("ipc-channel", &mut batches(ipc_channel(SUM)));
}

/// A message that the other side copies out, and its acknowledgement.
fn copies<C: Channel>(mut side: Side<C>, len: usize) -> impl FnMut() {
    let mut message = vec![7_u8; len];
    let mut last = 0_u8;
    move || {
        last = last.wrapping_add(1);
        message[len - 1] = last;
        side.channel.send(black_box(&message));
        assert_eq!(side.channel.receive_word(), (len as u64) << 8 | u64::from(last));
    }
}

/// What the least is that copying in and out takes: twice, in one process.
fn twice(len: usize) -> impl FnMut() {
    let mut message = vec![7_u8; len];
    let (mut between, mut there) = (vec![0_u8; len], vec![0_u8; len]);
    let mut last = 0_u8;
    move || {
        last = last.wrapping_add(1);
        message[len - 1] = last;
        between.copy_from_slice(black_box(&message));
        there.copy_from_slice(black_box(&between));
        assert_eq!(black_box(&there)[len - 1], last);
    }
}

fn copied(criterion: &mut Criterion) {
    for (name, len) in [("messages/copied-64k", 64 << 10), ("messages/copied-4m", 4 << 20)] {
        let mut group = criterion.benchmark_group(name);
        let mut add = |variant: &str, copy: &mut dyn FnMut()| {
            group.bench_function(BenchmarkId::new(variant, 1), |bencher| bencher.iter(&mut *copy));
        };
        add("heddle", &mut copies(heddle(TAKE, AWAKE), len));
        add("memcpy", &mut twice(len));
        add("pipe", &mut copies(stream(TAKE, Stream::pipes()), len));
        add("socketpair", &mut copies(stream(TAKE, Stream::sockets()), len));
        add("ipc-channel", &mut copies(ipc_channel(TAKE), len));
    }
}

criterion_group!(benches, round_trip, one_way, copied);
criterion_main!(benches);
