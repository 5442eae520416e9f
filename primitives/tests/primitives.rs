//! Ordinary tests of every primitive with real threads.
#![cfg(not(any(heddle_loom, heddle_shuttle)))]

use heddle_primitives::spsc::{PopError, PushError, RecvError, RecvUntilError, RingBuffer, SendUntilError};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::{Barrier, BrokenBarrier, Event, Futex, Mutex, Shared, WaitOutcome};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(5);

fn soon() -> Option<Instant> {
    Some(Instant::now() + TICK)
}

#[test]
fn futex_wait_says_why_it_returned() {
    let futex = Futex::new(1);
    assert_eq!(futex.wait(0, None), WaitOutcome::Mismatch);
    let start = Instant::now();
    assert_eq!(futex.wait(1, soon()), WaitOutcome::TimedOut);
    assert!(start.elapsed() >= TICK);
    assert_eq!(futex.wait(1, Some(start)), WaitOutcome::TimedOut, "a deadline in the past");
}

#[test]
fn futex_wake_counts_the_woken() {
    let futex = Futex::new(0);
    assert_eq!(futex.wake_all(), 0);
    thread::scope(|s| {
        let sleepers: Vec<_> = (0..2).map(|_| s.spawn(|| futex.wait(0, None))).collect();
        let mut woken = 0;
        while woken < 2 {
            woken += futex.wake(2);
            thread::yield_now();
        }
        assert_eq!(woken, 2);
        for sleeper in sleepers {
            assert_eq!(sleeper.join().unwrap(), WaitOutcome::Woken);
        }
    });
}

#[test]
fn a_shared_futex_looks_around_without_a_wake() {
    let futex = Futex::<Shared>::new_in(0);
    assert_eq!(futex.wait(0, None), WaitOutcome::Woken);
}

#[test]
fn mutex_excludes() {
    let mutex = Mutex::new(0_u64);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..10_000 {
                    *mutex.lock() += 1;
                }
            });
        }
    });
    assert_eq!(mutex.into_inner(), 40_000);
}

#[test]
fn mutex_gives_up_in_time_and_recovers() {
    let mutex = Mutex::new(());
    let guard = mutex.lock();
    assert!(mutex.try_lock().is_none());
    thread::scope(|s| {
        s.spawn(|| {
            assert!(mutex.try_lock_for(TICK).is_none());
            assert!(mutex.try_lock_until(Instant::now()).is_none());
        });
    });
    assert_eq!(format!("{mutex:?}"), "Mutex { data: <locked> }");
    drop(guard);
    assert!(mutex.try_lock_for(Duration::ZERO).is_some());
}

#[test]
fn event_releases_and_times_out() {
    let event = Event::new();
    assert!(!event.wait_for(TICK));
    thread::scope(|s| {
        let waiters: Vec<_> = (0..3).map(|_| s.spawn(|| event.wait())).collect();
        thread::sleep(TICK);
        event.set();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    assert!(event.is_set());
    event.clear();
    assert!(!event.wait_until(Instant::now()));
}

#[test]
fn a_pulse_releases_who_waits_now() {
    let event = Event::new();
    let waiting = AtomicU32::new(0);
    thread::scope(|s| {
        s.spawn(|| {
            waiting.store(1, Ordering::Relaxed);
            event.wait();
        });
        while waiting.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        thread::sleep(TICK);
        event.set();
        event.clear();
    });
}

#[test]
fn barrier_has_one_leader_a_phase() {
    for spin in [Duration::ZERO, Duration::from_micros(2)] {
        let barrier = Barrier::new(3).with_spin(spin);
        let leaders = AtomicU32::new(0);
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    for phase in 1..=200 {
                        if barrier.wait().is_leader() {
                            leaders.fetch_add(1, Ordering::Relaxed);
                        }
                        barrier.wait();
                        assert_eq!(leaders.load(Ordering::Relaxed), phase);
                        barrier.wait();
                    }
                });
            }
        });
    }
}

#[test]
fn barrier_breaks_by_time_out_and_by_abort() {
    let barrier = Barrier::new(2);
    assert_eq!(barrier.checked_wait_until(Instant::now() + TICK), Err(BrokenBarrier));
    assert!(barrier.is_broken());
    assert_eq!(barrier.checked_wait(), Err(BrokenBarrier));

    let barrier = Barrier::new(3);
    thread::scope(|s| {
        let waiters: Vec<_> = (0..2).map(|_| s.spawn(|| barrier.checked_wait())).collect();
        thread::sleep(TICK);
        barrier.abort();
        barrier.abort();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(BrokenBarrier));
        }
    });
}

#[test]
fn barriers_for_nobody_and_for_one_do_not_wait() {
    for n in [0, 1] {
        let barrier = Barrier::new(n);
        for _ in 0..5 {
            assert!(barrier.wait().is_leader());
        }
    }
}

#[test]
fn spsc_keeps_order_and_knows_its_limits() {
    let (mut producer, mut consumer) = RingBuffer::new(3);
    assert_eq!(consumer.pop(), Err(PopError::Empty));
    for n in 0..3 {
        assert_eq!(producer.slots(), 3 - n);
        producer.push(n).unwrap();
    }
    assert!(producer.is_full());
    assert_eq!(producer.push(9), Err(PushError::Full(9)));
    assert_eq!(consumer.peek(), Ok(&0));
    assert_eq!((0..3).map(|_| consumer.pop().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(consumer.is_empty() && !consumer.is_abandoned());
}

#[test]
fn spsc_of_capacity_zero_is_always_full() {
    let (mut producer, consumer) = RingBuffer::new(0);
    assert_eq!(producer.push(1), Err(PushError::Full(1)));
    assert_eq!(producer.send_until(1, Instant::now()), Err(SendUntilError::TimedOut(1)));
    drop(consumer);
    assert!(producer.send(1).is_err());
}

#[test]
fn spsc_blocks_and_disconnects() {
    let (mut producer, mut consumer) = RingBuffer::new(2);
    thread::scope(|s| {
        s.spawn(move || {
            for n in 0..10_000_u32 {
                producer.send(n).unwrap();
            }
        });
        for n in 0..10_000 {
            assert_eq!(consumer.recv(), Ok(n));
        }
        assert_eq!(consumer.recv(), Err(RecvError));
    });
    let (mut producer, mut consumer) = RingBuffer::<u8>::new(1);
    assert_eq!(consumer.recv_until(Instant::now() + TICK), Err(RecvUntilError::TimedOut));
    drop(consumer);
    assert!(producer.is_abandoned());
    assert!(producer.send(1).is_err());
}

#[test]
fn spsc_drops_what_is_left() {
    let value = std::sync::Arc::new(());
    let (mut producer, mut consumer) = RingBuffer::new(4);
    for _ in 0..3 {
        producer.push(value.clone()).unwrap();
    }
    drop(consumer.pop().unwrap());
    drop((producer, consumer));
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
}
