//! Something later, unless it is cancelled.

use super::{Thread, ThreadBuilder};
use crate::sync::atomic::Ordering;
use crate::sync::futex::Futex;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WAITING: u32 = 0;
const CANCELLED: u32 = 1;
const FIRED: u32 = 2;

/// Runs a function once a time has passed, in a thread of its own; Python's `threading.Timer`.
///
/// Dropping the timer leaves it running; [`cancel`](Self::cancel) stops it. Exactly one of "it fires" and "it is cancelled" comes true.
///
/// | state | meaning | leaves by |
/// |---|---|---|
/// | 0 | waits | cancel -> 1, the time -> 2 |
/// | 1 | cancelled | - |
/// | 2 | has fired | - |
///
/// ```
/// use heddle_primitives::threading::Timer;
/// use std::time::Duration;
/// let late = Timer::start(Duration::MAX, || unreachable!()).unwrap();
/// assert!(late.cancel());
/// let soon = Timer::start(Duration::from_millis(1), || 5).unwrap();
/// assert_eq!(soon.join().unwrap(), Some(5));
/// ```
pub struct Timer<R> {
    state: Arc<Futex>,
    thread: Thread<Option<R>>,
}

impl<R: Send + 'static> Timer<R> {
    /// Starts waiting; a time beyond the clock's range never passes.
    ///
    /// # Errors
    /// If the operating system refuses the thread.
    ///
    /// ```
    /// use heddle_primitives::threading::Timer;
    /// use std::time::{Duration, Instant};
    /// let begin = Instant::now();
    /// let timer = Timer::start(Duration::from_millis(5), Instant::now).unwrap();
    /// assert!(timer.join().unwrap().unwrap() - begin >= Duration::from_millis(5));
    /// ```
    pub fn start(delay: Duration, f: impl FnOnce() -> R + Send + 'static) -> io::Result<Self> {
        let deadline = Instant::now().checked_add(delay);
        let state = Arc::new(Futex::new(WAITING));
        let word = state.clone();
        let thread = ThreadBuilder::default().name("timer").start(move || {
            while deadline.is_none_or(|deadline| Instant::now() < deadline) {
                // ORDERING: decides only whether to go on waiting.
                if word.word().load(Ordering::Relaxed) == CANCELLED {
                    return None;
                }
                word.wait(WAITING, deadline);
            }
            // ORDERING: one of two comes first; neither publishes anything.
            let first = word.word().compare_exchange(WAITING, FIRED, Ordering::Relaxed, Ordering::Relaxed);
            first.is_ok().then(f)
        })?;
        Ok(Self { state, thread })
    }

    /// Stops the timer; false if it has fired.
    ///
    /// ```
    /// use heddle_primitives::threading::Timer;
    /// use std::time::Duration;
    /// let timer = Timer::start(Duration::from_secs(3600), || "too late").unwrap();
    /// assert!(timer.cancel());
    /// assert_eq!(timer.join().unwrap(), None);
    /// ```
    pub fn cancel(&self) -> bool {
        // ORDERING: as where it fires.
        let found =
            self.state.word().compare_exchange(WAITING, CANCELLED, Ordering::Relaxed, Ordering::Relaxed);
        self.state.wake_all();
        found != Err(FIRED)
    }

    /// Waits until the function has returned, or the timer was cancelled: then there is no result.
    ///
    /// # Errors
    /// What the function panicked with.
    ///
    /// ```
    /// use heddle_primitives::threading::Timer;
    /// use std::time::Duration;
    /// let timer = Timer::start(Duration::ZERO, || 6 * 7).unwrap();
    /// assert_eq!(timer.join().unwrap(), Some(42));
    /// ```
    pub fn join(self) -> std::thread::Result<Option<R>> {
        self.thread.join()
    }
}

impl<R> fmt::Debug for Timer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORDERING: shown, and nothing else.
        let state = ["waiting", "cancelled", "fired"][self.state.word().load(Ordering::Relaxed) as usize];
        f.debug_struct("Timer").field("state", &state).finish()
    }
}
