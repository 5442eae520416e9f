//! Locks, and what runs once.

use crate::pair::{SLEEPS, Side, pair};
use heddle_primitives::mutex::{Barging, Fair, Handover};
use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::*;
use std::cell::Cell;

/// What each side adds under a lock.
const ADDED: u64 = 2_000;

/// Two numbers that are equal whenever nobody is at work on them.
#[derive(Debug, Default)]
struct Twice(u64, u64);

impl Twice {
    fn add(&mut self, side: &Side<'_>) {
        self.0 += 1;
        side.dawdle();
        self.1 += 1;
        self.check();
    }

    fn check(&self) -> u64 {
        assert_eq!(self.0, self.1, "somebody else was in between");
        self.0
    }
}

fn exclusive<H: Handover>(name: &str) {
    pair(name, Mutex::<Twice, Shared, H>::default, |side, mutex| {
        side.sleep_and_wake(
            |_, other_sleeps| {
                let mut data = mutex.lock();
                other_sleeps();
                data.add(side);
            },
            |round| assert!(mutex.lock().check() > round as u64, "woken too early"),
        );
        for n in 0..ADDED {
            match n % 8 {
                0 => {
                    let mut data = mutex.lock();
                    data.add(side);
                    MutexGuard::unlock_fair(data);
                }
                1 => while mutex.try_lock().map(|mut data| data.add(side)).is_none() {},
                _ => mutex.lock().add(side),
            }
            side.dawdle();
        }
        side.meet();
        assert_eq!(mutex.lock().check(), 2 * ADDED + 2 * SLEEPS as u64);
    });
}

#[test]
fn mutex() {
    exclusive::<Barging>("locks::mutex");
}

#[test]
fn fair_mutex() {
    exclusive::<Fair>("locks::fair_mutex");
}

#[test]
fn reentrant_mutex() {
    type Lock = ReentrantMutex<Cell<(u64, u64)>, Shared>;
    let add = |side: &Side<'_>, lock: &Lock| {
        let outer = lock.lock();
        let (a, b) = outer.get();
        assert_eq!(a, b, "somebody else was in between");
        outer.set((a + 1, b));
        side.dawdle();
        let inner = lock.try_lock().expect("this thread's already");
        assert!(lock.is_owned_by_current_thread());
        inner.set((a + 1, b + 1));
    };
    pair("locks::reentrant_mutex", Lock::default, |side, lock| {
        side.sleep_and_wake(
            |_, other_sleeps| {
                let _guard = lock.lock();
                other_sleeps();
                add(side, lock);
            },
            |round| {
                assert!(!lock.is_owned_by_current_thread());
                assert!(lock.lock().get().0 > round as u64, "woken too early");
            },
        );
        for _ in 0..ADDED {
            add(side, lock);
            side.dawdle();
        }
        side.meet();
        let total = 2 * ADDED + 2 * SLEEPS as u64;
        assert_eq!(lock.lock().get(), (total, total));
    });
}

#[test]
fn rwlock() {
    pair("locks::rwlock", RwLock::<Twice, Shared>::default, |side, lock| {
        // A reader waits for a writer, a writer for a reader, who upgrades for a reader.
        side.sleep_and_wake(
            |round, other_sleeps| match round / 2 % 3 {
                0 => {
                    let mut data = lock.write();
                    other_sleeps();
                    data.add(side);
                }
                _ => {
                    let _data = lock.read();
                    other_sleeps();
                }
            },
            |round| match round / 2 % 3 {
                0 => _ = lock.read().check(),
                1 => lock.write().add(side),
                _ => RwLockUpgradableReadGuard::upgrade(lock.upgradable_read()).add(side),
            },
        );
        let mut seen = 0;
        for n in 0..ADDED {
            match n % 4 {
                0 => lock.write().add(side),
                1 => {
                    let before = lock.upgradable_read();
                    let count = before.check();
                    let mut data = RwLockUpgradableReadGuard::upgrade(before);
                    assert_eq!(data.check(), count, "a writer came in before the upgrade");
                    data.add(side);
                }
                _ => {
                    let now = lock.read().check();
                    assert!(now >= seen, "{now} after {seen}");
                    seen = now;
                }
            }
            side.dawdle();
        }
        side.meet();
        assert_eq!(lock.read().check(), ADDED + 2 * SLEEPS as u64);
    });
}

