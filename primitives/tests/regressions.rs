//! Bugs that others have had, each under the name of what it looked like.
#![cfg(not(any(heddle_loom, heddle_shuttle, miri)))]

use heddle_primitives::spsc::{Buffer, Consumer, Indices, PopError, Producer, PushError, RingBuffer};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::thread;
use heddle_primitives::{Barrier, Event, Futex, Mutex, Private, Shared};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::mem::{MaybeUninit, offset_of};
use std::ptr::null_mut;
use std::time::{Duration, Instant};

const PAGE: usize = 4096;

/// A page of its own, so that touching it after it is gone is a crash.
struct Page(*mut u8);

// SAFETY: an address; what is done through it is the users' concern.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    fn map() -> Self {
        // SAFETY: a new private mapping at an address of the kernel's choice touches no other memory.
        let page = unsafe {
            mmap_anonymous(null_mut(), PAGE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        };
        Self(page.unwrap().cast())
    }

    fn unmap(&self) {
        // SAFETY: the page was mapped by `map` and is unmapped once; the test is about what others still do with it.
        unsafe { munmap(self.0.cast(), PAGE) }.unwrap();
    }

    /// The all-zero page as a `T`, all of whose bytes may be zero.
    fn get<T>(&self) -> &T {
        assert!(size_of::<T>() <= PAGE);
        // SAFETY: the page is mapped, aligned for any `T`, large enough and zero; callers end the borrow before `unmap`.
        unsafe { &*self.0.cast::<T>() }
    }
}

/// glibc 12674, rust #55005: the last user frees the lock while the one before is still in unlock.
#[test]
fn r05_unlock_touches_nothing_after_the_release() {
    for round in 0..2_000 {
        let page = Page::map();
        let first = page.get::<Mutex<u32>>().lock();
        thread::scope(|s| {
            s.spawn(|| {
                // Asleep, spinning or just in time, depending on the round.
                *page.get::<Mutex<u32>>().lock() += 1;
                page.unmap();
            });
            (0..round % 50 * 40).for_each(|_| std::hint::black_box(()));
            if round % 20 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            drop(first);
        });
    }
}

#[test]
fn r05_set_touches_nothing_after_the_release() {
    for round in 0..2_000 {
        let page = Page::map();
        let event = page.get::<Event>();
        thread::scope(|s| {
            s.spawn(|| {
                page.get::<Event>().wait();
                page.unmap();
            });
            if round % 20 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            event.set();
        });
    }
}

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

/// A queue in memory that could be shared: counters and slots in one page.
#[repr(C)]
struct Ring {
    indices: Indices<Shared>,
    slots: [UnsafeCell<MaybeUninit<u64>>; 4],
}

// SAFETY: the fields never move while the page is mapped, which the tests see to; slots are distinct.
unsafe impl Buffer<u64> for &Ring {
    type Scope = Shared;

    fn indices(&self) -> &Indices<Shared> {
        &self.indices
    }

    fn capacity(&self) -> usize {
        4
    }

    fn slot(&self, index: usize) -> &UnsafeCell<MaybeUninit<u64>> {
        &self.slots[index]
    }
}

#[test]
fn a_queue_lives_in_mapped_memory_and_survives_wild_counters() {
    let page = Page::map();
    let ring = page.get::<Ring>();
    // SAFETY: the ring is new, and numbers have no invalid bytes.
    let mut producer = unsafe { Producer::<u64, _>::from_buffer(ring) };
    // SAFETY: as above.
    let mut consumer = unsafe { Consumer::<u64, _>::from_buffer(ring) };
    for round in 0..10 {
        (0..4).for_each(|n| producer.push(round * 4 + n).unwrap());
        assert_eq!(producer.push(0), Err(PushError::Full(0)));
        (0..4).for_each(|n| assert_eq!(consumer.pop(), Ok(round * 4 + n)));
    }
    // SAFETY: the tail is the first field of the producer's line, which comes first.
    let tail = unsafe { &*page.0.cast::<AtomicU32>() };
    // SAFETY: the consumer's line comes 128 bytes later, inside the page.
    let head = unsafe { page.0.add(128) }.cast::<AtomicU32>();
    // SAFETY: the head is the first field of that line.
    let head = unsafe { &*head };
    assert_eq!(offset_of!(Ring, slots), 256);
    for wild in [tail.load(Ordering::Relaxed) + 5, u32::MAX, 1 << 31] {
        tail.store(wild, Ordering::Relaxed);
        assert_eq!(consumer.pop(), Err(PopError::Empty));
        assert_eq!(consumer.slots(), 0);
    }
    (0..4).for_each(|n| producer.push(n).unwrap());
    for wild in [0, 39, u32::MAX] {
        head.store(wild, Ordering::Relaxed);
        assert_eq!(producer.push(9), Err(PushError::Full(9)));
    }
    drop((producer, consumer));
    page.unmap();
}
