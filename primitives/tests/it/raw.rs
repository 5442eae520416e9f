//! Raw locks under `lock_api`'s types.

use crate::support::*;
use heddle_primitives::mutex::{Barging, Fair, Handover};
use heddle_primitives::raw::RawThreadId;
use heddle_primitives::sync::thread;
use heddle_primitives::{Private, RawMutex, Scope, Shared};
use lock_api::{MappedMutexGuard, MutexGuard};
use std::time::{Duration, Instant};

fn lock_api_mutex<S: Scope, H: Handover>() {
    let mutex = lock_api::Mutex::<RawMutex<S, H>, _>::new([0_u32; 2]);
    thread::scope(|s| {
        for n in 0..THREADS {
            let mutex = &mutex;
            s.spawn(move || {
                for round in 0..1_000 {
                    let mut guard = mutex.lock();
                    guard[0] += 1;
                    if (round + n) % 3 == 0 {
                        MutexGuard::bump(&mut guard);
                    }
                    guard[1] += 1;
                    match (round + n) % 4 {
                        0 => MutexGuard::unlock_fair(guard),
                        1 => drop(MutexGuard::map(guard, |pair| &mut pair[0])),
                        2 => MappedMutexGuard::unlock_fair(MutexGuard::map(guard, |pair| &mut pair[0])),
                        _ => drop(guard),
                    }
                }
            });
        }
    });
    assert!(!mutex.is_locked());
    let guard = mutex.lock();
    assert_eq!(*guard, [8_000; 2]);
    assert!(mutex.try_lock().is_none());
    assert!(mutex.try_lock_for(TICK).is_none());
    assert!(mutex.try_lock_until(Instant::now()).is_none());
    // The guard may go to another thread.
    thread::scope(|s| _ = s.spawn(move || drop(guard)));
    assert!(mutex.try_lock_for(Duration::MAX).is_some());
    assert_eq!(size_of::<RawMutex<S, H>>(), 4);
}

#[test]
fn raw_mutex_under_lock_api() {
    lock_api_mutex::<Private, Barging>();
    lock_api_mutex::<Shared, Barging>();
    lock_api_mutex::<Private, Fair>();
    lock_api_mutex::<Shared, Fair>();
}

#[test]
fn raw_mutex_under_lock_apis_reentrant_mutex() {
    let lock = lock_api::ReentrantMutex::<RawMutex, RawThreadId, _>::new(std::cell::Cell::new(0));
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..1_000 {
                    let outer = lock.lock();
                    let inner = lock.try_lock().expect("the owner may always lock again");
                    inner.set(outer.get() + 1);
                }
            });
        }
    });
    let guard = lock.lock();
    assert_eq!(guard.get(), 4_000);
    assert!(lock.is_owned_by_current_thread());
    thread::scope(|s| _ = s.spawn(|| assert!(lock.try_lock_for(TICK).is_none())));
}

/// rust #123458: an owner named by what another thread may be named later.
#[test]
fn r06_thread_ids_are_never_used_again() {
    use lock_api::GetThreadId;
    let id = || RawThreadId.nonzero_thread_id();
    let ids: Vec<_> = (0..20).map(|_| thread::spawn(id).join().unwrap()).collect();
    let mut different = ids.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), ids.len());
    assert_eq!(id(), id());
}
