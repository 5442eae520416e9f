//! RwLock and ShardedRwLock.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::*;
use proptest::prelude::*;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::time::{Duration, Instant};

#[test]
fn readers_share_and_writers_do_not() {
    let lock = RwLock::new(1);
    let (a, b) = (lock.read(), lock.read());
    assert_eq!(*a + *b, 2);
    assert!(lock.try_write().is_none());
    assert!(lock.is_locked() && !lock.is_locked_exclusive());
    assert_eq!(format!("{lock:?}"), "RwLock { data: 1 }");
    drop((a, b));
    let mut guard = lock.write();
    *guard += 1;
    assert!(lock.try_read().is_none() && lock.try_upgradable_read().is_none());
    assert!(lock.is_locked_exclusive());
    assert_eq!(format!("{lock:?}"), "RwLock { data: <locked> }");
    drop(guard);
    assert!(!lock.is_locked());
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn gives_up_in_time_and_recovers() {
    let mut lock = RwLock::new(0);
    let guard = lock.write();
    assert!(lock.try_read_for(TICK).is_none());
    assert!(lock.try_read_until(Instant::now()).is_none());
    assert!(lock.try_read_recursive_for(TICK).is_none());
    assert!(lock.try_upgradable_read_for(TICK).is_none());
    assert!(lock.try_write_for(TICK).is_none());
    drop(guard);
    let guard = lock.read();
    assert!(lock.try_write_until(Instant::now()).is_none());
    // The writer has gone and keeps nobody out.
    assert!(lock.try_read().is_some());
    assert!(lock.try_upgradable_read_for(Duration::ZERO).is_some());
    drop(guard);
    assert!(lock.try_write_until(Instant::now()).is_some());
    *lock.get_mut() = 3;
    assert_eq!(*lock.read_recursive(), 3);
}

#[test]
fn upgradable_readers_are_one_beside_readers() {
    let lock = RwLock::new(0);
    let upgradable = lock.upgradable_read();
    assert!(lock.try_upgradable_read().is_none() && lock.try_write().is_none());
    let reader = lock.read();
    let upgradable = RwLockUpgradableReadGuard::try_upgrade(upgradable).unwrap_err();
    let upgradable = RwLockUpgradableReadGuard::try_upgrade_for(upgradable, TICK).unwrap_err();
    // The upgrade has given up and keeps nobody out.
    assert!(lock.try_read().is_some());
    drop(reader);
    let mut writer = RwLockUpgradableReadGuard::try_upgrade_until(upgradable, Instant::now()).unwrap();
    *writer = 1;
    assert!(lock.try_read().is_none());
    let upgradable = RwLockWriteGuard::downgrade_to_upgradable(writer);
    assert!(lock.try_read().is_some() && lock.try_upgradable_read().is_none());
    let reader = RwLockUpgradableReadGuard::downgrade(upgradable);
    assert!(lock.try_upgradable_read().is_some());
    assert_eq!(*reader, 1);
    drop(reader);
    let reader = RwLockWriteGuard::downgrade(lock.write());
    assert!(lock.try_read().is_some() && lock.try_write().is_none());
    assert!(std::ptr::eq(RwLockReadGuard::rwlock(&reader), &lock));
}

#[test]
fn mapped_guards_hold_the_whole() {
    let lock = RwLock::new((1, [2, 3]));
    {
        let part = RwLockReadGuard::map(lock.read(), |data| &data.1);
        let part = MappedRwLockReadGuard::map(part, |pair| &pair[1]);
        assert_eq!(*part, 3);
        assert!(lock.try_write().is_none());
    }
    {
        let part = RwLockWriteGuard::map(lock.write(), |data| &mut data.1);
        let mut part = MappedRwLockWriteGuard::try_map(part, |pair| pair.get_mut(0)).unwrap();
        *part = 4;
        assert!(lock.try_read().is_none());
        MappedRwLockWriteGuard::unlock_fair(part);
    }
    let guard = RwLockReadGuard::try_map(lock.read(), |_| None::<&u8>).unwrap_err();
    assert_eq!(guard.1, [4, 3]);
    drop(guard);
    assert!(RwLockWriteGuard::try_map(lock.write(), |_| None::<&mut u8>).is_err());
    assert!(!lock.is_locked());
}

#[test]
fn arc_guards_keep_the_lock_alive() {
    let lock = Arc::new(RwLock::new(1));
    let upgradable = lock.upgradable_read_arc();
    assert!(lock.try_write_arc().is_none() && lock.try_read_arc().is_some());
    let mut writer = ArcRwLockUpgradableReadGuard::upgrade(upgradable);
    *writer += 1;
    assert!(lock.try_read_arc_for(TICK).is_none() && lock.try_upgradable_read_arc().is_none());
    let reader = ArcRwLockWriteGuard::downgrade(writer);
    let weak = Arc::downgrade(&lock);
    drop(lock);
    assert_eq!(thread::spawn(move || *reader).join().unwrap(), 2);
    assert!(weak.upgrade().is_none());
    let lock = Arc::new(RwLock::new(1));
    let upgradable = ArcRwLockWriteGuard::downgrade_to_upgradable(lock.write_arc());
    let writer = ArcRwLockUpgradableReadGuard::try_upgrade(upgradable).unwrap();
    ArcRwLockWriteGuard::unlock_fair(writer);
    drop(ArcRwLockUpgradableReadGuard::downgrade(lock.upgradable_read_arc()));
    assert_eq!(Arc::into_inner(lock).unwrap().into_inner(), 1);
}

#[test]
fn guards_go_to_other_threads() {
    let lock = RwLock::new(0);
    let mut guard = RwLockWriteGuard::into_send(lock.write());
    thread::scope(|s| {
        s.spawn(move || {
            *guard = 1;
            drop(guard);
        });
    });
    let guard = RwLockReadGuard::into_send(lock.read());
    thread::scope(|s| s.spawn(move || assert_eq!(*guard, 1)).join().unwrap());
    assert!(lock.try_write().is_some());
    // It goes on as a guard of the thread that got it.
    let guard = RwLockUpgradableReadGuard::into_send(lock.upgradable_read());
    thread::scope(|s| {
        s.spawn(move || {
            let guard = SendRwLockUpgradableReadGuard::into_guard(guard);
            *RwLockUpgradableReadGuard::upgrade(guard) += 1;
        });
    });
    assert_eq!(*lock.try_read().unwrap(), 2);
}

#[test]
#[should_panic(expected = "no room for more than 16777216 readers")]
fn too_many_readers_panic() {
    let lock = RwLock::new(());
    for _ in 0..=1 << 24 {
        std::mem::forget(lock.read());
    }
}

#[test]
fn a_lock_api_lock_works() {
    type Lock<T> = lock_api::RwLock<RawRwLock, T>;
    let lock: Lock<u32> = Lock::new(0);
    {
        let upgradable = lock.upgradable_read();
        assert_eq!(*lock.read(), 0);
        assert!(lock.try_write_for(TICK).is_none());
        let mut guard = lock_api::RwLockUpgradableReadGuard::upgrade(upgradable);
        *guard += 1;
        assert!(lock.try_read_until(Instant::now()).is_none());
        lock_api::RwLockWriteGuard::bump(&mut guard);
        let upgradable = lock_api::RwLockWriteGuard::downgrade_to_upgradable(guard);
        let reader = lock_api::RwLockUpgradableReadGuard::downgrade(upgradable);
        assert_eq!(*reader, 1);
        lock_api::RwLockReadGuard::unlock_fair(reader);
    }
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| (0..1_000).for_each(|_| *lock.write() += 1));
            s.spawn(|| (0..1_000).for_each(|_| _ = *lock.read()));
        }
    });
    assert!(!lock.is_locked());
    assert_eq!(lock.into_inner(), 4_001);
}

