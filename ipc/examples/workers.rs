//! Two worker processes sum the square roots of numbers that lie in shared memory; then one of them is killed at work, and
//! replaced.
//!
//! `cargo run -p heddle-ipc --example workers`

use std::time::{Duration, Instant};

use heddle_ipc::{CallError, Offset, Segment, SegmentRef, Workers, worker};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The argument: where the numbers lie. The numbers themselves stay where they are.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Share {
    segment: SegmentRef,
    numbers: Offset<[f64]>,
}

fn sum_of_roots(share: Share) -> f64 {
    let segment = worker::attach(share.segment).expect("the parent holds the segment");
    let numbers = segment.slice(share.numbers).expect("the parent allocated them here");
    // SAFETY: the parent wrote the numbers before it sent the task, and leaves them alone until the answer.
    unsafe { numbers.as_ref() }.iter().map(|x| x.sqrt()).sum()
}

fn oversleep(_: ()) -> u64 {
    std::thread::sleep(Duration::from_secs(3600));
    0
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const COUNT: usize = 1_000_000;
    let segment = Segment::create("numbers", heddle_ipc::Arena::segment_len([COUNT * size_of::<f64>()]))?;
    let numbers = segment.arena().alloc::<f64>(COUNT)?;
    // SAFETY: nobody else has the memory yet.
    let filled = unsafe { segment.slice(numbers)?.as_mut() };
    for (i, number) in filled.iter_mut().enumerate() {
        *number = i as f64;
    }

    let mut workers = Workers::start(2)?;
    println!("workers: processes {:?}", workers.pids());
    let half = numbers.len() / 2;
    let mut tickets = Vec::new();
    for (rank, begin, end) in [(0, 0, half), (1, half, numbers.len())] {
        let numbers = numbers.range(begin, end).expect("within");
        tickets.push(workers.submit(rank, sum_of_roots, Share { segment: segment.share(), numbers })?);
    }
    println!("sum of roots: {:.3}", workers.wait_all(tickets, None)?.iter().sum::<f64>());

    let ticket = workers.submit(1, oversleep, ())?;
    let killed = Instant::now();
    workers.kill(1)?;
    let error = ticket.wait(None).expect_err("it was killed");
    println!("after {:?}: {error}", killed.elapsed());
    assert!(matches!(error, CallError::Died { .. }));
    workers.restart(1)?;
    println!("replaced by process {}: 6 x 7 = {}", workers.pids()[1], workers.call(1, |x: u64| 6 * x, 7)?);
    Ok(())
}
