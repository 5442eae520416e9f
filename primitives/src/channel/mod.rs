//! Channels between many senders and many receivers, with crossbeam's names.
//!
//! [`bounded`] makes a channel with room for so many values, [`bounded`]`(0)` one where a sender and a receiver meet, and
//! [`unbounded`] one without a limit. Both ends can be cloned and shared. [`Select`] and [`select!`](crate::select) wait for
//! several operations at once.
//!
//! A channel is closed when its last sender or its last receiver is dropped, or by [`Receiver::close`]. What is in a closed
//! channel can still be received; what is sent to it comes back. When the last receiver goes, the values inside are dropped.
//!
//! # What it costs
//!
//! While nobody sleeps, a send or a receive is one compare-and-swap and one store (without a limit, a receive is a
//! compare-and-swap and an exchange), and on processors other than x86-64 a fence. A waiter spins and yields before it sleeps, 1.5 us
//! and four yields (longer just after a sleep, see [`spin`](crate::spin)), where sender and receiver meet 15 us and two; each value wakes at
//! most one. Under load waiters and losers of a race look again only after 0.2 to 1.5 us, so that the other side's work comes in batches: a
//! value may lie there for so long before it is seen.
//!
//! Memory: about 5 cache-line pairs for a channel; 4 bytes and the value, as aligned, for each slot of a bounded one; blocks of
//! 63 slots, freed when they have been read, for an unbounded one; an allocation for each wait that sleeps beside a buffer, and none to
//! meet.
//!
//! Not fair: a thread that runs may take what a sleeper was woken for; the sleeper then goes to the end of the line. A
//! [`Select`] begins with a random operation. Waiting for several operations takes pointers to those who wait, so channels are
//! for the threads of one process; between processes there is [`spsc`](crate::spsc).
//!
//! The queues are Vyukov's ([`ArrayQueue`](crate::ArrayQueue)) and crossbeam's list of blocks; the way to wait is crossbeam's.
//!
//! ```
//! use heddle_primitives::channel;
//! use heddle_primitives::sync::thread;
//!
//! let (sender, receiver) = channel::bounded(2);
//! thread::scope(|s| {
//!     for n in 1..=3 {
//!         let sender = sender.clone();
//!         s.spawn(move || sender.send(n).unwrap());
//!     }
//!     drop(sender);
//!     assert_eq!(receiver.iter().sum::<i32>(), 6);
//! });
//! ```
//!
//! - `error`: what can go wrong;
//! - `sender`, `receiver`: the two ends;
//! - `flavour`: what the kinds of channel have in common;
//! - `buffered`, `list`, `zero`: the kinds;
//! - `context`, `waiters`: how threads wait;
//! - `select`, `macros`: waiting for several operations.

mod buffered;
mod context;
mod error;
mod flavour;
mod list;
mod macros;
mod receiver;
mod select;
mod sender;
mod shared;
mod waiters;
mod zero;

pub use crate::select;
pub use error::*;
pub use receiver::{IntoIter, Iter, Receiver, TryIter};
pub use select::{Select, SelectedOperation};
pub use sender::Sender;

use crate::array_queue::{Heap, Ring};
use shared::Kind;

/// A channel with room for `capacity` values; with none, each send waits for a receive.
///
/// # Panics
/// If the capacity is above 2^31.
///
/// ```
/// use heddle_primitives::channel::{TrySendError, bounded};
/// let (sender, receiver) = bounded(1);
/// sender.send(1).unwrap();
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let kind = if capacity == 0 {
        Kind::zero(zero::Zero::new())
    } else {
        Kind::array(buffered::Buffered::new(Ring::new(Heap::new(capacity))))
    };
    (Sender::first(kind.clone()), Receiver::first(kind))
}

/// A channel without a limit: sends never wait.
///
/// ```
/// use heddle_primitives::channel::unbounded;
/// let (sender, receiver) = unbounded();
/// (0..100).for_each(|n| sender.send(n).unwrap());
/// drop(sender);
/// assert_eq!(receiver.into_iter().count(), 100);
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    let kind = Kind::list(buffered::Buffered::new(list::List::new()));
    (Sender::first(kind.clone()), Receiver::first(kind))
}
