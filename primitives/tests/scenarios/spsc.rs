//! The queue between two.

use super::Plain;
use heddle_primitives::spsc::{ChunkError, Consumer, RecvError, RecvUntilError, RingBuffer};
use heddle_primitives::sync::{Arc, thread};
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

/// Chunks on both sides, of up to `chunk` values: what comes out is what went in, in order, whether iterated over or read in
/// place, also round the end of the memory.
pub fn spsc_chunks(capacity: usize, chunks: u32, chunk: usize) {
    let (mut producer, mut consumer) = RingBuffer::new(capacity);
    let other = thread::spawn(move || {
        let mut sent = 0;
        for _ in 0..chunks {
            let n = match producer.write_chunk_uninit(chunk) {
                Ok(chunk) => chunk.fill_from_iter((sent..).map(Box::new)),
                Err(ChunkError::TooFewSlots(n)) => {
                    producer.write_chunk_uninit(n).unwrap().fill_from_iter((sent..).map(Box::new))
                }
            };
            sent += n as u32;
        }
        sent
    });
    let mut received = 0;
    let mut read = |consumer: &mut Consumer<Box<u32>>, n: usize| {
        let read = consumer.read_chunk(n).unwrap();
        if n.is_multiple_of(2) {
            let (first, second) = read.as_slices();
            for value in first.iter().chain(second) {
                assert_eq!(**value, received);
                received += 1;
            }
            read.commit_all();
        } else {
            for value in read {
                assert_eq!(*value, received);
                received += 1;
            }
        }
    };
    for _ in 0..chunks {
        let n = consumer.slots().min(chunk);
        read(&mut consumer, n);
    }
    let sent = other.join().unwrap();
    let n = consumer.slots();
    read(&mut consumer, n);
    assert_eq!(sent, received);
}

/// A chunk is all or nothing to the other end.
pub fn spsc_slices() {
    let (mut producer, mut consumer) = RingBuffer::new(2);
    let other = thread::spawn(move || producer.push_entire_slice(&[1, 2]));
    let mut seen = [0; 2];
    match consumer.pop_entire_slice(&mut seen) {
        Ok(()) => assert_eq!(seen, [1, 2]),
        Err(ChunkError::TooFewSlots(n)) => assert_eq!(n, 0),
    }
    other.join().unwrap().unwrap();
}

/// A chunk and a wake for all of it.
pub fn spsc_chunk_and_notify() {
    let (mut producer, mut consumer) = RingBuffer::new(2);
    let other = thread::spawn(move || {
        producer.push_entire_slice(&[1, 2]).unwrap();
        producer.notify();
        producer
    });
    assert_eq!(consumer.recv(), Ok(1));
    assert_eq!(consumer.pop(), Ok(2));
    drop(other.join().unwrap());
}

/// Who learns that the other side is gone sees what it did before it went.
pub fn spsc_end_publishes(producer_goes: bool) {
    let (producer, consumer) = RingBuffer::<u32>::new(1);
    let done = Arc::new(Plain::new());
    let (gone, left) =
        if producer_goes { (Ok(producer), Err(consumer)) } else { (Err(consumer), Ok(producer)) };
    let other = thread::spawn({
        let done = done.clone();
        move || {
            done.set(1);
            drop(gone);
        }
    });
    let abandoned = match &left {
        Ok(producer) => producer.is_abandoned(),
        Err(consumer) => consumer.is_abandoned(),
    };
    if abandoned {
        assert_eq!(done.get(), 1);
    }
    other.join().unwrap();
}
