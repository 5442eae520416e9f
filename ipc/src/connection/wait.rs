//! Waiting for several connections at once.

use std::time::{Duration, Instant};

use heddle_primitives::spin::{HANDOVER_SPIN, Spin};
use heddle_primitives::{Futex, Shared};

use super::{Connection, Receiver};
use crate::os;
use crate::ring::Consumer;

/// The longest sleep without a look at who is alive.
const PATROL: Duration = Duration::from_millis(50);

/// What [`wait`] can wait for.
pub trait Source: sealed::Source {}

impl Source for Connection {}
impl Source for Receiver {}

mod sealed {
    /// Keeps the ring private.
    pub trait Source {
        fn consumer(&self) -> &super::Consumer;
    }
}

impl sealed::Source for Connection {
    fn consumer(&self) -> &Consumer {
        &self.receiver.consumer
    }
}

impl sealed::Source for Receiver {
    fn consumer(&self) -> &Consumer {
        &self.consumer
    }
}

/// Waits until at least one of these has a message, or has come to its end, and returns which, by their positions; none if the time
/// is up before. Python's `multiprocessing.connection.wait`.
///
/// ```
/// use heddle_ipc::connection::{pipe, wait};
/// use std::time::Duration;
///
/// let (first, mut one) = pipe()?;
/// let (second, two) = pipe()?;
/// assert_eq!(wait(&[&first, &second], Some(Duration::ZERO)), []);
/// one.send("news")?;
/// assert_eq!(wait(&[&first, &second], None), [0]);
/// drop(two);
/// assert_eq!(wait(&[&first, &second], None), [0, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait<S: Source>(sources: &[&S], timeout: Option<Duration>) -> Vec<usize> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let ready = |look: &dyn Fn(&Consumer) -> bool| -> Vec<usize> {
        (0..sources.len()).filter(|&at| look(sources[at].consumer())).collect()
    };
    let mut spin = Spin::new::<Shared>(HANDOVER_SPIN, deadline);
    loop {
        let found = ready(&Consumer::is_ready);
        if !found.is_empty() {
            return found;
        }
        if !spin.pause() {
            break;
        }
    }
    let found = loop {
        let words: Vec<(&Futex<Shared>, u32)> =
            sources.iter().map(|source| source.consumer().fall_asleep()).collect();
        let found = ready(&|consumer| consumer.is_ready() || consumer.is_disconnected());
        let now = Instant::now();
        if !found.is_empty() || deadline.is_some_and(|deadline| now >= deadline) {
            break found;
        }
        let patrol = now + PATROL;
        os::wait_for_any_word(&words, deadline.map_or(patrol, |deadline| deadline.min(patrol)));
    };
    sources.iter().for_each(|source| source.consumer().wake_up());
    found
}
