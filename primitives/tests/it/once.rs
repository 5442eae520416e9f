//! Once, OnceLock, LazyLock.

use crate::support::*;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::thread;
use heddle_primitives::*;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

fn panics<R>(f: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(|| _ = f())).is_err()
}

#[test]
fn once_is_done_once() {
    let (once, calls) = (Once::new(), AtomicU32::new(0));
    assert!(!once.is_completed());
    assert!(!once.wait_until(Instant::now()));
    assert!(!once.wait_for(TICK));
    thread::scope(|s| {
        for n in 0..THREADS {
            let (once, calls) = (&once, &calls);
            s.spawn(move || {
                if n % 2 == 0 {
                    once.wait();
                }
                once.call_once(|| {
                    thread::sleep(TICK);
                    calls.fetch_add(1, Ordering::Relaxed);
                });
                assert!(once.is_completed());
            });
        }
    });
    assert_eq!(calls.into_inner(), 1);
    assert_eq!(format!("{once:?}"), "Once { completed: true }");
    once.wait();
    assert!(once.wait_for(Duration::ZERO));
}

#[test]
fn a_closure_that_panics_or_fails_has_done_nothing() {
    let once = Once::new();
    assert!(panics(|| once.call_once(|| resume_unwind(Box::new(())))));
    assert!(!once.is_completed());
    assert_eq!(once.try_call(|| Err(3)), Err(3));
    assert!(!once.is_completed());
    // Those who wait while it panics: one of them runs.
    let running = Event::new();
    let calls = AtomicU32::new(0);
    thread::scope(|s| {
        s.spawn(|| {
            let panicked = panics(|| {
                once.call_once(|| {
                    running.set();
                    thread::sleep(TICK);
                    resume_unwind(Box::new(()));
                });
            });
            assert!(panicked);
        });
        s.spawn(|| once.wait());
        for _ in 0..3 {
            s.spawn(|| {
                running.wait();
                once.call_once(|| _ = calls.fetch_add(1, Ordering::Relaxed));
            });
        }
    });
    assert!(once.is_completed());
    assert_eq!(calls.into_inner(), 1);
}

#[test]
fn once_lock_is_written_once() {
    let mut place = OnceLock::new();
    assert!(place.get().is_none() && place.get_mut().is_none());
    assert_eq!(format!("{place:?}"), "OnceLock(<empty>)");
    assert!(place.wait_for(TICK).is_none());
    assert!(place.wait_until(Instant::now()).is_none());
    assert_eq!(place.get_or_try_init(|| Err::<String, _>(1)), Err(1));
    assert!(panics(|| place.get_or_init(|| resume_unwind(Box::new(())))));
    assert_eq!(place.try_insert("a".to_string()), Ok(&"a".to_string()));
    assert_eq!(place.try_insert("b".into()), Err((&"a".into(), "b".into())));
    assert_eq!(place.set("b".into()), Err("b".into()));
    place.get_mut().unwrap().push('!');
    assert_eq!(place.wait(), "a!");
    assert_eq!(place.clone(), place);
    assert_eq!(format!("{place:?}"), "OnceLock(\"a!\")");
    assert_eq!(place.take(), Some("a!".into()));
    assert_eq!(place.take(), None);
    assert_ne!(place, OnceLock::from("c".to_string()));
    place.set("d".into()).unwrap();
    assert_eq!(place.into_inner(), Some("d".into()));
}

/// Neither leaked nor dropped twice.
#[test]
fn r08_values_are_dropped_once() {
    struct Counted<'a>(&'a AtomicU32);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let drops = AtomicU32::new(0);
    let dropped = || drops.load(Ordering::Relaxed);
    drop(OnceLock::<Counted<'_>>::new());
    assert_eq!(dropped(), 0);
    drop(OnceLock::<Counted<'_>>::from(Counted(&drops)));
    assert_eq!(dropped(), 1);
    let mut place = OnceLock::<Counted<'_>>::from(Counted(&drops));
    drop(place.set(Counted(&drops)));
    assert_eq!(dropped(), 2);
    drop(place.take());
    assert_eq!(dropped(), 3);
    drop(place);
    assert_eq!(dropped(), 3);
    drop(OnceLock::<Counted<'_>>::from(Counted(&drops)).into_inner());
    assert_eq!(dropped(), 4);
}

#[test]
fn lazy_lock_is_made_when_used() {
    let calls = AtomicU32::new(0);
    let mut lazy = LazyLock::new(|| calls.fetch_add(1, Ordering::Relaxed) + 7);
    assert!(LazyLock::get(&lazy).is_none() && LazyLock::get_mut(&mut lazy).is_none());
    assert_eq!(format!("{lazy:?}"), "LazyLock(<not made>)");
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| assert_eq!(*lazy, 7));
        }
    });
    *LazyLock::force_mut(&mut lazy) += 1;
    assert_eq!((*lazy, LazyLock::get(&lazy)), (8, Some(&8)));
    assert_eq!(format!("{lazy:?}"), "LazyLock(8)");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(*LazyLock::<u32>::default(), 0);
}

