//! Waits that must end, and that must cost nothing meanwhile.

use crate::support::*;
use heddle_primitives::channel::{bounded, unbounded};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, hint, thread};
use heddle_primitives::*;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Whoever waits so long was forgotten.
const PATIENCE: Duration = Duration::from_secs(20);

/// One waits with patience among others that give up just then; `release` is for all of them.
fn one_among_impatient<T: Sync>(
    fresh: impl Fn() -> T,
    give_up: impl Fn(&T) + Sync,
    wait: impl Fn(&T) -> bool + Sync,
    release: impl Fn(&T),
) {
    for round in 0..300_u32 {
        let shared = fresh();
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| give_up(&shared));
            }
            s.spawn(|| assert!(wait(&shared), "stranded in round {round}"));
            (0..round % 30 * 100).for_each(|_| hint::spin_loop());
            release(&shared);
        });
    }
}

#[test]
fn r01_time_outs_strand_nobody() {
    one_among_impatient(Event::new, |e| _ = e.wait_until(moment()), |e| e.wait_for(PATIENCE), Event::set);
    one_among_impatient(
        || Latch::new(1),
        |latch| _ = latch.wait_until(moment()),
        |latch| latch.wait_for(PATIENCE),
        |latch| _ = latch.count_down(),
    );
    one_among_impatient(
        || Semaphore::new(0),
        |semaphore| drop(semaphore.acquire_until(moment())),
        |semaphore| semaphore.acquire_for(PATIENCE).is_some(),
        |semaphore| semaphore.release(1),
    );
    let bounded_semaphore = || {
        let semaphore = BoundedSemaphore::new(1);
        semaphore.acquire().forget();
        semaphore
    };
    one_among_impatient(
        bounded_semaphore,
        |semaphore| drop(semaphore.acquire_until(moment())),
        |semaphore| semaphore.acquire_for(PATIENCE).is_some(),
        |semaphore| semaphore.release(1).unwrap(),
    );
    one_among_impatient(
        || (Mutex::new(false), Condvar::new()),
        |(mutex, condvar)| _ = condvar.wait_until(&mut mutex.lock(), moment()),
        |(mutex, condvar)| !condvar.wait_while_for(&mut mutex.lock(), |told| !*told, PATIENCE).timed_out(),
        |(mutex, condvar)| {
            *mutex.lock() = true;
            condvar.notify_all();
        },
    );
    one_among_impatient(
        OnceLock::new,
        |place| _ = place.wait_until(moment()),
        |place| place.wait_for(PATIENCE) == Some(&1),
        |place| place.set(1).unwrap(),
    );
    one_among_impatient(
        || bounded(4),
        |(_, receiver)| _ = receiver.recv_deadline(moment()),
        |(_, receiver)| receiver.recv_timeout(PATIENCE) == Ok(1),
        |(sender, _)| (0..4).for_each(|_| sender.send(1).unwrap()),
    );
    one_among_impatient(
        unbounded,
        |(_, receiver)| _ = receiver.recv_deadline(moment()),
        |(_, receiver)| receiver.recv_timeout(PATIENCE) == Ok(1),
        |(sender, _)| (0..4).for_each(|_| sender.send(1).unwrap()),
    );
    one_among_impatient(
        || Queue::new(0),
        |queue| _ = queue.get_timeout(Duration::from_micros(20)),
        |queue| queue.get_timeout(PATIENCE) == Ok(1),
        |queue| (0..4).for_each(|_| queue.put(1).unwrap()),
    );
}

/// Two threads hand over to each other, ever so long after the other began to wait: it spins, falls asleep or sleeps.
fn to_and_fro<T: Sync>(
    name: &str,
    pinned: bool,
    fresh: impl Fn() -> T,
    give: impl Fn(&T) + Sync,
    take: impl Fn(&T) -> bool + Sync,
) {
    let pair = [fresh(), fresh()];
    thread::scope(|s| {
        for me in 0..2 {
            let (pair, give, take) = (&pair, &give, &take);
            s.spawn(move || {
                if pinned {
                    pin_to_one_cpu();
                }
                for round in 0..800_u32 {
                    if me == 0 || round != 0 {
                        if !pinned {
                            let from = Instant::now();
                            let dawdle = Duration::from_nanos((round * 577 % 25_000).into());
                            while from.elapsed() < dawdle {}
                        }
                        give(&pair[me]);
                    }
                    assert!(take(&pair[1 - me]), "{name}: forgotten in round {round}");
                }
                give(&pair[me]);
            });
        }
    });
}

