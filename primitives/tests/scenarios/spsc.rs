//! The queue between two.

use heddle_primitives::spsc::{RecvError, RecvUntilError, RingBuffer};
use heddle_primitives::sync::thread;
use std::time::Instant;

/// The wait-free face: what comes out is what went in, in order; nothing is lost.
pub fn spsc_push_pop(capacity: usize, messages: u32) {
    let (mut producer, mut consumer) = RingBuffer::new(capacity);
    let other = thread::spawn(move || {
        let mut sent = 0;
        for _ in 0..messages {
            sent += u32::from(producer.push(Box::new(sent)).is_ok());
        }
        sent
    });
    let mut received = 0;
    for _ in 0..messages {
        if let Ok(value) = consumer.pop() {
            assert_eq!(*value, received);
            received += 1;
        }
    }
    let sent = other.join().unwrap();
    assert!(consumer.is_abandoned());
    while let Ok(value) = consumer.pop() {
        assert_eq!(*value, received);
        received += 1;
    }
    assert_eq!(sent, received);
}

/// The blocking face, to the end.
pub fn spsc_send_recv(capacity: usize, messages: u32) {
    let (mut producer, mut consumer) = RingBuffer::new(capacity);
    let other = thread::spawn(move || {
        for n in 0..messages {
            producer.send(n).unwrap();
        }
    });
    for n in 0..messages {
        assert_eq!(consumer.recv(), Ok(n));
    }
    assert_eq!(consumer.recv(), Err(RecvError));
    other.join().unwrap();
}

pub fn spsc_push_and_notify() {
    let (mut producer, mut consumer) = RingBuffer::new(2);
    let other = thread::spawn(move || {
        producer.push(1).unwrap();
        producer.push(2).unwrap();
        producer.notify();
        producer
    });
    assert_eq!(consumer.recv(), Ok(1));
    assert_eq!(consumer.recv(), Ok(2));
    drop(other.join().unwrap());
}

pub fn spsc_times_out_or_receives() {
    let (mut producer, mut consumer) = RingBuffer::new(1);
    let other = thread::spawn(move || producer.send(1));
    match consumer.recv_until(Instant::now()) {
        Ok(value) => assert_eq!(value, 1),
        Err(RecvUntilError::TimedOut) => assert!(matches!(consumer.recv(), Ok(1))),
        Err(RecvUntilError::Disconnected) => panic!("the value was sent before the end was closed"),
    }
    other.join().unwrap().unwrap();
}

/// A producer that waits for room learns that the consumer has gone, and gets its value back.
pub fn spsc_consumer_leaves() {
    let (mut producer, consumer) = RingBuffer::new(1);
    let other = thread::spawn(move || {
        let first = producer.send(1);
        (first, producer.send(2))
    });
    drop(consumer);
    let (_, second) = other.join().unwrap();
    assert_eq!(second.unwrap_err().0, 2);
}
