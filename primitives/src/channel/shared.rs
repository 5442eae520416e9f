//! What the ends of a channel share: one of its kinds, and how many ends there are.

use super::buffered::Buffered;
use super::clock::Clock;
use super::list::List;
use super::zero::Zero;
use crate::array_queue::{Heap, Ring};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering};
use std::fmt;
use std::ptr::from_ref;

/// A channel and the numbers of its ends.
pub(super) struct Counted<F> {
    pub senders: AtomicUsize,
    pub receivers: AtomicUsize,
    pub flavour: F,
}

/// Bounded.
type Array<T> = Buffered<Ring<T, Heap<T>>>;
/// Without a limit.
type Unbounded<T> = Buffered<List<T>>;

/// The kinds of channel.
pub(super) enum Kind<T> {
    Array(Arc<Counted<Array<T>>>),
    List(Arc<Counted<Unbounded<T>>>),
    Zero(Arc<Counted<Zero<T>>>),
    Clock(Arc<Counted<Clock<T>>>),
}

/// Does the same to every kind.
macro_rules! each_kind {
    ($kind:expr, $channel:ident => $do:expr) => {
        match $kind {
            $crate::channel::shared::Kind::Array($channel) => $do,
            $crate::channel::shared::Kind::List($channel) => $do,
            $crate::channel::shared::Kind::Zero($channel) => $do,
            $crate::channel::shared::Kind::Clock($channel) => $do,
        }
    };
}
pub(super) use each_kind;

impl<F> Counted<F> {
    fn new(flavour: F) -> Arc<Self> {
        Arc::new(Self { senders: AtomicUsize::new(1), receivers: AtomicUsize::new(1), flavour })
    }
}

impl<T> Kind<T> {
    pub fn array(flavour: Array<T>) -> Self {
        Self::Array(Counted::new(flavour))
    }

    pub fn list(flavour: Unbounded<T>) -> Self {
        Self::List(Counted::new(flavour))
    }

    pub fn zero(flavour: Zero<T>) -> Self {
        Self::Zero(Counted::new(flavour))
    }

    pub fn clock(flavour: Clock<T>) -> Self {
        Self::Clock(Counted::new(flavour))
    }

    /// The same for all ends of a channel, and for no other.
    pub fn address(&self) -> *const () {
        each_kind!(self, channel => from_ref(&**channel).cast())
    }
}

impl<T> Clone for Kind<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Array(channel) => Self::Array(channel.clone()),
            Self::List(channel) => Self::List(channel.clone()),
            Self::Zero(channel) => Self::Zero(channel.clone()),
            Self::Clock(channel) => Self::Clock(channel.clone()),
        }
    }
}

/// Counts one more end.
pub(super) fn one_more(ends: &AtomicUsize) {
    // ORDERING: the caller has an end, so the count is not zero; nothing is published.
    let before = ends.fetch_add(1, Ordering::Relaxed);
    assert!(before <= isize::MAX as usize, "too many ends of a channel");
}

/// Counts one end less; true if it was the last.
pub(super) fn one_less(ends: &AtomicUsize) -> bool {
    // ORDERING: what every end did is visible to the last.
    ends.fetch_sub(1, Ordering::AcqRel) == 1
}

impl<T> fmt::Debug for Kind<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Array(_) => "Array",
            Self::List(_) => "List",
            Self::Zero(_) => "Zero",
            Self::Clock(_) => "Clock",
        })
    }
}
