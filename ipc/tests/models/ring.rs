//! A ring of messages: order, room, sleeps, closes and kills.

use crate::*;
use heddle_ipc::model::ring::*;
use heddle_ipc::ring::{ReceiveError, SendError};
use heddle_primitives::sync::thread;
#[cfg(any(heddle_loom, heddle_shuttle))]
use heddle_primitives::verify::dies_at;
use std::time::Instant;

/// Room for one message of 8 bytes at a time.
const TIGHT: usize = 4;
/// Room for three.
const WIDE: usize = 8;

/// Executions for each operation of two sends.
#[cfg(any(heddle_loom, heddle_shuttle))]
const PRODUCER_STEPS: [u64; 14] = [11, 11, 11, 11, 67, 63, 223, 249, 312, 312, 549, 500, 889, 750];
/// And of a receive.
#[cfg(any(heddle_loom, heddle_shuttle))]
const CONSUMER_STEPS: [u64; 8] = [8, 20, 31, 129, 276, 373, 396, 408];

/// `count` values go through a ring, in order, and then the news that there are no more.
fn stream(words: usize, count: u64) {
    let (mut producer, mut consumer, _memory) = ring(words);
    let other = thread::spawn(move || (1..=count).for_each(|value| send(&mut producer, value)));
    for value in 1..=count {
        assert_eq!(receive(&mut consumer), Ok(value));
    }
    assert_eq!(receive(&mut consumer), Err(ReceiveError::Disconnected));
    other.join().unwrap();
}

#[test]
fn in_order_round_the_ring() {
    bounded("one message", 3, 685).check(|| stream(WIDE, 1));
    bounded("three messages, room for one", 2, 3_836).check(|| stream(TIGHT, 3));
    bounded("four messages, room for three", 2, 9_316).check(|| stream(WIDE, 4));
}

/// Messages of several words and of none, and a part of a word.
#[test]
fn of_any_length() {
    bounded("lengths", 2, 3_559).check(|| {
        let (mut producer, mut consumer, _memory) = ring(WIDE);
        let lengths = [0, 13, 40];
        let other = thread::spawn(move || {
            let bytes: Vec<u8> = (1..=40).collect();
            lengths.iter().for_each(|&len| producer.send(&bytes[..len], None).unwrap());
            producer
        });
        for len in lengths {
            let message = consumer.peek(None).unwrap();
            assert_eq!(message.to_vec(), (1..=len as u8).collect::<Vec<u8>>());
            message.consume();
        }
        drop(other.join().unwrap());
    });
}

/// Several messages are announced once.
#[test]
fn pushed_and_notified() {
    bounded("pushed together", 3, 197).check(|| {
        let (mut producer, mut consumer, _memory) = ring(WIDE);
        let other = thread::spawn(move || {
            [1_u64, 2].iter().for_each(|value| producer.push(&value.to_ne_bytes()).unwrap());
            producer.notify();
            producer
        });
        assert_eq!((receive(&mut consumer), receive(&mut consumer)), (Ok(1), Ok(2)));
        drop(other.join().unwrap());
    });
}

/// Room that is given back at once, after several messages.
#[test]
fn passed_and_notified() {
    bounded("passed together", 2, 97).check(|| {
        let (mut producer, mut consumer, _memory) = ring(WIDE);
        (1..=3).for_each(|value| send(&mut producer, value));
        let other = thread::spawn(move || {
            for _ in 0..2 {
                consumer.peek(None).unwrap().pass();
            }
            consumer.notify();
            consumer
        });
        send(&mut producer, 4);
        let mut consumer = other.join().unwrap();
        assert_eq!((receive(&mut consumer), receive(&mut consumer)), (Ok(3), Ok(4)));
    });
}

/// The consumer goes while the producer waits for room, or is about to.
#[test]
fn consumer_goes() {
    complete("consumer closes", 300).spurious(2).check(|| {
        let (mut producer, consumer, _memory) = ring(TIGHT);
        send(&mut producer, 1);
        let other = thread::spawn(move || drop(consumer));
        assert_eq!(producer.send(&[2; 8], None), Err(SendError::Disconnected));
        other.join().unwrap();
    });
    complete("consumer is killed", 6).spurious(2).check(|| {
        let (mut producer, consumer, memory) = ring(TIGHT);
        send(&mut producer, 1);
        let other = thread::spawn(move || {
            kill_consumer(consumer);
            memory.end_consumer();
        });
        assert_eq!(producer.send(&[2; 8], None), Err(SendError::Disconnected));
        other.join().unwrap();
    });
}

/// A producer dies before any of its operations: a message is received whole or not at all, and then the news.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn producer_dies_at_any_operation() {
    for (step, at_least) in (0..).zip(PRODUCER_STEPS) {
        bounded(&format!("producer dies at {step}"), 3, at_least).schedules(200).check(move || {
            let (mut producer, mut consumer, memory) = ring(WIDE);
            let other = thread::spawn(move || {
                let sent = dies_at(step, || (1..=2).for_each(|value| send(&mut producer, value)));
                kill_producer(producer);
                memory.end_producer();
                sent.is_some()
            });
            let mut received = 0;
            let end = loop {
                match receive(&mut consumer) {
                    Ok(value) => {
                        received += 1;
                        assert_eq!(value, received);
                    }
                    Err(error) => break error,
                }
            };
            assert_eq!(end, ReceiveError::Disconnected);
            assert_eq!(consumer.try_peek().err(), Some(ReceiveError::Disconnected));
            assert!(other.join().unwrap() <= (received == 2));
        });
    }
}

