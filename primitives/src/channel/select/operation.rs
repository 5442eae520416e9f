//! An operation that was selected.

use super::handle::Handle;
use crate::channel::error::{RecvError, SendError};
use crate::channel::flavour::{Flavour, Side, Token};
use crate::channel::receiver::Receiver;
use crate::channel::sender::Sender;
use crate::channel::shared::each_kind;
use std::fmt;
use std::marker::PhantomData;

/// An operation that was started and must be completed, at once: the other side may be waiting for it.
///
/// # Panics
/// When it is dropped without having been completed.
///
/// ```
/// use heddle_primitives::channel::{Select, bounded};
/// let (sender, receiver) = bounded(1);
/// let mut select = Select::new();
/// let (send, recv) = (select.send(&sender), select.recv(&receiver));
/// for expected in [send, recv] {
///     let operation = select.select();
///     assert_eq!(operation.index(), expected);
///     if operation.index() == send {
///         operation.send(&sender, 7).unwrap();
///     } else {
///         assert_eq!(operation.recv(&receiver), Ok(7));
///     }
/// }
/// ```
#[must_use = "an operation that was started must be completed"]
pub struct SelectedOperation<'a> {
    token: Token,
    index: usize,
    address: *const (),
    side: Side,
    ends: PhantomData<&'a ()>,
}

impl<'a> SelectedOperation<'a> {
    pub(super) fn new(index: usize, handle: &'a dyn Handle, token: Token) -> Self {
        Self { token, index, address: handle.address(), side: handle.side(), ends: PhantomData }
    }

    /// The index that [`Select::send`](super::Select::send) or [`Select::recv`](super::Select::recv) returned.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// let (recv, send) = (select.recv(&receiver), select.send(&sender));
    /// let operation = select.select();
    /// assert!(operation.index() == send && operation.index() != recv);
    /// operation.send(&sender, 7).unwrap();
    /// ```
    pub fn index(&self) -> usize {
        self.index
    }

    /// Completes a send.
    ///
    /// # Errors
    /// The value, if the channel takes no more.
    ///
    /// # Panics
    /// If the operation is not a send into this channel.
    ///
    /// ```
    /// use heddle_primitives::channel::{Select, SendError, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// select.send(&sender);
    /// assert_eq!(select.select().send(&sender, 7), Ok(()));
    /// drop(receiver);
    /// assert_eq!(select.select().send(&sender, 8), Err(SendError(8)));
    /// ```
    pub fn send<T>(self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        assert!(self.is(sender), "another operation was selected");
        let token = self.token;
        std::mem::forget(self);
        each_kind!(&sender.kind, channel => channel.flavour.finish_send(token, value))
    }

    /// Completes a receive.
    ///
    /// # Errors
    /// If the channel is empty and no more values will come.
    ///
    /// # Panics
    /// If the operation is not a receive from this channel.
    ///
    /// ```
    /// use heddle_primitives::channel::{RecvError, Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// sender.send(7).unwrap();
    /// assert_eq!(select.select().recv(&receiver), Ok(7));
    /// drop(sender);
    /// assert_eq!(select.select().recv(&receiver), Err(RecvError));
    /// ```
    pub fn recv<T>(self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        assert!(self.is(receiver), "another operation was selected");
        let token = self.token;
        std::mem::forget(self);
        each_kind!(&receiver.kind, channel => channel.flavour.finish_recv(token))
    }

    fn is(&self, handle: &dyn Handle) -> bool {
        self.address == handle.address() && self.side == handle.side()
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        assert!(
            std::thread::panicking() || matches!(self.token, Token::Closed),
            "an operation that was selected was not completed"
        );
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedOperation").field("index", &self.index).finish_non_exhaustive()
    }
}
