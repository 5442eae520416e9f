//! How long a trivial task takes through a warm worker, and through one that is started for it: the shortest and the median of
//! many batches, in nanoseconds.
//!
//! `cargo run --release -p heddle-ipc --example round_trip`

use std::time::{Duration, Instant};

use heddle_ipc::Workers;

const BATCHES: usize = 1_000;
const TASKS: u64 = 100;
const WINDOW: usize = 16;
const STARTS: usize = 100;

fn next(x: u64) -> u64 {
    x + 1
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workers = Workers::builder().spin(Duration::from_millis(1)).start()?;
    report("one at a time", BATCHES, TASKS, || {
        for x in 0..TASKS {
            assert_eq!(workers.call(0, next, x), Ok(x + 1));
        }
    });
    report("sixteen in flight", BATCHES, TASKS, || {
        let mut tickets = std::collections::VecDeque::with_capacity(WINDOW);
        for x in 0..TASKS {
            if tickets.len() == WINDOW {
                let ticket = tickets.pop_front().expect("a full window");
                assert_eq!(workers.wait(ticket, None), Ok(x - WINDOW as u64 + 1));
            }
            tickets.push_back(workers.submit(0, next, x).expect("room in the window"));
        }
        tickets.into_iter().for_each(|ticket| assert!(ticket.wait(None).is_ok()));
    });
    drop(workers);
    let mut ended = Vec::new();
    report("started for it", STARTS, 1, || {
        let workers = Workers::start(1).expect("a worker");
        assert_eq!(workers.call(0, next, 1), Ok(2));
        // Ended after the measurement, which is of the time to the first answer.
        ended.push(workers);
    });
    Ok(())
}

fn report(what: &str, batches: usize, tasks: u64, mut batch: impl FnMut()) {
    let mut times: Vec<_> = (0..batches)
        .map(|_| {
            let started = Instant::now();
            batch();
            started.elapsed().as_nanos() as u64 / tasks
        })
        .collect();
    times.sort_unstable();
    println!("{what}: shortest {} ns, median {} ns a task", times[0], times[batches / 2]);
}