#[test]
fn a_lazy_lock_whose_initialiser_panicked_panics_from_then_on() {
    let lazy = LazyLock::<u32, _>::new(|| resume_unwind(Box::new(3)));
    let first = catch_unwind(AssertUnwindSafe(|| *lazy)).unwrap_err();
    assert_eq!(first.downcast_ref(), Some(&3));
    let again = catch_unwind(AssertUnwindSafe(|| *lazy)).unwrap_err();
    assert!(
        again.downcast_ref::<String>().is_some_and(|text| text.contains("panicked before"))
            || again.downcast_ref::<&str>().is_some_and(|text| text.contains("panicked before"))
    );
    assert!(LazyLock::get(&lazy).is_none());
}

proptest! {
    #[test]
    fn once_lock_is_an_option(ops in prop::collection::vec((0..4_u8, any::<u8>()), 0..40)) {
        let (mut place, mut model) = (OnceLock::new(), None);
        for (op, value) in ops {
            match op {
                0 => {
                    let expected = if model.is_some() { Err(value) } else { Ok(()) };
                    prop_assert_eq!(place.set(value), expected);
                    model.get_or_insert(value);
                }
                1 => prop_assert_eq!(place.get_or_init(|| value), model.get_or_insert(value)),
                2 => prop_assert_eq!(place.take(), model.take()),
                _ => prop_assert_eq!(place.get_or_try_init(|| Err(value)), model.as_ref().ok_or(value)),
            }
            prop_assert_eq!(place.get(), model.as_ref());
        }
    }
}

fn once_lock_under_stress<S: Scope>() {
    for _ in 0..300 {
        let (place, attempts) = (OnceLock::<u64, S>::new_in(), AtomicU32::new(0));
        thread::scope(|s| {
            for n in 0..THREADS {
                let (place, attempts) = (&place, &attempts);
                s.spawn(move || match n % 4 {
                    0 => _ = place.get_or_try_init(|| Err(attempts.fetch_add(1, Ordering::Relaxed))),
                    1 => _ = place.wait_until(moment()),
                    2 => assert_eq!(place.wait(), &7),
                    _ => assert_eq!(place.get_or_init(|| 7), &7),
                });
            }
        });
        assert_eq!(place.get(), Some(&7));
    }
}

#[test]
fn once_lock() {
    once_lock_under_stress::<heddle_primitives::Private>();
    once_lock_under_stress::<Shared>();
}

#[test]
fn r05_completion_touches_nothing_after_the_release() {
    for round in 0..1_000 {
        let page = Page::map();
        let place = page.get::<OnceLock<u64>>();
        thread::scope(|s| {
            s.spawn(|| {
                assert_eq!(page.get::<OnceLock<u64>>().wait(), &7);
                page.unmap();
            });
            if round % 20 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
            // Only the address is used once the value is there, so no reference to it is asked for.
            let once = (&raw const *place).cast::<Once>();
            // SAFETY: a `Once` is the first field, and the page is there until it completes.
            unsafe { &*once }.call_once(|| {
                let value = (&raw const *place).cast::<u64>().cast_mut().wrapping_add(1);
                // SAFETY: the value follows the `Once`, aligned, and nobody reads it before it completes.
                unsafe { value.write(7) };
            });
        });
    }
}

#[test]
fn r15_once_huge_time_outs_do_not_overflow() {
    let place = OnceLock::new();
    let far = Instant::now() + Duration::from_secs(u32::MAX.into()) * 1000;
    thread::scope(|s| {
        s.spawn(|| assert_eq!(place.wait_for(Duration::MAX), Some(&7)));
        s.spawn(|| assert_eq!(place.wait_until(far), Some(&7)));
        thread::sleep(TICK);
        place.set(7).unwrap();
    });
}

/// crossbeam #821: who waits for the one that runs must let it run.
#[test]
fn r07_initialisers_on_one_cpu() {
    for _ in 0..100 {
        let place = OnceLock::new();
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    pin_to_one_cpu();
                    let value = place.get_or_init(|| {
                        thread::yield_now();
                        7
                    });
                    assert_eq!(value, &7);
                });
            }
        });
    }
}
