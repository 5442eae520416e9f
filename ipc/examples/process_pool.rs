//! The tutorials' hybrid, a pool of two processes with three threads each, and futures as they complete.
//!
//! `cargo run -p heddle-ipc --example process_pool`

use std::collections::BTreeSet;
use std::error::Error;

use heddle_ipc::pool::{Pool, as_completed};
use heddle_primitives::sync::thread;

/// How many threads a process has.
const THREADS: u64 = 3;

/// Counts the primes of a range with three threads, and says in which process.
fn primes((begin, end): (u64, u64)) -> (u32, u64) {
    let is_prime = |n: u64| n > 1 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    let count = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || (begin + thread..end).step_by(3).filter(|&n| is_prime(n)).count() as u64)
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    (std::process::id(), count)
}

fn square(x: u64) -> u64 {
    std::thread::sleep(std::time::Duration::from_millis(20 * (5 - x)));
    x * x
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::new(2)?;

    let ranges = (0..8).map(|i| (i * 25_000, (i + 1) * 25_000));
    let counts = pool.map_chunked(primes, ranges, 1)?;
    let processes: BTreeSet<u32> = counts.iter().map(|(pid, _)| *pid).collect();
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    println!("{total} primes below 200000, by {} processes with {THREADS} threads each", processes.len());
    assert_eq!(total, 17_984);
    assert_eq!(processes.len(), 2);

    let executor = pool.executor();
    let futures: Vec<_> = (1..5).map(|x| executor.submit(square, x)).collect::<Result<_, _>>()?;
    let mut sum = 0;
    for future in as_completed(futures) {
        let square = future.get()?;
        println!("{square}");
        sum += square;
    }
    assert_eq!(sum, 30);

    // A task that ends its process is an error, and the pool goes on.
    let error = pool.apply(|code: i32| -> u64 { std::process::exit(code) }, 3).unwrap_err();
    println!("{error}");
    assert_eq!(pool.apply(square, 4)?, 16);

    executor.shutdown(false)?;
    Ok(())
}
