//! Memory that goes, values that must go once, numbers that come round.

use crate::support::*;
use heddle_primitives::channel::{TrySendError, bounded};
use heddle_primitives::deque::{Injector, Worker};
use heddle_primitives::oneshot::{Receiver, RecvTimeoutError, Sender, Slot};
use heddle_primitives::spsc::{Buffer, Consumer, Indices, Producer, RingBuffer};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::cell::UnsafeCell;
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::*;
use std::mem::MaybeUninit;
use std::time::Duration;

/// Two numbers that wrap after 2^30 and 2^32: an event's clears, and a queue's positions.
#[test]
fn r04_numbers_wrap() {
    const AWAITED: u32 = 2;
    const CLEAR: u32 = 4;

    let event = Event::new();
    // SAFETY: an event is its word, and nobody else uses it yet.
    let word = unsafe { &*(&raw const event).cast::<Futex>() }.word();
    word.store(0_u32.wrapping_sub(5 * CLEAR), Ordering::Relaxed);
    thread::scope(|s| {
        let waiter = s.spawn(|| {
            for n in 1..=10 {
                assert!(event.wait_for(Duration::from_secs(20)), "pulse {n} was missed");
            }
        });
        for _ in 1..=10 {
            // It has read the number of clears before it says that it sleeps.
            while word.load(Ordering::Relaxed) & AWAITED == 0 && !waiter.is_finished() {
                thread::yield_now();
            }
            // Asleep, so that it wakes when all is over and has nothing but the number to go by.
            thread::sleep(Duration::from_micros(300));
            event.set();
            event.clear();
        }
    });
    assert_eq!(word.load(Ordering::Relaxed) / CLEAR, 5);

    struct Ring {
        indices: Indices,
        slots: [UnsafeCell<MaybeUninit<u32>>; 4],
    }
    // SAFETY: the ends keep off each other's slots.
    unsafe impl Sync for Ring {}
    // SAFETY: both are where the ring is, which does not move while it is borrowed; numbers have no invalid bytes.
    unsafe impl Buffer<u32> for &Ring {
        type Scope = heddle_primitives::Private;

        fn indices(&self) -> &Indices {
            &self.indices
        }

        fn slots(&self) -> &[UnsafeCell<MaybeUninit<u32>>] {
            &self.slots
        }
    }
    let ring = Ring { indices: Indices::new(), slots: [const { UnsafeCell::new(MaybeUninit::uninit()) }; 4] };
    let lines = (&raw const ring.indices).cast::<AtomicU32>();
    for line in [0, size_of::<Indices>() / 2 / size_of::<AtomicU32>()] {
        // SAFETY: inside the counters.
        let first = unsafe { lines.add(line) };
        // SAFETY: the tail and the head are the first words of their lines.
        unsafe { &*first }.store(u32::MAX - 100, Ordering::Relaxed);
    }
    // SAFETY: the ring's only producer; the ring stays.
    let mut producer = unsafe { Producer::from_buffer(&ring) };
    // SAFETY: as above, the only consumer.
    let mut consumer = unsafe { Consumer::from_buffer(&ring) };
    thread::scope(|s| {
        s.spawn(|| (0..1_000).for_each(|n| producer.send(n).unwrap()));
        (0..1_000).for_each(|n| assert_eq!(consumer.recv(), Ok(n)));
    });
    assert!(ring.indices.is_empty());
}

/// `hold` gets what is to be released later; who then had to wait frees the memory at once, while the release may still be under way.
fn freed_at_once<T>(fresh: fn() -> T, hold: for<'a> fn(&'a T) -> Box<dyn FnOnce() + 'a>, wait: fn(&T)) {
    for round in 0..1_000 {
        let page = Page::map();
        assert!(size_of::<T>() <= PAGE);
        // SAFETY: the page is large enough, aligned, and used by nobody yet.
        unsafe { page.0.cast::<T>().write(fresh()) };
        let release = hold(page.get::<T>());
        thread::scope(|s| {
            s.spawn(|| {
                wait(page.get::<T>());
                page.unmap();
            });
            // Asleep, spinning or just in time, depending on the round.
            (0..round % 50 * 40).for_each(|_| std::hint::black_box(()));
            if round % 20 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            release();
        });
    }
}

