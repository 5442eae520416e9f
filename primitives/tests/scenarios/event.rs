//! Event.

use super::{Plain, team};
use heddle_primitives::Event;
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use heddle_primitives::sync::{Arc, thread};
use std::time::Instant;

pub fn event_passes_a_message(waiters: u32) {
    let shared = Arc::new((Event::new(), Plain::new()));
    team(waiters + 1, &shared, |(event, data), n| {
        if n == 0 {
            data.set(7);
            event.set();
        } else {
            event.wait();
            assert_eq!(data.get(), 7);
        }
    });
}

pub fn event_times_out_or_passes() {
    let shared = Arc::new((Event::new(), Plain::new()));
    team(2, &shared, |(event, data), n| {
        if n == 0 {
            data.set(7);
            event.set();
        } else if event.wait_until(Instant::now()) {
            assert_eq!(data.get(), 7);
        }
    });
}

/// "Wait, clear, look for work" misses nothing, although a set may be swallowed by the clear.
pub fn event_swallowed_set_is_seen() {
    let shared = Arc::new((Event::new(), AtomicU32::new(0)));
    team(2, &shared, |(event, work), n| {
        if n == 0 {
            for done in 1..=2 {
                work.store(done, Ordering::Relaxed);
                event.set();
            }
        } else {
            while work.load(Ordering::Relaxed) < 2 {
                event.wait();
                event.clear();
            }
        }
    });
}

/// A waiter is released by a set that is cleared at once, or by the next.
pub fn event_pulse() {
    let shared = Arc::new((Event::new(), Plain::new()));
    team(2, &shared, |(event, data), n| {
        if n == 0 {
            data.set(7);
            event.set();
            event.clear();
            event.set();
        } else {
            event.wait();
            assert_eq!(data.get(), 7);
        }
    });
}

/// A set that is cleared at once releases whoever waits at that time: one waiter goes on by such sets alone.
pub fn event_is_only_pulsed() {
    let shared = Arc::new((Event::new(), AtomicU32::new(0)));
    team(2, &shared, |(event, through), n| {
        if n == 0 {
            while through.load(Ordering::Relaxed) == 0 {
                event.set();
                event.clear();
                thread::yield_now();
            }
        } else {
            event.wait();
            through.store(1, Ordering::Relaxed);
        }
    });
}
