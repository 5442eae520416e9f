//! What threads wait for.

use crate::pair::{SLEEPS, Side, pair};
use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use heddle_primitives::*;

/// How often each side has its turn.
const TURNS: u32 = 1_000;

#[test]
fn futex() {
    pair("signals::futex", Futex::<Shared>::default, |side, futex| {
        let word = futex.word();
        let mut woken = 0;
        let change = |from: u32| {
            word.store(from + 1, Ordering::Release);
            futex.wake_one()
        };
        let wait_while = |value: u32| {
            while word.load(Ordering::Acquire) == value {
                futex.wait(value, None);
            }
        };
        side.sleep_and_wake(
            |round, other_sleeps| {
                other_sleeps();
                woken += u32::from(change(round as u32));
            },
            |round| wait_while(round as u32),
        );
        // Not each time: the sleeper may just be looking around.
        assert!(woken > 0, "nobody was counted as woken");
        let from = 2 * SLEEPS as u32;
        for turn in from..from + 2 * TURNS {
            side.dawdle();
            if turn % 2 == side.number as u32 {
                change(turn);
            } else {
                wait_while(turn);
            }
        }
        side.meet();
        assert_eq!(word.load(Ordering::Relaxed), from + 2 * TURNS);
    });
}

#[test]
fn condvar() {
    #[derive(Default)]
    struct Turns {
        mutex: Mutex<u32, Shared>,
        changed: Condvar<Shared>,
    }
    pair("signals::condvar", Turns::default, |side, turns| {
        side.sleep_and_wake(
            |round, other_sleeps| {
                other_sleeps();
                *turns.mutex.lock() += 1;
                if round / 2 % 2 == 0 {
                    turns.changed.notify_one();
                } else {
                    turns.changed.notify_all();
                }
            },
            |round| {
                let mut turn = turns.mutex.lock();
                turns.changed.wait_while(&mut turn, |turn| *turn == round as u32);
            },
        );
        for _ in 0..TURNS {
            let mut turn = turns.mutex.lock();
            turns.changed.wait_while(&mut turn, |turn| *turn % 2 != side.number as u32);
            side.dawdle();
            *turn += 1;
            drop(turn);
            turns.changed.notify_one();
        }
        side.meet();
        assert_eq!(*turns.mutex.lock(), 2 * TURNS + 2 * SLEEPS as u32);
    });
}

#[test]
fn event() {
    #[derive(Default)]
    struct Turns {
        slept: Event<Shared>,
        turns: [Event<Shared>; 2],
        data: AtomicU32,
    }
    pair("signals::event", Turns::default, |side, turns| {
        side.sleep_and_wake(
            |_, other_sleeps| {
                other_sleeps();
                turns.slept.set();
            },
            |_| {
                turns.slept.wait();
                turns.slept.clear();
            },
        );
        let (own, other) = (&turns.turns[side.number], &turns.turns[1 - side.number]);
        for n in 0..TURNS {
            if n != 0 || side.number != 0 {
                own.wait();
                own.clear();
            }
            // What was written before the set is there.
            assert_eq!(turns.data.load(Ordering::Relaxed), 2 * n + side.number as u32);
            side.dawdle();
            turns.data.store(2 * n + side.number as u32 + 1, Ordering::Relaxed);
            other.set();
        }
        side.meet();
        assert_eq!(turns.data.load(Ordering::Relaxed), 2 * TURNS);
    });
}

#[test]
fn barrier() {
    struct Phases {
        barrier: Barrier<Shared>,
        reached: [AtomicU32; 2],
        leaders: AtomicU32,
    }
    let fresh = || Phases {
        barrier: Barrier::new_in(2),
        reached: [const { AtomicU32::new(0) }; 2],
        leaders: AtomicU32::new(0),
    };
    pair("signals::barrier", fresh, |side, phases| {
        let wait = || {
            let leads = phases.barrier.wait().is_leader();
            phases.leaders.fetch_add(u32::from(leads), Ordering::Relaxed);
        };
        side.sleep_and_wake(
            |_, other_sleeps| {
                other_sleeps();
                wait();
            },
            |_| wait(),
        );
        for phase in 1..=TURNS {
            side.dawdle();
            phases.reached[side.number].store(phase, Ordering::Relaxed);
            wait();
            let other = phases.reached[1 - side.number].load(Ordering::Relaxed);
            assert!(other == phase || other == phase + 1, "{other} in {phase}");
        }
        side.meet();
        assert_eq!(phases.leaders.load(Ordering::Relaxed), TURNS + 2 * SLEEPS as u32);
    });
}

