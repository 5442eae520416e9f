//! What the checkers run: small programs on the public API, whose assertions hold in every execution.
//!
//! The main thread takes part, so a scenario of two threads spawns one. Deadlines are never looked at: under a checker a
//! timed wait may time out whenever it would sleep.
#![allow(dead_code, reason = "loom and shuttle each run a part")]

use heddle_primitives::spsc::{RecvError, RecvUntilError, RingBuffer};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::{Barrier, Event, Futex, Mutex, WaitOutcome};
use std::time::Instant;

/// A plain value whose accesses the checker watches; a race is the checker's to report.
pub struct Plain(UnsafeCell<u32>);

// SAFETY: whether accesses are ordered is what the checker decides, before the value is used.
unsafe impl Sync for Plain {}
// SAFETY: a plain number.
unsafe impl Send for Plain {}

impl Plain {
    pub fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    pub fn get(&self) -> u32 {
        let pointer = self.0.get();
        // SAFETY: the cell outlives the pointer, and the checker has excluded a writer.
        unsafe { *pointer.deref() }
    }

    pub fn set(&self, value: u32) {
        let pointer = self.0.get_mut();
        // SAFETY: the cell outlives the pointer, and the checker has excluded everybody else.
        unsafe { *pointer.deref() = value }
    }
}

/// Runs `work` in `threads` threads, the main one included, with a number from 0, and joins them.
pub fn team<T: Send + Sync + 'static>(
    threads: u32,
    shared: &Arc<T>,
    work: impl Fn(&T, u32) + Clone + Send + 'static,
) {
    let others: Vec<_> = (1..threads)
        .map(|n| {
            let (shared, work) = (shared.clone(), work.clone());
            thread::spawn(move || work(&shared, n))
        })
        .collect();
    work(shared, 0);
    for other in others {
        other.join().unwrap();
    }
}

// Mutex

pub fn mutex_counts(threads: u32, rounds: u32) {
    let mutex = Arc::new(Mutex::new(0));
    team(threads, &mutex, move |mutex, _| {
        for _ in 0..rounds {
            *mutex.lock() += 1;
        }
    });
    assert_eq!(*mutex.lock(), threads * rounds);
}

/// One thread gives up; the others must still get the lock.
pub fn mutex_time_out_strands_nobody(threads: u32) {
    let mutex = Arc::new(Mutex::new(0));
    team(threads, &mutex, move |mutex, n| {
        if n == threads - 1 {
            if let Some(mut guard) = mutex.try_lock_until(Instant::now()) {
                *guard += 1;
            }
        } else {
            *mutex.lock() += 1;
        }
    });
    let total = *mutex.lock();
    assert!(total == threads || total == threads - 1);
}

pub fn mutex_try_lock() {
    let mutex = Arc::new(Mutex::new(0));
    team(2, &mutex, |mutex, _| {
        if let Some(mut guard) = mutex.try_lock() {
            *guard += 1;
        }
    });
    assert!((1..=2).contains(&*mutex.lock()), "the first to come finds the lock free");
}

// Event

pub fn event_passes_a_message(waiters: u32) {
    let shared = Arc::new((Event::new(), Plain::new()));
    team(waiters + 1, &shared, |(event, data), n| {
        if n == 0 {
            data.set(7);
            event.set();
        } else {
            event.wait();
            assert_eq!(data.get(), 7);
        }
    });
}

pub fn event_times_out_or_passes() {
    let shared = Arc::new((Event::new(), Plain::new()));
    team(2, &shared, |(event, data), n| {
        if n == 0 {
            data.set(7);
            event.set();
        } else if event.wait_until(Instant::now()) {
            assert_eq!(data.get(), 7);
        }
    });
}

/// "Wait, clear, look for work" misses nothing, although a set may be swallowed by the clear.
pub fn event_swallowed_set_is_seen() {
    let shared = Arc::new((Event::new(), AtomicU32::new(0)));
    team(2, &shared, |(event, work), n| {
        if n == 0 {
            for done in 1..=2 {
                work.store(done, Ordering::Relaxed);
                event.set();
            }
        } else {
            while work.load(Ordering::Relaxed) < 2 {
                event.wait();
                event.clear();
            }
        }
    });
}

