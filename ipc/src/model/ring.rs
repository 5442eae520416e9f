//! A ring on the heap, and ends that die.

use heddle_primitives::sync::atomic::Ordering;

use crate::ring::{Consumer, Head, Memory, Producer, ReceiveError};

/// The memory of a ring, for what happens to its ends' processes.
#[derive(Clone, Debug)]
pub struct RingMemory(Memory);

/// A ring of so many words, a power of two: a message of 8 bytes takes two, and one more must be free.
pub fn ring(words: usize) -> (Producer, Consumer, RingMemory) {
    let memory = Memory::on_heap(words);
    // SAFETY: the ring is new, so this is its only producer.
    let producer = unsafe { Producer::new(memory.clone(), 0) };
    // SAFETY: as above.
    let consumer = unsafe { Consumer::new(memory.clone(), 0) };
    (producer, consumer, RingMemory(memory))
}

impl RingMemory {
    /// What the kernel does once it has taken the producer's process down, and 50 ms later.
    pub fn end_producer(&self) {
        self.0.end(true);
    }

    /// What the kernel does once it has taken the consumer's process down, and 50 ms later.
    pub fn end_consumer(&self) {
        self.0.end(false);
    }

    /// A peer gone wild: claims that so much was consumed.
    pub fn claim_consumed(&self, bytes: u64) {
        self.0.claim_consumed(bytes);
    }

    /// A peer gone wild: writes to the word at so many bytes since the beginning.
    pub fn scribble(&self, at: u64, word: u64) {
        // ORDERING: Relaxed: a peer gone wild orders nothing.
        self.0.word(at).store(word, Ordering::Relaxed);
    }
}

/// The end stops where it is, as its process does when it is killed: nothing is closed.
pub fn kill_producer(mut producer: Producer) {
    producer.open = false;
}

/// The end stops where it is, as its process does when it is killed: nothing is closed.
pub fn kill_consumer(mut consumer: Consumer) {
    consumer.open = false;
}

/// The first step of a send: the bytes, behind the place of the head. Nobody sees them.
pub fn fill_only(producer: &mut Producer, value: u64) {
    let mut room = producer.try_reserve(8).expect("room");
    room.fill(&value.to_ne_bytes());
}

/// Broken: the head before the bytes.
pub fn send_head_first(producer: &mut Producer, value: u64) {
    let next = producer.at + Head::stride(8);
    producer.memory.word(next).store(0, Ordering::Relaxed);
    producer.memory.word(producer.at).store(Head { len: 8, mark: 0 }.word(), Ordering::Release);
    producer.memory.word(producer.at + 8).store(value, Ordering::Relaxed);
    producer.at = next;
    producer.notify();
}

/// Broken: no 0 where the next head will be.
pub fn send_without_end(producer: &mut Producer, value: u64) {
    let next = producer.at + Head::stride(8);
    drop(producer.try_reserve(8).expect("room"));
    producer.memory.word(producer.at + 8).store(value, Ordering::Relaxed);
    producer.memory.word(producer.at).store(Head { len: 8, mark: 0 }.word(), Ordering::Release);
    producer.at = next;
    producer.notify();
}

/// Broken: gives the room back before it has read what is in it.
pub fn receive_late(consumer: &mut Consumer) -> Result<u64, ReceiveError> {
    let at = consumer.at + 8;
    let message = consumer.peek(None)?;
    message.consume();
    // ORDERING: Relaxed: as a reader would that had not given the room back.
    Ok(consumer.memory.word(at).load(Ordering::Relaxed))
}

/// Sends a value and waits for room as long as it takes.
pub fn send(producer: &mut Producer, value: u64) {
    producer.send(&value.to_ne_bytes(), None).expect("a consumer");
}

/// The next value, however long it takes.
pub fn receive(consumer: &mut Consumer) -> Result<u64, ReceiveError> {
    let message = consumer.peek(None)?;
    let mut bytes = [0; 8];
    assert_eq!(message.copy_to(&mut bytes), 8);
    message.consume();
    Ok(u64::from_ne_bytes(bytes))
}
