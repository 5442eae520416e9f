//! Circles through readers, writers and upgrades, and what looks like one.

use super::{meeting, refusals};
use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Long enough for a thread to have queued; nothing is decided by it.
const WHILE: Duration = Duration::from_millis(20);

/// Waits until a writer or an upgrade keeps readers out.
fn until_queued<T>(lock: &RwLock<T>) {
    while lock.try_read().is_some() {
        thread::yield_now();
    }
}

#[test]
fn deadlock_of_a_thread_with_its_own_read_lock() {
    let lock = RwLock::new(1);
    let reader = lock.read();
    let message = super::message(catch_unwind(AssertUnwindSafe(|| drop(lock.write()))).unwrap_err());
    let me = thread::serial();
    assert!(
        message.contains("RwLock<i32>") && message.contains(&format!("held by thread {me} ")),
        "{message}"
    );
    let upgradable = lock.upgradable_read();
    let upgrade = || drop(RwLockUpgradableReadGuard::upgrade(upgradable));
    let message = super::message(catch_unwind(AssertUnwindSafe(upgrade)).unwrap_err());
    assert!(message.contains(&format!("held by thread {me} ")), "{message}");
    // Refused, the guard has let go.
    assert!(lock.try_upgradable_read().is_some());
    drop(reader);
    let takes: [fn(&RwLock<i32>); 2] = [|lock| drop(lock.read()), |lock| drop(lock.upgradable_read())];
    for take in takes {
        let writer = lock.write();
        let message = super::message(catch_unwind(AssertUnwindSafe(|| take(&lock))).unwrap_err());
        assert!(message.contains("RwLock<i32>"), "{message}");
        drop(writer);
    }
    assert!(lock.try_write().is_some());
}

/// Each of two threads takes the one lock and then the other, in two of the ways that there are.
#[test]
fn deadlock_of_two_by_any_way_to_hold() {
    fn hold<'a, G: 'a>(guard: G) -> Box<dyn Held + 'a> {
        Box::new(guard)
    }
    trait Held {}
    impl<G> Held for G {}
    type Way = (fn(&RwLock<u8>) -> Box<dyn Held + '_>, fn(&RwLock<u8>));
    let ways: [Way; 6] = [
        (|lock| hold(lock.write()), |lock| drop(lock.read())),
        (|lock| hold(lock.read()), |lock| drop(lock.write())),
        (|lock| hold(lock.upgradable_read()), |lock| drop(lock.upgradable_read())),
        (|lock| hold(lock.write()), |lock| drop(lock.read_recursive())),
        (|lock| hold(RwLockWriteGuard::map(lock.write(), |data| data)), |lock| drop(lock.upgradable_read())),
        (|lock| hold(RwLockReadGuard::map(lock.read(), |data| data)), |lock| drop(lock.write())),
    ];
    for (hold, want) in ways {
        let (a, b) = (RwLock::new(0_u8), RwLock::new(0));
        let meet = meeting(2);
        let refused = refusals([
            ("one", &|| {
                let _own = hold(&a);
                meet();
                want(&b);
            }),
            ("other", &|| {
                let _own = hold(&b);
                meet();
                want(&a);
            }),
        ]);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].contains("'one'") && refused[0].contains("'other'"), "{refused:?}");
        assert_eq!(refused[0].matches(" waits for the ").count(), 2, "{refused:?}");
    }
}

/// The writer waits for two readers, one of whom waits for it.
#[test]
fn deadlock_through_one_of_several_readers() {
    let (lock, mutex) = (RwLock::new(()), Mutex::new(()));
    let meet = meeting(3);
    let over = AtomicBool::new(false);
    let refused = refusals([
        ("idle", &|| {
            let _own = lock.read();
            meet();
            while !over.load(Ordering::Relaxed) {
                thread::yield_now();
            }
        }),
        ("reader", &|| {
            let _over = OnDrop(|| over.store(true, Ordering::Relaxed));
            let _own = lock.read();
            meet();
            drop(mutex.lock());
        }),
        ("writer", &|| {
            let _over = OnDrop(|| over.store(true, Ordering::Relaxed));
            let _own = mutex.lock();
            meet();
            drop(lock.write());
        }),
    ]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("'reader'") && refused[0].contains("'writer'"), "{refused:?}");
    assert!(!refused[0].contains("'idle'"), "{refused:?}");
}

