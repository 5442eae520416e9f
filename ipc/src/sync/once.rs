//! Something that is done once, whoever dies over it.

use core::fmt;

use heddle_primitives::spin::DEFAULT_SPIN;
use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::{Futex, Shared};

use super::nap::Wait;
use super::place::{Place, placed};
use crate::peers::{Census, PeerId};
use crate::shm_safe::Shareable;

/// It is done. No id is so large.
const DONE: u32 = u32::MAX;
/// Somebody may sleep.
const WAITERS: u32 = 1 << 31;
/// Who did it before has died.
const DIED: u32 = 1 << 30;

/// What lies in memory:
///
/// | word | meaning |
/// |---|---|
/// | 0 | nobody has begun |
/// | id | this peer does it; if it is dead, whoever comes next begins again |
/// | id + died | the same, and an earlier one has died |
/// | + waiters | somebody may sleep |
/// | all ones | done |
#[repr(transparent)]
pub(crate) struct Words {
    futex: Futex<Shared>,
}

// SAFETY: one word, of which any number is a state.
unsafe impl Shareable for Words {}

/// What the caller of a one-time action is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnceState {
    died: bool,
}

impl OnceState {
    /// Whether another process died while it did this: it may be half done.
    pub fn is_after_death(self) -> bool {
        self.died
    }
}

impl Words {
    fn is_done(&self) -> bool {
        // ORDERING: Acquire: pairs with the Release in `finish`.
        self.futex.word().load(Ordering::Acquire) == DONE
    }

    /// Waits until it is done, or it is the caller's to do.
    fn begin(&self, census: &impl Census) -> Option<OnceState> {
        let mut wait = Wait::at_lock(DEFAULT_SPIN, None);
        loop {
            // ORDERING: Acquire: see `is_done`.
            let word = self.futex.word().load(Ordering::Acquire);
            if word == DONE {
                return None;
            }
            let died = match PeerId::from_word(word) {
                None => word & DIED,
                Some(_) if wait.spin() => continue,
                Some(peer) if peer != census.me() && census.is_dead(peer) => DIED,
                Some(_) => {
                    self.sleep(&mut wait, word);
                    continue;
                }
            };
            let mine = census.me().word() | died | (word & WAITERS);
            // ORDERING: success acquires what was done before somebody gave up; failure reads nothing.
            let begun = self.futex.word().compare_exchange(word, mine, Ordering::Acquire, Ordering::Relaxed);
            if begun.is_ok() {
                return Some(OnceState { died: died != 0 });
            }
        }
    }

    fn sleep(&self, wait: &mut Wait, word: u32) {
        let flagged = word | WAITERS;
        // ORDERING: Relaxed, both: only asks for a wake.
        let asked = word == flagged
            || self
                .futex
                .word()
                .compare_exchange(word, flagged, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if asked {
            wait.sleep(&self.futex, flagged);
        }
    }

    /// The caller, who has begun, has done it, or leaves it to others.
    fn finish(&self, state: u32) {
        let address = self.futex.address();
        // ORDERING: Release: pairs with the Acquire loads in `is_done` and `begin`.
        if self.futex.word().swap(state, Ordering::Release) & WAITERS != 0 {
            address.wake_all();
        }
    }
}

/// Something that is done once, by one of several processes.
///
/// If the process that does it dies, another does it again, and is told. If it panics, it is as if nobody had begun.
/// Clones are the same.
///
/// ```
/// use heddle_ipc::sync::Once;
///
/// let once = Once::new()?;
/// let mut done = 0;
/// once.call_once(|| done += 1);
/// once.call_once(|| done += 1);
/// assert!(once.is_completed() && done == 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Once {
    place: Place<Words>,
}

placed!([] Once, "something to be done", new() = Words { futex: Futex::new_in(0) });

impl Once {
    /// Does it, unless it is done; waits for whoever does it.
    ///
    /// Calling it again from within `f` waits for ever.
    pub fn call_once(&self, f: impl FnOnce()) {
        self.call_once_force(|_| f());
    }

    /// As [`call_once`](Once::call_once), and tells whether somebody died over it.
    pub fn call_once_force(&self, f: impl FnOnce(OnceState)) {
        if self.place.is_done() {
            return;
        }
        let Some(state) = self.place.begin(self.place.census()) else { return };
        // Should `f` panic.
        let given_up = if state.died { DIED } else { 0 };
        let mut undone = Finish { words: &self.place, state: given_up };
        f(state);
        undone.state = DONE;
    }

    /// Whether it is done.
    pub fn is_completed(&self) -> bool {
        self.place.is_done()
    }
}

/// Says how it ended.
struct Finish<'a> {
    words: &'a Words,
    state: u32,
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.words.finish(self.state);
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("completed", &self.is_completed()).finish_non_exhaustive()
    }
}