/// What one thread can do without waiting.
#[derive(Debug, Clone, Copy)]
enum Op {
    Read,
    Write,
    Upgradable,
    Upgrade,
    Downgrade,
    ToUpgradable,
    Drop(usize),
}

#[allow(dead_code, reason = "a read guard is held and no more")]
enum Held<'a> {
    Read(RwLockReadGuard<'a, u8>),
    Write(RwLockWriteGuard<'a, u8>),
    Upgradable(RwLockUpgradableReadGuard<'a, u8>),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::Read),
        3 => Just(Op::Write),
        3 => Just(Op::Upgradable),
        2 => Just(Op::Upgrade),
        1 => Just(Op::Downgrade),
        1 => Just(Op::ToUpgradable),
        5 => (0..4_usize).prop_map(Op::Drop),
    ]
}

proptest! {
    /// The model counts who holds the lock in which way.
    #[test]
    fn ways_of_holding_follow_the_rules(ops in prop::collection::vec(op(), 0..60)) {
        let lock = RwLock::new(0_u8);
        let mut held: Vec<Held<'_>> = Vec::new();
        for op in ops {
            let count = |held: &[Held<'_>], f: fn(&Held<'_>) -> bool| held.iter().filter(|held| f(held)).count();
            let readers = count(&held, |held| matches!(held, Held::Read(_)));
            let writer = count(&held, |held| matches!(held, Held::Write(_))) == 1;
            let upgradable = count(&held, |held| matches!(held, Held::Upgradable(_))) == 1;
            prop_assert_eq!(lock.is_locked(), !held.is_empty());
            prop_assert_eq!(lock.is_locked_exclusive(), writer);
            let last = match op {
                Op::Read => {
                    let guard = lock.try_read();
                    prop_assert_eq!(guard.is_some(), !writer);
                    guard.map(Held::Read)
                }
                Op::Write => {
                    let guard = lock.try_write_until(Instant::now());
                    prop_assert_eq!(guard.is_some(), held.is_empty());
                    guard.map(Held::Write)
                }
                Op::Upgradable => {
                    let guard = lock.try_upgradable_read_until(Instant::now());
                    prop_assert_eq!(guard.is_some(), !writer && !upgradable);
                    guard.map(Held::Upgradable)
                }
                Op::Drop(n) => {
                    if n < held.len() {
                        held.swap_remove(n);
                    }
                    None
                }
                _ => match held.pop() {
                    Some(Held::Upgradable(guard)) => Some(match op {
                        Op::Upgrade => match RwLockUpgradableReadGuard::try_upgrade(guard) {
                            Ok(guard) => {
                                prop_assert_eq!(readers, 0);
                                Held::Write(guard)
                            }
                            Err(guard) => {
                                prop_assert_ne!(readers, 0);
                                Held::Upgradable(guard)
                            }
                        },
                        _ => Held::Read(RwLockUpgradableReadGuard::downgrade(guard)),
                    }),
                    Some(Held::Write(guard)) => Some(match op {
                        Op::ToUpgradable => Held::Upgradable(RwLockWriteGuard::downgrade_to_upgradable(guard)),
                        _ => Held::Read(RwLockWriteGuard::downgrade(guard)),
                    }),
                    other => other,
                },
            };
            held.extend(last);
        }
        drop(held);
        prop_assert!(!lock.is_locked());
    }
}

/// One thread's part of a stress: every way of locking, in an order that depends on `n`.
fn one_way<S: Scope>(lock: &RwLock<(u64, u64), S>, n: u64) -> u64 {
    let add = |data: &mut (u64, u64)| {
        assert_eq!(data.0, data.1);
        data.0 += 1;
        data.1 += 1;
        1
    };
    let look = |data: &(u64, u64)| {
        assert_eq!(data.0, data.1);
        0
    };
    match n % 12 {
        0 => add(&mut lock.write()),
        1 => lock.try_write_until(moment()).map_or(0, |mut guard| add(&mut guard)),
        2 => lock.try_read_until(moment()).map_or(0, |guard| look(&guard)),
        3 => {
            let guard = lock.upgradable_read();
            let before = guard.0;
            let mut guard = RwLockUpgradableReadGuard::upgrade(guard);
            assert_eq!(guard.0, before);
            add(&mut guard)
        }
        4 => match RwLockUpgradableReadGuard::try_upgrade_until(lock.upgradable_read(), moment()) {
            Ok(mut guard) => add(&mut guard),
            Err(guard) => look(&guard),
        },
        5 => {
            let mut guard = lock.write();
            let added = add(&mut guard);
            let now = guard.0;
            let guard = RwLockWriteGuard::downgrade(guard);
            assert_eq!(guard.0, now);
            added
        }
        6 => {
            let mut guard = lock.write();
            let added = add(&mut guard);
            let guard = RwLockWriteGuard::downgrade_to_upgradable(guard);
            look(&RwLockUpgradableReadGuard::downgrade(guard));
            added
        }
        7 => lock.try_upgradable_read_until(moment()).map_or(0, |guard| look(&guard)),
        8 => {
            let mut guard = lock.write();
            let added = add(&mut guard);
            RwLockWriteGuard::bump(&mut guard);
            look(&guard);
            RwLockWriteGuard::unlock_fair(guard);
            added
        }
        9 => {
            let outer = lock.read();
            look(&lock.read_recursive());
            look(&outer)
        }
        _ => look(&lock.read()),
    }
}

fn all_ways_of_locking<S: Scope>() {
    let lock = RwLock::<_, S>::new_in((0, 0));
    let added = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..THREADS {
            let (lock, added) = (&lock, &added);
            s.spawn(move || {
                let sum = (0..3_000).map(|round| one_way(lock, n * 5 + round)).sum();
                added.fetch_add(sum, Ordering::Relaxed);
            });
        }
    });
    assert!(!lock.is_locked());
    assert_eq!(lock.into_inner().0, added.into_inner());
}

