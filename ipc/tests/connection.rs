//! Connections between threads and processes: what is sent arrives, whatever its size; who dies is noticed; who is slow is waited for no
//! longer than asked.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]

use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use heddle_ipc::connection::{
    AttachError, Connection, ConnectionHandle, RecvError, SendError, pipe_one_way, pipe_with, wait,
};
use heddle_ipc::{Ticket, Workers};
use heddle_primitives::sync::thread;
use proptest::prelude::*;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Longer than anything takes here that works.
const LIMIT: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(2);

fn later() -> Option<Instant> {
    Some(Instant::now() + LIMIT)
}

/// Both ends of a connection, which give up when something hangs.
fn ends(capacity: usize) -> (Connection, Connection) {
    let (mut here, mut there) = pipe_with(capacity).unwrap();
    for end in [&mut here, &mut there] {
        end.set_send_timeout(Some(LIMIT));
        end.set_recv_timeout(Some(LIMIT));
    }
    (here, there)
}

/// Bytes that tell where they are from.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    (0..len as u64).map(|at| (seed.wrapping_mul(0x9e37_79b9).wrapping_add(at * 7) >> 3) as u8).collect()
}

#[test]
fn both_ways() {
    let (mut here, mut there) = ends(1 << 16);
    here.send_bytes(b"ping").unwrap();
    assert_eq!(there.recv_bytes().unwrap(), b"ping");
    there.send_bytes(b"").unwrap();
    assert_eq!(here.recv_bytes().unwrap(), b"");
    here.send(&(1_u8, "two", [3.0, 4.0])).unwrap();
    assert_eq!(there.recv::<(u8, String, [f64; 2])>().unwrap(), (1, "two".to_owned(), [3.0, 4.0]));
    there.send("text").unwrap();
    assert!(matches!(here.recv::<(u64, u64)>(), Err(RecvError::Decode { .. })));
    there.send(&(1_u8, 2_u8)).unwrap();
    assert!(matches!(here.recv::<u8>(), Err(RecvError::Decode { .. })), "more than one value");
    there.send(&7_u8).unwrap();
    assert_eq!(here.recv::<u8>().unwrap(), 7, "goes on");
}

#[test]
fn one_way() {
    let (mut receiver, mut sender) = pipe_one_way(4096).unwrap();
    sender.send_bytes(b"there").unwrap();
    assert!(receiver.poll(None));
    assert_eq!(receiver.recv_bytes().unwrap(), b"there");
    drop(receiver);
    assert!(sender.is_disconnected());
    assert!(matches!(sender.send_bytes(b"?"), Err(SendError::Disconnected)));
}

/// Larger than a Python pipe's 64 KiB, than a piece, than the ring; into memory of each kind.
#[test]
fn messages_larger_than_the_ring() {
    for len in [65_537, 262_144, 1_000_000, 5 << 20] {
        let (mut here, mut there) = ends(1 << 16);
        let sender = thread::spawn(move || {
            here.send_bytes(&bytes(1, len)).unwrap();
            here.send_bytes(&bytes(2, len)).unwrap();
            here.send(&bytes(3, len)).unwrap();
            here
        });
        assert_eq!(there.recv_bytes().unwrap(), bytes(1, len));
        let mut into = vec![0; len + 5];
        assert!(matches!(
            there.recv_bytes_into(&mut into[..len - 1]),
            Err(RecvError::TooShort { len: found, room }) if found == len && room == len - 1
        ));
        assert_eq!(there.recv_bytes_into(&mut into).unwrap(), len);
        assert_eq!(into[..len], bytes(2, len));
        assert_eq!(there.recv::<Vec<u8>>().unwrap(), bytes(3, len));
        drop(sender.join().unwrap());
    }
}

