//! A condition variable that no death can silence.

use core::fmt;
use std::time::{Duration, Instant};

use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::{Futex, Shared};

use super::error::LockError;
use super::mutex::MutexGuard;
use super::nap::{Slept, Wait};
use super::place::{Place, placed};
use crate::peers::Census;
use crate::shm_safe::Shareable;

/// Somebody may sleep.
const WAITERS: u32 = 1;
/// One notification.
const NOTIFIED: u32 = 2;

/// What lies in memory: notifications so far, wrapping, and [`WAITERS`].
///
/// A notification of all takes the flag away in the step that counts it. One of a single waiter cannot, since others may sleep; it does
/// so in a second step when it finds nobody to wake, and then wakes those who came in between.
///
/// A waiter notes the word while it holds the mutex, and goes on once it has changed. So a notification that comes after the
/// mutex was let go of is never missed, whoever was to be woken for it and died: the others find the word changed when their sleep ends.
#[repr(transparent)]
pub(crate) struct Words {
    futex: Futex<Shared>,
}

// SAFETY: one word, of which any number is a count.
unsafe impl Shareable for Words {}

/// A condition variable for a [`Mutex`](super::Mutex) in shared memory.
///
/// A wait may end without a notification, as everywhere, so it belongs into a loop that looks at the condition; beside other
/// causes it ends when any member of the segment has died since it began: whoever was to notify may be the dead one, and
/// [`Condvar::wait`] cannot know. A notifier that dies after it has changed the condition and before it has notified thus delays the
/// waiters by at most 50 ms. One that has merely forgotten to notify strands them, as everywhere.
///
/// Notifications are for whoever waits at that moment; which of them goes on first is not specified. Clones are the same.
///
/// ```
/// use heddle_ipc::Workers;
/// use heddle_ipc::sync::{Address, Condvar, Mutex};
/// use zerocopy::{FromBytes, Immutable, IntoBytes};
///
/// #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Mailbox { letters: Address<Mutex<u64>>, arrived: Address<Condvar> }
///
/// fn deliver(to: Mailbox) -> u64 {
///     let letters = Mutex::attach(to.letters).expect("its maker lives");
///     *letters.lock().expect("nobody died") += 1;
///     Condvar::attach(to.arrived).expect("its maker lives").notify_one();
///     0
/// }
///
/// let (letters, arrived) = (Mutex::new(0_u64)?, Condvar::new()?);
/// let workers = Workers::start(1)?;
/// let mailbox = Mailbox { letters: letters.address(), arrived: arrived.address() };
/// let ticket = workers.submit(0, deliver, mailbox)?;
/// let mut waiting = letters.lock().expect("nobody died");
/// while *waiting == 0 {
///     waiting = arrived.wait(waiting).expect("nobody died");
/// }
/// ticket.wait(None)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Condvar {
    place: Place<Words>,
}

placed!([] Condvar, "a condition variable", new() = Words { futex: Futex::new_in(0) });

/// Whether a wait ended because its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was over. The condition may hold nevertheless.
    pub fn timed_out(self) -> bool {
        self.0
    }
}

/// What a wait returns: the lock again, as [`Mutex::lock`](super::Mutex::lock) gives it.
type Relocked<'a, T> = Result<MutexGuard<'a, T>, LockError<MutexGuard<'a, T>>>;

impl Condvar {
    /// Lets go of the lock, waits for a notification, and takes the lock again.
    ///
    /// A guard whose data nobody has put in order since an owner's death gives the lock up, as dropping it does; then there is nothing
    /// to wait for.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`](super::Mutex::lock): an owner may have died meanwhile.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> Relocked<'a, T> {
        self.wait_or(guard, None).0
    }

    /// As [`wait`](Condvar::wait), for so long at most; taking the lock again may take longer.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait).
    pub fn wait_for<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> (Relocked<'a, T>, WaitTimeoutResult) {
        self.wait_or(guard, Instant::now().checked_add(limit))
    }

    /// As [`wait`](Condvar::wait), until then at most; taking the lock again may take longer.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait).
    pub fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> (Relocked<'a, T>, WaitTimeoutResult) {
        self.wait_or(guard, Some(deadline))
    }

    /// Waits while `condition` holds.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait); the condition may hold then.
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Relocked<'a, T> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Has one waiter go on, if there is one. The others may go on too, within 50 ms: they cannot know that whoever was woken has not died.
    pub fn notify_one(&self) {
        let futex = &self.place.futex;
        // ORDERING: Relaxed: the mutex orders what the notification is about; the word only has to change after a waiter noted it, which it
        // did before it let go of the mutex.
        let word = futex.word().fetch_add(NOTIFIED, Ordering::Relaxed);
        if word & WAITERS == 0 || futex.wake_one() {
            return;
        }
        // Nobody slept any more.
        let notified = word.wrapping_add(NOTIFIED);
        // ORDERING: Relaxed, both: as above.
        let cleared = futex.word().compare_exchange(
            notified,
            notified & !WAITERS,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if cleared.is_ok() {
            // Who has come since, found the flag set and fell asleep, would not be seen by the next notification: it goes on for nothing.
            futex.wake_all();
        }
    }

    /// Has all go on who wait.
    pub fn notify_all(&self) {
        let futex = &self.place.futex;
        // ORDERING: Relaxed: decides only what the exchange expects.
        let mut word = futex.word().load(Ordering::Relaxed);
        loop {
            let notified = word.wrapping_add(NOTIFIED) & !WAITERS;
            // ORDERING: Relaxed, both: as in `notify_one`. Who comes from now on sets the flag again.
            match futex.word().compare_exchange(word, notified, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word & WAITERS != 0 {
            futex.wake_all();
        }
    }

    fn wait_or<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (Relocked<'a, T>, WaitTimeoutResult) {
        let census = self.place.census();
        let word = &self.place.futex;
        let noticed = census.noticed();
        // ORDERING: Relaxed: see `notify_one`.
        let noted = word.word().fetch_or(WAITERS, Ordering::Relaxed) | WAITERS;
        let mutex = guard.mutex();
        let given_up = guard.is_inconsistent();
        drop(guard);
        let mut wait = Wait::for_handover(Duration::ZERO, deadline);
        let mut timed_out = false;
        // ORDERING: Relaxed: see `notify_one`.
        while !given_up && !timed_out && word.word().load(Ordering::Relaxed) == noted {
            timed_out = wait.sleep(word, noted) == Slept::TimedOut;
            if census.deaths() != noticed {
                break;
            }
        }
        (mutex.lock(), WaitTimeoutResult(timed_out))
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
