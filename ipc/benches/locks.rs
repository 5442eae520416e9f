//! A mutex that survives its owner, alone and contended by two processes, beside the C library's shared and robust mutexes and a private
//! mutex that survives nothing; one loop body for all.
#![cfg_attr(
    any(heddle_loom, heddle_shuttle, heddle_mutants),
    allow(unused, reason = "no processes under a checker")
)]

#[path = "../../primitives/benches/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use heddle_ipc::sync::{Address, Barrier, Mutex};
use heddle_ipc::{Member, Offset, SegmentRef, Workers};
use heddle_primitives::sync::cell::UnsafeCell;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A lock around a count.
trait Lock {
    fn with(&self, f: impl FnOnce(&mut u64));
}

impl Lock for Mutex<u64> {
    #[inline(always)]
    fn with(&self, f: impl FnOnce(&mut u64)) {
        f(&mut self.lock().expect("nobody dies"));
    }
}

impl Lock for heddle_primitives::Mutex<u64> {
    #[inline(always)]
    fn with(&self, f: impl FnOnce(&mut u64)) {
        f(&mut self.lock());
    }
}

/// The C library's mutex and the count.
#[repr(C)]
struct Pthread {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    count: UnsafeCell<u64>,
}

impl Pthread {
    /// Sets one up in zeroed memory.
    fn init(&self, robust: bool) {
        let mut attributes = core::mem::MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: valid memory for the attributes.
        let initialised = unsafe { libc::pthread_mutexattr_init(attributes) };
        // SAFETY: initialised.
        let shared = unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) };
        let kind = if robust { libc::PTHREAD_MUTEX_ROBUST } else { libc::PTHREAD_MUTEX_STALLED };
        // SAFETY: initialised.
        let robust = unsafe { libc::pthread_mutexattr_setrobust(attributes, kind) };
        // SAFETY: nobody uses the mutex yet.
        let created = unsafe { libc::pthread_mutex_init(self.mutex(), attributes) };
        assert_eq!([initialised, shared, robust, created], [0; 4]);
    }

    fn mutex(&self) -> *mut libc::pthread_mutex_t {
        let mutex = self.mutex.get_mut();
        // SAFETY: only its address is used.
        core::ptr::from_mut(unsafe { mutex.deref() })
    }
}

impl Lock for Pthread {
    #[inline(always)]
    fn with(&self, f: impl FnOnce(&mut u64)) {
        // SAFETY: initialised, and mapped for as long as the value.
        assert_eq!(unsafe { libc::pthread_mutex_lock(self.mutex()) }, 0);
        let count = self.count.get_mut();
        // SAFETY: the mutex is held.
        f(unsafe { count.deref() });
        // SAFETY: held by this thread.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.mutex()) }, 0);
    }
}

/// A segment with a mutex of each kind.
struct Locks {
    member: Member,
    heddle: Mutex<u64>,
    pthreads: [Offset<[u8]>; 2],
    start: Barrier,
}

impl Locks {
    fn new() -> Locks {
        let member = Member::create("locks", 1 << 16).expect("memory");
        let heddle = Mutex::new_in(&member, 0).expect("room");
        let pthreads = [false, true].map(|robust| {
            let place = member.segment().arena().alloc::<u8>(size_of::<Pthread>()).expect("room");
            pthread(&member, place).init(robust);
            place
        });
        let start = Barrier::new_in(&member, 2).expect("room");
        Locks { member, heddle, pthreads, start }
    }
}

/// The C library's mutex at this place.
fn pthread(member: &Member, place: Offset<[u8]>) -> &Pthread {
    let memory = member.segment().slice(place).expect("allocated");
    // SAFETY: as long and as aligned as it needs, and used for nothing else.
    unsafe { memory.cast::<Pthread>().as_ref() }
}

/// What one process does: takes the lock so many times, with so much work inside and outside.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Task {
    segment: SegmentRef,
    heddle: Address<Mutex<u64>>,
    start: Address<Barrier>,
    pthreads: [Offset<[u8]>; 2],
    kind: u64,
    times: u64,
    inside: u64,
    outside: u64,
    cpu: u64,
}

