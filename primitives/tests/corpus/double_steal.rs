//! A deque whose owner takes the last value without an exchange: a thief takes it too.
//!
//! Chase and Lev, "Dynamic circular work-stealing deque". loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::sync::atomic::AtomicU32;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use heddle_primitives::sync::{Arc, fence};

/// One value, at index 0.
struct Deque {
    top: AtomicU32,
    bottom: AtomicU32,
    taken: AtomicU32,
}

impl Deque {
    fn take(&self) {
        assert_eq!(self.taken.fetch_add(1, Relaxed), 0, "a value is taken twice");
    }

    /// The owner's.
    fn pop(&self, broken: bool) {
        self.bottom.store(0, Relaxed);
        fence(SeqCst);
        if self.top.load(Relaxed) == 0
            && (broken || self.top.compare_exchange(0, 1, Relaxed, Relaxed).is_ok())
        {
            self.take();
        }
        self.bottom.store(1, Relaxed);
    }

    fn steal(&self) {
        let top = self.top.load(Acquire);
        fence(SeqCst);
        if top < self.bottom.load(Acquire)
            && self.top.compare_exchange(top, top + 1, Relaxed, Relaxed).is_ok()
        {
            self.take();
        }
    }
}

pub fn double_steal(broken: bool) {
    let deque =
        Arc::new(Deque { top: AtomicU32::new(0), bottom: AtomicU32::new(1), taken: AtomicU32::new(0) });
    team(2, &deque, move |deque, n| if n == 0 { deque.pop(broken) } else { deque.steal() });
}