#[test]
fn r05_unlock_touches_nothing_after_the_release() {
    fn later<'a, G: 'a>(guard: G) -> Box<dyn FnOnce() + 'a> {
        Box::new(move || drop(guard))
    }
    freed_at_once::<FairMutex<u32>>(Mutex::default, |lock| later(lock.lock()), |lock| *lock.lock() += 1);
    freed_at_once::<Mutex<u32>>(
        Mutex::default,
        |lock| {
            let guard = lock.lock();
            Box::new(|| MutexGuard::unlock_fair(guard))
        },
        |lock| *lock.lock() += 1,
    );
    freed_at_once::<ReentrantMutex<u32>>(
        ReentrantMutex::default,
        |lock| later((lock.lock(), lock.lock())),
        |lock| assert_eq!(*lock.lock(), 0),
    );
    freed_at_once(|| Semaphore::new(3), |all| later(all.acquire_many(3)), |all| all.acquire_many(2).forget());
    freed_at_once(
        || BoundedSemaphore::new(3),
        |all| later(all.acquire_many(2)),
        |all| all.acquire_many(3).forget(),
    );
    freed_at_once(
        OnceLock::<u32>::new,
        |place| Box::new(|| place.set(7).unwrap()),
        |place| assert_eq!(place.wait(), &7),
    );
    freed_at_once(|| Latch::new(2), |latch| Box::new(|| _ = latch.count_down_by(2)), Latch::wait);
    freed_at_once(Event::new, |event| Box::new(|| event.set()), Event::wait);
}

/// A wake that comes late hits whatever lives at the address by then: nobody is released by it who should not be, and nobody is
/// left behind.
#[test]
fn r05_stray_wakes_change_nothing() {
    let (latch, barrier, once, condvar) = (Latch::new(1), Barrier::new(2), Once::new(), Condvar::new());
    let (lock, reentrant, mutex) = (RwLock::new(0), ReentrantMutex::new(0), Mutex::new(()));
    let slot: Slot<u32> = Slot::new();
    let stop = AtomicU32::new(0);
    let waits: [&(dyn Fn() -> bool + Sync); 7] = [
        &|| !latch.wait_for(TICK),
        &|| barrier.checked_wait_for(TICK).is_err(),
        &|| !once.wait_for(TICK),
        &|| condvar.wait_for(&mut mutex.lock(), TICK).timed_out(),
        &|| lock.try_write_for(TICK).is_none(),
        &|| reentrant.try_lock_for(TICK).is_none(),
        &|| {
            // SAFETY: the slot is empty, has no sender, and this is its only receiver.
            let receiver: Receiver<u32, _> = unsafe { Receiver::from_home(&slot) };
            let result = receiver.recv_timeout(TICK);
            std::mem::forget(receiver);
            result == Err(RecvTimeoutError::Timeout)
        },
    ];
    let released: [&(dyn Fn() + Sync); 5] = [
        &|| latch.wait(),
        &|| _ = barrier.wait(),
        &|| once.wait(),
        &|| (0..500).for_each(|_| *lock.write() += 1),
        &|| (0..500).for_each(|_| *lock.write() += 1),
    ];
    thread::scope(|s| {
        // Whichever of its words a primitive sleeps on.
        fn words<T>(of: &T) -> &[Futex] {
            // SAFETY: all words of it are atomic, or not written during the test, and a futex wake only needs their addresses.
            unsafe { std::slice::from_raw_parts((&raw const *of).cast(), size_of::<T>() / 4) }
        }
        let all = [words(&latch), words(&barrier), words(&once), words(&condvar), words(&lock)];
        let more = [words(&reentrant), words(&mutex), words(&slot)];
        let stop = &stop;
        s.spawn(move || {
            while stop.load(Ordering::Relaxed) == 0 {
                all.iter().chain(&more).for_each(|words| words.iter().for_each(|word| _ = word.wake_all()));
            }
        });
        let guards = (lock.read(), reentrant.lock());
        let waiters: Vec<_> = waits.into_iter().map(|wait| s.spawn(wait)).collect();
        for (n, waiter) in waiters.into_iter().enumerate() {
            assert!(waiter.join().unwrap(), "wait {n} was ended by a stray wake");
        }
        drop(guards);
        barrier.reset();
        let waiters: Vec<_> = released.into_iter().map(|wait| s.spawn(wait)).collect();
        thread::sleep(TICK);
        latch.count_down();
        barrier.wait();
        once.call_once(|| {});
        // SAFETY: the receiver above is gone without a trace; this is the slot's only sender.
        unsafe { Sender::from_home(&slot) }.send(1).unwrap();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        stop.store(1, Ordering::Relaxed);
    });
    assert_eq!(lock.into_inner(), 1_000);
}