/// Does the task from the common start on; returns when it began and ended, on the clock that all processes share.
fn run(task: Task) -> [u64; 2] {
    support::pin(task.cpu as usize);
    // Kept from call to call: attaching is not what is measured.
    static MEMBER: std::sync::OnceLock<(Member, Mutex<u64>, Barrier)> = std::sync::OnceLock::new();
    let (member, heddle, start) = MEMBER.get_or_init(|| {
        (
            Member::attach(task.segment).expect("the parent holds it"),
            Mutex::attach(task.heddle).expect("the parent holds it"),
            Barrier::attach(task.start).expect("the parent holds it"),
        )
    });
    start.wait().expect("nobody dies");
    let began = now();
    match task.kind {
        0 => turns(heddle, &task),
        kind => turns(pthread(member, task.pthreads[kind as usize - 1]), &task),
    }
    [began, now()]
}

#[inline(always)]
fn turns(lock: &impl Lock, task: &Task) {
    for _ in 0..task.times {
        lock.with(|count| {
            support::work(task.inside);
            *count += 1;
        });
        support::work(task.outside);
    }
}

fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

const KINDS: [&str; 3] = ["heddle", "pthread-shared", "pthread-robust"];

fn uncontended(criterion: &mut Criterion) {
    support::pin(0);
    let mut group = criterion.benchmark_group("robust-mutex/uncontended");
    let locks = Locks::new();
    let mut measure = |name: &str, lock: &dyn Fn(u64)| {
        group.bench_function(BenchmarkId::new(name, 1), |bencher| {
            bencher.iter_custom(|times| {
                let started = Instant::now();
                lock(times);
                started.elapsed()
            });
        });
    };
    fn times(lock: &impl Lock, times: u64) {
        let before = count(lock);
        for _ in 0..times {
            std::hint::black_box(lock).with(|count| *count += 1);
        }
        assert_eq!(count(lock) - before, times);
    }
    let private = heddle_primitives::Mutex::new(0_u64);
    measure("heddle", &|n| times(&locks.heddle, n));
    measure("heddle-private", &|n| times(&private, n));
    for (name, place) in KINDS[1..].iter().zip(locks.pthreads) {
        measure(name, &|n| times(pthread(&locks.member, place), n));
    }
    support::unpin();
}

fn count(lock: &impl Lock) -> u64 {
    let mut now = 0;
    lock.with(|count| now = *count);
    now
}

fn contended(criterion: &mut Criterion) {
    for (inside, outside) in [(0, 0), (50, 50), (500, 500)] {
        let mut group = criterion.benchmark_group(format!("robust-mutex/contended-{inside}-{outside}"));
        for (kind, name) in (0..).zip(KINDS) {
            let locks = Locks::new();
            support::unpin();
            let workers = Workers::start(2).expect("two workers");
            let task = |times, cpu| Task {
                segment: locks.member.segment().share(),
                heddle: locks.heddle.address(),
                start: locks.start.address(),
                pthreads: locks.pthreads,
                kind,
                times,
                inside: support::steps(inside),
                outside: support::steps(outside),
                cpu,
            };
            group.bench_function(BenchmarkId::new(name, 2), |bencher| {
                // A pair of operations is one of each process: half the time an operation takes of the lock.
                support::in_bulk(bencher, 2_000, |times| {
                    let tickets = [0, 1]
                        .map(|rank| workers.submit(rank, run, task(times / 2, rank as u64)).expect("room"));
                    let turns = tickets.map(|ticket| ticket.wait(None).expect("an answer"));
                    let began = turns.iter().map(|turn| turn[0]).min().expect("two");
                    let ended = turns.iter().map(|turn| turn[1]).max().expect("two");
                    Duration::from_nanos(ended - began)
                });
            });
        }
    }
}

criterion_group!(benches, uncontended, contended);
criterion_main!(benches);
