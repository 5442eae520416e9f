//! The traits of `lock_api`; not under the checkers, whose atomics cannot be made in constants.

use super::{Handover, RawMutex};
use crate::scope::Scope;
use crate::sync::thread;
use lock_api::GuardSend;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

// SAFETY: while it is locked, no other exchange locks it; see the table of states.
unsafe impl<S: Scope, H: Handover> lock_api::RawMutex for RawMutex<S, H> {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api's way to make one")]
    const INIT: Self = Self::new_raw();

    /// Nothing in the lock depends on the thread that unlocks it.
    type Guard = GuardSend;

    #[inline]
    fn lock(&self) -> GuardSend {
        if !self.acquire_fast() {
            self.acquire_slow(None);
        }
        GuardSend::new()
    }

    #[inline]
    fn try_lock(&self) -> Option<GuardSend> {
        self.try_acquire().then(GuardSend::new)
    }

    #[inline]
    unsafe fn unlock(&self, _: GuardSend) {
        self.release();
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.is_taken()
    }
}

// SAFETY: as above.
unsafe impl<S: Scope, H: Handover> lock_api::RawMutexFair for RawMutex<S, H> {
    #[inline]
    unsafe fn unlock_fair(&self, _: GuardSend) {
        self.release_fair();
    }

    #[inline]
    unsafe fn bump(&self, guard: &mut GuardSend) {
        if self.has_waiters() {
            self.release_fair();
            *guard = lock_api::RawMutex::lock(self);
        }
    }
}

// SAFETY: as above.
unsafe impl<S: Scope, H: Handover> lock_api::RawMutexTimed for RawMutex<S, H> {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> Option<GuardSend> {
        (self.acquire_fast() || self.acquire_slow(Instant::now().checked_add(timeout))).then(GuardSend::new)
    }

    #[inline]
    fn try_lock_until(&self, deadline: Instant) -> Option<GuardSend> {
        (self.acquire_fast() || self.acquire_slow(Some(deadline))).then(GuardSend::new)
    }
}

/// Names threads for [`lock_api::ReentrantMutex`](https://docs.rs/lock_api) by [`thread::serial`], which is never used again, so a lock whose owner
/// has ended is not taken for another thread's own.
///
/// ```
/// use heddle_primitives::RawMutex;
/// use heddle_primitives::raw::RawThreadId;
///
/// let lock = lock_api::ReentrantMutex::<RawMutex, RawThreadId, _>::new(1);
/// let (outer, inner) = (lock.lock(), lock.lock());
/// assert_eq!(*outer, *inner);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RawThreadId;

// SAFETY: numbers start from 1 and differ between all threads of the process.
unsafe impl lock_api::GetThreadId for RawThreadId {
    const INIT: Self = Self;

    #[inline]
    fn nonzero_thread_id(&self) -> NonZeroUsize {
        let serial = usize::try_from(thread::serial()).ok();
        serial.and_then(NonZeroUsize::new).expect("no process starts as many threads as it can count")
    }
}