#[test]
fn oversubscribed() {
    all_ways_of_locking::<heddle_primitives::Private>();
    all_ways_of_locking::<Shared>();
}

/// crossbeam #821: pinned to one CPU everything became 15 times slower.
#[test]
fn r07_one_cpu_is_no_catastrophe() {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu)).unwrap());
    let start = Instant::now();
    let (lock, sharded) = (RwLock::new((0, 0)), ShardedRwLock::new(0_u64));
    thread::scope(|s| {
        for n in 0..4 {
            let (lock, sharded) = (&lock, &sharded);
            s.spawn(move || {
                sched_setaffinity(None, &one).unwrap();
                for round in 0..2_000 {
                    one_way(lock, n * 5 + round);
                    if round % 20 == 0 {
                        *sharded.write() += 1;
                    } else {
                        drop(sharded.read());
                    }
                }
            });
        }
    });
    assert_eq!(*sharded.read(), 400);
    // Sleeping hands over in 2 us; a spin that never gave way would take a time slice of milliseconds each time.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

/// parking_lot #465, #466: a time-out cleared what others relied on. Here those who give up leave in between, all the time.
#[test]
fn r01_time_outs_strand_nobody() {
    let (lock, stop) = (RwLock::new(0_u64), AtomicU32::new(0));
    thread::scope(|s| {
        for n in 0..4 {
            let (lock, stop) = (&lock, &stop);
            s.spawn(move || {
                while stop.load(Ordering::Relaxed) == 0 {
                    match n {
                        0 => drop(lock.try_write_until(moment())),
                        1 => drop(lock.try_read_until(moment())),
                        2 => drop(lock.try_upgradable_read_until(moment())),
                        _ => drop(RwLockUpgradableReadGuard::try_upgrade_until(
                            lock.upgradable_read(),
                            moment(),
                        )),
                    }
                }
            });
        }
        let workers: Vec<_> = (0..2)
            .map(|_| {
                s.spawn(|| {
                    for _ in 0..2_000 {
                        *lock.write() += 1;
                        drop(lock.read());
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        stop.store(1, Ordering::Relaxed);
    });
    assert_eq!(lock.into_inner(), 4_000);
}

/// glibc 12674, rust #55005: the last user frees the lock while the one before is still in unlock.
#[test]
fn r05_unlock_touches_nothing_after_the_release() {
    for round in 0..1_500_u32 {
        let page = Page::map();
        let lock = || page.get::<RwLock<u32>>();
        enum First<'a> {
            Read(RwLockReadGuard<'a, u32>),
            Write(RwLockWriteGuard<'a, u32>),
            Upgradable(RwLockUpgradableReadGuard<'a, u32>),
        }
        let first = match round % 3 {
            0 => First::Read(lock().read()),
            1 => First::Write(lock().write()),
            _ => First::Upgradable(lock().upgradable_read()),
        };
        thread::scope(|s| {
            s.spawn(|| {
                // Asleep, spinning or just in time, depending on the round.
                *lock().write() += 1;
                page.unmap();
            });
            (0..round % 50 * 40).for_each(|_| std::hint::black_box(()));
            if round % 20 < 3 {
                thread::sleep(Duration::from_micros(100));
            }
            match first {
                First::Read(guard) => drop(guard),
                First::Write(guard) => drop(guard),
                First::Upgradable(guard) => drop(guard),
            }
        });
    }
}

/// parking_lot #212: a recursive read behind a queued writer deadlocks; `read_recursive` does not.
#[test]
fn r11_a_recursive_read_passes_a_queued_writer() {
    let lock = RwLock::new(0);
    let outer = lock.read();
    thread::scope(|s| {
        s.spawn(|| *lock.write() += 1);
        // The writer has queued once a plain read fails.
        while lock.try_read().is_some() {
            thread::yield_now();
        }
        assert!(lock.try_read_for(TICK).is_none(), "this one would wait for ever");
        assert_eq!(*lock.read_recursive(), 0);
        drop(outer);
    });
    assert_eq!(*lock.read(), 1);
}

/// parking_lot #101: a reader blocked behind a queued upgrader was forgotten.
#[test]
fn r11_readers_behind_an_upgrade_come_in() {
    let lock = RwLock::new(0);
    let outer = lock.read();
    thread::scope(|s| {
        s.spawn(|| *RwLockUpgradableReadGuard::upgrade(lock.upgradable_read()) += 1);
        while lock.try_read().is_some() {
            thread::yield_now();
        }
        assert_eq!(*lock.read_recursive(), 0);
        let reader = s.spawn(|| *lock.read());
        thread::sleep(TICK);
        drop(outer);
        assert_eq!(reader.join().unwrap(), 1);
    });
    // The same with an upgrade that gives up while the first reader stays.
    let outer = lock.read();
    thread::scope(|s| {
        let upgrade = s.spawn(|| {
            let guard = lock.upgradable_read();
            RwLockUpgradableReadGuard::try_upgrade_for(guard, TICK * 4).is_err()
        });
        assert_eq!(s.spawn(|| *lock.read()).join().unwrap(), 1);
        assert!(upgrade.join().unwrap());
    });
    drop(outer);
}

/// crossbeam #798, #953, kanal 68bb153: a huge time-out overflows.
#[test]
fn r15_huge_time_outs_do_not_overflow() {
    let (lock, sharded) = (RwLock::new(0), ShardedRwLock::new(0));
    let far = Instant::now() + Duration::from_secs(u32::MAX.into()) * 1000;
    let guards = (lock.write(), sharded.write());
    thread::scope(|s| {
        s.spawn(|| assert!(lock.try_read_for(Duration::MAX).is_some()));
        s.spawn(|| assert!(lock.try_write_for(Duration::MAX).is_some()));
        s.spawn(|| assert!(lock.try_upgradable_read_for(Duration::MAX).is_some()));
        s.spawn(|| assert!(lock.try_write_until(far).is_some()));
        s.spawn(|| assert!(sharded.try_read_for(Duration::MAX).is_some()));
        s.spawn(|| assert!(sharded.try_write_for(Duration::MAX).is_some()));
        s.spawn(|| assert!(sharded.try_write_until(far).is_some()));
        thread::sleep(TICK);
        drop(guards);
    });
    let guard = lock.upgradable_read();
    assert!(RwLockUpgradableReadGuard::try_upgrade_for(guard, Duration::MAX).is_ok());
}

/// litebox #809: a wrong wake count strands readers. All of many sleeping readers come in after one release, also where writers
/// and upgradable readers sleep among them.
#[test]
fn r17_all_sleeping_readers_come_in() {
    let lock = RwLock::new(0);
    let inside = Barrier::new(6);
    for _ in 0..20 {
        let guard = lock.write();
        thread::scope(|s| {
            for _ in 0..6 {
                s.spawn(|| {
                    let _guard = lock.read_recursive();
                    // Nobody leaves before all are in.
                    inside.wait();
                });
            }
            s.spawn(|| *lock.write() += 1);
            s.spawn(|| drop(lock.upgradable_read()));
            thread::sleep(Duration::from_millis(2));
            drop(guard);
        });
    }
    assert_eq!(*lock.read(), 20);
}

/// A stream of readers does not starve a writer, and a stream of writers no reader.
#[test]
fn nobody_starves() {
    let (lock, stop) = (RwLock::new(0), AtomicU32::new(0));
    for readers_stream in [true, false] {
        stop.store(0, Ordering::Relaxed);
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    while stop.load(Ordering::Relaxed) == 0 {
                        if readers_stream {
                            let _guard = lock.read();
                            (0..2_000).for_each(|_| std::hint::black_box(()));
                        } else {
                            *lock.write() += 1;
                        }
                    }
                });
            }
            for _ in 0..50 {
                if readers_stream {
                    *lock.write() += 1;
                } else {
                    drop(lock.read());
                }
            }
            stop.store(1, Ordering::Relaxed);
        });
    }
}

#[test]
fn sharded_readers_share_and_writers_do_not() {
    let mut lock = ShardedRwLock::new(1);
    // The slot, and the common lock behind it.
    let (a, b) = (lock.read(), lock.read());
    assert_eq!(*a + *b, 2);
    assert!(lock.try_write().is_none());
    assert!(lock.try_write_for(TICK).is_none());
    assert!(lock.try_read().is_some(), "the writer has gone and keeps nobody out");
    drop(b);
    assert!(lock.try_write().is_none(), "a reader in a slot");
    drop(a);
    let mut guard = lock.try_write_until(Instant::now()).unwrap();
    *guard += 1;
    assert!(lock.try_read().is_none() && lock.try_read_for(TICK).is_none());
    assert_eq!(format!("{lock:?}"), "ShardedRwLock { data: <locked> }");
    drop(guard);
    assert_eq!(format!("{lock:?}"), "ShardedRwLock { data: 2 }");
    *lock.get_mut() += 1;
    assert_eq!(lock.into_inner(), 3);
}

#[test]
fn sharded_excludes_oversubscribed() {
    let lock = ShardedRwLock::new((0_u64, 0_u64));
    let added = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..THREADS {
            let (lock, added) = (&lock, &added);
            s.spawn(move || {
                let mut sum = 0;
                for round in 0..20_000 {
                    // Seldom enough that slots open again.
                    let write = match (round + n * 911) % 5_000 {
                        0 => Some(lock.write()),
                        1 => lock.try_write_until(moment()),
                        2 => lock.try_write(),
                        _ => None,
                    };
                    if let Some(mut guard) = write {
                        assert_eq!(guard.0, guard.1);
                        guard.0 += 1;
                        guard.1 += 1;
                        sum += 1;
                    } else {
                        let guard = lock.read();
                        assert_eq!(guard.0, guard.1);
                    }
                }
                added.fetch_add(sum, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(lock.into_inner().0, added.into_inner());
}

/// oneTBB #2136, brpc #3539: without a full fence on both sides a writer overlooks a reader, or sleeps although it has left. Many
/// short rounds, in each of which a writer closes slots under running readers.
#[test]
fn r03_a_writer_sees_every_reader_in_a_slot() {
    for _ in 0..300 {
        let (lock, ready) = (ShardedRwLock::new((0, 0)), Barrier::new(3));
        thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    ready.wait();
                    for _ in 0..200 {
                        let guard = lock.read();
                        assert_eq!(guard.0, guard.1);
                    }
                });
            }
            ready.wait();
            let mut guard = lock.write();
            guard.0 += 1;
            (0..100).for_each(|_| std::hint::black_box(()));
            guard.1 += 1;
        });
    }
}
