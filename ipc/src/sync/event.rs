//! A flag to wait for.

use core::fmt;
use std::time::{Duration, Instant};

use heddle_primitives::Shared;

use super::place::{Place, placed};

/// A flag that processes wait for.
///
/// A set releases all who wait, even if it is cleared at once. Each method changes the flag in one step, so a process that dies in
/// one has set or cleared it, or has not; whoever sleeps finds out within 50 ms even if nobody is left to wake it. It is the
/// [`Event`](heddle_primitives::Event) of threads, in memory that processes share. Clones are the same event.
///
/// ```
/// use heddle_ipc::Workers;
/// use heddle_ipc::sync::{Address, Event};
///
/// fn set(ready: Address<Event>) -> u64 {
///     Event::attach(ready).expect("its maker lives").set();
///     0
/// }
///
/// let ready = Event::new()?;
/// let workers = Workers::start(1)?;
/// let ticket = workers.submit(0, set, ready.address())?;
/// ready.wait();
/// assert!(ready.is_set());
/// ticket.wait(None)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Event {
    place: Place<heddle_primitives::Event<Shared>>,
}

placed!([] Event, "an event that is not set", new() = heddle_primitives::Event::new_in());

impl Event {
    /// Sets it, and releases all who wait.
    pub fn set(&self) {
        self.place.set();
    }

    /// Clears it: whoever comes from now on waits.
    pub fn clear(&self) {
        self.place.clear();
    }

    /// Whether it is set; it may have changed by the time that this returns.
    pub fn is_set(&self) -> bool {
        self.place.is_set()
    }

    /// Waits until it is set.
    pub fn wait(&self) {
        self.place.wait();
    }

    /// Waits until it is set, for so long at most; returns whether it was.
    pub fn wait_for(&self, limit: Duration) -> bool {
        self.place.wait_for(limit)
    }

    /// Waits until it is set, until then at most; returns whether it was.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.place.wait_until(deadline)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish_non_exhaustive()
    }
}
