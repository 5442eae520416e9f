//! - `member`: who takes part in a segment;
//! - `mutex`, ...: one primitive each.

mod member;
mod mutex;

use std::time::{Duration, Instant};

use heddle_ipc::Workers;

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
