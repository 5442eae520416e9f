//! What the kinds of channel have in common.

use super::context::Context;
use super::error::*;
use crate::array_queue::Claim;
use crate::sync::Arc;
use std::time::Instant;

/// One kind of channel.
pub(super) trait Flavour<T> {
    /// Waits for room until `deadline`.
    fn send(&self, value: T, deadline: Option<Instant>) -> Result<(), SendTimeoutError<T>>;
    fn try_send(&self, value: T) -> Result<(), TrySendError<T>>;
    /// Waits for a value until `deadline`.
    fn recv(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError>;
    fn try_recv(&self) -> Result<T, TryRecvError>;

    fn len(&self) -> usize;
    fn capacity(&self) -> Option<usize>;
    fn is_empty(&self) -> bool;
    fn is_full(&self) -> bool;

    /// Lets no more values in, and ends all waits; true for the first call.
    fn close(&self) -> bool;
    fn is_closed(&self) -> bool;

    /// For selection, the two sides of the channel. A claim that was started must be finished, by the same side.
    fn start(&self, side: Side) -> Option<Token>;
    fn finish_send(&self, token: Token, value: T) -> Result<(), SendError<T>>;
    fn finish_recv(&self, token: Token) -> Result<T, RecvError>;
    /// Adds a waiter to the side. With `watch` it is told of every change and claims nothing.
    fn register(&self, side: Side, context: &Arc<Context>, operation: u32, watch: bool) -> Registered;
    fn unregister(&self, side: Side, context: &Arc<Context>, operation: u32);
    /// Starts what the waiter was chosen for; none if a third thread was faster.
    fn accept(&self, side: Side, packet: *mut ()) -> Option<Token>;
    /// Whether an operation of the side would not wait; true as well where it would fail because the channel is closed.
    fn is_ready(&self, side: Side) -> bool;
    /// When a value comes by itself, without a word to those who wait.
    fn next_beat(&self) -> Option<Instant> {
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Send,
    Recv,
}

/// What [`Flavour::register`] has found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Registered {
    /// There is no need to wait.
    pub ready: bool,
    /// To be given to [`Flavour::accept`].
    pub packet: *mut (),
}

/// An operation that was started.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token {
    /// The channel takes no more values, or has no more.
    Closed,
    Array(Claim),
    List(super::list::Claim),
    /// The packet by which a value is handed over.
    Zero(*mut ()),
    /// A beat of a clock.
    Beat(Instant),
}
