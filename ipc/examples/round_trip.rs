//! How long a trivial task takes through a warm worker: the shortest and the median of many batches, in nanoseconds.
//!
//! `cargo run --release -p heddle-ipc --example round_trip`

use std::time::{Duration, Instant};

use heddle_ipc::Workers;

const BATCHES: usize = 1_000;
const TASKS: u64 = 100;
const WINDOW: usize = 16;

fn next(x: u64) -> u64 {
    x + 1
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workers = Workers::builder().spin(Duration::from_millis(1)).start()?;
    report("one at a time", || {
        for x in 0..TASKS {
            assert_eq!(workers.call(0, next, x), Ok(x + 1));
        }
    });
    report("sixteen in flight", || {
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
    Ok(())
}

fn report(what: &str, mut batch: impl FnMut()) {
    let mut times: Vec<_> = (0..BATCHES)
        .map(|_| {
            let started = Instant::now();
            batch();
            started.elapsed().as_nanos() as u64 / TASKS
        })
        .collect();
    times.sort_unstable();
    println!("{what}: shortest {} ns, median {} ns a task", times[0], times[BATCHES / 2]);
}
