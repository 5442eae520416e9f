//! A channel for one value, with the names of the `oneshot` crate.
//!
//! [`channel`] makes one on the heap (one allocation, freed by whichever end is last); [`Slot::split`] makes one in place, on the
//! stack or in memory that processes share, without any. Sending costs one read-modify-write and receiving one load, if the
//! value is there. An end that is dropped disconnects: the other gets an error, with the value if it wanted to send one.
//!
//! # The protocol
//!
//! One word says whose the slot is. The sender writes the value before it leaves `EMPTY` or `ASLEEP`, once; the receiver reads
//! it after it has seen `SENT`.
//!
//! | state | meaning | leaves by |
//! |---|---|---|
//! | 0 `EMPTY` | nothing sent, both ends alive | receiver about to sleep -> 1; send -> 2; drop of an end -> 3 |
//! | 1 `ASLEEP` | as 0, and the receiver may sleep | send -> 2 and drop of the sender -> 3, which wake; drop of the receiver -> 3 |
//! | 2 `SENT` | the sender is gone, the value is there | the receiver takes or drops it -> 3 |
//! | 3 `CLOSED` | one end is gone, no value is there | - |
//!
//! Each end leaves by one exchange (send, or a drop), and these two are in some order. Whoever comes second finds 2 or 3 and has
//! the slot to itself: it frees the memory, and a sender that comes second takes its value back. Whoever comes first
//! does not touch the slot again, since the other may have freed it; a sender that found 1 still wakes the receiver, by the
//! address alone. A receiver that sees 2 or 3 by a load knows that the sender has left, so it is second without an exchange.

mod ends;
mod error;
mod slot;

pub use ends::{Receiver, Sender};
pub use error::{RecvError, RecvTimeoutError, SendError, TryRecvError};
pub use slot::{Home, OnHeap, Slot};

/// A channel on the heap for one value between two threads.
///
/// ```
/// use heddle_primitives::{oneshot, sync::thread};
///
/// let (sender, receiver) = oneshot::channel();
/// let worker = thread::spawn(move || sender.send(6 * 7));
/// assert_eq!(receiver.recv(), Ok(42));
/// assert_eq!(worker.join().unwrap(), Ok(()));
/// ```
#[inline]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let home = OnHeap::new();
    // SAFETY: the slot is new, so these are its only sender and receiver.
    let sender = unsafe { Sender::from_home(home) };
    // SAFETY: as above.
    (sender, unsafe { Receiver::from_home(home) })
}
