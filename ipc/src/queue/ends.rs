//! A queue whose two sides are told apart.

use core::fmt;
use std::time::Duration;

use super::core::{Core, Ends, Limit};
use super::error::{GetError, PutError, TryGetError, TryPutError};
use super::home::Home;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
use super::plain::Queue;
use super::plain::limit_of;
use crate::peers::Census;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
use crate::shm_safe::ShmSafe;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
use crate::sync::{Address, AttachError, CreateError};

/// The sending end of a [`channel`]. Clones are further ends.
pub struct Sender<T> {
    core: Core<T>,
}

/// The receiving end of a [`channel`]. Clones are further ends, which share the items.
pub struct Receiver<T> {
    core: Core<T>,
}

/// Where another process attaches a [`Sender`].
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub type SenderAddress<T> = Address<Sender<T>>;

/// Where another process attaches a [`Receiver`].
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub type ReceiverAddress<T> = Address<Receiver<T>>;

/// A [`Queue`] of at most `capacity` items with ends: once the last sender is dropped, has ended or died, a receiver gets
/// what was sent, and then [`GetError`]; once the last receiver is, [`Sender::send`] returns the item.
///
/// An address that was sent and has not been attached is no end: keep an end of each side until the other process has attached its own.
///
/// ```
/// use heddle_ipc::Workers;
/// use heddle_ipc::queue::{Sender, SenderAddress, channel};
///
/// fn count(to: SenderAddress<u64>) -> u64 {
///     let sender = Sender::attach(to).expect("its maker lives");
///     (0..10).for_each(|n| sender.send(n).expect("somebody listens"));
///     0
/// }
///
/// let (sender, receiver) = channel(4)?;
/// let workers = Workers::start(1)?;
/// let ticket = workers.submit(0, count, sender.address())?;
/// assert_eq!(receiver.recv(), Ok(0));
/// // The worker has its own end by now.
/// drop(sender);
/// assert_eq!(receiver.iter().sum::<u64>(), 45);
/// ticket.wait(None)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// There is no memory, no descriptor, or no `/proc`.
///
/// # Panics
///
/// `capacity` is 0, or over 2^28.
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub fn channel<T: ShmSafe + Send>(capacity: usize) -> Result<(Sender<T>, Receiver<T>), CreateError> {
    let queue = Queue::<T>::new(capacity)?;
    Ok((Sender::over(queue.core.home.clone()), Receiver::over(queue.core.home)))
}

/// As [`channel`], in a segment that this process has joined.
///
/// # Errors
///
/// The segment has no room left.
///
/// # Panics
///
/// As [`channel`].
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub fn channel_in<T: ShmSafe + Send>(
    member: &crate::Member,
    capacity: usize,
) -> Result<(Sender<T>, Receiver<T>), crate::AllocError> {
    let queue = Queue::<T>::new_in(member, capacity)?;
    Ok((Sender::over(queue.core.home.clone()), Receiver::over(queue.core.home)))
}

/// The two ends of a channel of memory that is no segment.
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
pub fn channel_in<T>(peer: &crate::model::Peer, capacity: usize) -> (Sender<T>, Receiver<T>) {
    let home = Home::within(peer, capacity, super::core::SPARE);
    (Sender::over(home.clone()), Receiver::over(home))
}

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
impl<T: ShmSafe + Send> Sender<T> {
    /// Attaches an end of this process.
    ///
    /// # Errors
    ///
    /// The process that made the address is gone, or something else lies there.
    pub fn attach(address: Address<Self>) -> Result<Self, AttachError> {
        Ok(Sender::over(Home::attach(address)?))
    }

    /// What another process needs to attach an end of its own.
    pub fn address(&self) -> Address<Self> {
        self.core.home.address()
    }
}

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
impl<T: ShmSafe + Send> Receiver<T> {
    /// Attaches an end of this process.
    ///
    /// # Errors
    ///
    /// The process that made the address is gone, or something else lies there.
    pub fn attach(address: Address<Self>) -> Result<Self, AttachError> {
        Ok(Receiver::over(Home::attach(address)?))
    }

    /// What another process needs to attach an end of its own.
    pub fn address(&self) -> Address<Self> {
        self.core.home.address()
    }
}

impl<T> Sender<T> {
    /// A further end, for another peer.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub fn seen_by(&self, peer: &crate::model::Peer) -> Self {
        Sender::over(self.core.home.seen_by(peer))
    }

    pub(super) fn over(home: Home<T>) -> Self {
        home.words().senders.enter(home.census().me());
        Sender { core: Core::new(home, Ends::Apart) }
    }
}

impl<T> Receiver<T> {
    /// A further end, for another peer.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub fn seen_by(&self, peer: &crate::model::Peer) -> Self {
        Receiver::over(self.core.home.seen_by(peer))
    }

    pub(super) fn over(home: Home<T>) -> Self {
        home.words().receivers.enter(home.census().me());
        Receiver { core: Core::new(home, Ends::Apart) }
    }
}

impl<T: Copy> Sender<T> {
    /// Sends an item; waits for room.
    ///
    /// # Errors
    ///
    /// Nobody is left to receive it; it comes back. Up to 50 ms may pass until that is noticed.
    pub fn send(&self, item: T) -> Result<(), PutError<T>> {
        self.core.put(item, Limit::Never).map_err(|error| PutError(error.into_inner()))
    }

    /// Sends an item, if there is room.
    ///
    /// # Errors
    ///
    /// See [`TryPutError`]; the item comes back.
    pub fn try_send(&self, item: T) -> Result<(), TryPutError<T>> {
        self.core.put(item, Limit::Now)
    }

    /// Sends an item; waits for room, for so long at most.
    ///
    /// # Errors
    ///
    /// See [`TryPutError`]; the item comes back.
    pub fn send_timeout(&self, item: T, limit: Duration) -> Result<(), TryPutError<T>> {
        self.core.put(item, limit_of(limit))
    }
}

impl<T: Copy> Receiver<T> {
    /// Receives an item; waits for one.
    ///
    /// # Errors
    ///
    /// Nobody is left to send one, and all that were sent have been received. Up to 50 ms may pass until that is noticed.
    pub fn recv(&self) -> Result<T, GetError> {
        self.core.take(Limit::Never).map(|cell| self.core.finish(cell)).map_err(|_| GetError)
    }

    /// Receives an item, if there is one.
    ///
    /// # Errors
    ///
    /// See [`TryGetError`].
    pub fn try_recv(&self) -> Result<T, TryGetError> {
        self.core.take(Limit::Now).map(|cell| self.core.finish(cell))
    }

    /// Receives an item; waits for one, for so long at most.
    ///
    /// # Errors
    ///
    /// See [`TryGetError`].
    pub fn recv_timeout(&self, limit: Duration) -> Result<T, TryGetError> {
        self.core.take(limit_of(limit)).map(|cell| self.core.finish(cell))
    }

    /// The items, until nobody is left to send any.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        core::iter::from_fn(|| self.recv().ok())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender::over(self.core.home.clone())
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver::over(self.core.home.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let words = self.core.home.words();
        if words.senders.exit(self.core.home.census().me()) {
            words.items.announce();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let words = self.core.home.words();
        if words.receivers.exit(self.core.home.census().me()) {
            words.room.announce();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