#[test]
fn deadlock_of_an_upgrade_with_a_reader() {
    let (lock, mutex) = (RwLock::new(()), Mutex::new(()));
    let meet = meeting(2);
    let refused = refusals([
        ("upgrader", &|| {
            let _own = mutex.lock();
            let guard = lock.upgradable_read();
            meet();
            drop(RwLockUpgradableReadGuard::upgrade(guard));
        }),
        ("reader", &|| {
            let _own = lock.read();
            meet();
            drop(mutex.lock());
        }),
    ]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("'upgrader'") && refused[0].contains("'reader'"), "{refused:?}");
}

/// The second read lock waits behind a writer, which waits for the first; likewise behind an upgrade.
#[test]
fn deadlock_of_a_reader_behind_one_who_queued() {
    let writes: fn(&RwLock<()>) = |lock| drop(lock.write());
    let upgrades: fn(&RwLock<()>) = |lock| drop(RwLockUpgradableReadGuard::upgrade(lock.upgradable_read()));
    let reads: fn(&RwLock<()>) = |lock| drop(lock.read());
    let reads_upgradable: fn(&RwLock<()>) = |lock| drop(lock.upgradable_read());
    for (queue, again) in [(writes, reads), (upgrades, reads), (writes, reads_upgradable)] {
        let lock = RwLock::new(());
        let meet = meeting(2);
        let refused = refusals([
            ("queued", &|| {
                meet();
                queue(&lock);
            }),
            ("reader", &|| {
                let _own = lock.read();
                meet();
                until_queued(&lock);
                again(&lock);
            }),
        ]);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].contains("'queued'") && refused[0].contains("'reader'"), "{refused:?}");
        assert!(refused[0].contains(", behind thread "), "{refused:?}");
    }
}

/// Each of two readers waits behind a writer that waits for the other.
#[test]
fn deadlock_of_two_readers_behind_two_writers() {
    let (a, b) = (RwLock::new(()), RwLock::new(()));
    let meet = meeting(4);
    let read = |own: &RwLock<()>, other: &RwLock<()>| {
        let _own = own.read();
        meet();
        until_queued(other);
        drop(other.read());
    };
    let write = |lock: &RwLock<()>| {
        meet();
        drop(lock.write());
    };
    let refused = refusals([
        ("reads a", &|| read(&a, &b)),
        ("reads b", &|| read(&b, &a)),
        ("writes a", &|| write(&a)),
        ("writes b", &|| write(&b)),
    ]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    ["reads a", "reads b", "writes a", "writes b"]
        .into_iter()
        .for_each(|name| assert!(refused[0].contains(&format!("'{name}'")), "{refused:?}"));
}

/// Threads that wait for long, but for nobody who waits for them.
#[test]
fn deadlock_is_not_seen_where_somebody_can_go_on() {
    let lock = RwLock::new(0);
    let meet = meeting(2);
    let refused = refusals([
        ("writer", &|| {
            meet();
            *lock.write() += 1;
        }),
        ("reader", &|| {
            let own = lock.read();
            meet();
            until_queued(&lock);
            // Passes the writer, and so does not wait for itself.
            let again = lock.read_recursive();
            assert_eq!((*own, *again), (0, 0));
        }),
    ]);
    assert_eq!(refused, [""; 0]);

    // The upgrade waits for a reader that leaves, and a second reader waits behind it.
    let meet = meeting(3);
    let refused = refusals([
        ("upgrader", &|| {
            let own = lock.upgradable_read();
            meet();
            *RwLockUpgradableReadGuard::upgrade(own) += 1;
        }),
        ("reader", &|| {
            let own = lock.read();
            meet();
            until_queued(&lock);
            thread::sleep(WHILE);
            drop(own);
            drop(lock.read());
        }),
        ("late", &|| {
            meet();
            until_queued(&lock);
            drop(lock.read());
        }),
    ]);
    assert_eq!(refused, [""; 0]);
    assert_eq!(*lock.read(), 2);
}

/// The reader waits behind a writer that waits for it, until the writer gives up.
#[test]
fn deadlock_is_not_seen_where_a_queued_writer_has_a_limit() {
    let lock = RwLock::new(0);
    let upgrade = |own: RwLockUpgradableReadGuard<'_, i32>| {
        RwLockUpgradableReadGuard::try_upgrade_for(own, WHILE).is_ok()
    };
    for writes in [false, true] {
        let meet = meeting(2);
        let refused = refusals([
            ("queued", &|| {
                let own = if writes { None } else { Some(lock.upgradable_read()) };
                meet();
                assert!(!own.map_or_else(|| lock.try_write_for(WHILE).is_some(), upgrade));
            }),
            ("reader", &|| {
                let own = lock.read();
                meet();
                until_queued(&lock);
                assert_eq!(*own, *lock.read());
            }),
        ]);
        assert_eq!(refused, [""; 0]);
    }
}