/// Everything that one thread can wait for and another can bring about, again and again.
fn all_to_and_fro(pinned: bool) {
    to_and_fro("event", pinned, Event::new, Event::set, |event| {
        event.wait_for(PATIENCE) && {
            event.clear();
            true
        }
    });
    to_and_fro(
        "semaphore",
        pinned,
        || Semaphore::new(0),
        |semaphore| semaphore.release(1),
        |semaphore| semaphore.acquire_for(PATIENCE).map(SemaphorePermit::forget).is_some(),
    );
    to_and_fro(
        "condvar",
        pinned,
        || (Mutex::new(0_u32), Condvar::new()),
        |(mutex, condvar)| {
            *mutex.lock() += 1;
            condvar.notify_one();
        },
        |(mutex, condvar)| {
            let mut given = mutex.lock();
            let told = !condvar.wait_while_for(&mut given, |given| *given == 0, PATIENCE).timed_out();
            *given -= u32::from(told);
            told
        },
    );
    to_and_fro(
        "parker",
        pinned,
        || {
            let parker = Parker::new();
            (parker.unparker().clone(), Mutex::new(parker))
        },
        |(unparker, _)| unparker.unpark(),
        |(_, parker)| parker.lock().park_timeout(PATIENCE),
    );
    for capacity in [1, 3] {
        to_and_fro(
            "channel with a buffer",
            pinned,
            || bounded(capacity),
            |(sender, _)| sender.send(()).unwrap(),
            |(_, receiver)| receiver.recv_timeout(PATIENCE).is_ok(),
        );
    }
    to_and_fro(
        "channel without an end",
        pinned,
        unbounded,
        |(sender, _)| sender.send(()).unwrap(),
        |(_, receiver)| receiver.recv_timeout(PATIENCE).is_ok(),
    );
    to_and_fro(
        "spsc",
        pinned,
        || {
            let (producer, consumer) = spsc::RingBuffer::new(2);
            (Mutex::new(producer), Mutex::new(consumer))
        },
        |(producer, _)| producer.lock().send(()).unwrap(),
        |(_, consumer)| consumer.lock().recv_until(Instant::now() + PATIENCE).is_ok(),
    );
    to_and_fro(
        "queue",
        pinned,
        || Queue::new(0),
        |queue| queue.put(()).unwrap(),
        |queue| queue.get_timeout(PATIENCE).is_ok(),
    );
    // What serves once is made anew by whoever has taken it; the giver waits for that.
    to_and_fro(
        "oneshot",
        pinned,
        || {
            let (sender, receiver) = oneshot::channel();
            (Mutex::new(Some(sender)), Mutex::new(receiver))
        },
        |(sender, _)| {
            let sender = loop {
                if let Some(sender) = sender.lock().take() {
                    break sender;
                }
                thread::yield_now();
            };
            sender.send(()).unwrap();
        },
        |(sender, receiver)| {
            let mut receiver = receiver.lock();
            let given = receiver.recv_timeout(PATIENCE).is_ok();
            let (next_sender, next) = oneshot::channel();
            *receiver = next;
            *sender.lock() = Some(next_sender);
            given
        },
    );
    to_and_fro(
        "latch",
        pinned,
        || Mutex::new(Arc::new(Latch::new(1))),
        |shared| _ = shared.lock().count_down(),
        |shared| {
            let latch = shared.lock().clone();
            let open = latch.wait_for(PATIENCE);
            *shared.lock() = Arc::new(Latch::new(1));
            open
        },
    );
}

#[test]
fn r02_r03_nobody_sleeps_beside_what_is_there() {
    all_to_and_fro(false);
}

/// Sleeping hands over in 2 us; each wait that kept the CPU would last until the end of a time slice, milliseconds.
#[test]
fn r07_hand_over_on_one_cpu() {
    let start = Instant::now();
    all_to_and_fro(true);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

/// What the calling thread has used of a CPU.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn r07_who_waits_sleeps() {
    waits_use_no_cpu_time(false);
}

