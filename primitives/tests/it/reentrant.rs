//! Reentrant mutex.

use crate::support::*;
use heddle_primitives::reentrant::{ArcReentrantMutexGuard, MappedReentrantMutexGuard};
use heddle_primitives::sync::{Arc, thread};
use heddle_primitives::*;
use proptest::prelude::*;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::cell::Cell;
use std::time::{Duration, Instant};

proptest! {
    /// The depth of a stack of guards, given up in any order; another thread gets the lock exactly at depth 0.
    #[test]
    fn reentrant_is_a_depth(ops in prop::collection::vec(any::<Option<u8>>(), 0..40)) {
        let lock = ReentrantMutex::new(Cell::new(0_u32));
        let mut held: Vec<ReentrantMutexGuard<'_, _>> = Vec::new();
        for op in ops {
            match op {
                Some(n) if n % 2 == 0 => held.push(lock.lock()),
                Some(_) => held.push(lock.try_lock().expect("free or own")),
                None if held.is_empty() => {}
                None => drop(held.swap_remove(held.len() / 2)),
            }
            prop_assert_eq!(lock.is_owned_by_current_thread(), !held.is_empty());
            prop_assert_eq!(lock.is_locked(), !held.is_empty());
        }
        let free = held.is_empty();
        prop_assert_eq!(thread::scope(|s| s.spawn(|| lock.try_lock().is_some()).join().unwrap()), free);
    }
}

fn reentrant_under_all_ways_of_locking<S: Scope>() {
    let lock = ReentrantMutex::<_, S>::new_in((Cell::new(0_u64), Cell::new(0_u64)));
    thread::scope(|s| {
        for n in 0..THREADS {
            let lock = &lock;
            s.spawn(move || {
                let mut done = 0;
                while done < 1_000 {
                    let outer = match (done + n) % 3 {
                        0 => lock.try_lock_until(moment()),
                        1 => lock.try_lock(),
                        _ => Some(lock.lock()),
                    };
                    let Some(outer) = outer else {
                        thread::yield_now();
                        done += u64::from(n == 0);
                        continue;
                    };
                    let inner = lock.lock();
                    outer.0.set(outer.0.get() + 1);
                    drop(outer);
                    inner.1.set(inner.1.get() + 1);
                    if done % 2 == 0 {
                        ReentrantMutexGuard::unlock_fair(inner)
                    } else {
                        drop(inner)
                    }
                    done += 1;
                }
            });
        }
    });
    assert!(!lock.is_locked());
    let data = lock.into_inner();
    assert_eq!(data.0, data.1);
    assert!(data.0.get() >= (THREADS - 1) * 1_000);
}

#[test]
fn reentrant() {
    reentrant_under_all_ways_of_locking::<heddle_primitives::Private>();
    reentrant_under_all_ways_of_locking::<Shared>();
}

#[test]
fn reentrant_refuses_strangers() {
    let lock = ReentrantMutex::new(1);
    let guard = lock.lock();
    thread::scope(|s| {
        s.spawn(|| {
            assert!(lock.try_lock().is_none());
            assert!(lock.try_lock_for(TICK).is_none());
            assert!(lock.try_lock_until(Instant::now()).is_none());
            assert!(!lock.is_owned_by_current_thread());
            assert_eq!(format!("{lock:?}"), "ReentrantMutex { data: <locked> }");
        });
    });
    assert_eq!(format!("{lock:?}"), "ReentrantMutex { data: 1 }");
    assert_eq!(*ReentrantMutexGuard::mutex(&guard).lock(), 1);
}

#[test]
fn reentrant_guards_for_parts_and_with_a_share() {
    let lock = Arc::new(ReentrantMutex::new((1, [2, 3])));
    let list = ReentrantMutexGuard::map(lock.lock(), |data| &data.1);
    let list = MappedReentrantMutexGuard::try_map(list, |list| list.get(7)).unwrap_err();
    let second = MappedReentrantMutexGuard::map(list, |list| &list[1]);
    assert_eq!(format!("{second:?} {second}"), "3 3");
    let whole = ReentrantMutexGuard::try_map(lock.lock(), |_| None::<&i32>).unwrap_err();
    drop(second);
    assert!(lock.is_owned_by_current_thread());
    drop(whole);
    assert!(!lock.is_locked());
    let owned = lock.lock_arc();
    let again = lock.try_lock_arc().unwrap();
    drop(lock.try_lock_arc_for(Duration::ZERO).unwrap());
    drop(lock.try_lock_arc_until(Instant::now()).unwrap());
    assert!(Arc::ptr_eq(ArcReentrantMutexGuard::mutex(&again), &lock));
    drop(again);
    drop(lock);
    assert_eq!(owned.0, 1);
}

/// rust #123458, #141248: who lives where a dead owner lived took its lock for its own.
#[test]
fn r06_a_dead_owners_lock_is_nobodys() {
    fn forgotten<S: Scope>() {
        let lock = ReentrantMutex::<_, S>::new_in(0);
        thread::scope(|s| _ = s.spawn(|| std::mem::forget(lock.lock())).join());
        // New threads get the dead one's stack, thread-local storage and perhaps its number.
        for _ in 0..50 {
            thread::scope(|s| {
                s.spawn(|| {
                    assert!(!lock.is_owned_by_current_thread());
                    assert!(lock.try_lock().is_none());
                });
            });
        }
    }
    forgotten::<heddle_primitives::Private>();
    forgotten::<Shared>();
}

/// The same between processes: a forked child has its parent's memory, and so the memory of its parent's name.
#[test]
fn r06_a_forked_child_owns_nothing_of_its_parents() {
    let page = Page::map();
    let lock = page.get::<ReentrantMutex<u64, Shared>>();
    let guard = lock.lock();
    assert!(lock.is_owned_by_current_thread());
    // SAFETY: the child calls no more than system calls until it exits.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let stranger = !lock.is_owned_by_current_thread() && lock.try_lock().is_none();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(if stranger { 0 } else { 1 }) };
    }
    let mut status = -1;
    // SAFETY: the child is this process's own, and the pointer is to a local.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child took its parent's lock for its own");
    assert!(lock.is_owned_by_current_thread());
    drop(guard);
    assert!(!lock.is_locked());
    page.unmap();
}

#[test]
fn r07_reentrant_on_one_cpu() {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu)).unwrap());
    let start = Instant::now();
    let lock = ReentrantMutex::new(Cell::new(0_u32));
    thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                sched_setaffinity(None, &one).unwrap();
                for _ in 0..1_000 {
                    let guard = lock.lock();
                    lock.lock().set(guard.get() + 1);
                }
            });
        }
    });
    assert_eq!(lock.into_inner().get(), 8_000);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn r15_reentrant_huge_time_outs() {
    let lock = ReentrantMutex::new(());
    let guard = lock.lock();
    thread::scope(|s| {
        s.spawn(|| assert!(lock.try_lock_for(Duration::MAX).is_some()));
        thread::sleep(Duration::from_millis(2));
        drop(guard);
    });
}