/// More than 2 GiB, where there is memory for it.
#[test]
fn messages_above_2_gib() {
    let len = (2_usize << 30) + 12_345;
    let free = std::fs::read_to_string("/proc/meminfo").unwrap();
    let free = free.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    let free: usize = free.trim().trim_end_matches(" kB").parse().unwrap();
    if free < 3 * (len >> 10) || std::env::var_os("HEDDLE_LARGE").is_none() {
        println!(
            "not run: {} MiB are free and {} needed, or HEDDLE_LARGE is unset",
            free >> 10,
            3 * (len >> 20)
        );
        return;
    }
    let (mut here, mut there) = ends(1 << 20);
    let sender = thread::spawn(move || {
        let mut message = vec![0_u8; len];
        message[len - 1] = 7;
        here.send_bytes(&message).unwrap();
    });
    let message = there.recv_bytes().unwrap();
    assert_eq!((message.len(), message[len - 1]), (len, 7));
    sender.join().unwrap();
}

/// A message that times out on its way is as if it had never been.
#[test]
fn time_outs() {
    let (mut here, mut there) = ends(1 << 16);
    there.set_recv_timeout(Some(SOON));
    assert!(matches!(there.recv_bytes(), Err(RecvError::TimedOut)));
    assert!(matches!(there.recv_fd(), Err(RecvError::TimedOut)));
    assert!(!there.poll(Some(SOON)) && !there.poll(Some(Duration::ZERO)));
    here.set_send_timeout(Some(SOON));
    for round in 0..3 {
        assert!(matches!(here.send_bytes(&bytes(round, 200_000)), Err(SendError::TimedOut)));
        // The beginning of it is there.
        assert!(there.poll(Some(Duration::ZERO)));
        match round {
            0 => assert!(matches!(there.recv_bytes(), Err(RecvError::TimedOut))),
            1 => assert!(matches!(there.recv_bytes_into(&mut vec![0; 200_000]), Err(RecvError::TimedOut))),
            _ => {}
        }
        if round < 2 {
            here.send(&round).unwrap();
            assert_eq!(there.recv::<u64>().unwrap(), round);
        }
    }
    // Full with what will never be complete; it makes room as soon as somebody receives.
    let (sender, mut receiver) = (thread::spawn(move || here.send_bytes(b"at last").map(|()| here)), there);
    receiver.set_recv_timeout(Some(LIMIT));
    match receiver.recv_bytes() {
        Ok(message) => assert_eq!(message, b"at last"),
        Err(error) => assert!(matches!(error, RecvError::EndOfFile), "the sender gave up first: {error}"),
    }
    drop(sender.join().unwrap());
}

/// What has come of a message is kept over a time-out.
#[test]
fn slow_senders_are_waited_for_again() {
    let (mut here, mut there) = ends(1 << 16);
    let len = 300_000;
    let sender = thread::spawn(move || {
        for n in 0..2 {
            here.send_bytes(&bytes(n, len)).unwrap();
        }
    });
    there.set_recv_timeout(Some(Duration::from_micros(20)));
    let mut into = vec![0; len];
    let first = loop {
        match there.recv_bytes() {
            Err(RecvError::TimedOut) => thread::sleep(SOON),
            received => break received.unwrap(),
        }
    };
    assert_eq!(first, bytes(0, len));
    let got = loop {
        match there.recv_bytes_into(&mut into) {
            Err(RecvError::TimedOut) => thread::sleep(SOON),
            received => break received.unwrap(),
        }
    };
    assert_eq!(into[..got], bytes(1, len));
    sender.join().unwrap();
}

#[test]
fn an_end_that_closes() {
    let (mut here, there) = ends(1 << 16);
    here.send_bytes(b"unread").unwrap();
    there.close();
    assert!(matches!(here.recv_bytes(), Err(RecvError::EndOfFile)));
    assert!(matches!(here.send_bytes(b"more"), Err(SendError::Disconnected)));
    assert!(here.poll(None), "there is something to learn");
    // While the other is waiting.
    let (mut here, there) = ends(1 << 16);
    let closer = thread::spawn(move || {
        thread::sleep(SOON * 10);
        drop(there);
    });
    assert!(matches!(here.recv::<u8>(), Err(RecvError::EndOfFile)));
    closer.join().unwrap();
    // With a message half sent.
    let (mut here, mut there) = ends(1 << 16);
    here.set_send_timeout(Some(SOON));
    here.send_bytes(b"whole").unwrap();
    assert!(here.send_bytes(&[0; 200_000]).is_err());
    drop(here);
    assert_eq!(there.recv_bytes().unwrap(), b"whole");
    assert!(matches!(there.recv_bytes(), Err(RecvError::EndOfFile)));
    assert!(matches!(there.recv_bytes(), Err(RecvError::EndOfFile)));
}

