//! What it costs to hand large data to another process and to have them back: by loan, which moves no byte; copied into shared memory by
//! one side and out of it by the other; and written to a pipe.
//!
//! Parent and worker are pinned to one CPU each, where there are two, and spin. A round trip is timed, and half of it reported as the
//! way of one block, since the two ways are alike. By loan the sides touch the first and the last word of each block, which
//! the answer depends on; by copy and by pipe all arrives in private memory.

use std::hint::black_box;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use heddle_ipc::loan::{LoanPool, LoanTicket};
use heddle_ipc::queue::Queue;
use heddle_ipc::sync::Address;
use heddle_ipc::{Member, Offset, Segment, SegmentRef, Workers, worker};
use heddle_primitives::CachePadded;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::hint;
use rustix::thread::{CpuSet, sched_setaffinity};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[path = "../../primitives/benches/support/mod.rs"]
mod support;

const SIZES: [(&str, usize); 2] = [("64-kib", 64 << 10), ("4-mib", 4 << 20)];

/// What the other side does with the first and the last word.
fn next(x: u64) -> u64 {
    x + 1
}

fn pin_to(cpu: u64) -> u64 {
    let mut set = CpuSet::new();
    set.set(cpu as usize);
    sched_setaffinity(None, &set).expect("a process may pin itself");
    cpu
}

/// A worker on the second CPU; the caller on the first. It is given one task, and killed when this is dropped.
struct Other(Workers);

impl Other {
    fn start() -> Other {
        support::unpin();
        let workers = Workers::start(1).expect("a worker");
        let cpus = support::allowed();
        workers.call(0, pin_to, cpus[1 % cpus.len()] as u64).expect("it pins itself");
        support::pin(0);
        Other(workers)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.0.kill(0).expect("a process may kill its child");
    }
}

/// Times `trips` calls, each there and back, and gives the time of one way.
fn one_way(trips: u64, mut trip: impl FnMut(u64) -> u64) -> Duration {
    let started = Instant::now();
    for x in 0..trips {
        assert_eq!(trip(black_box(x)), next(x));
    }
    started.elapsed() / 2
}

/// A ticket for each way, in a word that is 0 when there is none: the least that a channel can be.
type Mailbox = [CachePadded<AtomicU64>; 2];

/// A ticket of a whole block in a word, which is never 0.
fn pack(ticket: LoanTicket) -> u64 {
    let [low, _]: [u64; 2] = zerocopy::transmute!(ticket);
    low
}

fn unpack(word: u64, len: usize) -> LoanTicket {
    zerocopy::transmute!([word, len as u64])
}

fn post(mailbox: &CachePadded<AtomicU64>, word: u64) {
    // ORDERING: Release: pairs with the Acquire in `take`.
    mailbox.store(word, Ordering::Release);
}

fn take(mailbox: &CachePadded<AtomicU64>) -> u64 {
    loop {
        // ORDERING: Acquire: pairs with the Release in `post`.
        let word = mailbox.load(Ordering::Acquire);
        if word != 0 {
            // ORDERING: Relaxed: the other side posts only once it has had an answer.
            mailbox.store(0, Ordering::Relaxed);
            return word;
        }
        hint::spin_loop();
    }
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Spun {
    pool: Address<LoanPool<u64>>,
    segment: SegmentRef,
    mailbox: Offset<Mailbox>,
}

fn answer_spinning(there: Spun) -> u64 {
    let pool = LoanPool::attach(there.pool).expect("the parent holds it");
    let segment = worker::attach(there.segment).expect("the parent holds it");
    // SAFETY: the parent placed it there.
    let mailbox = unsafe { segment.get(there.mailbox) }.expect("within");
    loop {
        let ticket = unpack(take(&mailbox[0]), pool.block_len());
        post(&mailbox[1], answer_one(&pool, ticket));
    }
}

/// Receives a block, and sends another with the answer.
fn answer_one(pool: &LoanPool<u64>, ticket: LoanTicket) -> u64 {
    let received = pool.receive(ticket).expect("sent to this side");
    let mut loan = pool.loan();
    let last = loan.len() - 1;
    loan[0] = next(received[0]);
    loan[last] = next(received[last]);
    pack(loan.into_ticket())
}

fn ask(pool: &LoanPool<u64>, x: u64) -> LoanTicket {
    let mut loan = pool.loan();
    let last = loan.len() - 1;
    loan[0] = x;
    loan[last] = x;
    loan.into_ticket()
}

fn told(pool: &LoanPool<u64>, ticket: LoanTicket) -> u64 {
    let received = pool.receive(ticket).expect("sent to this side");
    assert_eq!(received[0], received[received.len() - 1]);
    received[0]
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Queued {
    pool: Address<LoanPool<u64>>,
    there: Address<Queue<LoanTicket>>,
    back: Address<Queue<LoanTicket>>,
}

fn answer_queued(line: Queued) -> u64 {
    let pool = LoanPool::attach(line.pool).expect("the parent holds it");
    let there = Queue::attach(line.there).expect("the parent holds it");
    let back = Queue::attach(line.back).expect("the parent holds it");
    while let Ok(ticket) = there.get() {
        let answer = unpack(answer_one(&pool, ticket), pool.block_len());
        back.put(answer).expect("nobody closes it");
    }
    0
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Copied {
    segment: SegmentRef,
    mailbox: Offset<Mailbox>,
    blocks: [Offset<[u64]>; 2],
}

fn answer_copied(there: Copied) -> u64 {
    let segment = worker::attach(there.segment).expect("the parent holds it");
    // SAFETY: the parent placed it there.
    let mailbox = unsafe { segment.get(there.mailbox) }.expect("within");
    let mut own = vec![0; there.blocks[0].len() as usize];
    loop {
        take(&mailbox[0]);
        copy_out(&segment, there.blocks[0], &mut own);
        own.iter_mut().step_by(1 << 9).for_each(|x| *x = next(*x));
        copy_in(&segment, there.blocks[1], &own);
        post(&mailbox[1], 1);
    }
}

fn copy_in(segment: &Segment, block: Offset<[u64]>, from: &[u64]) {
    let block = segment.slice(block).expect("within").cast::<u64>();
    // SAFETY: as long as the block, which the other side leaves alone until it is told.
    unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), block.as_ptr(), from.len()) };
}

