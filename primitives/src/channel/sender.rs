//! The end that values go in.

use super::error::*;
use super::flavour::Flavour;
use super::shared::{Kind, each_kind, one_less, one_more};
use std::fmt;
use std::time::{Duration, Instant};

/// The end of a channel that values go in; see the [module](super).
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let (sender, _receiver) = heddle_primitives::channel::unbounded::<std::rc::Rc<u32>>();
/// send(sender);
/// ```
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// let (sender, _receiver) = heddle_primitives::channel::bounded::<std::rc::Rc<u32>>(0);
/// share(sender);
/// ```
///
/// ```
/// use heddle_primitives::channel::unbounded;
/// use heddle_primitives::sync::thread;
/// let (sender, receiver) = unbounded();
/// thread::scope(|s| {
///     for n in [1, 2] {
///         let sender = sender.clone();
///         s.spawn(move || sender.send(n).unwrap());
///     }
/// });
/// drop(sender);
/// assert_eq!(receiver.iter().sum::<u32>(), 3);
/// ```
pub struct Sender<T> {
    pub(super) kind: Kind<T>,
}

// SAFETY: values go to other threads, which takes `T: Send`; everything else is synchronized.
unsafe impl<T: Send> Send for Sender<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Sender<T> {}

impl<T> Sender<T> {
    pub(super) fn first(kind: Kind<T>) -> Self {
        Self { kind }
    }

    /// Puts a value in, waiting for room as long as it takes.
    ///
    /// # Errors
    /// The value, if the channel takes no more.
    ///
    /// ```
    /// use heddle_primitives::channel::{SendError, bounded};
    /// let (sender, receiver) = bounded(1);
    /// assert_eq!(sender.send(7), Ok(()));
    /// drop(receiver);
    /// assert_eq!(sender.send(8), Err(SendError(8)));
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.send_until(value, None).map_err(|error| SendError(error.into_inner()))
    }

    /// Puts a value in, if that takes no waiting.
    ///
    /// # Errors
    /// The value, if there is no room or the channel takes no more.
    ///
    /// ```
    /// use heddle_primitives::channel::{TrySendError, bounded};
    /// let (sender, receiver) = bounded(1);
    /// assert_eq!(sender.try_send(7), Ok(()));
    /// assert_eq!(sender.try_send(8), Err(TrySendError::Full(8)));
    /// drop(receiver);
    /// assert_eq!(sender.try_send(8), Err(TrySendError::Disconnected(8)));
    /// ```
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        each_kind!(&self.kind, channel => channel.flavour.try_send(value))
    }

    /// Puts a value in, waiting for room no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// The value, if there was no room in time or the channel takes no more.
    ///
    /// ```
    /// use heddle_primitives::channel::{SendTimeoutError, bounded};
    /// use std::time::Duration;
    /// let (sender, _receiver) = bounded(1);
    /// assert_eq!(sender.send_timeout(7, Duration::MAX), Ok(()));
    /// assert_eq!(sender.send_timeout(8, Duration::from_millis(1)), Err(SendTimeoutError::Timeout(8)));
    /// ```
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, Instant::now().checked_add(timeout))
    }

    /// Puts a value in, waiting for room no longer than until `deadline`; one in the past still uses the room there is.
    ///
    /// # Errors
    /// The value, if there was no room in time or the channel takes no more.
    ///
    /// ```
    /// use heddle_primitives::channel::{SendTimeoutError, bounded};
    /// use std::time::Instant;
    /// let (sender, _receiver) = bounded(1);
    /// let now = Instant::now();
    /// assert_eq!(sender.send_deadline(7, now), Ok(()));
    /// assert_eq!(sender.send_deadline(8, now), Err(SendTimeoutError::Timeout(8)));
    /// ```
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, Some(deadline))
    }

    /// How many values are in the channel; others may change that meanwhile.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, receiver) = bounded(2);
    /// assert_eq!(sender.len(), 0);
    /// sender.send('a').unwrap();
    /// assert_eq!(sender.len(), 1);
    /// receiver.recv().unwrap();
    /// assert_eq!(sender.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        each_kind!(&self.kind, channel => channel.flavour.len())
    }

    /// Whether the channel is empty right now; always true at capacity 0.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, receiver) = bounded(2);
    /// assert!(sender.is_empty());
    /// sender.send('a').unwrap();
    /// assert!(!sender.is_empty());
    /// receiver.recv().unwrap();
    /// assert!(sender.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        each_kind!(&self.kind, channel => channel.flavour.is_empty())
    }

    /// Whether the channel is full right now; always true at capacity 0.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, receiver) = bounded(1);
    /// assert!(!sender.is_full());
    /// sender.send('a').unwrap();
    /// assert!(sender.is_full());
    /// receiver.recv().unwrap();
    /// assert!(!sender.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        each_kind!(&self.kind, channel => channel.flavour.is_full())
    }

    /// How many values have room; none means no limit.
    ///
    /// ```
    /// use heddle_primitives::channel::{bounded, unbounded};
    /// let (sender, _receiver) = bounded::<u8>(8);
    /// assert_eq!(sender.capacity(), Some(8));
    /// let (sender, _receiver) = unbounded::<u8>();
    /// assert_eq!(sender.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        each_kind!(&self.kind, channel => channel.flavour.capacity())
    }

    /// Whether both are ends of the same channel.
    ///
    /// ```
    /// use heddle_primitives::channel::unbounded;
    /// let (sender, _receiver) = unbounded::<u8>();
    /// let (other, _receiver) = unbounded();
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.kind.address() == other.kind.address()
    }

    /// Whether the channel takes no more values: it was closed, or all receivers are gone.
    ///
    /// ```
    /// use heddle_primitives::channel::unbounded;
    /// let (sender, receiver) = unbounded::<u8>();
    /// assert!(!sender.is_disconnected());
    /// drop(receiver);
    /// assert!(sender.is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        each_kind!(&self.kind, channel => channel.flavour.is_closed())
    }

    #[inline(always)]
    fn send_until(&self, value: T, deadline: Option<Instant>) -> Result<(), SendTimeoutError<T>> {
        each_kind!(&self.kind, channel => channel.flavour.send(value, deadline))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        each_kind!(&self.kind, channel => one_more(&channel.senders));
        Self { kind: self.kind.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        each_kind!(&self.kind, channel => if one_less(&channel.senders) {
            channel.flavour.close();
        });
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("kind", &self.kind).finish_non_exhaustive()
    }
}
