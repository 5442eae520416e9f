//! Channels between many senders and many receivers, with crossbeam's names.
//!
//! [`bounded`] makes a channel with room for so many values, [`bounded`]`(0)` one where a sender and a receiver meet, and
//! [`unbounded`] one without a limit. Both ends can be cloned and shared. [`Select`] and [`select!`](crate::select) wait for
//! several operations at once. [`after`], [`at`], [`tick`] and [`never`](never()) make receivers to which values come by themselves.
//!
//! A channel is closed when its last sender or its last receiver is dropped, or by [`Receiver::close`]. What is in a closed
//! channel can still be received; what is sent to it comes back. When the last receiver goes, the values inside are dropped.
//! Who learns of the end, from a failure or by asking, sees what was done before it.
//!
//! # What it costs
//!
//! While nobody sleeps, a send or a receive is one compare-and-swap and one store, and on processors other than x86-64 a fence. A
//! waiter spins and yields before it sleeps, 1.5 us and four yields (longer just after a sleep, see [`spin`](crate::spin)), where
//! sender and receiver meet 15 us and two; each value wakes at most one. Under load waiters and losers of a race look again only
//! after 0.2 to 1.5 us, so that the other side's work comes in batches: a value may lie there for so long before it is seen.
//!
//! Memory: 5 to 8 cache-line pairs for a channel; 4 bytes and the value, as aligned, for each slot of a bounded one; blocks of
//! 63 slots, freed when they have been read, for an unbounded one; an allocation for each wait that sleeps beside a buffer, or for a
//! clock, and none to meet.
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
//! - `buffered`, `list`, `zero`, `clock`: the kinds;
//! - `context`, `waiters`: how threads wait;
//! - `select`, `macros`: waiting for several operations.

mod buffered;
mod clock;
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
use std::time::{Duration, Instant};

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

/// A receiver to which one value comes, in `delay` from now: the moment that was waited for.
///
/// Nothing is started for it; who receives sleeps until then. Of several receivers (the receiver can be cloned) one gets the
/// value, and the others wait on, as after it was received: for ever, until their time-out, or until
/// [`close`](Receiver::close). A delay beyond the clock's range never ends.
///
/// ```
/// use heddle_primitives::channel::{after, unbounded};
/// use heddle_primitives::select;
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let (_sender, numbers) = unbounded::<u32>();
/// let timeout = after(Duration::from_millis(5));
/// select! {
///     recv(numbers) -> number => panic!("{number:?}"),
///     recv(timeout) -> when => assert!(when.unwrap() >= start + Duration::from_millis(5)),
/// }
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// assert!(timeout.try_recv().is_err());
/// ```
pub fn after(delay: Duration) -> Receiver<Instant> {
    Instant::now().checked_add(delay).map_or_else(never, at)
}

/// A receiver to which one value comes, `when` itself, at that moment; at once if it is past. Otherwise as [`after`].
///
/// ```
/// use heddle_primitives::channel::at;
/// use std::time::Instant;
///
/// let start = Instant::now();
/// let receiver = at(start);
/// assert_eq!((receiver.len(), receiver.recv()), (1, Ok(start)));
/// assert!(receiver.is_empty());
/// ```
pub fn at(when: Instant) -> Receiver<Instant> {
    Receiver::first(Kind::clock(clock::Clock::at(when)))
}

/// A receiver to which a value comes after each `period`: the moment at which it was due.
///
/// Beats do not pile up: who comes late gets the oldest one that nobody has received. The next is due a period after that one, or,
/// if that is past too, a period from now. Each goes to one of the receivers. A period beyond the clock's range never ends. The
/// beats end with [`close`](Receiver::close) only.
///
/// ```
/// use heddle_primitives::channel::tick;
/// use std::time::{Duration, Instant};
///
/// let period = Duration::from_millis(2);
/// let start = Instant::now();
/// let beats: Vec<_> = tick(period).iter().take(3).collect();
/// assert!(beats[0] >= start + period && beats[2] >= beats[0] + 2 * period);
/// assert!(start.elapsed() >= 3 * period);
/// ```
pub fn tick(period: Duration) -> Receiver<Instant> {
    Receiver::first(Kind::clock(clock::Clock::tick(period)))
}

/// A receiver to which nothing comes: for an operation of a selection that is left out.
///
/// A receive waits until its time-out, or until [`close`](Receiver::close).
///
/// ```
/// use heddle_primitives::channel::{after, never, unbounded};
/// use heddle_primitives::select;
/// use std::time::Duration;
///
/// let (sender, numbers) = unbounded();
/// sender.send(7).unwrap();
/// let limit: Option<Duration> = None;
/// select! {
///     recv(numbers) -> number => assert_eq!(number, Ok(7)),
///     recv(limit.map_or_else(never, after)) -> _ => panic!("there is no limit"),
/// }
/// ```
pub fn never<T>() -> Receiver<T> {
    Receiver::first(Kind::clock(clock::Clock::never()))
}