/// Takes one or two of three permits at a time, by all ways, and counts how many are out.
fn share_permits<'a>(
    side: &Side<'_>,
    out: &AtomicU32,
    acquire: impl Fn(u32) -> SemaphorePermit<'a, Shared>,
    try_acquire: impl Fn() -> Option<SemaphorePermit<'a, Shared>>,
) {
    for n in 0..TURNS {
        let permit = match n % 4 {
            0 => acquire(2),
            1 => loop {
                if let Some(permit) = try_acquire() {
                    break permit;
                }
            },
            _ => acquire(1),
        };
        let before = out.fetch_add(permit.permits(), Ordering::Relaxed);
        assert!(before + permit.permits() <= 3, "{before} permits were out before");
        side.dawdle();
        out.fetch_sub(permit.permits(), Ordering::Relaxed);
    }
    side.meet();
}

#[test]
fn semaphore() {
    struct Permits {
        semaphore: Semaphore<Shared>,
        out: AtomicU32,
    }
    let fresh = || Permits { semaphore: Semaphore::new_in(0), out: AtomicU32::new(0) };
    pair("signals::semaphore", fresh, |side, Permits { semaphore, out }| {
        side.sleep_and_wake(
            |round, other_sleeps| {
                other_sleeps();
                semaphore.release(1 + round as u32 % 4 / 2);
            },
            |round| semaphore.acquire_many(1 + round as u32 % 4 / 2).forget(),
        );
        side.meet();
        assert_eq!(semaphore.available_permits(), 0);
        side.meet();
        semaphore.release(1 + side.number as u32);
        share_permits(side, out, |n| semaphore.acquire_many(n), || semaphore.try_acquire());
        assert_eq!(semaphore.available_permits(), 3);
    });
}

#[test]
fn bounded_semaphore() {
    struct Permits {
        semaphore: BoundedSemaphore<Shared>,
        out: AtomicU32,
    }
    let fresh = || Permits { semaphore: BoundedSemaphore::new_in(3), out: AtomicU32::new(0) };
    pair("signals::bounded_semaphore", fresh, |side, Permits { semaphore, out }| {
        side.sleep_and_wake(
            |_, other_sleeps| {
                let _all = semaphore.acquire_many(3);
                other_sleeps();
            },
            |round| drop(semaphore.acquire_many(1 + round as u32 % 3)),
        );
        share_permits(side, out, |n| semaphore.acquire_many(n), || semaphore.try_acquire());
        assert_eq!(semaphore.available_permits(), 3);
        assert_eq!(semaphore.release(1), Err(OverReleased));
    });
}

#[test]
fn latch() {
    const LATCHES: usize = 500;

    struct Latches {
        slept: [Latch<Shared>; 2 * SLEEPS],
        raced: [Latch<Shared>; LATCHES],
        data: [[AtomicU64; 2]; LATCHES],
    }
    let fresh = || Latches {
        slept: [const { Latch::new_in(1) }; 2 * SLEEPS],
        raced: [const { Latch::new_in(2) }; LATCHES],
        data: [const { [const { AtomicU64::new(0) }; 2] }; LATCHES],
    };
    pair("signals::latch", fresh, |side, latches| {
        side.sleep_and_wake(
            |round, other_sleeps| {
                other_sleeps();
                assert!(latches.slept[round].count_down(), "opened before");
            },
            |round| latches.slept[round].wait(),
        );
        for (n, (latch, data)) in (1..).zip(latches.raced.iter().zip(&latches.data)) {
            side.dawdle();
            data[side.number].store(n, Ordering::Relaxed);
            latch.arrive_and_wait();
            assert_eq!(data[1 - side.number].load(Ordering::Relaxed), n, "open before both were there");
        }
    });
}
