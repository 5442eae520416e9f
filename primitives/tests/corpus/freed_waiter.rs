//! A waker that touches what the woken thread has on its stack: as soon as the flag is set that thread may go on, and its
//! stack serves something else.
//!
//! Repaired by taking the address before, and waking by that alone. glibc's mutexes and semaphores had the kind (bugs 13690 and
//! 12674). loom and shuttle find it.

use crate::scenarios::team;
use heddle_primitives::Futex;
use heddle_primitives::sync::Arc;
use heddle_primitives::sync::atomic::AtomicBool;
use heddle_primitives::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Its memory in fact lives on, so that the use of it is none for the language, and can be seen.
struct OnStack {
    flag: Futex,
    freed: AtomicBool,
}

pub fn freed_waiter(broken: bool) {
    let on_stack = Arc::new(OnStack { flag: Futex::new(0), freed: AtomicBool::new(false) });
    team(2, &on_stack, move |on_stack, n| {
        let flag = &on_stack.flag;
        if n == 0 {
            while flag.word().load(Acquire) == 0 {
                flag.wait(0, None);
            }
            on_stack.freed.store(true, Relaxed);
        } else {
            let address = flag.address();
            flag.word().store(1, Release);
            if broken {
                assert!(!on_stack.freed.load(Relaxed), "used after it was freed");
                flag.wake_one();
            } else {
                address.wake_one();
            }
        }
    });
}
