//! The deques with real threads.

use crate::support::*;
use heddle_primitives::deque::{Injector, Steal, Worker};
use heddle_primitives::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;

#[test]
fn pops_from_the_end_that_was_chosen() {
    for (worker, expected) in [(Worker::new_lifo(), [3, 2]), (Worker::new_fifo(), [2, 3])] {
        (1..=3).for_each(|n| worker.push(n));
        assert_eq!((worker.len(), worker.stealer().len()), (3, 3));
        assert_eq!(worker.stealer().steal(), Steal::Success(1));
        assert_eq!([worker.pop().unwrap(), worker.pop().unwrap()], expected);
        assert!(worker.is_empty() && worker.stealer().is_empty());
        assert_eq!(worker.pop(), None);
        assert_eq!(worker.stealer().steal(), Steal::Empty);
    }
}

#[test]
fn a_batch_is_half_in_order_and_bounded() {
    for source in [Worker::new_lifo(), Worker::new_fifo()] {
        let dest = Worker::new_fifo();
        (0..9).for_each(|n| source.push(n));
        assert_eq!(source.stealer().steal_batch_and_pop(&dest), Steal::Success(0));
        assert_eq!((dest.len(), source.len()), (4, 4));
        assert_eq!(source.stealer().steal_batch(&dest), Steal::Success(()));
        assert_eq!(std::iter::from_fn(|| dest.pop()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        (0..1000).for_each(|n| source.push(n));
        assert!(source.stealer().steal_batch(&dest).is_success());
        assert_eq!(dest.len(), 32);
    }
}

#[test]
fn a_batch_to_itself_moves_nothing() {
    let worker = Worker::new_lifo();
    assert!(worker.stealer().steal_batch(&worker).is_empty());
    (0..4).for_each(|n| worker.push(n));
    assert_eq!(worker.stealer().steal_batch(&worker), Steal::Success(()));
    assert_eq!(worker.len(), 4);
    assert_eq!(worker.stealer().steal_batch_and_pop(&worker), Steal::Success(3));
}

#[test]
fn injected_values_come_in_order() {
    let queue = Injector::default();
    assert!(queue.is_empty() && queue.steal().is_empty());
    let dest = Worker::new_fifo();
    assert!(queue.steal_batch(&dest).is_empty());
    (0..7).for_each(|n| queue.push(n));
    assert_eq!(queue.steal(), Steal::Success(0));
    assert_eq!(queue.steal_batch_and_pop(&dest), Steal::Success(1));
    assert_eq!((dest.len(), queue.len()), (2, 3));
    assert_eq!(format!("{queue:?} {dest:?}"), "Injector { len: 3 } Worker { len: 2, flavour: Fifo }");
}

/// crossbeam #971 and its kin: a repaired leak became a double free.
#[test]
fn r08_each_value_is_dropped_once() {
    let counted = Arc::new(());
    for worker in [Worker::new_lifo(), Worker::new_fifo()] {
        let stealer = worker.stealer();
        (0..300).for_each(|_| worker.push(counted.clone()));
        drop(worker.pop());
        drop(stealer.steal());
        drop(worker);
        assert_eq!(Arc::strong_count(&counted), 299);
        drop(stealer);
        assert_eq!(Arc::strong_count(&counted), 1);
    }
    let queue = Injector::new();
    (0..10).for_each(|_| queue.push(counted.clone()));
    drop(queue.steal());
    drop(queue);
    assert_eq!(Arc::strong_count(&counted), 1);
}

/// crossbeam-deque CVE-2021-32810: a value was stolen twice in a batch.
#[test]
fn r09_nothing_is_stolen_twice() {
    const VALUES: u64 = 200_000;
    for source in [Worker::new_lifo(), Worker::new_fifo()] {
        let (done, sum, count) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let note = |value: Box<u64>| {
            sum.fetch_add(*value, Ordering::Relaxed);
            count.fetch_add(1, Ordering::Relaxed);
        };
        thread::scope(|s| {
            for n in 1..THREADS {
                let (stealer, done, note) = (source.stealer(), &done, &note);
                s.spawn(move || {
                    let own = Worker::new_lifo();
                    loop {
                        let last = done.load(Ordering::Acquire);
                        let stolen = match n % 3 {
                            0 => stealer.steal(),
                            1 => stealer.steal_batch_and_pop(&own),
                            _ => match stealer.steal_batch(&own) {
                                Steal::Retry => Steal::Retry,
                                _ => own.pop().map_or(Steal::Empty, Steal::Success),
                            },
                        };
                        match stolen {
                            Steal::Success(value) => note(value),
                            Steal::Retry => continue,
                            Steal::Empty if last => break,
                            Steal::Empty => thread::yield_now(),
                        }
                        while let Some(value) = own.pop() {
                            note(value);
                        }
                    }
                });
            }
            for n in 0..VALUES {
                source.push(Box::new(n));
                if n % 3 == 0
                    && let Some(value) = source.pop()
                {
                    note(value);
                }
            }
            while let Some(value) = source.pop() {
                note(value);
            }
            done.store(true, Ordering::Release);
        });
        assert_eq!(count.load(Ordering::Relaxed), VALUES);
        assert_eq!(sum.load(Ordering::Relaxed), VALUES * (VALUES - 1) / 2);
    }
}

#[derive(Debug, Clone)]
enum Op {
    Push(u8),
    Pop,
    Steal,
    Batch,
    BatchAndPop,
}

proptest! {
    #[test]
    fn alone_it_is_a_double_ended_queue(
        lifo: bool,
        ops in prop::collection::vec(prop_oneof![
            4 => any::<u8>().prop_map(Op::Push), 2 => Just(Op::Pop), 1 => Just(Op::Steal), 1 => Just(Op::Batch),
            1 => Just(Op::BatchAndPop),
        ], 0..400),
    ) {
        let (worker, dest) = (if lifo { Worker::new_lifo() } else { Worker::new_fifo() }, Worker::new_fifo());
        let (mut model, mut moved) = (VecDeque::new(), VecDeque::new());
        for op in ops {
            match op {
                Op::Push(n) => {
                    worker.push(n);
                    model.push_back(n);
                }
                Op::Pop => {
                    prop_assert_eq!(worker.pop(), if lifo { model.pop_back() } else { model.pop_front() });
                }
                Op::Steal => prop_assert_eq!(worker.stealer().steal().success(), model.pop_front()),
                Op::Batch => {
                    let n = model.len().div_ceil(2).min(32);
                    prop_assert_eq!(worker.stealer().steal_batch(&dest).is_success(), n > 0);
                    moved.extend(model.drain(..n));
                }
                Op::BatchAndPop => {
                    let n = model.len().div_ceil(2).min(32);
                    let mut batch = model.drain(..n);
                    prop_assert_eq!(worker.stealer().steal_batch_and_pop(&dest).success(), batch.next());
                    moved.extend(batch);
                }
            }
            prop_assert_eq!(worker.len(), model.len());
            prop_assert_eq!(dest.len(), moved.len());
        }
        while let Some(value) = moved.pop_front() {
            prop_assert_eq!(dest.pop(), Some(value));
        }
    }
}
