//! The bounded queue between many.

use super::team;
use heddle_primitives::ArrayQueue;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, thread};

/// Half of the threads push `each` values, the others pop as often; nothing is lost or doubled, and what one thread pushed
/// comes out in its order.
pub fn array_queue_push_pop(capacity: usize, pushers: u32, poppers: u32, each: u32) {
    let queue = Arc::new(ArrayQueue::new(capacity));
    let others: Vec<_> = (1..pushers + poppers)
        .map(|n| {
            let queue = queue.clone();
            thread::spawn(move || array_queue_turn(&queue, n, pushers, each))
        })
        .collect();
    let mut done = vec![array_queue_turn(&queue, 0, pushers, each)];
    done.extend(others.into_iter().map(|other| other.join().unwrap()));
    let (pushed, popped) = done.split_at(pushers as usize);
    let mut popped: Vec<_> = popped.to_vec();
    popped.push(std::iter::from_fn(|| queue.pop().map(|value| *value)).collect());
    for values in &popped {
        for pusher in 0..pushers {
            let of_one: Vec<_> = values.iter().filter(|value| *value / 100 == pusher).collect();
            assert!(of_one.is_sorted(), "{of_one:?}");
        }
    }
    let mut pushed = pushed.concat();
    let mut popped = popped.concat();
    pushed.sort_unstable();
    popped.sort_unstable();
    assert_eq!(pushed, popped);
}

fn array_queue_turn(queue: &ArrayQueue<Box<u32>>, n: u32, pushers: u32, each: u32) -> Vec<u32> {
    if n < pushers {
        (0..each).map(|i| n * 100 + i).filter(|&value| queue.push(Box::new(value)).is_ok()).collect()
    } else {
        (0..each).filter_map(|_| queue.pop()).map(|value| *value).collect()
    }
}

/// There is always room, or always a value: nobody is refused because another is in the middle of an operation.
pub fn array_queue_is_never_wrongly_full_or_empty(capacity: usize, threads: u32, rounds: u32) {
    assert!(threads as usize <= capacity);
    let queue = Arc::new(ArrayQueue::new(capacity));
    team(threads, &queue, move |queue, n| {
        for _ in 0..rounds {
            assert_eq!(queue.push(Box::new(n)), Ok(()), "at most one value for each thread is in the queue");
            assert!(queue.pop().is_some(), "each thread has put one in before it takes one out");
        }
    });
    assert!(queue.is_empty());
}

/// Of two threads that fill one queue and find the other empty, one is wrong.
pub fn array_queue_agrees_with_another() {
    let shared = Arc::new((ArrayQueue::new(1), ArrayQueue::new(1), AtomicU32::new(0)));
    team(2, &shared, |(first, second, empty), n| {
        let (mine, other) = if n == 0 { (first, second) } else { (second, first) };
        mine.push(n).unwrap();
        if other.pop().is_none() {
            empty.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert!(shared.2.load(Ordering::Relaxed) < 2, "both were first");
}

/// A forced push always succeeds, and hands back what it replaced.
pub fn array_queue_force_push(capacity: usize, threads: u32) {
    let queue = Arc::new(ArrayQueue::new(capacity));
    let back = Arc::new(AtomicU32::new(0));
    let counted = back.clone();
    team(threads, &queue, move |queue, n| {
        let out = if n == 0 { queue.pop() } else { queue.force_push(Box::new(n)) };
        if let Some(value) = out {
            assert!((1..threads).contains(&*value));
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let left = std::iter::from_fn(|| queue.pop()).count() as u32;
    assert_eq!(left + back.load(Ordering::Relaxed), threads - 1);
}

/// Between a push and the pop before it there is always one value at least, or with the pop first, room for one.
pub fn array_queue_answers(push_first: bool) {
    let queue = Arc::new(ArrayQueue::new(2));
    queue.push(0).unwrap();
    let other = thread::spawn({
        let queue = queue.clone();
        move || {
            if push_first {
                queue.push(1).unwrap();
                queue.pop().unwrap();
            } else {
                queue.pop().unwrap();
                queue.push(1).unwrap();
            }
        }
    });
    assert!(if push_first { !queue.is_empty() } else { !queue.is_full() });
    other.join().unwrap();
}

/// Two threads that each take a value out of a full queue of their own, and then find the other's full: not both.
pub fn array_queues_found_full() {
    let queues = Arc::new((ArrayQueue::new(1), ArrayQueue::new(1)));
    queues.0.push(0).unwrap();
    queues.1.push(0).unwrap();
    let other = thread::spawn({
        let queues = queues.clone();
        move || {
            queues.0.pop().unwrap();
            queues.1.push(1).is_ok()
        }
    });
    queues.1.pop().unwrap();
    let pushed = queues.0.push(2).is_ok();
    assert!(other.join().unwrap() || pushed);
}

/// A queue of two that a third thread fills, where the oldest is replaced: empty is not said of it after one of two was taken out.
pub fn array_queue_replaced_is_not_empty() {
    let queue = Arc::new(ArrayQueue::new(2));
    queue.push(0).unwrap();
    queue.push(1).unwrap();
    let looking = thread::spawn({
        let queue = queue.clone();
        // Only a full queue lets go of a value, and two more come.
        move || queue.pop() == Some(0) && queue.is_empty()
    });
    let pushing = thread::spawn({
        let queue = queue.clone();
        move || _ = queue.push(2)
    });
    queue.force_push(3);
    pushing.join().unwrap();
    assert!(!looking.join().unwrap(), "empty");
}

/// What is said of the number of values was true at some time: a full queue has one or two while its oldest is replaced.
pub fn array_queue_counts_while_replaced() {
    let queue = Arc::new(ArrayQueue::new(2));
    queue.push(0).unwrap();
    queue.push(1).unwrap();
    assert_eq!(queue.pop(), Some(0));
    queue.push(2).unwrap();
    let other = thread::spawn({
        let queue = queue.clone();
        move || assert_eq!(queue.force_push(3), Some(1))
    });
    let len = queue.len();
    assert!((1..=2).contains(&len), "{len} values");
    other.join().unwrap();
}
