//! The deques: each value to exactly one, with what was written before it.

use super::Plain;
use heddle_primitives::deque::{Injector, Steal, Stealer, Worker};
use heddle_primitives::sync::{Arc, thread};

/// A value whose content was written before it was pushed: reading it without an order is a race.
pub struct Message(Plain, u32);

impl Message {
    fn new(n: u32) -> Self {
        let content = Plain::new();
        content.set(n);
        Self(content, n)
    }

    fn read(self) -> u32 {
        assert_eq!(self.0.get(), self.1);
        self.1
    }
}

fn steal_some(stealer: &Stealer<Message>, attempts: u32) -> Vec<u32> {
    let mut got = Vec::new();
    for _ in 0..attempts {
        if let Steal::Success(value) = stealer.steal() {
            got.push(value.read());
        }
    }
    got
}

/// All of 0..n, each once.
fn each_once(mut got: Vec<u32>, n: u32) {
    got.sort_unstable();
    assert_eq!(got, (0..n).collect::<Vec<_>>());
}

/// The owner pushes and then pops, `thieves` steal at the same time, `attempts` times each.
pub fn deque_push_pop_steal(lifo: bool, pushes: u32, pops: u32, thieves: u32, attempts: u32) {
    let worker = if lifo { Worker::new_lifo() } else { Worker::new_fifo() };
    let thieves: Vec<_> = (0..thieves)
        .map(|_| {
            let stealer = worker.stealer();
            thread::spawn(move || steal_some(&stealer, attempts))
        })
        .collect();
    let mut got = Vec::new();
    for n in 0..pushes {
        worker.push(Message::new(n));
    }
    for _ in 0..pops {
        got.extend(worker.pop().map(Message::read));
    }
    for thief in thieves {
        got.extend(thief.join().unwrap());
    }
    got.extend(std::iter::from_fn(|| worker.pop()).map(Message::read));
    each_once(got, pushes);
}

/// The owner pushes beyond the first capacity, and over slots that were used before, while a thief steals.
pub fn deque_grows(attempts: u32) {
    let worker = Worker::new_lifo();
    let stealer = worker.stealer();
    worker.push(Message::new(0));
    worker.push(Message::new(1));
    let thief = thread::spawn(move || steal_some(&stealer, attempts));
    worker.push(Message::new(2));
    worker.push(Message::new(3));
    let mut got: Vec<_> = std::iter::from_fn(|| worker.pop()).map(Message::read).collect();
    got.extend(thief.join().unwrap());
    each_once(got, 4);
}

/// The owner goes round its two slots while a thief steals: slots are used again, nothing grows.
pub fn deque_goes_round() {
    let worker = Worker::new_fifo();
    let stealer = worker.stealer();
    worker.push(Message::new(0));
    worker.push(Message::new(1));
    let thief = thread::spawn(move || steal_some(&stealer, 2));
    let mut got: Vec<_> = worker.pop().map(Message::read).into_iter().collect();
    worker.push(Message::new(2));
    got.extend(worker.pop().map(Message::read));
    worker.push(Message::new(3));
    got.extend(thief.join().unwrap());
    got.extend(std::iter::from_fn(|| worker.pop()).map(Message::read));
    each_once(got, 4);
}

/// A thief takes a batch while the owner pops (CVE-2021-32810 was here).
pub fn deque_batch(lifo: bool, values: u32, pops: u32) {
    let worker = if lifo { Worker::new_lifo() } else { Worker::new_fifo() };
    (0..values).for_each(|n| worker.push(Message::new(n)));
    let stealer = worker.stealer();
    let thief = thread::spawn(move || {
        let own = Worker::new_fifo();
        let mut got = Vec::new();
        if let Steal::Success(value) = stealer.steal_batch_and_pop(&own) {
            got.push(value.read());
        }
        got.extend(std::iter::from_fn(|| own.pop()).map(Message::read));
        assert!(got.is_sorted(), "a batch comes in order");
        got
    });
    let mut got: Vec<_> = (0..pops).filter_map(|_| worker.pop()).map(Message::read).collect();
    got.extend(thief.join().unwrap());
    got.extend(std::iter::from_fn(|| worker.pop()).map(Message::read));
    each_once(got, values);
}

/// What nobody takes is dropped with the last end.
pub fn deque_dropped_with_a_thief_at_work() {
    let counted = Arc::new(());
    let worker = Worker::new_lifo();
    worker.push(counted.clone());
    worker.push(counted.clone());
    let stealer = worker.stealer();
    let thief = thread::spawn(move || drop(stealer.steal()));
    drop(worker.pop());
    drop(worker);
    thief.join().unwrap();
}

pub fn injector_push_steal() {
    let queue = Arc::new(Injector::new());
    let other = queue.clone();
    let thief = thread::spawn(move || {
        let own = Worker::new_fifo();
        let mut got: Vec<_> =
            other.steal_batch_and_pop(&own).success().map(Message::read).into_iter().collect();
        got.extend(std::iter::from_fn(|| own.pop()).map(Message::read));
        got
    });
    queue.push(Message::new(0));
    queue.push(Message::new(1));
    let mut got: Vec<_> = queue.steal().success().map(Message::read).into_iter().collect();
    got.extend(thief.join().unwrap());
    while let Steal::Success(value) = queue.steal() {
        got.push(value.read());
    }
    each_once(got, 2);
}
