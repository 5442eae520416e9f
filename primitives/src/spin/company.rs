//! Who else wants the CPU of the calling thread: nobody, threads that soon give it back, or one that computes.
//!
//! Where threads outnumber CPUs, the one that is waited for may want the waiter's CPU. A yield finds out. If others ran
//! meanwhile and soon gave the CPU back, they wait too, as the members of a barrier do, and the next waits of the thread begin
//! with a yield instead of a spin. If it took longer than a sleep and a wake, there is a thread that computes; the kernel takes
//! the CPU from it for a thread that wakes, not for one that has yielded. Then yielding is left out ever more often.

use super::WAKE_UP;
use crate::sync::thread;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// A yield that takes longer has let another thread run: alone it costs 0.3 to 0.5 us.
const SWITCH: Duration = Duration::from_nanos(700);

std::thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
    static TO_SKIP: Cell<u32> = const { Cell::new(0) };
    static LAST_SKIPPED: Cell<u32> = const { Cell::new(0) };
}

pub(super) fn is_here() -> bool {
    HERE.get()
}

/// Yields, unless that has lately taken too long, and returns whether others wait here too. It is `now`: the caller has just
/// looked at the clock.
#[cold]
pub(super) fn look(now: Instant) -> bool {
    let skip = TO_SKIP.get();
    if skip != 0 {
        TO_SKIP.set(skip - 1);
        return false;
    }
    thread::yield_now();
    let took = now.elapsed();
    if took > WAKE_UP {
        let skip = (LAST_SKIPPED.get() * 2 + 15).min(255);
        LAST_SKIPPED.set(skip);
        TO_SKIP.set(skip);
    } else {
        LAST_SKIPPED.set(0);
    }
    let here = took > SWITCH && took <= WAKE_UP;
    HERE.set(here);
    here
}
