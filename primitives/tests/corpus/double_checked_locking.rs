//! Double-checked locking: the first look at the flag is without the lock and without Acquire, so the value behind it may not be
//! there yet.
//!
//! Bacon and others, "The 'Double-Checked Locking is Broken' Declaration".
//! loom finds it. shuttle cannot: the order of the steps is right, and it knows no other.

use crate::scenarios::{Plain, team};
use heddle_primitives::Mutex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::AtomicU32;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, Release};

struct Lazy {
    ready: AtomicU32,
    lock: Mutex<()>,
    value: Plain,
}

pub fn double_checked_locking(broken: bool) {
    let (publish, look) = if broken { (Relaxed, Relaxed) } else { (Release, Acquire) };
    let lazy = Arc::new(Lazy { ready: AtomicU32::new(0), lock: Mutex::new(()), value: Plain::new() });
    team(2, &lazy, move |lazy, _| {
        if lazy.ready.load(look) == 0 {
            let _guard = lazy.lock.lock();
            if lazy.ready.load(Relaxed) == 0 {
                lazy.value.set(7);
                lazy.ready.store(1, publish);
            }
        }
        assert_eq!(lazy.value.get(), 7);
    });
}
