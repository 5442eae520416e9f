//! RwLock.

use super::{Plain, team};
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::{RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
use std::time::Instant;

/// Two values that writers keep equal.
type Pair = RwLock<(u32, u32)>;

fn pair() -> Arc<Pair> {
    Arc::new(RwLock::new((0, 0)))
}

fn equal(data: &(u32, u32)) {
    assert_eq!(data.0, data.1);
}

fn bump(data: &mut (u32, u32)) {
    equal(data);
    data.0 += 1;
    data.1 += 1;
}

/// The first `writers` of the team write, the others read.
pub fn rwlock_excludes(threads: u32, writers: u32) {
    let lock = pair();
    team(threads, &lock, move |lock, n| {
        if n < writers {
            bump(&mut lock.write());
        } else {
            equal(&lock.read());
        }
    });
    assert_eq!(*lock.read(), (writers, writers));
}

/// Every thread writes and then reads.
pub fn rwlock_writes_and_reads(threads: u32) {
    let lock = pair();
    team(threads, &lock, |lock, _| {
        bump(&mut lock.write());
        equal(&lock.read());
    });
    assert_eq!(lock.read().0, threads);
}

/// One that reads upgradably leaves a writer that waits behind, and nobody else.
pub fn rwlock_upgradable_reader_leaves() {
    let lock = pair();
    team(2, &lock, |lock, n| {
        if n == 0 {
            equal(&lock.upgradable_read());
        } else {
            bump(&mut lock.write());
        }
    });
    assert_eq!(lock.read().0, 1);
}

/// What a reader read is read before a later writer writes, also where the data is beside the lock.
pub fn rwlock_guards_other_data(readers: u32) {
    let shared = Arc::new((RwLock::new(()), Plain::new()));
    team(1 + readers, &shared, |(lock, data), n| {
        if n == 0 {
            let _guard = lock.write();
            data.set(data.get() + 1);
        } else {
            let _guard = lock.read();
            data.get();
        }
    });
    assert_eq!(shared.1.get(), 1);
}

/// One writer waits for a moment only; the others must come in nevertheless.
pub fn rwlock_writer_times_out(threads: u32) {
    let lock = pair();
    team(threads, &lock, move |lock, n| {
        if n == threads - 1 {
            if let Some(mut guard) = lock.try_write_until(Instant::now()) {
                bump(&mut guard);
            }
        } else if n == 0 {
            bump(&mut lock.write());
        } else {
            equal(&lock.read());
        }
    });
    assert!((1..=2).contains(&lock.read().0));
}

/// A writer that gives up lets in the reader behind it, although another reader stays where it is.
pub fn rwlock_a_writer_that_gave_up_blocks_nobody() {
    let lock = pair();
    let outer = lock.read();
    let others = lock.clone();
    let writer = thread::spawn(move || assert!(others.try_write_until(Instant::now()).is_none()));
    let others = lock.clone();
    let reader = thread::spawn(move || equal(&others.read()));
    writer.join().unwrap();
    reader.join().unwrap();
    drop(outer);
}

/// An upgrade that gives up lets in the reader behind it, although another reader stays where it is.
pub fn rwlock_an_upgrade_that_gave_up_blocks_nobody() {
    let lock = pair();
    let outer = lock.read();
    let others = lock.clone();
    let upgrade = thread::spawn(move || {
        let guard = others.upgradable_read();
        assert!(RwLockUpgradableReadGuard::try_upgrade_until(guard, Instant::now()).is_err());
    });
    let others = lock.clone();
    let reader = thread::spawn(move || equal(&others.read()));
    upgrade.join().unwrap();
    reader.join().unwrap();
    drop(outer);
}

/// One reader waits for a moment only.
pub fn rwlock_reader_times_out(threads: u32) {
    let lock = pair();
    team(threads, &lock, move |lock, n| {
        if n == threads - 1 {
            lock.try_read_until(Instant::now()).iter().for_each(|guard| equal(guard));
        } else {
            bump(&mut lock.write());
        }
    });
    assert_eq!(lock.read().0, threads - 1);
}

/// Upgrades against the first thread, which reads or writes.
pub fn rwlock_upgrades(upgraders: u32, other_writes: bool) {
    let lock = pair();
    team(1 + upgraders, &lock, move |lock, n| {
        if n == 0 {
            if other_writes {
                bump(&mut lock.write());
            } else {
                equal(&lock.read());
            }
        } else {
            let guard = lock.upgradable_read();
            let before = guard.0;
            let mut guard = RwLockUpgradableReadGuard::upgrade(guard);
            assert_eq!(guard.0, before, "nobody writes between");
            bump(&mut guard);
        }
    });
    assert_eq!(lock.read().0, upgraders + u32::from(other_writes));
}

/// An upgrade that may give up, readers that come meanwhile, and another that wants to upgrade.
pub fn rwlock_upgrade_times_out(threads: u32) {
    let lock = pair();
    team(threads, &lock, move |lock, n| {
        if n == 0 {
            let guard = lock.upgradable_read();
            match RwLockUpgradableReadGuard::try_upgrade_until(guard, Instant::now()) {
                Ok(mut guard) => bump(&mut guard),
                Err(guard) => equal(&guard),
            }
        } else if n == 1 {
            equal(&lock.read());
        } else {
            drop(lock.upgradable_read());
        }
    });
    drop(lock.write());
}

/// One of those who wait to read upgradably gives up.
pub fn rwlock_upgradable_times_out() {
    let lock = pair();
    team(3, &lock, |lock, n| {
        if n == 2 {
            drop(lock.try_upgradable_read_until(Instant::now()));
        } else {
            drop(lock.upgradable_read());
        }
    });
}

/// A downgrade lets readers in while it holds on, and no writer.
pub fn rwlock_downgrade_lets_readers_in() {
    let lock = pair();
    let mut guard = lock.write();
    let others = lock.clone();
    let reader = thread::spawn(move || others.read().0);
    bump(&mut guard);
    let guard = RwLockWriteGuard::downgrade(guard);
    assert_eq!(reader.join().unwrap(), 1);
    assert_eq!(guard.0, 1);
}

/// As above, with the right to upgrade again.
pub fn rwlock_downgrade_to_upgradable_lets_readers_in() {
    let lock = pair();
    let mut guard = lock.write();
    let others = lock.clone();
    let reader = thread::spawn(move || others.read().0);
    bump(&mut guard);
    let guard = RwLockWriteGuard::downgrade_to_upgradable(guard);
    assert_eq!(reader.join().unwrap(), 1);
    assert_eq!(guard.0, 1);
}

/// A writer that had to queue leaves nothing behind when it turns into a reader: one that comes later finds nobody to wait for.
pub fn rwlock_downgrade_after_waiting() {
    let lock = pair();
    let others = lock.clone();
    let first = thread::spawn(move || equal(&others.read()));
    let guard = RwLockWriteGuard::downgrade(lock.write());
    let others = lock.clone();
    thread::spawn(move || equal(&others.read())).join().unwrap();
    drop(guard);
    first.join().unwrap();
}

/// All ways down, against a writer and a reader.
pub fn rwlock_all_ways_down(threads: u32) {
    let lock = pair();
    team(threads, &lock, move |lock, n| {
        if n == 0 {
            let mut guard = lock.write();
            bump(&mut guard);
            let written = *guard;
            let guard = RwLockWriteGuard::downgrade_to_upgradable(guard);
            assert_eq!(*guard, written, "nobody writes between");
            let guard = RwLockUpgradableReadGuard::downgrade(guard);
            assert_eq!(*guard, written, "nobody writes between");
        } else if n == 1 {
            bump(&mut lock.write());
        } else {
            drop(lock.upgradable_read());
        }
    });
    assert_eq!(lock.read().0, 2);
}

/// A recursive read passes a queued writer.
pub fn rwlock_recursive_read() {
    let lock = pair();
    team(2, &lock, |lock, n| {
        if n == 0 {
            let _outer = lock.read();
            equal(&lock.read_recursive());
        } else {
            bump(&mut lock.write());
        }
    });
}

/// A recursive read passes an upgrade that waits for readers.
pub fn rwlock_recursive_read_against_an_upgrade() {
    let lock = pair();
    team(2, &lock, |lock, n| {
        if n == 0 {
            let _outer = lock.read();
            equal(&lock.read_recursive());
        } else {
            bump(&mut RwLockUpgradableReadGuard::upgrade(lock.upgradable_read()));
        }
    });
}

/// The mistake that the documentation warns of.
pub fn rwlock_plain_recursive_read() {
    let lock = pair();
    team(2, &lock, |lock, n| {
        if n == 0 {
            let _outer = lock.read();
            equal(&lock.read());
        } else {
            bump(&mut lock.write());
        }
    });
}

/// Readers hold the lock together: each waits for the other inside.
pub fn rwlock_readers_meet() {
    let shared = Arc::new((pair(), AtomicU32::new(0)));
    team(2, &shared, |(lock, inside), _| {
        let guard = lock.read();
        // ORDERING: the number alone counts.
        inside.fetch_add(1, Ordering::Relaxed);
        while inside.load(Ordering::Relaxed) != 2 {
            thread::yield_now();
        }
        equal(&guard);
    });
}

/// Handing over, by unlocking fairly and by bumping.
pub fn rwlock_hands_over(threads: u32) {
    let lock = pair();
    team(threads, &lock, move |lock, n| {
        if n == 0 {
            let mut guard = lock.write();
            bump(&mut guard);
            RwLockWriteGuard::bump(&mut guard);
            bump(&mut guard);
            RwLockWriteGuard::unlock_fair(guard);
        } else if n == 1 {
            bump(&mut lock.write());
        } else {
            let mut guard = lock.read();
            RwLockReadGuard::bump(&mut guard);
            equal(&guard);
        }
    });
    assert_eq!(lock.read().0, 3);
}

/// Nothing waits.
pub fn rwlock_try(threads: u32) {
    let lock = pair();
    team(threads, &lock, |lock, n| match n {
        0 => lock.try_write().iter_mut().for_each(|guard| bump(guard)),
        1 => lock.try_read().iter().for_each(|guard| equal(guard)),
        _ => {
            if let Some(guard) = lock.try_upgradable_read()
                && let Ok(mut guard) = RwLockUpgradableReadGuard::try_upgrade(guard)
            {
                bump(&mut guard);
            }
        }
    });
    assert!(lock.try_write().is_some(), "nobody has left anything behind");
}

/// A guard of a part keeps the whole locked.
pub fn rwlock_mapped() {
    let lock = pair();
    team(2, &lock, |lock, n| {
        if n == 0 {
            *RwLockWriteGuard::map(lock.write(), |data| &mut data.1) += 1;
        } else {
            let part = RwLockReadGuard::map(lock.read(), |data| &data.1);
            assert!(*part <= 1);
        }
    });
}

/// A downgrade is one step: no writer comes before the reading begins.
pub fn rwlock_downgrade_lets_no_writer_in() {
    let lock = pair();
    team(2, &lock, |lock, n| {
        let mut guard = lock.write();
        bump(&mut guard);
        if n == 0 {
            let written = *guard;
            assert_eq!(*RwLockWriteGuard::downgrade(guard), written, "nobody writes between");
        }
    });
    assert_eq!(lock.read().0, 2);
}
