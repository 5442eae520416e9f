//! Queues between processes that no death can wedge.
//!
//! - [`Queue`]: many producers, many consumers, items of plain data: Python's `Queue`;
//! - [`channel`]: the same with ends, which learn that nobody is left on the other side;
//! - [`JoinableQueue`]: items that are to be done, and a wait until all are;
//! - [`SimpleQueue`]: items of any type that serde knows, up to a size.
//!
//! All have a bounded number of items, and whoever puts waits for room. See [`Queue`] for what a death does.

mod cells;
mod core;
mod ends;
mod error;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod home;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
#[path = "../model/home.rs"]
mod home;
mod joinable;
mod plain;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod simple;
mod words;

#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
pub use ends::channel_in;
pub use ends::{Receiver, Sender};
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use ends::{ReceiverAddress, SenderAddress, channel, channel_in};
pub use error::{GetError, PutError, TryGetError, TryPutError};
pub use joinable::{JoinableQueue, Task};
pub use plain::Queue;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use simple::{SimpleGetError, SimplePutError, SimpleQueue};

/// The constructors that each queue has.
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
macro_rules! homed {
    ($name:ident, $what:literal) => {
        impl<T: $crate::ShmSafe + Send> $name<T> {
            #[doc = concat!("Creates ", $what, " for at most `capacity` items, in a segment of its own.")]
            ///
            /// # Errors
            ///
            /// There is no memory, no descriptor, or no `/proc`.
            ///
            /// # Panics
            ///
            /// `capacity` is 0, or over 2^28.
            pub fn new(capacity: usize) -> Result<Self, $crate::sync::CreateError> {
                let capacity = $crate::queue::core::checked(capacity);
                Ok(Self::over($crate::queue::home::Home::alone(capacity, $crate::queue::core::SPARE)?))
            }

            #[doc = concat!("Creates ", $what, " for at most `capacity` items, in a segment that this process has joined.")]
            ///
            /// # Errors
            ///
            /// The segment has no room left.
            ///
            /// # Panics
            ///
            /// `capacity` is 0, or over 2^28.
            pub fn new_in(member: &$crate::Member, capacity: usize) -> Result<Self, $crate::AllocError> {
                let capacity = $crate::queue::core::checked(capacity);
                Ok(Self::over($crate::queue::home::Home::within(member, capacity, $crate::queue::core::SPARE)?))
            }

            #[doc = concat!("Attaches to ", $what, " that another process created.")]
            ///
            /// # Errors
            ///
            /// The process that made the address is gone, or something else lies there.
            pub fn attach(address: $crate::sync::Address<Self>) -> Result<Self, $crate::sync::AttachError> {
                Ok(Self::over($crate::queue::home::Home::attach(address)?))
            }

            /// What another process needs to attach.
            pub fn address(&self) -> $crate::sync::Address<Self> {
                self.core.home.address()
            }
        }
    };
}
/// The constructors that each queue has in place of those in a segment.
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
macro_rules! homed {
    ($name:ident, $what:literal) => {
        impl<T> $name<T> {
            #[doc = concat!("Creates ", $what, ".")]
            pub fn new_in(peer: &$crate::model::Peer, capacity: usize) -> Self {
                Self::over($crate::queue::home::Home::within(peer, capacity, $crate::queue::core::SPARE))
            }

            /// The same one, for another peer.
            pub fn seen_by(&self, peer: &$crate::model::Peer) -> Self {
                Self::over(self.core.home.seen_by(peer))
            }
        }
    };
}
use homed;
