//! Python's queue.

use super::{Plain, team};
use heddle_primitives::Queue;
use heddle_primitives::sync::{Arc, thread};
use std::time::Duration;

/// Values pass through, and a join returns when the work on all is done and visible.
pub fn queue_works_and_joins(maxsize: usize, workers: u32, values: u32) {
    let shared = Arc::new((Queue::new(maxsize), (0..values).map(|_| Plain::new()).collect::<Vec<_>>()));
    team(workers + 1, &shared, move |(queue, done), n| {
        if n == 0 {
            (0..values).for_each(|value| queue.put(value).unwrap());
            queue.join();
            assert!(done.iter().all(|done| done.get() == 1));
            queue.shutdown(false);
        } else {
            while let Ok(value) = queue.get() {
                done[value as usize].set(1);
                queue.task_done().unwrap();
            }
        }
    });
    assert!(shared.0.task_done().is_err());
}

/// An immediate shutdown while one puts and one works: the join returns once what was taken out is done.
pub fn queue_shuts_down() {
    let queue = Arc::new(Queue::new(1));
    let other = thread::spawn({
        let queue = queue.clone();
        move || {
            if queue.get().is_ok() {
                queue.task_done().unwrap();
            }
        }
    });
    let put = queue.put(1).is_ok();
    assert!(put);
    queue.shutdown(true);
    assert_eq!(queue.put(2).map_err(|error| error.0), Err(2));
    queue.join();
    assert_eq!((queue.unfinished_tasks(), queue.qsize()), (0, 0));
    other.join().unwrap();
}

/// A value is delivered or handed back, whoever gives up first.
pub fn queue_times_out_or_delivers() {
    let queue = Arc::new(Queue::new(1));
    queue.put(1).unwrap();
    let other = thread::spawn({
        let queue = queue.clone();
        move || queue.put_timeout(2, Duration::ZERO).is_ok()
    });
    assert_eq!(queue.get(), Ok(1));
    let early = queue.get_timeout(Duration::ZERO);
    let put = other.join().unwrap();
    assert_eq!(early.is_ok() || queue.get_nowait().is_ok(), put);
}