/// rust #106668: who waits at a full channel keeps the one CPU busy that the other side needs.
#[test]
fn r07_who_waits_sleeps_on_one_cpu() {
    waits_use_no_cpu_time(true);
}

/// Each kind of wait for what does not come, all at the same time, each in a thread of its own.
fn waits_use_no_cpu_time(pinned: bool) {
    const LONG: Duration = Duration::from_millis(200);
    let far = || Instant::now() + LONG;

    let (mutex, fair, reentrant) = (Mutex::new(0), Mutex::new_fair(0), ReentrantMutex::new(0));
    let (read, written, sharded) = (RwLock::new(0), RwLock::new(0), ShardedRwLock::new(0));
    let (semaphore, limited) = (Semaphore::new(1), BoundedSemaphore::new(2));
    let _permit = limited.acquire();
    let (event, latch, barrier) = (Event::new(), Latch::new(1), Barrier::new(2));
    let (place, condvar, futex) = (OnceLock::<u32>::new(), Condvar::new(), Futex::new(0));
    let (queue, full_queue) = (Queue::<u32>::new(0), Queue::new(1));
    full_queue.put(0).unwrap();
    let ((full, _receiver), (_sender, empty), (to_nobody, _nobody)) =
        (bounded(1), bounded::<()>(1), bounded(0));
    full.send(()).unwrap();
    let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();

    let guards = (mutex.lock(), fair.lock(), reentrant.lock(), read.read(), written.write(), sharded.read());
    let waits: [&(dyn Fn() -> bool + Sync); 27] = [
        &|| mutex.try_lock_for(LONG).is_none(),
        &|| fair.try_lock_for(LONG).is_none(),
        &|| reentrant.try_lock_for(LONG).is_none(),
        &|| read.try_write_for(LONG).is_none(),
        &|| written.try_read_for(LONG).is_none(),
        &|| written.try_upgradable_read_for(LONG).is_none(),
        &|| sharded.try_write_for(LONG).is_none(),
        &|| semaphore.acquire_many_for(2, LONG).is_none(),
        &|| limited.acquire_many_for(2, LONG).is_none(),
        &|| !event.wait_for(LONG),
        &|| !latch.wait_for(LONG),
        &|| barrier.checked_wait_for(LONG).is_err(),
        &|| place.wait_for(LONG).is_none(),
        &|| condvar.wait_for(&mut Mutex::new(()).lock(), LONG).timed_out(),
        &|| futex.wait(0, Some(far())) == WaitOutcome::TimedOut,
        &|| !Parker::new().park_timeout(LONG),
        &|| {
            let group = WaitGroup::new();
            let _other = group.clone();
            !group.wait_for(LONG)
        },
        &|| {
            let (_sender, receiver) = oneshot::channel::<u32>();
            receiver.recv_timeout(LONG).is_err()
        },
        &|| {
            let (_producer, mut consumer) = spsc::RingBuffer::<u32>::new(1);
            consumer.recv_until(far()).is_err()
        },
        &|| {
            let (mut producer, _consumer) = spsc::RingBuffer::new(1);
            producer.push(0).unwrap();
            producer.send_until(1, far()).is_err()
        },
        &|| full.send_timeout((), LONG).is_err(),
        &|| empty.recv_timeout(LONG).is_err(),
        &|| to_nobody.send_timeout((), LONG).is_err(),
        &|| queue.get_timeout(LONG).is_err(),
        &|| full_queue.put_timeout(1, LONG).is_err(),
        &|| !full_queue.join_timeout(LONG),
        &|| threading::Thread::start(|| thread::sleep(2 * LONG)).join_timeout(LONG).is_err(),
    ];
    thread::scope(|s| {
        for (n, wait) in waits.into_iter().enumerate() {
            s.spawn(move || {
                if pinned {
                    pin_to_one_cpu();
                }
                let before = cpu_time();
                assert!(wait(), "wait {n} has ended");
                let used = cpu_time() - before;
                assert!(used < LONG / 20, "wait {n} has used the CPU for {used:?}");
            });
        }
    });
    drop(guards);

    // A task that sleeps, so that the pool's own thread does not use the CPU in the place of who waits.
    let handle = pool.submit(|| thread::sleep(2 * LONG));
    let before = cpu_time();
    assert!(handle.join_timeout(LONG).is_err());
    assert!(cpu_time() - before < LONG / 20);
}

