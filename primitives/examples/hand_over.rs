//! Threads that hand work to each other: an event starts them, a queue carries blocks of samples from one to the next, the sum
//! comes back through a channel for one value, and three workers go in step by a barrier.
//!
//! Run with `cargo run -p heddle-primitives --example hand_over`.
#![cfg_attr(any(heddle_loom, heddle_shuttle), allow(unused, reason = "threads here are real ones"))]

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
fn main() {
    use heddle_primitives::spsc::RingBuffer;
    use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
    use heddle_primitives::sync::thread;
    use heddle_primitives::{Barrier, Event, oneshot};
    use std::time::Duration;

    const SAMPLES: u64 = 100_000;
    const BLOCK: usize = 64;
    const WORKERS: u64 = 3;

    let start = Event::new();
    let barrier = Barrier::new(WORKERS as u32);
    let squares = AtomicU64::new(0);
    let (mut samples, mut incoming) = RingBuffer::new(1024);
    let (result, sum) = oneshot::channel();

    thread::scope(|s| {
        let start = &start;

        // Reads: a block at a time, and one wake for each. The queue ends with the thread.
        s.spawn(move || {
            start.wait();
            let mut numbers = 0..SAMPLES;
            while !numbers.is_empty() {
                let free = samples.slots().min(BLOCK);
                let chunk = samples.write_chunk_uninit(free).expect("so many are free");
                // The chunk takes no more than fits.
                if chunk.fill_from_iter(&mut numbers) == 0 {
                    thread::yield_now();
                }
                samples.notify();
            }
        });

        // Sums: what is there at a time, asleep when nothing is.
        s.spawn(move || {
            let mut total = 0_u64;
            while let Ok(first) = incoming.recv() {
                let more = incoming.slots();
                total +=
                    first + incoming.read_chunk(more).expect("so many are there").into_iter().sum::<u64>();
            }
            assert!(result.send(total).is_ok(), "the main thread waits");
        });

        // Meanwhile the others work in step: nobody begins a round before all have ended the last.
        for worker in 0..WORKERS {
            let (barrier, squares) = (&barrier, &squares);
            s.spawn(move || {
                start.wait();
                for round in 0..10 {
                    squares.fetch_add((round + worker) * (round + worker), Ordering::Relaxed);
                    barrier.wait();
                }
            });
        }

        assert!(!start.wait_for(Duration::ZERO));
        start.set();
        assert_eq!(sum.recv(), Ok(SAMPLES * (SAMPLES - 1) / 2));
    });
    let expected: u64 =
        (0..10).flat_map(|round| (0..WORKERS).map(move |worker| (round + worker).pow(2))).sum();
    assert_eq!(squares.into_inner(), expected);
    println!("the sum of {SAMPLES} samples and {expected} from the workers are right");
}

#[cfg(any(heddle_loom, heddle_shuttle))]
fn main() {}
