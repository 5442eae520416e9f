//! The ways in which CPython's pools are known to fail, as tests of this one. The numbers are those of its issues. That of a worker
//! that is killed during `map` (#96062) is in `pool.rs`.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::time::Duration;

use heddle_ipc::pool::{Pool, TaskError};
use heddle_primitives::sync::atomic::{AtomicBool, Ordering};
use heddle_primitives::sync::thread;

fn double(x: u64) -> u64 {
    2 * x
}

fn length(text: String) -> u64 {
    text.len() as u64
}

fn kill(pid: u32) {
    // SAFETY: a plain system call, on a child that is not reaped yet or was just now.
    unsafe { libc::kill(pid as i32, libc::SIGKILL) };
}

/// #94777: a worker crashes while the feeder blocks on a full pipe, and the pool hangs. Here more is in flight than any pipe holds.
#[test]
fn a_crash_while_much_is_being_fed() {
    let pool = Pool::new(2).unwrap().idempotent();
    for round in 0..20 {
        let results = pool.map_async(length, (0..60).map(|_| "x".repeat(300_000))).unwrap();
        kill(pool.pids()[round % 2]);
        assert_eq!(results.get().unwrap(), [300_000; 60]);
    }
    assert!(pool.replaced() > 0);
}

/// #125451: shutting down while a task is being submitted, or while a worker dies, deadlocks.
#[test]
fn a_shutdown_at_any_moment() {
    for round in 0..30_u64 {
        let executor = Pool::new(2).unwrap();
        let pids = executor.pids();
        let executor = executor.executor();
        let submitter = {
            let executor = executor.clone();
            thread::spawn(move || {
                let mut taken = Vec::new();
                while let Ok(result) = executor.submit(double, 4) {
                    taken.push(result);
                }
                taken
            })
        };
        thread::sleep(Duration::from_micros(100 * round));
        if round % 3 == 0 {
            kill(pids[0]);
        }
        executor.shutdown(round % 2 == 0).unwrap();
        for result in submitter.join().unwrap() {
            match result.get() {
                Ok(result) => assert_eq!(result, 8),
                Err(TaskError::Cancelled { .. } | TaskError::Died { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// #105829: more tasks are submitted than the pipe that wakes the manager thread holds, and both sides block.
#[test]
fn more_submissions_than_any_pipe_holds() {
    let executor = Pool::new(1).unwrap().executor();
    let results: Vec<_> = (0..200_000).map(|x| executor.submit(double, x).unwrap()).collect();
    for (x, result) in results.into_iter().enumerate() {
        assert_eq!(result.get(), Ok(2 * x as u64));
    }
}

/// #73983: joining before the results were taken hangs once they fill the pipe.
#[test]
fn join_before_results_are_taken() {
    let pool = Pool::new(2).unwrap();
    let results: Vec<_> =
        (0..20).map(|_| pool.apply_async(|n: u64| "x".repeat(n as usize), 1 << 20).unwrap()).collect();
    pool.close();
    pool.join().unwrap();
    assert!(results.into_iter().all(|result| result.get().unwrap().len() == 1 << 20));
}

/// #96953: payloads above 64 KiB, the size of a pipe.
#[test]
fn payloads_above_the_size_of_a_pipe() {
    let pool = Pool::new(2).unwrap();
    for len in [65_535, 65_536, 65_537, 1_000_000, 20_000_000] {
        let text = "y".repeat(len);
        let echoed = pool.map_chunked(|text: String| text, [text.clone(), text.clone()], 1).unwrap();
        assert!(echoed.iter().all(|echoed| *echoed == text));
    }
}

/// Payloads above 2 GiB, whose length does not fit the header that CPython's connections once had.
#[test]
fn payloads_above_two_gib() {
    const LEN: usize = (2 << 30) + 1;
    // The text, its bytes, the parcel, and the text in the worker; then the same the other way, with the first still there.
    let needed = 5 * LEN as u64;
    let available = available_memory();
    if available < needed + (2 << 30) || std::env::var_os("HEDDLE_LARGE").is_none() {
        eprintln!("not run: {available} bytes are available and {needed} needed, or HEDDLE_LARGE is unset");
        return;
    }
    let pool = Pool::new(1).unwrap();
    assert_eq!(pool.apply(length, "z".repeat(LEN)), Ok(LEN as u64));
    assert_eq!(pool.apply(|n: u64| "z".repeat(n as usize), LEN as u64).unwrap().len(), LEN);
}

fn available_memory() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// #105464: a fork copies locks that other threads hold. Workers are not forked, so that they start whatever other threads do.
#[test]
fn a_start_while_other_threads_hold_locks() {
    static STOP: AtomicBool = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // The allocator's locks and that of the standard output, which a forked child would find taken for ever.
                while !STOP.load(Ordering::Relaxed) {
                    let _locked = std::io::stdout().lock();
                    drop(std::hint::black_box(vec![0_u8; 1000]));
                }
            });
        }
        for _ in 0..20 {
            let pool = Pool::new(1).unwrap();
            assert_eq!(pool.apply(|x: u64| format!("{x}").len(), 12345), Ok(5));
        }
        STOP.store(true, Ordering::Relaxed);
    });
}