/// What is left when the last owner goes is dropped once, and nothing that was taken out.
#[test]
fn r08_values_are_dropped_once() {
    let value = Arc::new(());
    let alone = |name: &str| assert_eq!(Arc::strong_count(&value), 1, "{name}");
    for taken in 0..4 {
        let (mut producer, mut consumer) = RingBuffer::new(4);
        (0..4).for_each(|_| producer.push(value.clone()).unwrap());
        (0..taken).for_each(|_| drop(consumer.pop().unwrap()));
        if taken % 2 == 0 {
            drop((producer, consumer))
        } else {
            drop((consumer, producer))
        }
        alone("spsc");

        let queue = Queue::new(0);
        (0..4).for_each(|_| queue.put(value.clone()).unwrap());
        (0..taken).for_each(|_| drop(queue.get().unwrap()));
        queue.shutdown(taken == 3);
        drop(queue);
        alone("queue");

        let (injector, worker) = (Injector::new(), Worker::new_lifo());
        (0..100).for_each(|_| injector.push(value.clone()));
        (0..taken).for_each(|_| drop(injector.steal_batch_and_pop(&worker).success()));
        drop(worker.stealer().steal());
        drop((injector, worker));
        alone("injector");

        let (sender, receiver) = bounded(4);
        (0..4).for_each(|_| sender.send(value.clone()).unwrap());
        (0..taken).for_each(|_| drop(receiver.recv().unwrap()));
        drop(sender.try_send(value.clone()).err().map(TrySendError::into_inner));
        drop((sender, receiver));
        alone("channel");
    }
    let lazy = LazyLock::new(|| value.clone());
    drop(lazy);
    alone("lazy, never made");
    let lazy = LazyLock::new(|| value.clone());
    assert_eq!(Arc::strong_count(&*lazy), 2);
    drop(lazy);
    alone("lazy");
}

/// As many threads as slots put one in and take one out: there is always room, and always a value, whoever is preempted.
#[test]
fn r10_nobody_is_refused_in_a_channel() {
    const SLOTS: usize = 4;
    let (sender, receiver) = bounded(SLOTS);
    thread::scope(|s| {
        for _ in 0..SLOTS {
            s.spawn(|| {
                for _ in 0..5_000 {
                    sender.try_send(()).expect("a thread has one value in it at most");
                    receiver.try_recv().expect("this thread has put one in");
                }
            });
        }
    });
    assert!(receiver.is_empty());
}

#[test]
fn r10_a_channel_of_256_goes_round() {
    for capacity in [255, 256, 257, 1 << 16] {
        let (sender, receiver) = bounded(capacity);
        for lap in 0..3 {
            (0..capacity).for_each(|n| sender.try_send((lap, n)).unwrap());
            assert!(sender.is_full() && sender.try_send((lap, 0)).is_err());
            (0..capacity).for_each(|n| assert_eq!(receiver.try_recv(), Ok((lap, n))));
            assert!(receiver.try_recv().is_err());
        }
    }
}
