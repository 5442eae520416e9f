//! A reentrant lock, as small as it can be.

use crate::scenarios::{Plain, team};
use heddle_primitives::Futex;
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::{Arc, thread};

/// Two threads lock once each. With the bug the owner's name stays until after the unlock, and so wipes out the next owner's,
/// which then does not know its own lock.
pub fn small_reentrant(named_too_long: bool) {
    let shared = Arc::new((Futex::new(0), AtomicU64::new(0), Plain::new()));
    team(2, &shared, move |(word, owner, count), _| {
        let me = thread::serial();
        while word.word().swap(1, Ordering::Acquire) != 0 {
            word.wait(1, None);
        }
        owner.store(me, Ordering::Relaxed);
        count.set(count.get() + 1);
        assert_eq!(owner.load(Ordering::Relaxed), me, "the owner does not know its own lock");
        if !named_too_long {
            owner.store(0, Ordering::Relaxed);
        }
        word.word().swap(0, Ordering::Release);
        word.wake_one();
        if named_too_long {
            owner.store(0, Ordering::Relaxed);
        }
    });
}
