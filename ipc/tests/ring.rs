//! A ring of messages between threads and processes: against an obviously right queue, with peers that die, and with one that
//! scribbles over everything.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use heddle_ipc::ring::{
    AttachError, Consumer, ConsumerHandle, Producer, ProducerHandle, ReceiveError, SendError, create,
};
use heddle_ipc::{Ticket, Workers};
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The smallest ring that can be mapped.
const SMALL: usize = 4096;

/// Longer than anything takes here that works.
const LIMIT: Duration = Duration::from_secs(20);

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(2))
}

fn later() -> Option<Instant> {
    Some(Instant::now() + LIMIT)
}

fn receive(consumer: &mut Consumer) -> Result<Vec<u8>, ReceiveError> {
    let message = consumer.peek(later())?;
    let bytes = message.to_vec();
    message.consume();
    Ok(bytes)
}

/// Bytes that tell where they are from.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    (0..len as u64).map(|at| (seed.wrapping_mul(0x9e37_79b9).wrapping_add(at * 7) >> 3) as u8).collect()
}

#[test]
fn sizes_up_to_the_ring_itself() {
    let (mut producer, mut consumer) = create(SMALL).unwrap();
    assert_eq!((producer.capacity(), consumer.capacity()), (SMALL, SMALL));
    let max = producer.max_len();
    assert_eq!(max, SMALL - 16);
    // Each length begins where the one before ended, so that all of them come round the end of the memory.
    for len in (0..=max).step_by(5).chain(max - 9..=max) {
        producer.try_send(&bytes(len as u64, len)).unwrap();
        assert_eq!(receive(&mut consumer).unwrap(), bytes(len as u64, len));
    }
    assert_eq!(producer.send(&bytes(0, max + 1), None), Err(SendError::TooLong { len: max + 1, max }));
}

#[test]
fn zero_copy() {
    let (mut producer, mut consumer) = create(SMALL).unwrap();
    for round in 0..100 {
        let mut room = producer.reserve(1000, None).unwrap();
        // SAFETY: the other end is this test's, and reads nothing that is not committed.
        let place = unsafe { room.as_uninit() };
        for (place, byte) in place.iter_mut().zip(bytes(round, 600)) {
            place.write(byte);
        }
        room.commit(600);
        let message = consumer.peek(None).unwrap();
        // SAFETY: the other end writes nothing before the message is consumed.
        assert_eq!(unsafe { message.as_slice() }, bytes(round, 600));
        assert!(!message.is_empty());
        message.consume();
    }
    drop(producer.try_reserve(100).unwrap());
    assert_eq!(consumer.try_peek().err(), Some(ReceiveError::Empty), "nothing was committed");
}

#[test]
#[should_panic(expected = "601 bytes are more than the 600")]
fn no_more_than_reserved() {
    let (mut producer, _consumer) = create(SMALL).unwrap();
    producer.reserve(600, None).unwrap().commit(601);
}

#[test]
fn times_out_and_goes_on() {
    let (mut producer, mut consumer) = create(SMALL).unwrap();
    consumer.set_spin(Duration::ZERO);
    producer.set_spin(Duration::ZERO);
    assert_eq!(consumer.peek(soon()).err(), Some(ReceiveError::TimedOut));
    assert_eq!(consumer.try_peek().err(), Some(ReceiveError::Empty));
    producer.send(&[1; 3000], None).unwrap();
    assert_eq!(producer.try_send(&[2; 3000]), Err(SendError::Full));
    assert_eq!(producer.send(&[2; 3000], soon()), Err(SendError::TimedOut));
    assert_eq!(receive(&mut consumer).unwrap(), [1; 3000]);
    producer.send(&[2; 3000], soon()).unwrap();
    assert_eq!(receive(&mut consumer).unwrap(), [2; 3000]);
}