#[test]
fn two_threads_at_one_end() {
    let (here, there) = ends(1 << 16);
    let echo = thread::spawn(move || {
        let (mut sender, mut receiver) = there.split();
        while let Ok(message) = receiver.recv_bytes() {
            sender.send_bytes(&message).unwrap();
        }
    });
    let (mut sender, mut receiver) = here.split();
    let feeder = thread::spawn(move || (0..2000).for_each(|n| sender.send(&bytes(n, 500)).unwrap()));
    for n in 0..2000 {
        assert_eq!(receiver.recv::<Vec<u8>>().unwrap(), bytes(n, 500));
    }
    feeder.join().unwrap();
    echo.join().unwrap();
}

#[test]
fn descriptors() {
    let (mut here, mut there) = ends(1 << 16);
    let mut file =
        std::fs::File::from(rustix::fs::memfd_create("a", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    file.write_all(b"in a file").unwrap();
    let sender = thread::spawn(move || {
        // More than the socket takes at a time.
        for _ in 0..100 {
            here.send_fd(file.as_fd()).unwrap();
        }
        here.send_bytes(b"bytes").unwrap();
        here.send_fd(file.as_fd()).unwrap();
        here
    });
    for _ in 0..99 {
        drop(there.recv_fd().unwrap());
    }
    assert!(matches!(there.recv_bytes(), Err(RecvError::Descriptor)));
    let mut same = std::fs::File::from(there.recv_fd().unwrap());
    same.rewind().unwrap();
    let mut text = String::new();
    same.read_to_string(&mut text).unwrap();
    assert_eq!(text, "in a file");
    assert!(matches!(there.recv_fd(), Err(RecvError::NoDescriptor)));
    assert_eq!(there.recv_bytes().unwrap(), b"bytes");
    there.recv_fd().unwrap();
    drop(sender.join().unwrap());
    // Nobody has ever asked for one.
    let (mut here, there) = ends(1 << 16);
    here.set_send_timeout(Some(SOON));
    assert!(matches!(here.send_fd(std::io::stdout()), Err(SendError::TimedOut)));
    drop(there);
    assert!(matches!(here.send_fd(std::io::stdout()), Err(SendError::Disconnected)));
}

#[test]
fn several_at_once() {
    let mut pairs: Vec<_> = (0..150).map(|_| ends(4096)).collect();
    let sources = |pairs: &[(Connection, Connection)], timeout| {
        wait(&pairs.iter().map(|pair| &pair.0).collect::<Vec<_>>(), timeout)
    };
    for count in [3, 150] {
        assert_eq!(sources(&pairs[..count], Some(SOON)), []);
        let late = count - 2;
        let mut sender = pairs.remove(late);
        let waker = thread::spawn(move || {
            thread::sleep(SOON * 5);
            sender.1.send_bytes(b"!").unwrap();
            sender
        });
        // That one is in the hands of the other thread, so another is waited for.
        pairs[0].1.send_bytes(b"!").unwrap();
        assert_eq!(sources(&pairs[..count - 1], Some(LIMIT)), [0]);
        pairs[0].0.recv_bytes().unwrap();
        let mut sender = waker.join().unwrap();
        assert_eq!(wait(&[&sender.0], Some(LIMIT)), [0]);
        sender.0.recv_bytes().unwrap();
        pairs.insert(late, sender);
    }
    // Asleep, and woken by a message and by an end.
    let (here, mut there) = ends(4096);
    let waker = thread::spawn(move || {
        thread::sleep(SOON * 5);
        there.send_bytes(b"!").unwrap();
        thread::sleep(SOON * 5);
    });
    let (first, _first) = ends(4096);
    let began = Instant::now();
    assert_eq!(wait(&[&first, &here], Some(LIMIT)), [1]);
    assert!(began.elapsed() >= SOON);
    let mut here = here;
    here.recv_bytes().unwrap();
    assert_eq!(wait(&[&first, &here], Some(LIMIT)), [1]);
    assert!(matches!(here.recv_bytes(), Err(RecvError::EndOfFile)));
    waker.join().unwrap();
    assert_eq!(wait::<Connection>(&[], Some(SOON)), []);
}

/// An end that a worker gets, as bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct End {
    len: u64,
    bytes: [u8; 240],
}

impl End {
    fn new(connection: Connection) -> (End, ConnectionHandle) {
        let handle = connection.give();
        let packed = postcard::to_stdvec(&handle).unwrap();
        let mut bytes = [0; 240];
        bytes[..packed.len()].copy_from_slice(&packed);
        (End { len: packed.len() as u64, bytes }, handle)
    }

    fn attach(&self) -> Connection {
        let handle: ConnectionHandle = postcard::from_bytes(&self.bytes[..self.len as usize]).unwrap();
        handle.attach().unwrap()
    }
}

/// A worker at the other end.
fn worker(workers: &Workers, start: impl FnOnce(&Workers, End) -> Ticket<u64>) -> (Ticket<u64>, Connection) {
    let (here, there) = ends(1 << 16);
    (start(workers, End::new(there).0), here)
}

fn echo(end: End) -> u64 {
    let mut end = end.attach();
    let mut count = 0;
    while let Ok(message) = end.recv_bytes() {
        if end.send_bytes(&message).is_err() {
            break;
        }
        count += 1;
    }
    count
}

#[test]
fn between_processes() {
    let workers = Workers::start(1).unwrap();
    let (ticket, mut here) = worker(&workers, |workers, end| workers.submit(0, echo, end).unwrap());
    for n in 0..300 {
        let message = bytes(n, (n * n) as usize);
        here.send_bytes(&message).unwrap();
        assert_eq!(here.recv_bytes().unwrap(), message);
    }
    here.close();
    assert_eq!(ticket.wait(later()), Ok(300));
}

fn send_descriptor(end: End) -> u64 {
    let mut file =
        std::fs::File::from(rustix::fs::memfd_create("b", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    file.write_all(b"from a worker").unwrap();
    end.attach().send_fd(&file).map_or(0, |()| 1)
}

#[test]
fn a_descriptor_between_processes() {
    let workers = Workers::start(1).unwrap();
    let (ticket, mut here) =
        worker(&workers, |workers, end| workers.submit(0, send_descriptor, end).unwrap());
    let mut file = std::fs::File::from(here.recv_fd().unwrap());
    file.rewind().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "from a worker");
    assert_eq!(ticket.wait(later()), Ok(1));
}

#[test]
fn an_end_is_given_once() {
    let (mut here, there) = ends(1 << 16);
    let (end, handle) = End::new(there);
    let mut there = handle.clone().attach().unwrap();
    assert!(matches!(handle.attach(), Err(AttachError::Taken)));
    here.send_bytes(b"still").unwrap();
    assert_eq!(there.recv_bytes().unwrap(), b"still");
    let packed: ConnectionHandle = postcard::from_bytes(&end.bytes[..end.len as usize]).unwrap();
    assert!(matches!(packed.attach(), Err(AttachError::Taken)));
}

/// Blocked on a full ring, or an empty one, or in a descriptor, when the other process is killed (CPython #94777).
#[test]
fn the_other_process_is_killed() {
    for what in 0..4 {
        let workers = Workers::start(1).unwrap();
        let (ticket, mut here) = worker(&workers, |workers, end| workers.submit(0, echo, end).unwrap());
        here.send_bytes(b"there?").unwrap();
        here.recv_bytes().unwrap();
        let killer = thread::spawn(move || {
            thread::sleep(SOON * 5);
            workers.kill(0).unwrap();
            workers
        });
        match what {
            0 => assert!(matches!(here.recv_bytes(), Err(RecvError::EndOfFile))),
            1 => {
                let blocked = loop {
                    if let Err(error) = here.send_bytes(&[0; 100_000]) {
                        break error;
                    }
                };
                assert!(matches!(blocked, SendError::Disconnected));
            }
            2 => assert!(matches!(here.send_fd(std::io::stdout()), Err(SendError::Disconnected))),
            _ => assert_eq!(wait(&[&here], Some(LIMIT)), [0]),
        }
        assert!(ticket.wait(later()).is_err());
        // Also whoever merely looks learns it.
        assert!(here.poll(Some(Duration::ZERO)));
        drop(killer.join().unwrap());
    }
}

fn send_and_go([len, ..]: [u64; 1], end: End) -> u64 {
    let mut end = end.attach();
    end.set_send_timeout(Some(Duration::from_millis(200)));
    u64::from(end.send_bytes(&bytes(1, len as usize)).is_ok())
}

fn send_little(end: End) -> u64 {
    send_and_go([5_000], end)
}

fn send_much(end: End) -> u64 {
    send_and_go([500_000], end)
}

/// A sender is joined before its messages are received (CPython #73983): what fits the ring is there afterwards, and what does not
/// fit is the sender's time-out, and never torn.
#[test]
fn joined_before_drained() {
    let workers = Workers::start(2).unwrap();
    let (ticket, mut here) = worker(&workers, |workers, end| workers.submit(0, send_little, end).unwrap());
    assert_eq!(ticket.wait(later()), Ok(1));
    assert_eq!(here.recv_bytes().unwrap(), bytes(1, 5_000));
    assert!(matches!(here.recv_bytes(), Err(RecvError::EndOfFile)));
    let (ticket, mut here) = worker(&workers, |workers, end| workers.submit(1, send_much, end).unwrap());
    assert_eq!(ticket.wait(later()), Ok(0));
    assert!(matches!(here.recv_bytes(), Err(RecvError::EndOfFile)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Messages of any lengths arrive as they were, in order.
    #[test]
    fn any_lengths(lengths in prop::collection::vec(prop_oneof![0_usize..100, 0_usize..100_000], 1..40)) {
        let (mut here, mut there) = ends(1 << 14);
        let sent = lengths.clone();
        let sender = thread::spawn(move || {
            for (n, len) in sent.into_iter().enumerate() {
                here.send_bytes(&bytes(n as u64, len)).unwrap();
            }
        });
        let mut into = vec![0; 100_000];
        for (n, len) in lengths.into_iter().enumerate() {
            if n % 2 == 0 {
                prop_assert_eq!(there.recv_bytes().unwrap(), bytes(n as u64, len));
            } else {
                let got = there.recv_bytes_into(&mut into).unwrap();
                prop_assert_eq!(&into[..got], &bytes(n as u64, len));
            }
        }
        sender.join().unwrap();
    }

    /// Somebody writes anything anywhere while both ends work: they end in time, in an answer or an error.
    #[test]
    fn survives_scribbling(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..40)) {
        let (mut here, mut there) = ends(4096);
        let mut into = vec![0; 10_000];
        for end in [&mut here, &mut there] {
            end.set_send_timeout(Some(SOON));
            end.set_recv_timeout(Some(SOON));
            end.set_spin(Duration::ZERO);
        }
        let memory = here.memory();
        let (start, len) = (memory.as_ptr().addr(), memory.len());
        let other = thread::spawn(move || {
            for n in 0..30 {
                let _ = here.send_bytes(&bytes(n, n as usize * 331));
            }
            here
        });
        let scribbler = thread::spawn(move || {
            use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
            for (place, word) in places {
                let at = start + place.index(len / 8) * 8;
                // SAFETY: a word of the mapping, which both ends keep.
                let place = unsafe { &*core::ptr::with_exposed_provenance::<AtomicU64>(at) };
                place.store(word, Ordering::Relaxed);
                thread::sleep(Duration::from_micros(20));
            }
        });
        for n in 0..30 {
            let _ = if n % 2 == 0 { there.recv_bytes().map(|bytes| bytes.len()) } else { there.recv_bytes_into(&mut into) };
        }
        scribbler.join().unwrap();
        drop(other.join().unwrap());
    }
}