fn copy_out(segment: &Segment, block: Offset<[u64]>, to: &mut [u64]) {
    let block = segment.slice(block).expect("within").cast::<u64>();
    // SAFETY: as in `copy_in`.
    unsafe { core::ptr::copy_nonoverlapping(block.as_ptr(), to.as_mut_ptr(), to.len()) };
}

fn hand_over(criterion: &mut Criterion) {
    for (name, size) in SIZES {
        let mut group = criterion.benchmark_group(format!("loan/{name}"));
        group.throughput(Throughput::Bytes(size as u64));
        let len = size / size_of::<u64>();

        group.bench_function(BenchmarkId::new("heddle", 1), |bencher| {
            let pool = LoanPool::<u64>::new(4, len).expect("memory");
            let segment = Segment::create("mailbox", 4096).expect("memory");
            let (offset, mailbox) = segment.arena().place(Mailbox::default()).expect("room");
            let other = Other::start();
            let there = Spun { pool: pool.address(), segment: segment.share(), mailbox: offset };
            drop(other.0.submit(0, answer_spinning, there).expect("room"));
            bencher.iter_custom(|trips| {
                one_way(trips, |x| {
                    post(&mailbox[0], pack(ask(&pool, x)));
                    told(&pool, unpack(take(&mailbox[1]), len))
                })
            });
        });

        group.bench_function(BenchmarkId::new("heddle-queue", 1), |bencher| {
            let pool = LoanPool::<u64>::new(4, len).expect("memory");
            let member = Member::create("tickets", 1 << 16).expect("memory");
            let queue = || Queue::<LoanTicket>::new_in(&member, 4).expect("room");
            let (there, back) = (queue(), queue());
            let other = Other::start();
            let line = Queued { pool: pool.address(), there: there.address(), back: back.address() };
            drop(other.0.submit(0, answer_queued, line).expect("room"));
            bencher.iter_custom(|trips| {
                one_way(trips, |x| {
                    there.put(ask(&pool, x)).expect("nobody closes it");
                    told(&pool, back.get().expect("nobody closes it"))
                })
            });
        });

        group.bench_function(BenchmarkId::new("copied", 1), |bencher| {
            let segment = Segment::create("copied", 2 * size + 4096).expect("memory");
            let arena = segment.arena();
            let blocks = [0; 2].map(|_| arena.alloc::<u64>(len).expect("room"));
            let (offset, mailbox) = arena.place(Mailbox::default()).expect("room");
            let other = Other::start();
            let there = Copied { segment: segment.share(), mailbox: offset, blocks };
            drop(other.0.submit(0, answer_copied, there).expect("room"));
            let mut own = vec![0; len];
            bencher.iter_custom(|trips| {
                one_way(trips, |x| {
                    own[0] = x;
                    copy_in(&segment, blocks[0], &own);
                    post(&mailbox[0], 1);
                    take(&mailbox[1]);
                    copy_out(&segment, blocks[1], &mut own);
                    own[0]
                })
            });
        });

        group.bench_function(BenchmarkId::new("pipe", 1), |bencher| {
            let mut pipes = Pipes::start(size);
            let mut own = vec![0; len];
            bencher.iter_custom(|trips| {
                one_way(trips, |x| {
                    own[0] = x;
                    pipes.call(&mut own);
                    own[0]
                })
            });
        });
    }
}

/// A process that answers through a pair of pipes.
struct Pipes {
    to: PipeWriter,
    from: PipeReader,
    _other: Other,
}

impl Pipes {
    fn start(size: usize) -> Pipes {
        let other = Other::start();
        let (theirs_in, to) = std::io::pipe().expect("a pipe");
        let (from, theirs_out) = std::io::pipe().expect("a pipe");
        let task = [theirs_in.as_raw_fd(), theirs_out.as_raw_fd(), std::process::id() as i32, size as i32];
        drop(other.0.submit(0, answer_piped, task).expect("room"));
        let mut pipes = Pipes { to, from, _other: other };
        let mut first = vec![0; size / size_of::<u64>()];
        pipes.call(&mut first);
        assert_eq!(first[0], 1, "the other side has its ends");
        pipes
    }

    fn call(&mut self, data: &mut [u64]) {
        self.to.write_all(data.as_bytes()).expect("the pipe is open");
        self.from.read_exact(data.as_mut_bytes()).expect("the pipe is open");
    }
}

fn answer_piped([input, output, parent, size]: [i32; 4]) -> u64 {
    let open = |fd: i32, write: bool| {
        std::fs::OpenOptions::new().read(!write).write(write).open(format!("/proc/{parent}/fd/{fd}"))
    };
    let mut input = open(input, false).expect("the parent holds it");
    let mut output = open(output, true).expect("the parent holds it");
    let mut own = vec![0_u64; size as usize / size_of::<u64>()];
    while input.read_exact(own.as_mut_bytes()).is_ok() {
        own.iter_mut().step_by(1 << 9).for_each(|x| *x = next(*x));
        if output.write_all(own.as_bytes()).is_err() {
            break;
        }
    }
    0
}

criterion_group!(benches, hand_over);
criterion_main!(benches);
