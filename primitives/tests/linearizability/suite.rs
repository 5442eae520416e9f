//! Random programs on every primitive, each history explained.

use super::channel::Channels;
use super::checker::assert_linearizable;
use super::deque::{Deques, Flavour};
use super::event::Events;
use super::fifo::FifoOperation::{ForcePush, Pop, Push};
use super::fifo::{ArrayQueues, Rings};
use super::locks::{Mutexes, RwLocks};
use super::once::Places;
use super::program::{Program, Subject, draw, run};
use super::queue::Queues;
use super::register::SeqLocks;
use super::semaphore::SemaphoreOperation::{AcquireSoon, Available, Release, TryAcquire};
use super::semaphore::Semaphores;
use heddle_primitives::verify::{Scenario, Search};

/// Programs of so many threads and operations of each thread, and how many preemptions loom tries.
struct Size {
    threads: usize,
    operations: usize,
    programs: u64,
    preemptions: usize,
}

const fn size(threads: usize, operations: usize, programs: u64, preemptions: usize) -> Size {
    Size { threads, operations, programs, preemptions }
}

const SIZES: &[Size] = if cfg!(heddle_loom) {
    &[size(2, 3, 4, 2), size(3, 2, 2, 2)]
} else if cfg!(heddle_shuttle) {
    &[size(3, 5, 4, 0)]
} else if cfg!(miri) {
    &[size(2, 3, 1, 0)]
} else if cfg!(heddle_mutants) {
    &[size(3, 7, 4, 0)]
} else {
    &[size(3, 7, 2, 0)]
};

/// For objects whose operations take many steps.
const SMALL_SIZES: &[Size] =
    if cfg!(heddle_loom) { &[size(2, 2, 3, 2), size(2, 3, 4, 1), size(3, 1, 2, 2)] } else { SIZES };

/// For those whose operations take still more.
const SMALLEST_SIZES: &[Size] = if cfg!(heddle_loom) { &[size(2, 2, 3, 2), size(2, 3, 3, 1)] } else { SIZES };

/// Schedules of each program, under shuttle.
const SCHEDULES: u32 = 100;

fn check(name: &str, sizes: &[Size], subject: impl Subject) {
    for &Size { threads, operations, programs, preemptions } in sizes {
        for seed in 0..programs {
            let program = draw(&subject, threads, operations, seed);
            let threads = program.len();
            let name = format!("{name}, {threads}x{operations}, program {seed}");
            check_program(&name, preemptions, subject.clone(), program);
        }
    }
}

fn check_program<S: Subject>(name: &str, preemptions: usize, subject: S, program: Program<S>) {
    let threads = program.len();
    Scenario::new(format!("linearizable: {name}"))
        .search(Search::Bounded(preemptions))
        .schedules(SCHEDULES)
        .check(move || assert_linearizable(&subject.specification(threads), &run(&subject, &program)));
}

#[test]
fn mutex() {
    check("mutex", SIZES, Mutexes);
}

#[test]
fn rwlock() {
    check("rwlock", SMALL_SIZES, RwLocks);
}

#[test]
fn seqlock() {
    check("seqlock", SMALL_SIZES, SeqLocks);
}

#[test]
fn once_lock() {
    check("once lock", SIZES, Places);
}

#[test]
fn event() {
    check("event", SIZES, Events);
}

#[test]
fn semaphore() {
    check("semaphore", SIZES, Semaphores { first: 1 });
}

/// What a reservation holds back.
#[test]
fn semaphore_reservation() {
    for looks in [TryAcquire(1), Available] {
        let program = vec![vec![AcquireSoon], vec![Release(1), looks, AcquireSoon]];
        check_program("semaphore, reservation", 2, Semaphores { first: 0 }, program);
    }
}

#[test]
fn array_queue() {
    check("array queue", SMALL_SIZES, ArrayQueues { capacity: 2 });
}

/// What is seen while a value is replaced.
#[test]
fn array_queue_replacing() {
    let program = vec![vec![ForcePush(1)], vec![Push(2), Pop, Pop]];
    check_program("array queue, replacing", 2, ArrayQueues { capacity: 1 }, program);
}

#[test]
fn spsc() {
    check("spsc", SIZES, Rings { capacity: 2 });
}

#[test]
fn channel_bounded() {
    check("bounded channel", SMALLEST_SIZES, Channels { capacity: Some(1) });
}

#[test]
fn channel_unbounded() {
    check("unbounded channel", SMALLEST_SIZES, Channels { capacity: None });
}

#[test]
fn deque_lifo() {
    check("lifo deque", SIZES, Deques { flavour: Flavour::Newest });
}

#[test]
fn deque_fifo() {
    check("fifo deque", SIZES, Deques { flavour: Flavour::Oldest });
}

#[test]
fn queue() {
    check("queue", SMALL_SIZES, Queues { maxsize: 2 });
}
