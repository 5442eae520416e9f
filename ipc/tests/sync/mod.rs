//! - `member`: who takes part in a segment;
//! - `mutex`, ...: one primitive each.

mod array;
mod barrier;
mod condvar;
mod event;
mod member;
mod mutex;
mod once;
mod reentrant;
mod rwlock;
mod semaphore;
mod value;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use heddle_ipc::{ShmSafe, Workers};

/// How long a death may take to be noticed: the promised 50 ms, and time for two busy CPUs to take the dead process down.
const NOTICED: Duration = Duration::from_secs(5);

fn workers(count: usize) -> Workers {
    Workers::start(count).expect("workers start")
}

/// Kills a worker and waits until it is gone.
fn kill(workers: &Workers, rank: usize) {
    workers.kill(rank).expect("a child may be killed");
    let start = Instant::now();
    while workers.exit(rank).is_none() {
        assert!(start.elapsed() < NOTICED, "killed, and still there");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until `holds` does.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < NOTICED, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Has two workers do a task that never ends, and kills one after the other at all sorts of moments; looks at what is left after each
/// death.
fn storm<A: ShmSafe + Copy>(task: impl Fn(A) -> u64 + Copy + 'static, argument: A, mut look: impl FnMut()) {
    let mut workers = workers(2);
    for round in 0..40_u64 {
        for rank in 0..2 {
            if workers.exit(rank).is_some() {
                workers.restart(rank).expect("a worker starts again");
            }
            // Refused where it is at it already.
            let _ = workers.submit(rank, task, argument);
        }
        std::thread::sleep(Duration::from_micros(500 + round * 37 % 2_000));
        kill(&workers, (round % 2) as usize);
        look();
    }
}

/// Runs `f` in a forked child, and returns whether it panicked.
fn panics_in_a_fork(f: impl FnOnce()) -> bool {
    // SAFETY: the child comes no further than the exit below; the C library makes its allocator usable in it.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let result = catch_unwind(AssertUnwindSafe(f));
        // SAFETY: always allowed.
        unsafe { libc::_exit(if result.is_ok() { 1 } else { 2 }) };
    }
    let mut status = 0;
    // SAFETY: a child of this process, that nobody else waits for.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status), "{status}");
    libc::WEXITSTATUS(status) == 2
}