/// Of those who sleep all are released, by one call, again and again.
fn releases_all<T: Sync>(
    fresh: impl Fn() -> T,
    wait: impl Fn(&T, Duration) -> bool + Sync,
    release: impl Fn(&T),
) {
    for round in 0..150 {
        let (shared, waiting) = (fresh(), AtomicU32::new(0));
        thread::scope(|s| {
            for _ in 0..6 {
                s.spawn(|| {
                    waiting.fetch_add(1, Ordering::Relaxed);
                    assert!(wait(&shared, PATIENCE), "left behind in round {round}");
                });
            }
            while waiting.load(Ordering::Relaxed) < 6 {
                thread::yield_now();
            }
            // Asleep all, or some and some not.
            thread::sleep(Duration::from_micros(round % 3 * 50));
            release(&shared);
        });
    }
}

#[test]
fn r17_all_sleepers_are_released() {
    releases_all(Event::new, Event::wait_for, Event::set);
    releases_all(|| Latch::new(1), Latch::wait_for, |latch| assert!(latch.count_down()));
    releases_all(
        || Barrier::new(7),
        |barrier, patience| barrier.checked_wait_for(patience).is_ok(),
        |barrier| _ = barrier.wait(),
    );
    releases_all(Once::new, Once::wait_for, |once| once.call_once(|| {}));
    releases_all(
        || Semaphore::new(0),
        |semaphore, patience| semaphore.acquire_for(patience).map(SemaphorePermit::forget).is_some(),
        |semaphore| semaphore.release(6),
    );
    releases_all(
        || (Mutex::new(false), Condvar::new()),
        |(mutex, condvar), patience| {
            !condvar.wait_while_for(&mut mutex.lock(), |told| !*told, patience).timed_out()
        },
        |(mutex, condvar)| {
            *mutex.lock() = true;
            condvar.notify_all();
        },
    );
    releases_all(
        || Queue::<u32>::new(0),
        |queue, patience| queue.get_timeout(patience) == Err(queue::GetError::ShutDown),
        |queue| queue.shutdown(false),
    );
    releases_all(
        unbounded::<u32>,
        |(_, receiver), patience| receiver.recv_timeout(patience).is_err() && receiver.is_disconnected(),
        |(_, receiver)| _ = receiver.close(),
    );
}

#[test]
fn r15_huge_time_outs_do_not_overflow() {
    let huge = Duration::MAX;
    let (fair, sharded, semaphore) = (Mutex::new_fair(0), ShardedRwLock::new(0), BoundedSemaphore::new(1));
    let (group, barrier) = (WaitGroup::new(), Barrier::new(2).with_spin(huge));
    let (queue, pool) = (Queue::new(0), ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let guards = (fair.lock(), sharded.write(), semaphore.acquire());
    let waiting = group.clone();
    thread::scope(|s| {
        s.spawn(|| assert!(fair.try_lock_for(huge).is_some()));
        s.spawn(|| assert!(sharded.try_read_for(huge).is_some()));
        s.spawn(|| assert!(sharded.try_write_for(huge).is_some()));
        s.spawn(|| assert!(semaphore.acquire_for(huge).is_some()));
        s.spawn(|| assert!(waiting.wait_for(huge)));
        s.spawn(|| assert!(barrier.checked_wait_for(huge).is_ok()));
        s.spawn(|| assert!(queue.put_timeout(1, huge).is_ok() && queue.join_timeout(huge)));
        s.spawn(|| assert!(matches!(pool.submit(|| thread::sleep(TICK)).join_timeout(huge), Ok(Ok(())))));
        let slow = threading::Thread::start(|| thread::sleep(TICK));
        s.spawn(|| assert!(matches!(slow.join_timeout(huge), Ok(Ok(())))));
        thread::sleep(TICK);
        drop(guards);
        drop(group);
        barrier.wait();
        assert_eq!(queue.get_timeout(huge), Ok(1));
        queue.task_done().unwrap();
    });
    let never = threading::Timer::start(huge, || unreachable!("the end of time")).unwrap();
    assert!(never.cancel());
    assert!(matches!(never.join(), Ok(None::<()>)));
}
