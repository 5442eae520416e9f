//! What holds for several primitives at once: bugs that others have had, sizes, fresh memory.

use crate::support::*;
use heddle_primitives::spsc::*;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::time::{Duration, Instant};

/// A wake that comes late hits whatever lives at the address by then: everybody must tolerate it.
#[test]
fn r05_stray_wakes_are_tolerated() {
    let (mutex, event, stop) = (Mutex::new(0_u32), Event::new(), AtomicU32::new(0));
    thread::scope(|s| {
        let strays = s.spawn(|| {
            // SAFETY: the word of a mutex is its first field.
            let lock = unsafe { &*(&raw const mutex).cast::<Futex>() };
            // SAFETY: an event is its word.
            let flag = unsafe { &*(&raw const event).cast::<Futex>() };
            while stop.load(Ordering::Relaxed) == 0 {
                lock.wake_all();
                flag.wake_all();
            }
        });
        let workers: Vec<_> =
            (0..3).map(|_| s.spawn(|| (0..2_000).for_each(|_| *mutex.lock() += 1))).collect();
        assert!(!event.wait_for(Duration::from_millis(30)));
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        stop.store(1, Ordering::Relaxed);
        strays.join().unwrap();
    });
    assert_eq!(*mutex.lock(), 6_000);
}

/// crossbeam #821: pinned to one CPU everything became 15 times slower.
#[test]
fn r07_one_cpu_is_no_catastrophe() {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu)).unwrap());
    let start = Instant::now();
    let pin = || sched_setaffinity(None, &one).unwrap();
    let (mut producer, mut consumer) = RingBuffer::new(4);
    let (mutex, barrier) = (Mutex::new(0_u32), Barrier::new(2));
    thread::scope(|s| {
        s.spawn(|| {
            pin();
            for n in 0..5_000_u32 {
                producer.send(n).unwrap();
                *mutex.lock() += 1;
            }
            (0..2_000).for_each(|_| _ = barrier.wait());
        });
        s.spawn(|| {
            pin();
            for n in 0..5_000 {
                assert_eq!(consumer.recv(), Ok(n));
                *mutex.lock() += 1;
            }
            (0..2_000).for_each(|_| _ = barrier.wait());
        });
    });
    assert_eq!(*mutex.lock(), 10_000);
    // Sleeping hands over in 2 us; a spin that never gave way would take a time slice of milliseconds each time.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// crossbeam #798, #953, kanal 68bb153: a huge time-out overflows.
#[test]
fn r15_huge_time_outs_do_not_overflow() {
    let mutex = Mutex::new(0_u32);
    let event = Event::new();
    assert!(mutex.try_lock_for(Duration::MAX).is_some());
    let far = Instant::now() + Duration::from_secs(u32::MAX.into()) * 1000;
    let guard = mutex.lock();
    thread::scope(|s| {
        s.spawn(|| assert!(mutex.try_lock_for(Duration::MAX).is_some()));
        s.spawn(|| assert!(mutex.try_lock_until(far).is_some()));
        s.spawn(|| assert!(event.wait_for(Duration::MAX)));
        s.spawn(|| assert!(event.wait_until(far)));
        thread::sleep(Duration::from_millis(5));
        drop(guard);
        event.set();
    });
    let (mut producer, mut consumer) = RingBuffer::new(1);
    producer.set_spin(Duration::MAX);
    consumer.set_spin(Duration::MAX);
    thread::scope(|s| {
        s.spawn(move || assert_eq!(consumer.recv_until(far), Ok(1)));
        producer.send_until(1, far).unwrap();
    });
}

/// All-zero bytes are a fresh primitive, and each has the size that its documentation promises.
#[test]
fn zeroed_memory_is_fresh_and_laid_out_as_promised() {
    let page = Page::map();
    assert!(!page.get::<Mutex<[u64; 4], Shared>>().is_locked());
    assert!(!page.get::<Event<Shared>>().is_set());
    assert_eq!(page.get::<Barrier<Shared>>().parties(), 1);
    assert!(page.get::<Indices<Shared>>().is_empty());
    page.unmap();
    assert_eq!((size_of::<Futex<Shared>>(), align_of::<Futex<Shared>>()), (4, 4));
    assert_eq!(size_of::<Event<Shared>>(), 4);
    assert_eq!(size_of::<Barrier<Shared>>(), 16);
    assert_eq!(size_of::<Mutex<u8, Shared>>(), 8);
    assert_eq!(size_of::<Mutex<u64, Private>>(), 16);
    assert_eq!(size_of::<Indices<Shared>>(), 256);
    assert_eq!(size_of::<UnsafeCell<u64>>(), 8);
}
