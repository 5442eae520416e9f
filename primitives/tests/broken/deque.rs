//! A deque with the bugs that deques have had.

use super::*;
use heddle_primitives::sync::thread;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DequeBug {
    None,
    /// The owner's look at `top` may come before its write of `bottom`.
    PopWithoutFence,
    /// The thief's look at `bottom` may come before that at `top`.
    StealWithoutFence,
    /// One exchange is taken as proof for two values, although the owner takes values without an exchange
    /// (crossbeam-deque, CVE-2021-32810, was of this kind).
    BatchWithOneExchange,
}

/// Three values at the indices 0 to 2; how often each was taken is counted.
struct SmallDeque {
    top: AtomicU32,
    bottom: AtomicU32,
    taken: [AtomicU32; 3],
    bug: DequeBug,
}

impl SmallDeque {
    fn take(&self, index: u32) {
        let before = self.taken[index as usize].fetch_add(1, Ordering::Relaxed);
        assert_eq!(before, 0, "value {index} was taken twice");
    }

    fn pop(&self) {
        let end = self.bottom.load(Ordering::Relaxed);
        if self.top.load(Ordering::Relaxed) >= end {
            return;
        }
        let newest = end - 1;
        self.bottom.store(newest, Ordering::Release);
        if self.bug != DequeBug::PopWithoutFence {
            fence(Ordering::SeqCst);
        }
        let oldest = self.top.load(Ordering::Relaxed);
        if oldest < newest {
            return self.take(newest);
        }
        if oldest == newest
            && self.top.compare_exchange(oldest, end, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.take(newest);
        }
        self.bottom.store(end, Ordering::Relaxed);
    }

    fn steal(&self) {
        let oldest = self.top.load(Ordering::Relaxed);
        if self.bug != DequeBug::StealWithoutFence {
            fence(Ordering::SeqCst);
        }
        let bottom = self.bottom.load(Ordering::Acquire);
        if oldest >= bottom {
            return;
        }
        let count =
            if self.bug == DequeBug::BatchWithOneExchange { (bottom - oldest).div_ceil(2) } else { 1 };
        if self.top.compare_exchange(oldest, oldest + count, Ordering::Release, Ordering::Relaxed).is_ok() {
            (oldest..oldest + count).for_each(|index| self.take(index));
        }
    }
}

pub fn small_deque(bug: DequeBug) {
    let deque = Arc::new(SmallDeque {
        top: AtomicU32::new(0),
        bottom: AtomicU32::new(3),
        taken: std::array::from_fn(|_| AtomicU32::new(0)),
        bug,
    });
    let other = deque.clone();
    let thief = thread::spawn(move || (0..2).for_each(|_| other.steal()));
    (0..2).for_each(|_| deque.pop());
    thief.join().unwrap();
}
