//! Threads with results, timers, values for each thread.

use crate::support::*;
use heddle_primitives::Event;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::threading::*;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_thread_has_a_name_numbers_and_a_result() {
    let gate = Arc::new(Event::new());
    let opened = gate.clone();
    let thread = Thread::builder().name("weft").stack_size(1 << 18);
    let thread = thread.start(move || {
        opened.wait();
        (current().unwrap(), std::thread::current().name().map(str::to_owned))
    });
    let thread = thread.unwrap();
    let info = thread.info().clone();
    assert!(thread.is_alive() && info.is_alive());
    assert!(enumerate().iter().any(|other| other.ident() == info.ident()) && active_count() >= 1);
    let thread = thread.join_timeout(Duration::ZERO).unwrap_err().0;
    let error = thread.join_timeout(TICK).unwrap_err();
    assert_eq!(error.to_string(), "the thread has not ended in time");
    gate.set();
    let (seen, name) = error.0.join_timeout(Duration::MAX).unwrap().unwrap();
    assert_eq!((seen.ident(), seen.name(), name.as_deref()), (info.ident(), Some("weft"), Some("weft")));
    assert!(info.native_id().is_some_and(|id| id != std::process::id()));
    assert!(!info.is_alive());
    assert!(enumerate().iter().all(|other| other.ident() != info.ident()));
    assert!(current().is_none());
    assert!(format!("{info:?}").starts_with("ThreadInfo { name: Some(\"weft\"), ident: "));
}

#[test]
fn what_goes_wrong_is_told() {
    let thread = Thread::start(|| -> u32 { std::panic::resume_unwind(Box::new("torn")) });
    assert_eq!(*thread.join().unwrap_err().downcast::<&str>().unwrap(), "torn");
    assert!(Thread::builder().name("a\0b").start(|| ()).is_err());
    assert!(Thread::builder().stack_size(usize::MAX / 2).name("large").start(|| ()).is_err());
    assert!(enumerate().iter().all(|info| info.name() != Some("large")));
    let first = Thread::start(|| ());
    let second = Thread::start(|| ());
    assert!(first.info().ident() < second.info().ident());
    first.join().unwrap();
    second.join().unwrap();
}

#[test]
fn a_timer_fires_or_is_cancelled() {
    let fired = Arc::new(AtomicU32::new(0));
    let count = |by: u32| {
        let fired = fired.clone();
        move || fired.fetch_add(by, Ordering::Relaxed)
    };
    let soon = Timer::start(TICK, count(1)).unwrap();
    let never = Timer::start(Duration::MAX, count(10)).unwrap();
    assert_eq!(format!("{never:?}"), "Timer { state: \"waiting\" }");
    assert!(never.cancel() && never.cancel());
    assert_eq!((soon.join().unwrap(), never.join().unwrap()), (Some(0), None));
    // Whichever comes first, both sides agree.
    for n in 0..50 {
        let before = fired.load(Ordering::Relaxed);
        let timer = Timer::start(Duration::from_micros(n * 4), count(1)).unwrap();
        let cancelled = timer.cancel();
        assert_eq!(timer.join().unwrap().is_none(), cancelled);
        assert_eq!(fired.load(Ordering::Relaxed) - before, u32::from(!cancelled));
    }
    let failed = Timer::start(Duration::ZERO, || -> u32 { std::panic::resume_unwind(Box::new("late")) });
    assert!(failed.unwrap().join().is_err());
}

struct Counted(Arc<AtomicU32>, Cell<u32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// crossbeam #971, #1084: values of threads that ended leaked, then were dropped twice.
#[test]
fn r08_a_local_value_is_dropped_once() {
    let drops = Arc::new(AtomicU32::new(0));
    let make = || {
        let drops = drops.clone();
        Local::new(move || Counted(drops.clone(), Cell::new(0)))
    };
    let (one, two) = (make(), make());
    assert!(!one.is_set());
    thread::scope(|s| {
        for n in 0..THREADS as u32 {
            let (one, two) = (&one, &two);
            s.spawn(move || {
                one.with(|value| value.1.set(n));
                two.with(|value| one.with(|other| assert_eq!((value.1.get(), other.1.get()), (0, n))));
                assert!(one.is_set() && one.clear() && !one.clear());
                one.with(|value| assert_eq!(value.1.get(), 0));
            });
        }
    });
    // Scoped threads may be dropping their values still.
    while drops.load(Ordering::Relaxed) < 3 * THREADS as u32 {
        thread::yield_now();
    }
    one.with(|_| ());
    drop(one);
    assert_eq!(drops.load(Ordering::Relaxed), 3 * THREADS as u32 + 1);
    let (go, made) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let two = Arc::new(two);
    let (shared, gone, used, count) = (two.clone(), go.clone(), made.clone(), drops.clone());
    let user = thread::spawn(move || {
        shared.with(|_| ());
        drop(shared);
        used.set();
        gone.wait();
        // The first use of another object drops what belongs to one that is gone.
        Local::new(|| 1).with(|_| ());
        count.load(Ordering::Relaxed)
    });
    made.wait();
    drop(two);
    go.set();
    assert_eq!(user.join().unwrap(), 3 * THREADS as u32 + 2);
}