#[test]
fn seqlock() {
    let add = |data: &mut [u64; 5]| data.iter_mut().for_each(|word| *word += 1);
    let check = |data: [u64; 5]| {
        assert!(data.iter().all(|&word| word == data[0]), "torn: {data:?}");
        data[0]
    };
    pair("locks::seqlock", SeqLock::<[u64; 5], Shared>::default, |side, lock| {
        side.sleep_and_wake(
            |_, other_sleeps| {
                lock.update(|data| {
                    other_sleeps();
                    add(data);
                })
            },
            |_| lock.update(add),
        );
        let mut seen = 0;
        for n in 0..10 * ADDED {
            if n % 10 == 0 {
                lock.update(add);
                side.dawdle();
            } else {
                let now = check(lock.read());
                assert!(now >= seen, "{now} after {seen}");
                seen = now;
            }
        }
        side.meet();
        assert_eq!(check(lock.read()), 2 * ADDED + 4 * SLEEPS as u64);
    });
}

/// How many things are there to be done once.
const TIMES: usize = 500;

#[test]
fn once() {
    struct Times {
        slept: [Once<Shared>; 2 * SLEEPS],
        raced: [Once<Shared>; TIMES],
        done: [AtomicU64; TIMES],
    }
    let fresh = || Times {
        slept: [const { Once::new_in() }; 2 * SLEEPS],
        raced: [const { Once::new_in() }; TIMES],
        done: [const { AtomicU64::new(0) }; TIMES],
    };
    pair("locks::once", fresh, |side, times| {
        side.sleep_and_wake(
            |round, other_sleeps| times.slept[round].call_once(other_sleeps),
            |round| match round / 2 % 2 {
                0 => times.slept[round].wait(),
                _ => times.slept[round].call_once(|| panic!("done before")),
            },
        );
        for (once, done) in times.raced.iter().zip(&times.done) {
            side.dawdle();
            once.call_once(|| {
                let before = done.load(Ordering::Relaxed);
                side.dawdle();
                done.store(before + 1, Ordering::Relaxed);
            });
            assert_eq!(done.load(Ordering::Relaxed), 1);
        }
        side.meet();
        assert!(times.done.iter().all(|done| done.load(Ordering::Relaxed) == 1));
    });
}

#[test]
fn once_lock() {
    struct Values {
        slept: [OnceLock<usize, Shared>; 2 * SLEEPS],
        raced: [OnceLock<[u64; 4], Shared>; TIMES],
        made: AtomicU32,
    }
    let fresh = || Values {
        slept: [const { OnceLock::new_in() }; 2 * SLEEPS],
        raced: [const { OnceLock::new_in() }; TIMES],
        made: AtomicU32::new(0),
    };
    pair("locks::once_lock", fresh, |side, values| {
        side.sleep_and_wake(
            |round, other_sleeps| {
                let value = values.slept[round].get_or_init(|| {
                    other_sleeps();
                    round
                });
                assert_eq!(*value, round);
            },
            |round| match round / 2 % 2 {
                0 => assert_eq!(*values.slept[round].wait(), round),
                _ => assert_eq!(*values.slept[round].get_or_init(|| panic!("made before")), round),
            },
        );
        let seen = values.raced.each_ref().map(|value| {
            side.dawdle();
            *value.get_or_init(|| {
                values.made.fetch_add(1, Ordering::Relaxed);
                side.dawdle();
                [side.number as u64; 4]
            })
        });
        side.meet();
        assert_eq!(values.made.load(Ordering::Relaxed), TIMES as u32);
        for (value, seen) in values.raced.iter().zip(seen) {
            assert_eq!(value.get(), Some(&seen));
            assert_eq!(seen, [seen[0]; 4]);
        }
    });
}