#[test]
fn either_end_closes() {
    let (mut producer, consumer) = create(SMALL).unwrap();
    drop(consumer);
    assert_eq!(producer.try_send(&[]), Err(SendError::Disconnected));
    assert!(producer.is_disconnected());
    let (mut producer, mut consumer) = create(SMALL).unwrap();
    producer.push(b"last").unwrap();
    drop(producer);
    assert!(consumer.is_disconnected());
    assert_eq!(receive(&mut consumer).unwrap(), b"last");
    assert_eq!(receive(&mut consumer), Err(ReceiveError::Disconnected));
}

/// Both ends sleep again and again.
#[test]
fn slow_and_fast_ends() {
    for (slow_producer, spin) in [(true, 0), (false, 0), (true, 15), (false, 15)] {
        let (mut producer, mut consumer) = create(SMALL).unwrap();
        producer.set_spin(Duration::from_micros(spin));
        consumer.set_spin(Duration::from_micros(spin));
        let pause = |n: u64| n.is_multiple_of(100).then(|| thread::sleep(Duration::from_micros(200)));
        let sender = thread::spawn(move || {
            for n in 0..2000 {
                if slow_producer {
                    pause(n);
                }
                producer.send(&bytes(n, 100 + n as usize % 300), later()).unwrap();
            }
        });
        for n in 0..2000 {
            if !slow_producer {
                pause(n);
            }
            assert_eq!(receive(&mut consumer).unwrap(), bytes(n, 100 + n as usize % 300));
        }
        assert_eq!(receive(&mut consumer), Err(ReceiveError::Disconnected));
        sender.join().unwrap();
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Push(usize),
    Abandon(usize),
    Look,
    Receive,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let len = prop_oneof![0_usize..40, 0_usize..SMALL];
    let step = prop_oneof![
        4 => len.clone().prop_map(Step::Send),
        2 => len.clone().prop_map(Step::Push),
        1 => len.prop_map(Step::Abandon),
        1 => Just(Step::Look),
        5 => Just(Step::Receive),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A ring does what a queue does that counts bytes.
    #[test]
    fn is_a_queue(steps in steps()) {
        let (mut producer, mut consumer) = create(SMALL).unwrap();
        let mut queue: VecDeque<Vec<u8>> = VecDeque::new();
        let mut used = 0;
        let stride = |len: usize| 8 + len.next_multiple_of(8);
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Send(len) | Step::Push(len) | Step::Abandon(len) => {
                    let message = bytes(n as u64, len);
                    let sent = match step {
                        Step::Send(_) => producer.try_send(&message),
                        Step::Push(_) => producer.push(&message),
                        _ => producer.try_reserve(len).map(|mut room| room.fill(&message)),
                    };
                    let expected = if len > SMALL - 16 {
                        Err(SendError::TooLong { len, max: SMALL - 16 })
                    } else if used + stride(len) + 8 > SMALL {
                        Err(SendError::Full)
                    } else {
                        Ok(())
                    };
                    prop_assert_eq!(sent, expected);
                    if sent.is_ok() && !matches!(step, Step::Abandon(_)) {
                        used += stride(len);
                        queue.push_back(message);
                    }
                }
                Step::Look => match consumer.try_peek() {
                    Ok(message) => prop_assert_eq!(Some(&message.to_vec()), queue.front()),
                    Err(error) => prop_assert_eq!((error, queue.len()), (ReceiveError::Empty, 0)),
                },
                Step::Receive => match consumer.try_peek() {
                    Ok(message) => {
                        prop_assert_eq!(Some(message.to_vec()), queue.pop_front());
                        used -= stride(message.len());
                        message.consume();
                    }
                    Err(error) => prop_assert_eq!((error, queue.len()), (ReceiveError::Empty, 0)),
                },
            }
        }
    }

    /// Somebody writes anything anywhere while both ends work: they end in time, in an answer or an error.
    #[test]
    fn survives_scribbling(seed in any::<u64>(), places in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..40)) {
        let (mut producer, mut consumer) = create(SMALL).unwrap();
        producer.set_spin(Duration::ZERO);
        consumer.set_spin(Duration::ZERO);
        let (start, len) = (producer.segment().as_ptr().addr(), producer.segment().len());
        let other = thread::spawn(move || {
            for n in 0..50 {
                let _ = producer.send(&bytes(seed ^ n, (seed as usize ^ (n as usize * 97)) % 3000), soon());
            }
            producer
        });
        let scribbler = thread::spawn(move || {
            for (place, word) in places {
                let at = place.index(len / 8) * 8;
                // SAFETY: a word of the mapping, which both ends keep.
                let place = unsafe { &*core::ptr::without_provenance::<heddle_primitives::sync::atomic::AtomicU64>(start + at) };
                place.store(word, heddle_primitives::sync::atomic::Ordering::Relaxed);
                thread::sleep(Duration::from_micros(20));
            }
        });
        for _ in 0..50 {
            if let Ok(message) = consumer.peek(soon()) {
                prop_assert!(message.to_vec().len() <= SMALL - 16);
                message.consume();
            }
        }
        scribbler.join().unwrap();
        drop(other.join().unwrap());
    }
}

