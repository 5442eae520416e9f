//! How one side of a ring sleeps, and is woken by whoever has something for it.

use std::time::{Duration, Instant};

use heddle_primitives::spin::Spin;
use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::sync::fence;
use heddle_primitives::{Futex, Shared};

use crate::shm_safe::Shareable;

/// Nobody sleeps, or somebody has been told to get up.
const AWAKE: u32 = 0;
/// The listener sleeps, or is about to.
const ASLEEP: u32 = 1;

/// A word on which one listener sleeps until a ringer has changed something that it waits for.
///
/// A ring's own futex would do for the two ends of the ring, but a parent also waits for the death of its worker and a
/// worker for its dismissal. So the bell carries no message: ringers publish first and ring then; the listener looks
/// everywhere after it has declared itself asleep.
///
/// No wake is lost. The listener stores ASLEEP, fences, then looks; the ringer publishes, fences, then loads the word. By the
/// order of the two SeqCst fences either the listener's look sees what was published, or the ringer's load sees ASLEEP, and
/// it wakes. With acquire and release alone both could read the old value (store buffering), and the listener would sleep.
/// A ringer that dies between publishing and waking costs the 50 ms after which a shared futex looks again.
#[repr(transparent)]
pub(crate) struct Bell {
    futex: Futex<Shared>,
}

// SAFETY: one futex word in the shared scope; any number in it at worst makes a listener look again or a ringer call the
// kernel.
unsafe impl Shareable for Bell {}

impl Bell {
    /// Tells the listener to look again. Publish first.
    #[inline]
    pub(crate) fn ring(&self) {
        // ORDERING: SeqCst fence: see the type's proof. It stands between the caller's publication and the load.
        fence(Ordering::SeqCst);
        // ORDERING: Relaxed: ordered by the fence.
        if self.futex.word().load(Ordering::Relaxed) != AWAKE {
            self.wake();
        }
    }

    /// Waits until `ready` says yes, for which it is called again and again, or until the deadline; returns whether it said yes.
    ///
    /// Spins for `spin` first. Only one thread may listen at a time.
    #[inline]
    pub(crate) fn listen(
        &self,
        spin: Duration,
        deadline: Option<Instant>,
        mut ready: impl FnMut() -> bool,
    ) -> bool {
        let mut spinning = Spin::new(spin, deadline);
        loop {
            if ready() {
                return true;
            }
            if !spinning.pause() {
                break;
            }
        }
        self.sleep(deadline, ready)
    }

    #[cold]
    fn wake(&self) {
        // ORDERING: Relaxed: the listener reads what it waits for itself, with that thing's own ordering.
        self.futex.word().store(AWAKE, Ordering::Relaxed);
        self.futex.wake_all();
    }

    #[cold]
    fn sleep(&self, deadline: Option<Instant>, mut ready: impl FnMut() -> bool) -> bool {
        loop {
            // ORDERING: Relaxed: ordered by the fence.
            self.futex.word().store(ASLEEP, Ordering::Relaxed);
            // ORDERING: SeqCst fence: see the type's proof. It stands between the store and the look.
            fence(Ordering::SeqCst);
            let done = ready();
            if done || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                // ORDERING: Relaxed: only spares ringers a call.
                self.futex.word().store(AWAKE, Ordering::Relaxed);
                return done;
            }
            self.futex.wait(ASLEEP, deadline);
        }
    }
}
