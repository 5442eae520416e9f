//! The queue that no death can wedge: each step of putting and taking, and producers and consumers that die before any of them.

use crate::*;
use heddle_ipc::model::Peer;
#[cfg(any(heddle_loom, heddle_shuttle))]
use heddle_ipc::queue::JoinableQueue;
use heddle_ipc::queue::{Queue, TryGetError, TryPutError, channel_in};
use heddle_primitives::sync::thread;

fn rest(queue: &Queue<u64>) -> Vec<u64> {
    core::iter::from_fn(|| queue.try_get().ok()).collect()
}

#[test]
fn in_order_and_once() {
    bounded("queue of one producer and one consumer", 1, 400).check(|| {
        let peer = Peer::alone();
        let queue = Queue::new_in(&peer, 1);
        let producer = thread::spawn({
            let queue = queue.seen_by(&peer.joins());
            move || (1..=2).for_each(|n| queue.put(n).unwrap())
        });
        assert_eq!((queue.get(), queue.get()), (Ok(1), Ok(2)));
        producer.join().unwrap();
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    });
}

#[test]
fn two_producers() {
    bounded("queue of two producers", 2, 800).check(|| {
        let peer = Peer::alone();
        let queue = Queue::new_in(&peer, 2);
        let other = thread::spawn({
            let queue = queue.seen_by(&peer.joins());
            move || queue.try_put(1).unwrap()
        });
        queue.try_put(2).unwrap();
        let first = queue.try_get().unwrap();
        other.join().unwrap();
        let mut got = rest(&queue);
        got.push(first);
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

#[test]
fn two_consumers() {
    bounded("queue of two consumers", 2, 276).check(|| {
        let peer = Peer::alone();
        let queue = Queue::new_in(&peer, 2);
        (1..=2).for_each(|n| queue.try_put(n).unwrap());
        assert_eq!(queue.try_put(3), Err(TryPutError::Full(3)));
        let other = thread::spawn({
            let queue = queue.seen_by(&peer.joins());
            move || queue.try_get().unwrap()
        });
        let mine = queue.try_get().unwrap();
        let theirs = other.join().unwrap();
        assert_eq!((mine.min(theirs), mine.max(theirs)), (1, 2));
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
        (3..=4).for_each(|n| queue.try_put(n).unwrap());
        assert_eq!(rest(&queue), [3, 4]);
    });
}

/// What was put before comes out once; what was being put comes out once or not, and is whole.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_producer_dies_at_any_operation() {
    let at_least = [1, 1, 1, 15, 64, 120, 178, 265, 444, 665, 844, 981, 1_011];
    for (step, at_least) in (0..).zip(at_least) {
        bounded_once(&format!("queue, producer dies at {step}"), 2, at_least).schedules(200).check(
            move || {
                let peer = Peer::alone();
                let queue = Queue::new_in(&peer, 2);
                queue.try_put(1).unwrap();
                let dying = peer.joins();
                let producer = thread::spawn({
                    let queue = queue.seen_by(&dying);
                    move || dying.dies_at(step, || queue.try_put(2).unwrap()).is_some()
                });
                assert_eq!(queue.try_get(), Ok(1));
                queue.try_put(3).unwrap();
                let returned = producer.join().unwrap();
                let mut got = rest(&queue);
                got.sort_unstable();
                assert!(got == [2, 3] || (!returned && got == [3]), "{got:?}, returned: {returned}");
                // Its cell is not lost either.
                (5..=6).for_each(|n| queue.try_put(n).unwrap());
                assert_eq!(rest(&queue), [5, 6]);
            },
        );
    }
}

/// What was put comes out once, unless it was returned to the dead consumer.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_consumer_dies_at_any_operation() {
    for (step, at_least) in (0..).zip([1, 6, 17, 61, 84, 144, 230, 264, 266]) {
        bounded_once(&format!("queue, consumer dies at {step}"), 2, at_least).schedules(200).check(
            move || {
                let peer = Peer::alone();
                let queue = Queue::new_in(&peer, 2);
                (1..=2).for_each(|n| queue.try_put(n).unwrap());
                let dying = peer.joins();
                let consumer = thread::spawn({
                    let queue = queue.seen_by(&dying);
                    move || dying.dies_at(step, || queue.try_get().unwrap())
                });
                let mut got = vec![queue.try_get().unwrap()];
                let theirs = consumer.join().unwrap();
                got.extend(rest(&queue));
                got.extend(theirs);
                got.sort_unstable();
                // After it freed the cell, an item that it was about to return dies with it.
                assert!(got == [1, 2] || (theirs.is_none() && (got == [1] || got == [2])), "{got:?}");
                (5..=6).for_each(|n| queue.try_put(n).unwrap());
                assert_eq!(rest(&queue), [5, 6]);
            },
        );
    }
}

/// A consumer that waits gets what a dead one had begun to take.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_waiting_consumer_gets_what_a_dead_one_had() {
    for (step, at_least) in (0..).zip([1, 6, 17, 61, 98, 167, 266, 277]) {
        bounded_once(&format!("queue, waits for one that dies at {step}"), 2, at_least).schedules(200).check(
            move || {
                let peer = Peer::alone();
                let tasks = JoinableQueue::new_in(&peer, 1);
                tasks.try_put(7_u64).unwrap();
                let dying = peer.joins();
                let consumer = thread::spawn({
                    let tasks = tasks.seen_by(&dying);
                    move || {
                        if dying.dies_at(step, || tasks.get().unwrap().left_behind()).is_some() {
                            dying.dies();
                        }
                    }
                });
                let task = tasks.get().unwrap();
                assert_eq!(*task, 7);
                task.done();
                tasks.join();
                consumer.join().unwrap();
            },
        );
    }
}

#[test]
fn closed_by_the_last_sender() {
    bounded("channel closed by its sender", 2, 225).check(|| {
        let peer = Peer::alone();
        let other = peer.joins();
        let (sender, receiver) = channel_in(&peer, 1);
        let theirs = sender.seen_by(&other);
        drop(sender);
        let sends = thread::spawn(move || theirs.send(1_u64).unwrap());
        assert_eq!(receiver.recv(), Ok(1));
        assert!(receiver.recv().is_err());
        sends.join().unwrap();
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn the_last_sender_dies() {
    for (step, at_least) in [(0, 8), (2, 8), (4, 19), (6, 19), (8, 106)] {
        bounded_once(&format!("channel whose sender dies at {step}"), 2, at_least).schedules(200).check(
            move || {
                let peer = Peer::alone();
                let dying = peer.joins();
                let (sender, receiver) = channel_in(&peer, 1);
                let theirs = sender.seen_by(&dying);
                drop(sender);
                let sends = thread::spawn(move || {
                    dying.dies_at(step, || theirs.send(1_u64).unwrap());
                    core::mem::forget(theirs);
                    dying.dies();
                });
                let got: Vec<u64> = receiver.iter().collect();
                assert!(got.is_empty() || got == [1]);
                sends.join().unwrap();
            },
        );
    }
}
