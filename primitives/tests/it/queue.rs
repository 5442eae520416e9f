//! Python's queue.

use crate::support::*;
use heddle_primitives::queue::*;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn queue_knows_its_limits() {
    let queue: Queue<u32> = Queue::new(2);
    assert!(queue.empty() && !queue.full());
    assert_eq!(queue.get_nowait(), Err(GetError::Empty));
    assert_eq!(queue.get_timeout(TICK), Err(GetError::Empty));
    queue.put(1).unwrap();
    queue.put_nowait(2).unwrap();
    assert!(queue.full());
    assert_eq!(queue.put_nowait(3), Err(PutError::Full(3)));
    assert_eq!(queue.put_timeout(3, TICK), Err(PutError::Full(3)));
    assert_eq!((queue.get(), queue.get_timeout(TICK), queue.qsize()), (Ok(1), Ok(2), 0));
    assert_eq!(queue.unfinished_tasks(), 2);
    assert!(!queue.join_timeout(TICK));
    assert_eq!((queue.task_done(), queue.task_done()), (Ok(()), Ok(())));
    assert_eq!(queue.task_done(), Err(TooManyDone));
    assert!(queue.join_timeout(Duration::ZERO));
    let unlimited = Queue::<u32>::new(0);
    (0..1_000).for_each(|n| unlimited.put_nowait(n).unwrap());
    assert!(!unlimited.full());
    assert_eq!(format!("{unlimited:?}"), "Queue { maxsize: 0, qsize: Some(1000), .. }");
}

/// cpython #141073: what an immediate shutdown drops is counted as done, what was taken out before is not.
#[test]
fn shutdown_leaves_the_unfinished_count_right() {
    let queue: Queue<u32> = Queue::new(0);
    (0..5).for_each(|n| queue.put(n).unwrap());
    assert_eq!(queue.get(), Ok(0));
    queue.shutdown(true);
    assert_eq!((queue.unfinished_tasks(), queue.qsize()), (1, 0));
    assert!(!queue.join_timeout(TICK));
    assert_eq!(queue.get_nowait(), Err(GetError::ShutDown));
    queue.task_done().unwrap();
    queue.join();
    assert_eq!(queue.task_done(), Err(TooManyDone));

    let queue: Queue<u32> = Queue::new(0);
    (0..2).for_each(|n| queue.put(n).unwrap());
    queue.shutdown(false);
    assert_eq!(queue.put(9), Err(ShutDown(9)));
    assert_eq!(queue.put_nowait(9), Err(PutError::ShutDown(9)));
    assert_eq!((queue.get(), queue.get(), queue.get()), (Ok(0), Ok(1), Err(ShutDown(()))));
    assert_eq!(queue.unfinished_tasks(), 2);
}

/// All who wait are let go.
#[test]
fn shutdown_releases_everybody() {
    for immediate in [false, true] {
        let (empty, full): (Queue<u32>, Queue<u32>) = (Queue::new(1), Queue::new(1));
        full.put(0).unwrap();
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| assert_eq!(empty.get(), Err(ShutDown(()))));
                s.spawn(|| assert_eq!(full.put(1), Err(ShutDown(1))));
                s.spawn(|| empty.join());
                s.spawn(|| {
                    assert_eq!(
                        full.join_timeout(Duration::from_secs(if immediate { 60 } else { 0 })),
                        immediate
                    )
                });
            }
            thread::sleep(TICK);
            empty.shutdown(immediate);
            full.shutdown(immediate);
        });
    }
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Put(u8),
    Get,
    Done,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![3 => any::<u8>().prop_map(Op::Put), 2 => Just(Op::Get), 1 => Just(Op::Done)]
}

/// `take` takes the value out of a plain vector that the order gives next.
fn is_like<O: Order<u8>>(maxsize: usize, ops: &[Op], take: impl Fn(&mut Vec<u8>) -> u8) {
    let queue = Queue::<u8, O>::with_maxsize(maxsize);
    let (mut model, mut unfinished) = (Vec::new(), 0);
    for op in ops {
        match *op {
            Op::Put(value) if maxsize != 0 && model.len() == maxsize => {
                assert_eq!(queue.put_nowait(value), Err(PutError::Full(value)));
            }
            Op::Put(value) => {
                assert_eq!(queue.put_nowait(value), Ok(()));
                model.push(value);
                unfinished += 1;
            }
            Op::Get if model.is_empty() => assert_eq!(queue.get_nowait(), Err(GetError::Empty)),
            Op::Get => assert_eq!(queue.get_nowait(), Ok(take(&mut model))),
            Op::Done => {
                assert_eq!(queue.task_done().is_ok(), unfinished > 0);
                unfinished = usize::saturating_sub(unfinished, 1);
            }
        }
        assert_eq!((queue.qsize(), queue.unfinished_tasks()), (model.len(), unfinished));
        assert_eq!(queue.join_timeout(Duration::ZERO), unfinished == 0);
    }
}

proptest! {
    #[test]
    fn queues_are_plain_vectors(maxsize in 0_usize..5, ops in prop::collection::vec(op(), 0..60)) {
        is_like::<Fifo<u8>>(maxsize, &ops, |model| model.remove(0));
        is_like::<Lifo<u8>>(maxsize, &ops, |model| model.pop().unwrap());
        is_like::<Smallest<u8>>(maxsize, &ops, |model| {
            let smallest = *model.iter().min().unwrap();
            model.remove(model.iter().position(|value| *value == smallest).unwrap())
        });
    }
}

#[test]
fn queue_under_all_ways_of_use() {
    let queue: Queue<u64> = Queue::new(3);
    let sum = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..THREADS / 2 {
            let (queue, sum) = (&queue, &sum);
            s.spawn(move || {
                for i in 0..1_000 {
                    let mut value = n * 1_000 + i;
                    loop {
                        value = match i % 3 {
                            0 => match queue.put_nowait(value) {
                                Err(PutError::Full(value)) => value,
                                result => break result.unwrap(),
                            },
                            1 => match queue.put_timeout(value, Duration::from_micros(20)) {
                                Err(PutError::Full(value)) => value,
                                result => break result.unwrap(),
                            },
                            _ => break queue.put(value).unwrap(),
                        };
                        thread::yield_now();
                    }
                }
            });
            s.spawn(move || {
                for round in n.. {
                    let value = match round % 3 {
                        0 => queue.get_nowait(),
                        1 => queue.get_timeout(Duration::from_micros(20)),
                        _ => queue.get().map_err(|_| GetError::ShutDown),
                    };
                    match value {
                        Ok(value) => {
                            sum.fetch_add(value, Ordering::Relaxed);
                            queue.task_done().unwrap();
                        }
                        Err(GetError::Empty) => thread::yield_now(),
                        Err(GetError::ShutDown) => break,
                    }
                }
            });
        }
        while sum.load(Ordering::Relaxed) != 4_000 * 3_999 / 2 {
            queue.join();
            thread::yield_now();
        }
        queue.shutdown(false);
    });
    assert_eq!(queue.unfinished_tasks(), 0);
}

/// crossbeam #798, #953: a huge time-out overflows.
#[test]
fn r15_huge_time_outs_do_not_overflow() {
    let queue: Queue<u32> = Queue::new(1);
    thread::scope(|s| {
        s.spawn(|| assert_eq!(queue.get_timeout(Duration::MAX), Ok(1)));
        thread::sleep(TICK);
        queue.put_timeout(1, Duration::MAX).unwrap();
        s.spawn(|| assert!(queue.join_timeout(Duration::MAX)));
        thread::sleep(TICK);
        queue.task_done().unwrap();
    });
}
