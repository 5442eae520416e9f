//! Barrier.

use super::{Plain, team};
use heddle_primitives::Barrier;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, hint};
use std::time::Instant;

/// What each party writes before a wait all see after it, and one of them leads.
pub fn barrier_phases(parties: u32, phases: u32) {
    struct Shared {
        barrier: Barrier,
        written: Vec<Plain>,
        leaders: AtomicU32,
    }
    let shared = Arc::new(Shared {
        barrier: Barrier::new(parties),
        written: (0..parties * phases).map(|_| Plain::new()).collect(),
        leaders: AtomicU32::new(0),
    });
    team(parties, &shared, move |shared, n| {
        for phase in 0..phases {
            let written = &shared.written[(phase * parties) as usize..][..parties as usize];
            written[n as usize].set(phase + 1);
            if shared.barrier.wait().is_leader() {
                shared.leaders.fetch_add(1, Ordering::Relaxed);
            }
            assert!(written.iter().all(|value| value.get() == phase + 1));
        }
    });
    assert_eq!(shared.leaders.load(Ordering::Relaxed), phases);
}

pub fn barrier_abort() {
    let shared = Arc::new((Barrier::new(2), Plain::new()));
    team(2, &shared, |(barrier, reason), n| {
        if n == 0 {
            reason.set(7);
            barrier.abort();
        } else {
            assert!(barrier.checked_wait().is_err());
            assert!(barrier.is_broken());
            assert_eq!(reason.get(), 7);
        }
    });
}

/// A completed phase stays completed for a member that is slow to leave it.
pub fn barrier_abort_in_the_next_phase() {
    let barrier = Arc::new(Barrier::new(2));
    team(2, &barrier, |barrier, n| {
        assert!(barrier.checked_wait().is_ok());
        if n == 0 {
            barrier.abort();
        } else {
            assert!(barrier.checked_wait().is_err());
        }
    });
}

/// Either all pass, or nobody does.
pub fn barrier_times_out_for_all(parties: u32) {
    let shared = Arc::new((Barrier::new(parties), AtomicU32::new(0), AtomicU32::new(0)));
    team(parties, &shared, |(barrier, passed, leaders), n| {
        let result = if n == 0 { barrier.checked_wait_until(Instant::now()) } else { barrier.checked_wait() };
        if let Ok(result) = result {
            passed.fetch_add(1, Ordering::Relaxed);
            leaders.fetch_add(u32::from(result.is_leader()), Ordering::Relaxed);
        }
    });
    let (barrier, passed, leaders) = &*shared;
    match passed.load(Ordering::Relaxed) {
        0 => assert!(barrier.is_broken()),
        passed => {
            assert_eq!((passed, leaders.load(Ordering::Relaxed)), (parties, 1));
            assert!(!barrier.is_broken());
        }
    }
}

/// A reset alone releases whoever waits, with an error, and shows what the one who resets wrote.
pub fn barrier_reset_releases(parties: u32) {
    let shared = Arc::new((Barrier::new(parties), Plain::new()));
    team(parties, &shared, move |(barrier, reason), n| {
        if n == 0 {
            while barrier.n_waiting() < parties - 1 {
                hint::spin_loop();
            }
            reason.set(7);
            barrier.reset();
            assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
        } else {
            assert!(barrier.checked_wait().is_err());
            assert_eq!(reason.get(), 7);
        }
    });
}

/// A phase that was complete stays so for a member that looks only after the next was cut off and the barrier mended; and
/// the mended barrier works.
pub fn barrier_is_mended() {
    let barrier = Arc::new(Barrier::new(2));
    team(2, &barrier, |barrier, n| {
        assert!(barrier.checked_wait().is_ok());
        if n == 0 {
            barrier.abort();
            barrier.reset();
            assert!(barrier.checked_wait().is_ok());
        } else {
            while barrier.checked_wait().is_err() {
                hint::spin_loop();
            }
        }
        assert!(!barrier.is_broken());
    });
}

/// A member that was cut off by a break learns it also if the barrier has been mended before it looks.
pub fn barrier_is_mended_behind_a_waiter() {
    let barrier = Arc::new(Barrier::new(2));
    team(2, &barrier, |barrier, n| {
        if n == 0 {
            while barrier.n_waiting() == 0 {
                hint::spin_loop();
            }
            barrier.abort();
            barrier.reset();
        } else {
            assert!(barrier.checked_wait().is_err());
        }
    });
    assert_eq!(barrier.n_waiting(), 0);
}

/// Who finds the barrier broken sees what was done before it was.
pub fn barrier_broken_publishes() {
    let shared = Arc::new((Barrier::new(2), Plain::new()));
    team(2, &shared, |(barrier, reason), n| {
        if n == 0 {
            reason.set(7);
            barrier.abort();
        } else if barrier.is_broken() {
            assert_eq!(reason.get(), 7);
        }
    });
}
