//! The end that values come out.

use super::error::*;
use super::flavour::Flavour;
use super::shared::{Kind, each_kind, one_less, one_more};
use std::fmt;
use std::iter::FusedIterator;
use std::time::{Duration, Instant};

/// The end of a channel that values come out; see the [module](super).
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let (_sender, receiver) = heddle_primitives::channel::bounded::<std::rc::Rc<u32>>(1);
/// send(receiver);
/// ```
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// let (_sender, receiver) = heddle_primitives::channel::unbounded::<std::rc::Rc<u32>>();
/// share(receiver);
/// ```
///
/// ```
/// use heddle_primitives::channel::bounded;
/// let (sender, receiver) = bounded(1);
/// let second = receiver.clone();
/// sender.send(7).unwrap();
/// assert_eq!((second.recv(), receiver.is_empty()), (Ok(7), true));
/// ```
pub struct Receiver<T> {
    pub(super) kind: Kind<T>,
}

// SAFETY: values come from other threads, which takes `T: Send`; everything else is synchronized.
unsafe impl<T: Send> Send for Receiver<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Receiver<T> {}

impl<T> Receiver<T> {
    pub(super) fn first(kind: Kind<T>) -> Self {
        Self { kind }
    }

    /// Takes the oldest value out, waiting for one as long as it takes.
    ///
    /// # Errors
    /// If the channel is empty and no more values will come.
    ///
    /// ```
    /// use heddle_primitives::channel::{RecvError, bounded};
    /// let (sender, receiver) = bounded(1);
    /// sender.send(7).unwrap();
    /// drop(sender);
    /// assert_eq!((receiver.recv(), receiver.recv()), (Ok(7), Err(RecvError)));
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(None).map_err(|_| RecvError)
    }

    /// Takes the oldest value out, if that takes no waiting.
    ///
    /// # Errors
    /// If there is none now, or none will come.
    ///
    /// ```
    /// use heddle_primitives::channel::{TryRecvError, unbounded};
    /// let (sender, receiver) = unbounded();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(7).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Ok(7));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        each_kind!(&self.kind, channel => channel.flavour.try_recv())
    }

    /// Takes the oldest value out, waiting for one no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// # Errors
    /// If there was none in time, or none will come.
    ///
    /// ```
    /// use heddle_primitives::channel::{RecvTimeoutError, unbounded};
    /// use std::time::Duration;
    /// let (sender, receiver) = unbounded();
    /// sender.send(7).unwrap();
    /// assert_eq!(receiver.recv_timeout(Duration::MAX), Ok(7));
    /// assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(Instant::now().checked_add(timeout))
    }

    /// Takes the oldest value out, waiting for one no longer than until `deadline`; one in the past still takes a value that
    /// is there.
    ///
    /// # Errors
    /// If there was none in time, or none will come.
    ///
    /// ```
    /// use heddle_primitives::channel::{RecvTimeoutError, unbounded};
    /// use std::time::Instant;
    /// let (sender, receiver) = unbounded();
    /// sender.send(7).unwrap();
    /// let now = Instant::now();
    /// assert_eq!(receiver.recv_deadline(now), Ok(7));
    /// assert_eq!(receiver.recv_deadline(now), Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Some(deadline))
    }

    /// Lets no more values in: sends fail, also those that wait. What is in the channel can still be received. True if the
    /// channel was open before.
    ///
    /// ```
    /// use heddle_primitives::channel::{RecvError, SendError, bounded};
    /// let (sender, receiver) = bounded(2);
    /// sender.send(1).unwrap();
    /// assert!(receiver.close());
    /// assert_eq!(sender.send(2), Err(SendError(2)));
    /// assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Err(RecvError)));
    /// ```
    pub fn close(&self) -> bool {
        each_kind!(&self.kind, channel => channel.flavour.close())
    }

    /// The values to come, waiting for each, until no more will come.
    ///
    /// ```
    /// use heddle_primitives::channel::unbounded;
    /// let (sender, receiver) = unbounded();
    /// (1..=3).for_each(|n| sender.send(n).unwrap());
    /// drop(sender);
    /// assert_eq!(receiver.iter().sum::<u32>(), 6);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// The values that are there, without waiting.
    ///
    /// ```
    /// use heddle_primitives::channel::unbounded;
    /// let (sender, receiver) = unbounded();
    /// (1..=3).for_each(|n| sender.send(n).unwrap());
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
    /// assert!(!receiver.is_disconnected());
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }

    /// How many values are in the channel; others may change that meanwhile.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, receiver) = bounded(2);
    /// assert_eq!(receiver.len(), 0);
    /// sender.send('a').unwrap();
    /// assert_eq!(receiver.len(), 1);
    /// receiver.recv().unwrap();
    /// assert_eq!(receiver.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        each_kind!(&self.kind, channel => channel.flavour.len())
    }

    /// Whether the channel is empty right now; always true at capacity 0.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, receiver) = bounded(2);
    /// assert!(receiver.is_empty());
    /// sender.send('a').unwrap();
    /// assert!(!receiver.is_empty());
    /// receiver.recv().unwrap();
    /// assert!(receiver.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        each_kind!(&self.kind, channel => channel.flavour.is_empty())
    }

    /// Whether the channel is full right now; always true at capacity 0.
    ///
    /// ```
    /// use heddle_primitives::channel::bounded;
    /// let (sender, receiver) = bounded(1);
    /// assert!(!receiver.is_full());
    /// sender.send('a').unwrap();
    /// assert!(receiver.is_full());
    /// receiver.recv().unwrap();
    /// assert!(!receiver.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        each_kind!(&self.kind, channel => channel.flavour.is_full())
    }

    /// How many values have room; none means no limit.
    ///
    /// ```
    /// use heddle_primitives::channel::{bounded, unbounded};
    /// let (_sender, receiver) = bounded::<u8>(8);
    /// assert_eq!(receiver.capacity(), Some(8));
    /// let (_sender, receiver) = unbounded::<u8>();
    /// assert_eq!(receiver.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        each_kind!(&self.kind, channel => channel.flavour.capacity())
    }

    /// Whether both are ends of the same channel.
    ///
    /// ```
    /// use heddle_primitives::channel::unbounded;
    /// let (_sender, receiver) = unbounded::<u8>();
    /// let (_sender, other) = unbounded();
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// assert!(!receiver.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.kind.address() == other.kind.address()
    }

    /// Whether the channel takes no more values: it was closed, or all senders are gone. There may be some in it.
    ///
    /// ```
    /// use heddle_primitives::channel::unbounded;
    /// let (sender, receiver) = unbounded();
    /// sender.send(7).unwrap();
    /// drop(sender);
    /// assert!(receiver.is_disconnected());
    /// assert_eq!(receiver.recv(), Ok(7));
    /// ```
    pub fn is_disconnected(&self) -> bool {
        each_kind!(&self.kind, channel => channel.flavour.is_closed())
    }

    #[inline(always)]
    fn recv_until(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        each_kind!(&self.kind, channel => channel.flavour.recv(deadline))
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        each_kind!(&self.kind, channel => one_more(&channel.receivers));
        Self { kind: self.kind.clone() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        each_kind!(&self.kind, channel => if one_less(&channel.receivers) {
            channel.flavour.close();
            // As any receive: sends that have claimed a slot are waited for, and each value is dropped once.
            while channel.flavour.try_recv().is_ok() {}
        });
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The values to come; see [`Receiver::iter`].
///
/// ```
/// use heddle_primitives::channel::unbounded;
/// let (sender, receiver) = unbounded();
/// sender.send('a').unwrap();
/// drop(sender);
/// let mut values = receiver.iter();
/// assert_eq!((values.next(), values.next()), (Some('a'), None));
/// ```
#[derive(Debug)]
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// The values that are there; see [`Receiver::try_iter`].
///
/// ```
/// use heddle_primitives::channel::unbounded;
/// let (sender, receiver) = unbounded();
/// let mut values = receiver.try_iter();
/// assert_eq!(values.next(), None);
/// // There may be more later.
/// sender.send('a').unwrap();
/// assert_eq!(values.next(), Some('a'));
/// ```
#[derive(Debug)]
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// The values to come, with their receiver.
///
/// ```
/// use heddle_primitives::channel::unbounded;
/// let (sender, receiver) = unbounded();
/// sender.send('a').unwrap();
/// let mut values = receiver.into_iter();
/// assert_eq!(values.next(), Some('a'));
/// // With the values goes the receiver.
/// drop(values);
/// assert!(sender.send('b').is_err());
/// ```
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