#[test]
fn what_cannot_be_is_an_error() {
    let control = |consumed: u64| {
        let (mut producer, mut consumer) = create(SMALL).unwrap();
        producer.send(&[1; 3000], None).unwrap();
        receive(&mut consumer).unwrap();
        producer.send(&[1; 3000], None).unwrap();
        // The word that says how far the consumer is.
        let words = producer.segment().as_ptr().cast::<u64>();
        let found = (0..producer.segment().len() / 8).find(|&at| {
            // SAFETY: within the mapping.
            let place = unsafe { words.add(at) };
            // SAFETY: as above; nobody writes meanwhile.
            let word = unsafe { place.read() };
            word == 3008
        });
        let at = found.expect("somewhere");
        // SAFETY: as above.
        let place = unsafe { words.add(at) };
        // SAFETY: as above.
        unsafe { place.write(consumed) };
        producer.try_send(&[1; 3000])
    };
    assert_eq!(control(3008), Err(SendError::Full));
    assert_eq!(control(6016), Ok(()), "a lie that cannot be told from the truth");
    assert_eq!(control(6024), Err(SendError::Corrupt { found: 6024, sent: 6016 }));
    assert_eq!(control(u64::MAX), Err(SendError::Corrupt { found: u64::MAX, sent: 6016 }));
}

/// The two ends that a worker gets, as bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Ends {
    len: u64,
    bytes: [u8; 240],
}

impl Ends {
    fn new(producer: &ProducerHandle, consumer: &ConsumerHandle) -> Ends {
        let packed = postcard::to_stdvec(&(producer, consumer)).unwrap();
        let mut bytes = [0; 240];
        bytes[..packed.len()].copy_from_slice(&packed);
        Ends { len: packed.len() as u64, bytes }
    }

    fn attach(&self) -> (Producer, Consumer) {
        let (producer, consumer): (ProducerHandle, ConsumerHandle) =
            postcard::from_bytes(&self.bytes[..self.len as usize]).unwrap();
        (producer.attach().unwrap(), consumer.attach().unwrap())
    }
}

/// A worker that has an end of each of two rings, and the other ends.
fn worker(f: impl FnOnce(Ends) -> Ticket<u64>) -> (Ticket<u64>, Producer, Consumer) {
    let (to, theirs_in) = create(1 << 16).unwrap();
    let (theirs_out, from) = create(1 << 16).unwrap();
    // The handles may go: the other ends keep the rings.
    (f(Ends::new(&theirs_out.give(), &theirs_in.give())), to, from)
}