/// A waiter is released by a set that is cleared at once, or by the next.
pub fn event_pulse() {
    let shared = Arc::new((Event::new(), Plain::new()));
    team(2, &shared, |(event, data), n| {
        if n == 0 {
            data.set(7);
            event.set();
            event.clear();
            event.set();
        } else {
            event.wait();
            assert_eq!(data.get(), 7);
        }
    });
}

// Barrier

/// What each party writes before a wait all see after it, and one of them leads.
pub fn barrier_phases(parties: u32, phases: u32) {
    struct Shared {
        barrier: Barrier,
        written: Vec<Plain>,
        leaders: AtomicU32,
    }
    let shared = Arc::new(Shared {
        barrier: Barrier::new(parties),
        written: (0..parties * phases).map(|_| Plain::new()).collect(),
        leaders: AtomicU32::new(0),
    });
    team(parties, &shared, move |shared, n| {
        for phase in 0..phases {
            let written = &shared.written[(phase * parties) as usize..][..parties as usize];
            written[n as usize].set(phase + 1);
            if shared.barrier.wait().is_leader() {
                shared.leaders.fetch_add(1, Ordering::Relaxed);
            }
            assert!(written.iter().all(|value| value.get() == phase + 1));
        }
    });
    assert_eq!(shared.leaders.load(Ordering::Relaxed), phases);
}

pub fn barrier_abort() {
    let shared = Arc::new((Barrier::new(2), Plain::new()));
    team(2, &shared, |(barrier, reason), n| {
        if n == 0 {
            reason.set(7);
            barrier.abort();
        } else {
            assert!(barrier.checked_wait().is_err());
            assert!(barrier.is_broken());
            assert_eq!(reason.get(), 7);
        }
    });
}

/// A completed phase stays completed for a member that is slow to leave it.
pub fn barrier_abort_in_the_next_phase() {
    let barrier = Arc::new(Barrier::new(2));
    team(2, &barrier, |barrier, n| {
        assert!(barrier.checked_wait().is_ok());
        if n == 0 {
            barrier.abort();
        } else {
            assert!(barrier.checked_wait().is_err());
        }
    });
}

/// Either all pass, or nobody does.
pub fn barrier_times_out_for_all(parties: u32) {
    let shared = Arc::new((Barrier::new(parties), AtomicU32::new(0), AtomicU32::new(0)));
    team(parties, &shared, |(barrier, passed, leaders), n| {
        let result = if n == 0 { barrier.checked_wait_until(Instant::now()) } else { barrier.checked_wait() };
        if let Ok(result) = result {
            passed.fetch_add(1, Ordering::Relaxed);
            leaders.fetch_add(u32::from(result.is_leader()), Ordering::Relaxed);
        }
    });
    let (barrier, passed, leaders) = &*shared;
    match passed.load(Ordering::Relaxed) {
        0 => assert!(barrier.is_broken()),
        passed => {
            assert_eq!((passed, leaders.load(Ordering::Relaxed)), (parties, 1));
            assert!(!barrier.is_broken());
        }
    }
}

// spsc

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

// Futex

/// A wake after the change is never lost, and the number of the woken is right.
pub fn futex_wakes() {
    let shared = Arc::new((Futex::new(0), AtomicU32::new(0)));
    team(2, &shared, |(futex, woken), n| {
        if n == 0 {
            futex.word().swap(1, Ordering::Release);
            woken.fetch_add(futex.wake_all(), Ordering::Relaxed);
        } else {
            while futex.word().load(Ordering::Acquire) == 0 {
                assert_ne!(futex.wait(0, None), WaitOutcome::TimedOut);
            }
        }
    });
    assert!(shared.1.load(Ordering::Relaxed) <= 1);
}
