//! Real threads, more of them than CPUs, for as long as a test may take.
#![cfg(not(any(heddle_loom, heddle_shuttle, miri)))]

use heddle_primitives::spsc::{RecvUntilError, RingBuffer, SendUntilError};
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::{Barrier, Event, Mutex, Scope, Shared};
use std::time::{Duration, Instant};

const THREADS: u64 = 8;

fn moment() -> Instant {
    Instant::now() + Duration::from_micros(20)
}

fn mutex_under_all_ways_of_locking<S: Scope>() {
    let mutex = Mutex::<_, S>::new_in((0_u64, 0_u64));
    let timed_out = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..THREADS {
            let (mutex, timed_out) = (&mutex, &timed_out);
            s.spawn(move || {
                for round in 0..5_000_u64 {
                    let guard = match (n + round) % 4 {
                        0 => mutex.try_lock(),
                        1 => mutex.try_lock_until(moment()),
                        _ => Some(mutex.lock()),
                    };
                    match guard {
                        Some(mut guard) => {
                            guard.0 += 1;
                            guard.1 += 1;
                        }
                        None => _ = timed_out.fetch_add(1, Ordering::Relaxed),
                    }
                }
            });
        }
    });
    let (a, b) = *mutex.lock();
    assert_eq!(a, b);
    assert_eq!(a + timed_out.load(Ordering::Relaxed), THREADS * 5_000);
}

#[test]
fn mutex() {
    mutex_under_all_ways_of_locking::<heddle_primitives::Private>();
    mutex_under_all_ways_of_locking::<Shared>();
}

#[test]
fn barrier_oversubscribed() {
    for spin in [Duration::ZERO, Duration::from_micros(2), Duration::from_micros(100)] {
        let barrier = Barrier::new(THREADS as u32).with_spin(spin);
        let (arrived, leaders) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|s| {
            for _ in 0..THREADS {
                s.spawn(|| {
                    for phase in 1..=500 {
                        arrived.fetch_add(1, Ordering::Relaxed);
                        leaders.fetch_add(u64::from(barrier.wait().is_leader()), Ordering::Relaxed);
                        assert!(arrived.load(Ordering::Relaxed) >= phase * THREADS);
                    }
                });
            }
        });
        assert_eq!(leaders.load(Ordering::Relaxed), 500);
    }
}

/// Whatever the timing, all members of a phase agree on whether it completed.
#[test]
fn barrier_time_outs_are_all_or_nothing() {
    for round in 0..300 {
        let barrier = Barrier::new(3);
        let passed = AtomicU64::new(0);
        thread::scope(|s| {
            for n in 0..3_u64 {
                let (barrier, passed) = (&barrier, &passed);
                s.spawn(move || {
                    let deadline = Instant::now() + Duration::from_micros((round % 60) * 2 + n * 10);
                    passed.fetch_add(
                        u64::from(barrier.checked_wait_until(deadline).is_ok()),
                        Ordering::Relaxed,
                    );
                });
            }
        });
        assert!(matches!(passed.load(Ordering::Relaxed), 0 | 3));
    }
}

#[test]
fn event_hands_work_over() {
    let (event, work) = (Event::new(), AtomicU64::new(0));
    thread::scope(|s| {
        for _ in 0..THREADS {
            s.spawn(|| {
                for _ in 0..2_000 {
                    work.fetch_add(1, Ordering::Relaxed);
                    event.set();
                }
            });
        }
        while work.load(Ordering::Relaxed) < THREADS * 2_000 {
            assert!(event.wait_for(Duration::from_secs(20)), "a set was lost");
            event.clear();
        }
    });
}

#[test]
fn spsc_pairs_with_time_outs() {
    thread::scope(|s| {
        for capacity in 1..=THREADS as usize / 2 {
            let (mut producer, mut consumer) = RingBuffer::new(capacity);
            s.spawn(move || {
                for n in 0..20_000_u32 {
                    let mut value = n;
                    while let Err(error) = producer.send_until(value, moment()) {
                        let SendUntilError::TimedOut(back) = error else { panic!("the consumer left") };
                        value = back;
                    }
                }
            });
            s.spawn(move || {
                for n in 0..20_000 {
                    loop {
                        match consumer.recv_until(moment()) {
                            Ok(value) => break assert_eq!(value, n),
                            Err(RecvUntilError::TimedOut) => {}
                            Err(RecvUntilError::Disconnected) => panic!("{n} was lost"),
                        }
                    }
                }
                assert!(consumer.recv().is_err());
            });
        }
    });
}