/// A consumer dies before any of its operations: the producer is told.
#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn consumer_dies_at_any_operation() {
    for (step, at_least) in (0..).zip(CONSUMER_STEPS) {
        bounded(&format!("consumer dies at {step}"), 2, at_least).schedules(200).check(move || {
            let (mut producer, mut consumer, memory) = ring(TIGHT);
            let other = thread::spawn(move || {
                dies_at(step, || receive(&mut consumer).unwrap());
                kill_consumer(consumer);
                memory.end_consumer();
            });
            let sent = [1_u64, 2, 3].map(|value| producer.send(&value.to_ne_bytes(), None));
            assert_eq!((sent[0], sent[2]), (Ok(()), Err(SendError::Disconnected)));
            other.join().unwrap();
        });
    }
}

/// What was sent before a close is received, also by who does not wait.
#[test]
fn closed_after_a_message() {
    complete("looked at while closed", 2_115).check(|| {
        let (mut producer, mut consumer, _memory) = ring(WIDE);
        let other = thread::spawn(move || {
            producer.push(&1_u64.to_ne_bytes()).unwrap();
            drop(producer);
        });
        match consumer.try_peek() {
            Ok(message) => message.consume(),
            Err(error) => {
                assert_eq!(error, ReceiveError::Empty);
                assert_eq!(receive(&mut consumer), Ok(1));
            }
        }
        other.join().unwrap();
        assert_eq!(consumer.try_peek().err(), Some(ReceiveError::Disconnected));
    });
}

/// A wait that times out leaves everything as it is.
#[test]
fn timed_out() {
    bounded("time-outs", 2, 797).check(|| {
        let (mut producer, mut consumer, _memory) = ring(TIGHT);
        let other = thread::spawn(move || {
            let soon = Instant::now();
            let sent = [1_u64, 2].map(|value| producer.send(&value.to_ne_bytes(), Some(soon)));
            assert_eq!(sent[0], Ok(()));
            assert!(matches!(sent[1], Ok(()) | Err(SendError::TimedOut)));
            (producer, sent[1].is_ok())
        });
        let got = match consumer.peek(Some(Instant::now())) {
            Ok(message) => {
                message.consume();
                1
            }
            Err(error) => {
                assert_eq!(error, ReceiveError::TimedOut);
                0
            }
        };
        let (producer, both) = other.join().unwrap();
        drop(producer);
        for value in got + 1..=1 + u64::from(both) {
            assert_eq!(receive(&mut consumer), Ok(value));
        }
        assert_eq!(receive(&mut consumer), Err(ReceiveError::Disconnected));
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_message_without_a_wake_is_found() {
    Scenario::new("message without a wake").finds("deadlock", || {
        let (mut producer, mut consumer, _memory) = ring(WIDE);
        let other = thread::spawn(move || {
            producer.push(&1_u64.to_ne_bytes()).unwrap();
            producer
        });
        assert_eq!(receive(&mut consumer), Ok(1));
        drop(other.join().unwrap());
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_head_before_its_bytes_is_found() {
    Scenario::new("head before the bytes").finds("left == right", || {
        let (mut producer, mut consumer, _memory) = ring(WIDE);
        let other = thread::spawn(move || {
            send_head_first(&mut producer, 1);
            producer
        });
        assert_eq!(receive(&mut consumer), Ok(1));
        drop(other.join().unwrap());
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn a_message_without_an_end_is_found() {
    // The second lap finds the first one's bytes where its heads are.
    Scenario::new("no end of a message").search(Search::Bounded(2)).finds("left == right", || {
        let (mut producer, mut consumer, _memory) = ring(WIDE);
        for value in [0x0801, 0x0801, 0x0801] {
            send_without_end(&mut producer, value);
            assert_eq!(receive(&mut consumer), Ok(value));
        }
        producer.push(&[]).unwrap();
        consumer.peek(None).unwrap().consume();
        let other = thread::spawn(move || {
            send_without_end(&mut producer, 7);
            producer
        });
        assert_eq!(receive(&mut consumer), Ok(7));
        assert_eq!(consumer.try_peek().err(), Some(ReceiveError::Empty));
        drop(other.join().unwrap());
    });
}

#[test]
#[cfg(any(heddle_loom, heddle_shuttle))]
fn room_given_back_too_early_is_found() {
    Scenario::new("room given back early").search(Search::Bounded(3)).finds("left == right", || {
        // The second message lies where the bytes of the first did.
        let (mut producer, mut consumer, _memory) = ring(TIGHT);
        let message = |value: u64| [value.to_ne_bytes(); 2];
        let other = thread::spawn(move || {
            (1..=2).for_each(|value| producer.send(message(value).as_flattened(), None).unwrap());
            producer
        });
        for value in 1..=2 {
            assert_eq!(receive_late(&mut consumer), Ok(value));
        }
        drop(other.join().unwrap());
    });
}
