//! A ring of messages from one process to another: any number of bytes each, in order, copied once in and once out.
//!
//! [`create`] makes a ring in memory of its own and returns its two ends. An end goes to another process by
//! [`Producer::give`] or [`Consumer::give`].
//!
//! ```
//! let (mut producer, mut consumer) = heddle_ipc::ring::create(1 << 16)?;
//! producer.send(b"hello", None)?;
//! let message = consumer.peek(None)?;
//! assert_eq!(message.to_vec(), b"hello");
//! message.consume();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it lies in memory
//!
//! A message is a word, the head, and its bytes, filled up to a multiple of 8. A head of 0 says that there is nothing yet. The producer
//! writes the bytes, then a 0 where the next message's head will be, then the head: that one store publishes the message, so that a
//! producer that dies at whatever instruction has published it whole or not at all. The consumer looks at the head at its
//! place. So a small message comes with the one cache line that it lies in; there is no index of the producer's to look at first.
//!
//! The bytes are mapped twice in a row. A message that begins at the end of the ring goes on in the second mapping, which is the
//! beginning of the ring, so that each message is one piece, as long as the ring but for two words at the most.
//!
//! The consumer gives room back by storing how far it is, and the producer looks there only when it runs out of the room that
//! it knows of. A consumer that dies loses the message that it was at, if it had consumed it; nobody else could tell.
//!
//! # Why no head is taken for what it is not
//!
//! Where the consumer stands, the producer wrote a 0 before it published the message before (at the start, memory is 0), and the
//! consumer acquired that message. So it reads that 0, or the head that replaced it, and nothing older. The 0 is written only where
//! the consumer has given room back, whose release the producer has acquired, so it never hits what is still read.
//!
//! # Why no wake is lost
//!
//! As in [`heddle_primitives::spsc`]: who publishes (P) and who is about to sleep (Q) each have a full fence.
//!
//! ```text
//! P1 store the head (or: how far)    Q1 swap asleep <- 1
//! P2 fence(SeqCst)                   Q2 fence(SeqCst)
//! P3 load asleep                     Q3 load closed, and the head (or: how far)
//! P4 if 1: swap asleep <- 0, wake    Q4 if nothing new: futex wait while asleep = 1
//! ```
//!
//! One of the fences is first. If P2 is, Q3 sees P1 and Q does not sleep. If Q2 is, P3 sees Q1 or something later; then either
//! P4 takes the 1 away before Q4 looks, or Q sleeps and is woken. A wake that is lost with a process that dies between P1 and P4 costs
//! 50 ms: no sleep is longer.
//!
//! A consumer leaves its fence out as long as it finds messages, and makes up for it when it finds the ring empty. Until then it looks without one
//! at each message, so that a producer is overlooked only if it falls asleep between the store and the look, and is seen at the next
//! message. One that is overlooked at the last message before the consumer turns to something else wakes by itself in 50 ms. A
//! producer has no such moment to make up for it, since it does not know which message is its last: it has a fence at each.
//!
//! # Trust
//!
//! The other end may crash, and it may lie. Each word that it wrote is read once and checked, each end keeps its own place for itself, and
//! bytes are copied by means to which a simultaneous write is no undefined behaviour: words by relaxed atomics, longer pieces on x86-64 by
//! one instruction that the compiler does not look into. What cannot be is [`Corrupt`](ReceiveError::Corrupt). What a liar can
//! do is send nonsense, keep its end waiting, and wake the other for nothing: no wait goes beyond its deadline. Only the zero-copy
//! slices ([`Reservation::as_uninit`], [`Message::as_slice`]) need a peer that keeps its hands off, and are `unsafe` for that.

mod control;
mod copy;
mod error;
mod head;
mod memory;
mod owner;
mod pace;

mod consumer;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod hand_over;
mod producer;

pub use consumer::{Consumer, Message};
pub use error::{ReceiveError, SendError};
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub use hand_over::{AttachError, ConsumerHandle, CreateError, ProducerHandle, create};
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub(crate) use hand_over::{create_in, room};
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
pub(crate) use head::Head;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
pub(crate) use memory::Memory;
pub use producer::{Producer, Reservation};