/// Sends every message back, and returns how many there were.
fn echo(ends: Ends) -> u64 {
    let (mut producer, mut consumer) = ends.attach();
    let mut count = 0;
    while let Ok(message) = consumer.peek(None) {
        let bytes = message.to_vec();
        message.consume();
        if producer.send(&bytes, None).is_err() {
            break;
        }
        count += 1;
    }
    count
}

#[test]
fn between_processes() {
    let workers = Workers::start(1).unwrap();
    let (ticket, mut to, mut from) = worker(|ends| workers.submit(0, echo, ends).unwrap());
    for n in 0..5000 {
        let message = bytes(n, (n as usize * 131) % 5000);
        to.send(&message, later()).unwrap();
        assert_eq!(receive(&mut from).unwrap(), message);
    }
    drop(to);
    assert_eq!(ticket.wait(later()), Ok(5000));
    assert_eq!(receive(&mut from), Err(ReceiveError::Disconnected));
}

#[test]
fn a_peer_that_is_killed() {
    for n in 0..10 {
        let workers = Workers::start(1).unwrap();
        let (ticket, mut to, mut from) = worker(|ends| workers.submit(0, echo, ends).unwrap());
        to.send(b"there?", later()).unwrap();
        assert_eq!(receive(&mut from).unwrap(), b"there?");
        let killer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(n));
            workers.kill(0).unwrap();
            workers
        });
        if n % 2 == 0 {
            // It neither closes nor answers; whoever waits for it learns of its death nevertheless.
            assert_eq!(from.peek(later()).err(), Some(ReceiveError::Disconnected));
        } else {
            // Nobody takes the answers, so that it stops receiving.
            let stopped = loop {
                if let Err(error) = to.send(&[0; 1000], later()) {
                    break error;
                }
            };
            assert_eq!(stopped, SendError::Disconnected);
            while let Ok(answer) = receive(&mut from) {
                assert_eq!(answer, [0; 1000], "whole, if it is there");
            }
        }
        assert!(from.is_disconnected() && to.is_disconnected());
        assert!(ticket.wait(later()).is_err());
        drop(killer.join().unwrap());
    }
}

/// Ends it without a word, with a message half written.
fn dies_in_mid_message(ends: Ends) -> u64 {
    let (mut producer, _consumer) = ends.attach();
    producer.send(b"whole", None).unwrap();
    let mut room = producer.reserve(1000, None).unwrap();
    room.fill(&[1; 1000]);
    // SAFETY: always allowed.
    unsafe { libc::_exit(1) };
}

#[test]
fn half_a_message_is_none() {
    let workers = Workers::start(1).unwrap();
    let (ticket, _to, mut from) = worker(|ends| workers.submit(0, dies_in_mid_message, ends).unwrap());
    assert_eq!(receive(&mut from).unwrap(), b"whole");
    assert_eq!(receive(&mut from), Err(ReceiveError::Disconnected));
    assert!(ticket.wait(later()).is_err());
}

#[test]
fn an_end_is_given_once() {
    let (producer, mut consumer) = create(SMALL).unwrap();
    let handle = producer.give();
    let mut producer = handle.clone().attach().unwrap();
    assert!(matches!(handle.clone().attach(), Err(AttachError::Taken)));
    producer.send(b"on", None).unwrap();
    assert_eq!(receive(&mut consumer).unwrap(), b"on");
    // From here again, where it stopped.
    let again = producer.give();
    assert!(matches!(handle.attach(), Err(AttachError::Taken)), "an old handle of the same end");
    let mut producer = again.attach().unwrap();
    producer.send(b"and on", None).unwrap();
    assert_eq!(receive(&mut consumer).unwrap(), b"and on");
    // A handle whose ring is gone.
    let handle = producer.give();
    let packed = postcard::to_stdvec(&handle).unwrap();
    drop((handle, consumer));
    let handle: ProducerHandle = postcard::from_bytes(&packed).unwrap();
    assert!(matches!(handle.attach(), Err(AttachError::Join(_))));
}