/// Guards that another thread may drop are nobody's, though the one who took them waits.
#[test]
fn deadlock_is_not_seen_where_another_thread_unlocks() {
    let lock = Arc::new(RwLock::new(0));
    let sent = RwLockReadGuard::into_send(lock.read());
    let owned = lock.read_arc();
    thread::scope(|s| {
        s.spawn(move || {
            thread::sleep(WHILE);
            assert_eq!(*sent + *owned, 0);
            drop((sent, owned));
        });
        *lock.write() += 1;
    });
    // A guard that ends elsewhere takes nothing away from those of the thread in which it ends.
    let sent = RwLockReadGuard::into_send(lock.read());
    thread::scope(|s| {
        s.spawn(|| {
            let _own = lock.read();
            drop(sent);
            assert!(catch_unwind(AssertUnwindSafe(|| drop(lock.write()))).is_err());
        });
    });
    // One that has come back is its thread's again.
    let back = SendRwLockReadGuard::into_guard(RwLockReadGuard::into_send(lock.read()));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(lock.write()))).is_err());
    drop(back);
    assert_eq!(*lock.write(), 1);
}

/// Every way to hold and to change it, in one order of the locks: nothing is found, and no hold is left over.
#[test]
fn deadlock_is_never_invented_among_readers() {
    let locks = [const { RwLock::new(0_u64) }; 3];
    let written = AtomicU32::new(0);
    thread::scope(|s| {
        for n in 0..THREADS as usize {
            let (locks, written) = (&locks, &written);
            s.spawn(move || {
                for round in 0..300 {
                    let first = locks[round % 2].read();
                    let lock = &locks[2];
                    match (n + round) % 6 {
                        0 => *lock.write() += 1,
                        1 => {
                            let guard = lock.upgradable_read();
                            let mut guard = RwLockUpgradableReadGuard::upgrade(guard);
                            *guard += 1;
                            drop(RwLockWriteGuard::downgrade(guard));
                        }
                        2 => {
                            let mut guard = lock.write();
                            *guard += 1;
                            RwLockWriteGuard::bump(&mut guard);
                            let guard = RwLockWriteGuard::downgrade_to_upgradable(guard);
                            drop(RwLockUpgradableReadGuard::downgrade(guard));
                        }
                        3 => {
                            let mut guard = lock.read();
                            RwLockReadGuard::bump(&mut guard);
                            drop(RwLockReadGuard::map(guard, |value| value));
                        }
                        4 => drop(lock.try_write_for(Duration::from_micros(50)).map(|mut guard| {
                            *guard += 1;
                            written.fetch_add(1, Ordering::Relaxed);
                        })),
                        _ => drop((lock.read(), lock.read_recursive())),
                    }
                    written.fetch_add(u32::from((n + round) % 6 < 3), Ordering::Relaxed);
                    drop(first);
                }
            });
        }
    });
    assert_eq!(*locks[2].read(), u64::from(written.load(Ordering::Relaxed)));
    // A hold left over would be found to be this thread's or, by a wait for it, in nobody's way.
    locks.iter().for_each(|lock| drop(lock.write()));
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
